"""The JSON as text is the codec's JSON, character by character."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_block, an_odcr
from tests.strategies import whole_reservations
from truffle.core.codec import encode
from truffle.core.json_text import PIECE, json_around, json_array, json_object, json_observed
from truffle.core.model import Commitment, Health, Reservation


def array(rows: Iterable[Reservation], ascii_only: bool = False) -> str:
    return "".join(json_array(rows, ascii_only))


@given(row=whole_reservations, ascii_only=st.booleans())
def test_an_object_is_what_json_makes_of_the_codec(row: Reservation, ascii_only: bool) -> None:
    expected = json.dumps(encode(row), ensure_ascii=ascii_only)

    assert json_object(row, ascii_only) == expected


@given(row=whole_reservations, name=st.sampled_from(["observed_at", "region", "tags", "seen_by"]))
def test_the_text_around_a_field_is_compact_json_without_its_value(
    row: Reservation, name: str
) -> None:
    data = encode(row)
    value = json.dumps(data[name], separators=(",", ":"))

    before, after = json_around(row, name)

    assert before.endswith(f'"{name}":')
    assert before + value + after == json.dumps(data, separators=(",", ":"))


@given(row=whole_reservations, seen=st.none() | st.datetimes(timezones=st.just(UTC)))
def test_an_object_is_given_another_time_of_observation(
    row: Reservation, seen: datetime | None
) -> None:
    row = replace(row, tags={**row.tags, "observed_at": '"observed_at": '})
    expected = json.dumps(encode(replace(row, observed_at=seen)), ensure_ascii=False)

    assert json_observed(json_object(row).encode(), seen) == expected.encode()


@given(rows=st.lists(whole_reservations, max_size=4), ascii_only=st.booleans())
def test_an_array_holds_the_same_objects(rows: list[Reservation], ascii_only: bool) -> None:
    assert json.loads(array(rows, ascii_only)) == [encode(row) for row in rows]


@pytest.mark.parametrize(
    "row",
    [
        an_odcr(commitment=Commitment(8, None, 3600), tags={"a": '"\\\n', "ü": "🚀", "e": ""}),
        a_block(health=Health("impaired", 1), reservation_ids=("cr-1", "cr-2"), seen_by=()),
        an_odcr(instance_type="g6f.large", utilization=0.375, interruptible=False),
    ],
)
def test_what_is_nested_is_written_too(row: Reservation) -> None:
    assert json.loads(json_object(row)) == encode(row)
    assert json.loads(array([row])) == [encode(row)]


def test_an_array_has_one_field_on_a_line() -> None:
    lines = array([an_odcr("cr-1"), a_block("cr-2")]).splitlines()

    assert lines[:3] == ["[", "  {", '    "reservation_id": "cr-1",']
    assert lines[-2:] == ["  }", "]"]
    assert len(lines) == 2 + 4 + len(encode(an_odcr())) + len(encode(a_block()))


def test_an_empty_array_is_one_line() -> None:
    assert array([]) == "[]\n"


def test_ascii_only_means_ascii_only() -> None:
    row = an_odcr(tags={"Größe": "✓"})

    assert json_object(row, ascii_only=True).isascii()
    assert array([row], ascii_only=True).isascii()
    assert "✓" in array([row])


@pytest.mark.parametrize("count", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 1])
def test_a_long_array_comes_in_pieces(count: int) -> None:
    rows = [an_odcr(f"cr-{number}") for number in range(count)]

    pieces = list(json_array(rows))

    assert len(pieces) == -(-count // PIECE) + 1
    assert [row["reservation_id"] for row in json.loads("".join(pieces))] == [
        row.reservation_id for row in rows
    ]
