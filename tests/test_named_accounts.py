"""Accounts by name on the command line and in Python: a deployed stack knows them, EC2 does not."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from tests.builders import DAY, HOME, NOON, OHIO, OTHER, a_block, an_event, an_odcr
from truffle.core.fleets import CapacityFleet
from truffle.core.model import FailureKind
from truffle.core.organization import Labels
from truffle.core.timeline import span_of
from truffle.core.topology import Placement
from truffle.core.usage import Period, UsageRow
from truffle.core.usage_axes import Interval
from truffle.feeds.calendar import Memory, calendar
from truffle.messages.fields import facts_of
from truffle.query import BadArgument, list_query
from truffle.render.columns import account_of
from truffle.render.events import render_status
from truffle.render.fleets import render as render_fleets
from truffle.render.stranded import Shown
from truffle.render.stranded import render as render_stranded
from truffle.render.style import Style
from truffle.render.topology import render as render_topology
from truffle.render.usage import render as render_usage
from truffle.report.inputs import FailedScope, Inputs
from truffle.report.model import content
from truffle.sources.listing import ScopeFailure

NUMBERS = [
    it.name for it in fields(UsageRow) if it.name not in ("start", "end", "group", "currency")
]


def test_a_live_listing_refuses_names_and_takes_ids() -> None:
    list_query(accounts=[HOME]).check_live()
    with pytest.raises(BadArgument, match=r"research-\*.*12 digits.*--api-url"):
        list_query(accounts=[HOME, "research-*"]).check_live()


@pytest.mark.parametrize("account", ["12345678901", "1234567890123", ""])
def test_digits_that_are_no_id_are_refused_before_any_call(account: str) -> None:
    with pytest.raises(BadArgument, match="account"):
        list_query(accounts=[account])


def test_what_the_stack_chose_by_name_is_not_chosen_again() -> None:
    rows = [
        an_odcr("cr-1", seen_by=(HOME,)),
        an_odcr("cr-2", seen_by=(OTHER,), instance_type="g6.xlarge"),
    ]
    by_name = list_query(accounts=["research-*"], instance_types=["p4d.24xlarge"])
    assert [row.reservation_id for row in by_name.answer(rows).rows] == ["cr-1"]
    by_id = list_query(accounts=[OTHER])
    assert [row.reservation_id for row in by_id.answer(rows).rows] == ["cr-2"]


def test_tables_show_names_beside_ids() -> None:
    assert account_of(an_odcr(account_id=OTHER)) == OTHER
    named = an_odcr(account_id=OTHER, account_name="research-one")
    assert account_of(named) == f"research-one ({OTHER})"


NAMED = f"research-one ({OTHER})"


def a_fleet(fleet_id: str, account_id: str, account_name: str | None = None) -> CapacityFleet:
    return CapacityFleet(
        fleet_id=fleet_id,
        region=OHIO.region,
        state="active",
        account_id=account_id,
        account_name=account_name,
    )


def test_fleets_and_nodes_show_names_beside_ids() -> None:
    style = Style(width=200)
    both = [
        a_fleet("crf-1", OTHER, "research-one"),
        a_fleet("crf-2", HOME),
    ]
    assert NAMED in render_fleets(both, style)
    placed = Placement(
        reservation_id="cr-1",
        region=OHIO.region,
        account_id=OTHER,
        account_name="research-one",
        network_nodes=("nn-1",),
    )
    assert f"{OHIO.region}, account {NAMED}: 1 reservation" in render_topology([placed], style)


def test_stranded_instances_show_names_beside_ids() -> None:
    row = {
        "account_id": OTHER,
        "account_name": "research-one",
        "region": OHIO.region,
        "availability_zone": None,
        "instance_type": "p5.48xlarge",
        "instances": 1,
        "idle_instances": 1,
        "usd_per_hour": None,
        "reason": "zone",
        "reservation_id": "cr-1",
        "why": "Another zone.",
        "fix": "Move them.",
    }
    assert NAMED in render_stranded(Shown([row], None, 1), Style(width=200))


def test_usage_by_account_shows_names_beside_ids() -> None:
    numbers = dict.fromkeys(NUMBERS, 0.0)
    row = UsageRow(
        start=NOON,
        end=NOON + DAY,
        group={"account": OTHER, "owner": HOME},
        currency=None,
        **numbers,
    )
    period = Period(NOON, NOON + DAY, Interval.TOTAL)
    by = ("account", "owner")
    table = render_usage([row], period, by, Style(), account_names={OTHER: "research-one"})
    assert NAMED in table
    assert HOME in table


def test_a_calendar_shows_names_beside_ids() -> None:
    block = a_block("cr-1", account_id=OTHER, account_name="research-one")
    text = calendar([span_of(block)], NOON, Memory())
    assert f"account {NAMED}" in text.decode().replace("\r\n ", "")


def test_the_reports_failures_have_names() -> None:
    failed = [
        FailedScope(OTHER, OHIO.region, "AccessDenied"),
        FailedScope(HOME, OHIO.region, "AccessDenied", account_name="billing"),
    ]
    given = Inputs(
        rows=[],
        now=NOON,
        observed_at=NOON,
        scopes=2,
        source="truffle",
        failed=failed,
        labels={OTHER: Labels("research-one")},
    )
    found = {scope["account"]: scope["account_name"] for scope in content(given)["failed"]}
    assert found == {OTHER: "research-one", HOME: "billing"}


def test_failures_show_names_beside_ids() -> None:
    failure = ScopeFailure(
        account_id=OTHER,
        region="us-east-1",
        code="AccessDenied",
        message="No.",
        kind=FailureKind.DENIED,
    )
    assert failure.account == OTHER
    named = ScopeFailure(
        account_id=OTHER,
        region="us-east-1",
        code="AccessDenied",
        message="No.",
        kind=FailureKind.DENIED,
        last_success=None,
        account_name="research-one",
    )
    assert named.account == f"research-one ({OTHER})"


def test_cards_show_names_beside_ids() -> None:
    event = an_event(
        account_id=OTHER, account_name="research-one", organizational_unit="Research/Training"
    )
    facts = {fact.name: fact.value for fact in facts_of(event, event.observed_at)}
    assert facts["Account"] == f"research-one ({OTHER})"
    assert facts["Organizational unit"] == "Research/Training"


STATUS: dict[str, Any] = {
    "scopes": [
        {
            "account_id": OTHER,
            "account_name": "research-one",
            "region": "us-east-1",
            "state": "failed",
            "last_success": None,
            "age_seconds": None,
            "reservations": 0,
            "error": "AccessDenied",
            "error_message": "not authorized to perform: sts:AssumeRole",
            "next_step": "Deploy the role.",
        }
    ],
    "runs": [],
    "totals": {
        "scopes": 30_000,
        "by_state": {"failed": 1, "never": 0, "old": 0, "closed": 0, "current": 29_999},
        "by_error": {"AccessDenied": 1},
        "observed_at": None,
        "newest": None,
    },
}


def test_the_status_shows_names_and_why_the_list_of_accounts_is_old() -> None:
    error = {"code": "AccessDeniedException", "message": "You may not."}
    discovery = {"complete": False, "error": error, "observed_at": "2026-11-24T12:00:00Z"}
    found = render_status({**STATUS, "discovery": discovery}, Style(width=200))
    assert f"research-one ({OTHER})" in found
    assert (
        "Accounts: those of 2026-11-24 12:00 are collected: AccessDeniedException: You may not."
        in found
    )


def test_the_status_has_each_next_step_once() -> None:
    twice = {**STATUS, "scopes": 2 * STATUS["scopes"]}
    found = render_status(twice, Style(width=200))
    assert found.count("Next step: Deploy the role.") == 1


def test_a_stack_before_next_steps_is_shown_all_the_same() -> None:
    (scope,) = STATUS["scopes"]
    older = {name: value for name, value in scope.items() if name != "next_step"}
    assert "Next step" not in render_status({**STATUS, "scopes": [older]}, Style(width=200))


@pytest.mark.parametrize("more", [{}, {"discovery": None}, {"discovery": {"complete": True}}])
def test_a_complete_list_adds_no_line(more: dict[str, object]) -> None:
    assert "Accounts:" not in render_status({**STATUS, **more}, Style(width=200))
