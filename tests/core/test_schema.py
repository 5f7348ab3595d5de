"""JSON Schemas of the model: derived from it; every reservation is valid."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.builders import a_block, an_odcr
from tests.strategies import whole_reservations
from truffle.core.codec import encode
from truffle.core.model import CapacityBlock, Odcr, Reservation
from truffle.core.schema import schema_of

SCHEMAS: dict[str, dict[str, Any]] = {
    "odcr": schema_of(Odcr),
    "capacity-block": schema_of(CapacityBlock),
}


def errors(data: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(SCHEMAS[data["type"]])
    return [error.message for error in validator.iter_errors(data)]


@given(whole_reservations)
def test_every_reservation_is_valid(row: Reservation) -> None:
    assert errors(encode(row)) == []


@pytest.mark.parametrize("row", [an_odcr(), a_block()])
def test_every_key_is_required(row: Reservation) -> None:
    data = encode(row)

    for name in data.keys() - {"type"}:
        assert errors({key: value for key, value in data.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        {"state": None},
        {"total_capacity": "8"},
        {"ebs_optimized": "yes"},
        {"start_date": 5},
        {"tags": {"Team": None}},
        {"seen_by": [5]},
        {"accelerator": {"name": "H100"}},
    ],
)
def test_a_value_of_another_type_is_invalid(change: dict[str, Any]) -> None:
    assert errors(encode(an_odcr()) | change)


def test_times_are_date_times_and_absent_values_are_null() -> None:
    assert SCHEMAS["odcr"]["properties"]["start_date"] == {
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]
    }


def test_the_keys_keep_their_order() -> None:
    assert SCHEMAS["odcr"]["required"] == list(encode(an_odcr()))


def test_a_field_without_a_json_form_is_refused() -> None:
    @dataclass
    class Odd:
        moment: datetime
        anything: complex

    with pytest.raises(TypeError, match="no JSON form"):
        schema_of(Odd)
