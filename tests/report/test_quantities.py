"""Sums of accelerators against a sum that is written another way."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_block, an_odcr
from tests.effort import examples
from tests.strategies import whole_reservations
from truffle.core.model import Reservation
from truffle.report.quantities import QuantitySums, quantities_of, sums_by_accelerator


def counted(rows: list[Reservation], name: str) -> tuple[Fraction, Fraction]:
    """Held and coming accelerators of a name, device by device."""
    held = coming = Fraction(0)
    for row in rows:
        if row.accelerator is None or row.accelerator.name != name or not row.accelerator.count:
            continue
        each = Fraction(row.accelerator.count)
        if row.state == "active":
            held += sum((each for _ in range(row.total_capacity or 0)), Fraction(0))
        elif row.state in ("scheduled", "pending", "assessing", "delayed", "payment-pending"):
            coming += sum((each for _ in range(row.size or 0)), Fraction(0))
    return held, coming


@settings(max_examples=examples(50))
@given(st.lists(whole_reservations, max_size=8))
def test_the_sums_are_those_of_the_devices(rows: list[Reservation]) -> None:
    for name, sums in sums_by_accelerator(rows).items():
        assert (Fraction(sums.held), Fraction(sums.coming)) == counted(rows, name)


def test_held_is_used_and_idle() -> None:
    rows: list[Reservation] = [an_odcr(), a_block(state="active", instance_type="p4d.24xlarge")]
    assert sums_by_accelerator(rows)["A100"] == QuantitySums(held=192, used=152, idle=40, coming=0)


def test_a_size_that_is_not_known_is_counted_and_not_0() -> None:
    row = an_odcr(total_capacity=None, available_capacity=None)
    assert quantities_of(row).held is None
    assert sums_by_accelerator([row])["A100"] == QuantitySums(unknown=1)


def test_a_type_without_an_accelerator_adds_to_no_sum() -> None:
    assert sums_by_accelerator([an_odcr(instance_type="m7i.8xlarge")]) == {}
