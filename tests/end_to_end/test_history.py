"""The past, usage and prices on the whole stack, with time let pass."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sandbox.box import Sandbox
from sandbox.ec2.faults import FaultKind
from tests.end_to_end.conftest import rows
from tests.integral import Integral
from truffle.core.times import format_time

HOUR = timedelta(hours=1)


def start(box: Sandbox, output: str) -> Any:
    """Invoke a function of the stack, and wait for what it answers."""
    answer = box.client("lambda").invoke(FunctionName=box.outputs[output], Payload=b"{}")
    payload = json.load(answer["Payload"])
    assert "errorMessage" not in payload, payload
    return payload


def usage(box: Sandbox, **asked: Any) -> list[dict[str, Any]]:
    status, answer = box.get("/usage", **asked)
    assert status == 200, answer
    items: list[dict[str, Any]] = answer["items"]
    return items


def test_the_past_is_answered_and_added_up(box: Sandbox) -> None:
    since, shown = box.now(), rows(box)
    box.advance(HOUR)
    box.collect()
    moment = format_time(since)
    assert rows(box, as_of=moment) == shown
    until = format_time(since + HOUR / 2)
    held = {row["reservation_id"]: row for row in shown if row["state"] == "active"}
    asked = {"since": moment, "until": until, "interval": "total", "by": "reservation"}
    found = {row["group"]["reservation"]: row for row in usage(box, **asked)}
    steady = {
        name: row
        for name, row in held.items()
        if not row["end_date"] or row["end_date"] > format_time(since + HOUR)
    }
    assert steady
    for name, row in steady.items():
        assert found[name]["reserved_hours"] == pytest.approx(row["total_capacity"] / 2), name
        assert found[name]["used_hours"] == pytest.approx(row["used_capacity"] / 2), name


@pytest.mark.long
def test_usage_is_the_integral_of_what_was_shown(box: Sandbox) -> None:
    """A block that starts and ends between looks, an ODCR whose use changes, and a region that
    fails for four hours."""
    shown = rows(box)
    block = next(
        it for it in shown if it["type"] == "capacity-block" and it["state"] == "scheduled"
    )
    odcr, other = active_odcrs_of_two_regions(shown, block["region"])
    since, integral = box.now(), Integral()
    start, end = since + 1.4 * HOUR, since + 4.7 * HOUR
    box.ec2.patch(block["reservation_id"], StartDate=format_time(start), EndDate=format_time(end))
    for hour in range(9):
        if hour == 2:
            box.ec2.break_calls(FaultKind.INTERNAL, other["region"])
        if hour == 6:
            box.ec2.mend(other["region"])
        free = hour % (odcr["total_capacity"] + 1)
        box.ec2.patch(odcr["reservation_id"], AvailableInstanceCount=free)
        box.collect()
        integral.look(rows(box), box.get("/status", limit=1000)[1]["scopes"])
        box.advance(HOUR)
    until = box.now()
    asked = {"since": format_time(since), "until": format_time(until), "interval": "total"}
    found = {it["group"]["reservation"]: it for it in usage(box, **asked, by="reservation")}
    expected = integral.hours_of(until)
    for row in (block, odcr, other):
        name = row["reservation_id"]
        for kind, number in expected[name].items():
            assert found[name][kind] == pytest.approx(number, abs=0.1), (name, kind)
    assert found[other["reservation_id"]]["unobserved_hours"] > 0
    assert found[block["reservation_id"]]["reserved_hours"] > 0


def active_odcrs_of_two_regions(
    shown: list[dict[str, Any]], without: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    by_region = {
        it["region"]: it
        for it in shown
        if it["type"] == "odcr" and it["state"] == "active" and not it["end_date"]
    }
    one, other, *_ = (it for region, it in sorted(by_region.items()) if region != without)
    return one, other


def test_a_day_is_closed_and_has_the_same_hours(box: Sandbox) -> None:
    day = box.now().replace(hour=0, minute=0, second=0, microsecond=0)
    box.advance(day + timedelta(days=1, hours=3) - box.now())
    box.collect()
    asked = {"since": format_time(day), "until": format_time(day + timedelta(days=1))}
    before = usage(box, **asked, by="reservation")
    assert before
    assert start(box, "LedgerFunctionName")["days"] > 0
    assert usage(box, **asked, by="reservation") == before


def test_prices_are_those_of_the_list_and_unknown_ones_null(box: Sandbox) -> None:
    start(box, "PricesFunctionName")
    box.advance(HOUR)
    box.collect()
    since = format_time(box.now() - HOUR)
    status, answer = box.get("/usage", since=since, until=format_time(box.now()), by="type")
    assert status == 200
    by_type = {row["group"]["type"]: row for row in answer["items"]}
    assert by_type["odcr"]["reserved_cost"] > 0
    blocks = [it for it in answer["prices"] if it["type"] == "capacity-block"]
    assert blocks
    assert {it["per_instance_hour"] for it in blocks} == {None}
    assert by_type["capacity-block"]["reserved_cost"] is None
