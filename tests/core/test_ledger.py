"""The ledger of a day: what is written is what is read, in the same bytes every time."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOME, HOUR, OTHER, a_block, an_odcr
from tests.strategies import randoms
from truffle.core.ledger import lines_of, write_day
from truffle.core.ledger_reader import DayTotals, Ledger, Reader
from truffle.core.model import Accelerator, Health, Reservation
from truffle.core.pricing import PriceSource, Rate
from truffle.core.spans import Span, joined
from truffle.core.usage import Period, UsageRow, UsageTally, usage
from truffle.core.usage_axes import Interval

DAY = datetime(2026, 11, 24, tzinfo=UTC)


def held(start: float, end: float, row: object = None, is_observed: bool = True) -> Span:
    """A span, in hours of the day."""
    return Span(row or an_odcr(), DAY + start * HOUR, DAY + end * HOUR, is_observed)  # type: ignore[arg-type]


def lines(*spans: Span) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines_of(write_day(spans, DAY))]


def stored(text: str, has_index: bool = True) -> Ledger:
    """A ledger as the bucket has it."""
    lines = text if has_index else "\n".join(lines_of(text))
    return Ledger(gzip.compress(lines.encode()))


def test_a_reservation_is_a_line_with_the_hours_of_its_day() -> None:
    (line,) = lines(held(0, 12), held(12, 24, an_odcr(available_capacity=8)))
    assert line["schema_version"] == 1
    assert line["reservation_id"] == "cr-odcr"
    assert (line["reserved_hours"], line["used_hours"], line["idle_hours"]) == (192, 60, 132)
    assert line["reserved_accelerator_hours"] == 8 * 192
    assert line["stretches"] == [
        {
            "start": "2026-11-24T00:00:00Z",
            "end": "2026-11-24T12:00:00Z",
            "total_capacity": 8,
            "used_capacity": 5,
            "is_observed": True,
        },
        {
            "start": "2026-11-24T12:00:00Z",
            "end": "2026-11-25T00:00:00Z",
            "total_capacity": 8,
            "used_capacity": 0,
            "is_observed": True,
        },
    ]


def test_a_span_is_cut_at_the_bounds_of_the_day() -> None:
    (line,) = lines(held(-5, 30))
    assert line["reserved_hours"] == 8 * 24
    assert lines(held(-5, 0), held(24, 25)) == []


def test_unobserved_hours_are_neither_reserved_nor_used() -> None:
    (line,) = lines(held(0, 6), held(6, 24, is_observed=False))
    assert (line["reserved_hours"], line["unobserved_hours"]) == (48, 144)


def test_another_tag_begins_another_line() -> None:
    first, second = lines(held(12, 24, an_odcr(tags={"Team": "b"})), held(0, 12, an_odcr()))
    assert (first["tags"], second["tags"]) == ({}, {"Team": "b"})


def test_accelerators_that_nobody_counts_have_unknown_hours() -> None:
    row = an_odcr(accelerator=Accelerator("X", "ACME", None))
    (line,) = lines(held(0, 1, row))
    assert line["reserved_accelerator_hours"] is None


def test_what_changes_with_every_look_is_not_among_the_facts() -> None:
    block = a_block(state="active", health=Health("ok", 0), observed_at=DAY)
    (line,) = lines(held(0, 1, block))
    assert not {"health", "observed_at", "available_capacity", "utilization"} & line.keys()


@given(randoms)
def test_what_is_written_is_read(random: Random) -> None:
    spans = joined(
        held(
            hour,
            hour + 1,
            an_odcr(
                f"cr-{number}",
                available_capacity=random.randint(0, 8),
                tags={"Team": random.choice(['a", "reserved_hours": 1', "ü\u2028\n", ""])},
                seen_by=random.choice([(HOME,), (HOME, OTHER)]),
            ),
            random.random() < 0.8,
        )
        for number in range(3)
        for hour in range(24)
        if random.random() < 0.9
    )
    text = write_day(spans, DAY)
    random.shuffle(spans)
    assert write_day(spans, DAY) == text
    read = list(Reader().spans(stored(text).lines()))
    period = Period(DAY, DAY + timedelta(days=1), Interval.HOUR)
    by = ("reservation", "tag:Team")
    assert usage(read, period, by, lambda _: None) == usage(spans, period, by, lambda _: None)
    assert sorted(map(_shown, read)) == sorted(map(_shown, spans))


@given(randoms, st.booleans())
def test_totals_of_days_are_the_sums_of_their_spans(random: Random, is_old: bool) -> None:
    """Also of a ledger without an index, and where numbers or prices are unknown."""
    spans = [
        held(
            hour,
            hour + random.choice([0.5, 1]),
            random.choice(
                [
                    an_odcr(f"cr-{number}", available_capacity=random.choice([0, 3, 8, None])),
                    an_odcr(f"cr-{number}", total_capacity=0, available_capacity=0),
                    a_block(f"cb-{number}", state="active", available_capacity=2),
                ]
            ),
            random.random() < 0.8,
        )
        for number in range(3)
        for hour in range(24)
        if random.random() < 0.5
    ]
    ledger = stored(write_day(spans, DAY), has_index=not is_old)
    by = ("type", "instance_type")
    assert from_totals(ledger, by) == usage(spans, WHOLE_DAY, by, a_rate)


WHOLE_DAY = Period(DAY, DAY + timedelta(days=1), Interval.DAY)


def from_totals(ledger: Ledger, by: tuple[str, ...]) -> list[UsageRow]:
    tally = UsageTally(WHOLE_DAY, by, a_rate)
    for one in Reader().totals(ledger, DAY):
        if isinstance(one, DayTotals):
            tally.add_day(one)
        else:
            tally.add(one)
    return [UsageRow.from_json(json.loads(text)) for text in tally.texts()]


def test_a_day_that_was_not_observed_has_no_cost() -> None:
    spans = [held(0, 24, an_odcr("cr-1"), is_observed=False)]
    (row,) = from_totals(stored(write_day(spans, DAY)), ("type",))
    assert [row] == usage(spans, WHOLE_DAY, ("type",), a_rate)
    assert (row.unobserved_hours, row.reserved_cost) == (8 * 24, None)


def test_the_text_of_a_row_is_its_json() -> None:
    rows = [an_odcr("cr-0"), an_odcr("cr-1", accelerator=Accelerator("X", "ACME", None))]
    tally = UsageTally(WHOLE_DAY, ("reservation", "tag:Team"), a_rate)
    for row in rows:
        tally.add(held(0, 7.3, row))
    for text in tally.texts():
        assert list(UsageRow.from_json(json.loads(text)).to_json().items()) == list(
            json.loads(text).items()
        )


def a_rate(row: Reservation) -> Rate | None:
    """Blocks cost by their size, ODCRs of one id nothing that is known."""
    if row.reservation_id == "cr-0":
        return None
    amount = Decimal(row.size or 1) / 7 if row.kind.is_prepaid else Decimal("98.32")
    return Rate(amount, "USD", PriceSource.SETTINGS)


def test_a_day_of_odcrs_is_read_from_its_index() -> None:
    """The index alone is decompressed for a day whose reservations are known."""
    reader, row = Reader(), an_odcr(available_capacity=0)
    text = write_day([held(0, 6), held(6, 24, row)], DAY)
    list(reader.totals(stored(text), DAY))
    index_only = Ledger(gzip.compress(text.partition("\n")[0].encode() + b"\n{damaged"))
    (totals,) = reader.totals(index_only, DAY)
    assert isinstance(totals, DayTotals)
    assert [it.total_seconds() for it in map(micro, (*totals.reserved, *totals.used))] == [
        8 * 24 * 3600,
        (5 * 6 + 8 * 18) * 3600,
    ]


def micro(time: int) -> timedelta:
    return timedelta(microseconds=time)


@pytest.mark.parametrize("has_index", [True, False])
def test_a_truncated_ledger_is_an_error(has_index: bool) -> None:
    text = write_day([held(0, 24)], DAY)
    packed = gzip.compress((text if has_index else "".join(lines_of(text))).encode())
    with pytest.raises((EOFError, ValueError)):
        list(Reader().totals(Ledger(packed[:-60]), DAY))


def test_a_day_without_capacity_is_empty() -> None:
    assert list(Reader().totals(stored(write_day([], DAY)), DAY)) == []


def _shown(span: Span) -> tuple[object, ...]:
    row = span.row
    return span.start, row.reservation_id, row.available_capacity, row.seen_by, row.tags["Team"]


def test_days_of_the_same_facts_share_a_row() -> None:
    reader = Reader()
    text = write_day([held(0, 24)], DAY)
    (one,), (other,) = reader.spans(lines_of(text)), reader.spans(lines_of(text))
    assert one.row is other.row


@pytest.mark.parametrize("version", [0, 2, None])
def test_a_version_that_is_unknown_is_refused(version: int | None) -> None:
    (line,) = lines_of(write_day([held(0, 24)], DAY))
    other = line.replace('"schema_version": 1', f'"schema_version": {json.dumps(version)}')
    with pytest.raises(ValueError, match="schema version"):
        list(Reader().spans([other]))
