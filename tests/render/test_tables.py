"""Tables at 80, 120 and 200 columns: omitted columns, and no truncated text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOME, HOUR, NOON, OTHER, a_block, an_odcr
from truffle import DbCapacityReservation
from truffle.core.model import (
    Adjustment,
    BillingRequest,
    Consumer,
    Health,
    InterruptibleAllocation,
    Reservation,
    ReservationType,
    TrainingPlan,
)
from truffle.render import tables
from truffle.render.capacity import Shown, render
from truffle.render.columns import View, column_names, columns_of
from truffle.render.style import Style
from truffle.render.tables import Column, cells, draw

BLOCKS = [
    a_block("cr-0123456789abcdef0", capacity_block_id="cb-0123456789abcdef1"),
    a_block("cr-0123456789abcdef2", state="active", instance_type="p6e-gb200.36xlarge"),
]
ODCRS = [an_odcr("cr-0123456789abcdef3"), an_odcr("cr-0123456789abcdef4", region="ap-northeast-1")]


def lines(rows: Sequence[Reservation], width: int | None, **style: bool) -> list[str]:
    kind = rows[0].type
    return render(Shown(rows, rows), [kind], Style(width=width, **style)).splitlines()


def wide(rows: Sequence[Reservation]) -> list[str]:
    shown = Shown(rows, rows, View(is_wide=True))
    return render(shown, [rows[0].type], Style(width=None)).splitlines()


def heads(output: list[str]) -> list[str]:
    line = next(line for line in output if line.startswith("| "))
    return [head.strip() for head in line.strip("|").split("|")]


@pytest.mark.parametrize("rows", [BLOCKS, ODCRS], ids=["blocks", "odcrs"])
@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(rows: Sequence[Reservation], width: int) -> None:
    output = lines(rows, width)
    assert max(map(len, output)) <= width
    assert all(row.reservation_id in "\n".join(output) for row in rows)


def test_what_a_wide_terminal_shows() -> None:
    assert heads(lines(BLOCKS, 250)) == [
        "Instance Type",
        "Count",
        "Region",
        "AZ",
        "Start",
        "End",
        "Duration",
        "State",
        "Used",
        "GPUs",
        "Idle GPUs",
        "Block ID",
        "Reservation ID",
    ]
    assert "2026-11-25 11:30" in "\n".join(lines(BLOCKS, 250))
    assert " 7 d " in "\n".join(lines(BLOCKS, 250))


def test_names_come_first_and_stand_for_the_ids_where_there_is_no_room() -> None:
    named = [
        a_block("cr-0123456789abcdef1", tags={"Name": "llm-pretrain-08"}, state="active"),
        a_block("cr-0123456789abcdef2", tags={}, state="scheduled"),
    ]

    assert heads(lines(named, 250))[0] == "Name"
    assert heads(lines(named, 80)) == ["Name", "Type", "Count", "End", "State", "Used", "Idle"]
    output = "\n".join(lines(named, 80))
    assert "| llm-pretrain-08 " in output
    assert "| cr-0123456789abcdef2 " in output


def test_at_80_columns_a_block_has_its_end() -> None:
    assert "End" in heads(lines(BLOCKS, 80))


def test_at_120_columns_use_is_there() -> None:
    named = [replace(row, tags={"Name": "llm-pretrain-08"}) for row in BLOCKS]

    assert {"Used", "Idle", "End", "State"} <= set(heads(lines(named, 120)))


def test_columns_left_out_are_named() -> None:
    output = lines(BLOCKS, 80)
    assert "Not shown at this width: Region" in " ".join(output)
    assert "(-o wide shows all columns)." in " ".join(output)
    assert "Not shown" not in " ".join(lines(BLOCKS, None))


def test_what_the_question_is_about_leaves_last() -> None:
    view = View(requested=frozenset({"start_date", "owner_id"}))
    output = render(
        Shown(BLOCKS, BLOCKS, view), [ReservationType.CAPACITY_BLOCKS], Style(width=80)
    ).splitlines()

    assert "Start" in heads(output)
    assert "Owner" in heads(output)


def test_named_columns_are_all_there_is() -> None:
    view = View(chosen=("reservation_id", "end", "owner_id", "tags"))
    output = render(
        Shown(BLOCKS, BLOCKS, view), [ReservationType.CAPACITY_BLOCKS], Style(width=40)
    ).splitlines()

    assert heads(output) == ["Reservation ID", "End", "Owner", "Tags"]


def test_wide_tables_have_more_than_the_terminal_has_room_for() -> None:
    view = View(is_wide=True)
    output = render(
        Shown(BLOCKS, BLOCKS, view), [ReservationType.CAPACITY_BLOCKS], Style(width=80)
    ).splitlines()

    assert {"Owner", "Platform", "Region", "Start", "Reservation ID"} <= set(heads(output))


def test_wide_tables_show_who_uses_what_is_shared() -> None:
    users = (Consumer("123456789012", 3), Consumer("210987654321", 2))
    rows = [an_odcr("cr-1", consumers=users), an_odcr("cr-2", consumers=()), an_odcr("cr-3")]

    output = render(
        Shown(rows, rows, View(is_wide=True)), [ReservationType.ODCR], Style(width=None)
    ).splitlines()

    at = heads(output).index("Consumers")
    users_shown = [line.strip("|").split("|")[at].strip() for line in output if "cr-" in line]
    assert users_shown == ["123456789012: 3, 210987654321: 2", "", "-"]


def test_a_billing_request_is_a_wide_column_and_while_it_waits_a_note() -> None:
    asked = BillingRequest(HOME, OTHER, "pending", NOON, NOON + 12 * HOUR)
    rows = [an_odcr("cr-1", billing_request=asked), an_odcr("cr-2")]

    output = render(
        Shown(rows, rows, View(is_wide=True)), [ReservationType.ODCR], Style(width=None)
    ).splitlines()

    at = heads(output).index("Billing Request")
    shown = [
        line.strip("|").split("|")[at].strip()
        for line in output
        if line[0:1] == "|" and "cr-" in line
    ]
    assert shown == ["pending: 210987654321 by 2026-11-25 00:00", "-"]
    note = "Billing request to accept or reject: cr-1 (account 210987654321 by 2026-11-25 00:00)"
    assert any(note in line for line in output)


def test_what_an_odcr_lends_is_a_wide_column_and_a_note() -> None:
    lends = InterruptibleAllocation("cr-2", 4, 6, "updating")
    rows = [an_odcr("cr-1", interruptible_allocation=lends)]

    output = "\n".join(wide(rows))

    assert "| 4 instances to cr-2, target 6, updating " in output
    note = "Lent as interruptible, in addition to the totals: cr-1 (4 instances to cr-2, target 6, "
    assert note in output


@pytest.mark.parametrize("status", ["requested", "rejected"])
def test_a_change_of_dates_that_is_not_applied_is_a_note(status: str) -> None:
    change = Adjustment(status, end_date=NOON)
    output = "\n".join(wide([an_odcr("cr-1", adjustment=change)]))
    assert f"Change of dates {status}: cr-1 (end 2026-11-24 12:00)" in output
    assert f"| {status}: end 2026-11-24 12:00 " in output


def test_an_applied_change_of_dates_is_a_wide_column_alone() -> None:
    rows = [an_odcr("cr-1", adjustment=Adjustment("applied"))]
    assert "Change of dates" not in "\n".join(lines(rows, None))
    assert "| applied " in "\n".join(wide(rows))


def test_every_column_that_can_be_named_is_one_of_a_type() -> None:
    for name in column_names():
        assert any(columns_of(kind, rows, View(chosen=(name,))) for kind, rows in TYPED)


PLAN = TrainingPlan(
    plan_arn="arn:aws:sagemaker:us-east-1:123456789012:training-plan/a",
    plan_name="a",
    reservation_id="tp-a",
)
DATABASE = DbCapacityReservation(reservation_id="dbcr-a")
TYPED = (
    (ReservationType.CAPACITY_BLOCKS, BLOCKS),
    (ReservationType.ODCR, ODCRS),
    (ReservationType.TRAINING_PLANS, [PLAN]),
    (ReservationType.DB_CAPACITY_RESERVATIONS, [DATABASE]),
)


def test_an_unhealthy_block_is_not_a_green_active_one() -> None:
    sick = a_block("cr-1", state="active", health=Health("impaired", 1))

    output = "\n".join(lines([sick, *BLOCKS], 250, is_coloured=True))

    assert "\x1b[31mactive, unhealthy" in output
    assert "unhealthy" in "\n".join(lines([sick, *BLOCKS], 80))


def test_letters_of_two_cells_keep_the_borders_straight() -> None:
    named = [an_odcr("cr-1", tags={"Name": "研究クラスタ"}), an_odcr("cr-2", tags={"Name": "a"})]

    table = [line for line in lines(named, None) if line.startswith(("|", "+"))]

    assert len({cells(line) for line in table}) == 1


@given(
    st.lists(st.tuples(st.integers(0, 20), st.text("ab ", max_size=30)), min_size=1, max_size=8),
    st.integers(20, 200),
)
def test_any_table_fits_or_has_nothing_more_to_leave_out(
    parts: list[tuple[int, str]], width: int
) -> None:
    """Columns that may leave do so until the rest fits; none is cut, none that fits is missing."""
    columns = [
        Column(f"c{n}", lambda row, text=text: text, leaves, short="c")  # type: ignore[misc]
        for n, (leaves, text) in enumerate(parts)
    ]
    drawn = draw(columns, [None], Style(width=width))

    fits = max(map(len, drawn.lines)) <= width
    left = {column.head for column in columns if column.leaves} - set(drawn.left_out)
    assert fits or not left
    assert not {column.head for column in columns if not column.leaves} & set(drawn.left_out)


def test_the_state_stays_where_it_differs() -> None:
    mixed = [an_odcr("cr-1"), an_odcr("cr-2", state="cancelled")]
    assert "State" not in heads(lines(ODCRS, 80))
    assert "State" in heads(lines(mixed, 80))


def test_colours_change_no_width() -> None:
    import re

    output = lines(BLOCKS, 200, is_coloured=True)
    assert any("\x1b[" in line for line in output)
    bare = [re.sub("\x1b\\[[0-9]+m", "", line) for line in output]
    assert bare == lines(BLOCKS, 200)


def test_without_unicode_there_is_no_sign() -> None:
    assert lines(BLOCKS, None, is_unicode=False)[0] == "Capacity Block Summary:"


def test_the_summary_of_blocks() -> None:
    ultra = [
        a_block("cr-1", capacity_block_id="cb-1", health=Health("impaired", 1)),
        a_block("cr-2", capacity_block_id="cb-1"),
        a_block("cr-3", state="active"),
    ]
    output = lines(ultra, None)
    assert output[1:7] == [
        "   Total Blocks: 2 (3 reservations)",
        "   Instance Types: 1 (p5.48xlarge)",
        "   Duration Range: 168 hours (7 days)",
        "   Instances: 48",
        "   Active Now: 16 instances, 2 available (12.5% free)",
        "   GPUs: 384 in total (H100 384), 16 idle",
    ]
    assert output[-1] == "Unhealthy: cr-1 (see health in -o json)"


def test_the_notes_of_odcrs_say_what_ends() -> None:
    ending = [*ODCRS, an_odcr("cr-5", end_date=BLOCKS[0].end_date)]
    assert "Fixed end date: 1 of 3; use the others indefinitely" in lines(ending, None)


def test_the_notes_of_odcrs_say_which_are_interruptible() -> None:
    lent = an_odcr("cr-5", interruptible=True)

    output = "\n".join(lines([lent], None))

    assert "can use indefinitely" not in output
    assert "take the instances back at two minutes' notice: cr-5" in output


def test_blocks_that_are_all_over_are_placed_nowhere() -> None:
    output = "\n".join(lines([a_block("cr-1", state="expired")], None))

    assert "UltraCluster" not in output


def test_unknown_sizes_are_not_zeros() -> None:
    output = lines([a_block("cr-1", instance_count=None)], None)

    assert "   Instances: ? (unknown for 1 reservation)" in output
    assert "   GPUs: ? in total (H100 ?), 0 idle (unknown for 1 reservation)" in output


def test_an_empty_list_names_what_was_looked_for() -> None:
    output = render(Shown([], []), [ReservationType.ODCR, ReservationType.CAPACITY_BLOCKS], Style())
    assert output == (
        "No capacity reservations found matching criteria (ODCRs)\n\n"
        "No capacity reservations found matching criteria (capacity blocks)"
    )


def test_the_width_of_a_text_is_taken_a_few_times_whatever_the_number_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = Counter[str]()

    def counted(text: str) -> int:
        taken[text] += 1
        return cells(text)

    monkeypatch.setattr(tables, "cells", counted)
    names = [f"row-{number}" for number in range(500)]
    draw([Column("Name", str)], names, Style())
    assert max(taken[name] for name in names) <= 2
