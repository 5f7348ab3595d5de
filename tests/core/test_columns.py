"""Rows kept by column: the same matches and totals as row by row, in less time."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON, a_block, an_odcr
from tests.core.test_filters import filters, is_kept, one_field_at_a_time
from tests.strategies import inventories
from truffle.core.columns import FEW, MOST_COLUMNS, Columns
from truffle.core.filters import Filter
from truffle.core.model import Reservation
from truffle.core.summary import summarize


def crowd(count: int) -> list[Reservation]:
    """Rows of which no two have the same value in a field that a filter reads."""
    rows: list[Reservation] = []
    for number in range(count):
        facts = {
            "region": f"region-{number}",
            "availability_zone": f"region-{number}a",
            "instance_type": f"p5.{number}xlarge",
            "owner_id": f"{number:012}",
            "state": f"state-{number}",
            "tags": {"Team": f"team-{number}"},
            "seen_by": (f"{number:012}",),
            "start_date": NOON + timedelta(minutes=number - count // 2),
            "end_date": NOON + timedelta(minutes=2 * (number - count // 2)),
        }
        if number % 2:
            rows.append(a_block(f"cr-crowd-{number}", instance_count=number, **facts))
        else:
            rows.append(an_odcr(f"cr-crowd-{number}", available_capacity=number, **facts))
    return rows


CROWD = crowd(2 * FEW)
broad_filters = filters.flatmap(
    lambda chosen: st.sampled_from([Filter(), *one_field_at_a_time(chosen)])
)
"""Filters of which rows match: one field each, or none."""

many_rows = inventories.map(lambda rows: [*rows, *CROWD, *rows])


@given(filters | broad_filters, inventories | many_rows)
def test_the_matches_are_the_rows_that_the_contract_wants(
    chosen: Filter, rows: list[Reservation]
) -> None:
    expected = [row for row in rows if is_kept(chosen, row)]

    matches = Columns(rows).matches(chosen)

    assert len(matches) == len(expected)
    assert matches.first(len(rows)) == expected


def test_matches_next_to_each_other_and_apart_are_all_found() -> None:
    states = ("active", "active", "expired", "active", "expired", "expired", "active")
    rows: list[Reservation] = [
        an_odcr(f"cr-{number}", state=state) for number, state in enumerate(states)
    ]

    matches = Columns(rows).matches(Filter(states=frozenset({"active"})))

    assert len(matches) == 4
    assert matches.first(9) == [rows[0], rows[1], rows[3], rows[6]]
    assert matches.first(2, 1) == [rows[1], rows[3]]
    assert matches.first(2, 7) == []


@given(filters | broad_filters, inventories, st.integers(0, 7), st.integers(0, 7))
def test_a_part_of_the_matches_begins_at_a_row_and_has_at_most_so_many(
    chosen: Filter, rows: list[Reservation], most: int, start: int
) -> None:
    expected = [row for row in rows[start:] if is_kept(chosen, row)][:most]

    assert Columns(rows).matches(chosen).first(most, start) == expected


@given(filters | broad_filters, inventories | many_rows)
def test_the_totals_are_those_of_the_matches(chosen: Filter, rows: list[Reservation]) -> None:
    expected = [row for row in rows if is_kept(chosen, row)]

    assert Columns(rows).summarize(chosen) == summarize(expected)


@given(st.lists(filters | broad_filters, max_size=5), inventories)
def test_earlier_questions_change_no_answer(earlier: list[Filter], rows: list[Reservation]) -> None:
    columns = Columns(rows)
    for chosen in (*earlier, *earlier, Filter()):
        assert columns.matches(chosen).first(len(rows)) == chosen.apply(rows)
        assert columns.summarize(chosen) == summarize(chosen.apply(rows))


def test_more_tag_keys_than_are_kept_can_be_asked_for() -> None:
    keys = [f"key-{number}" for number in range(2 * MOST_COLUMNS)]
    rows: list[Reservation] = [an_odcr(f"cr-{key}", tags={key: "yes"}) for key in keys]
    columns = Columns(rows)

    for _ in range(2):
        for key, row in zip(keys, rows, strict=True):
            assert columns.matches(Filter(tags={key: frozenset({"yes"})})).first(9) == [row]
