"""Accounts by name on the command line and in Python: a deployed stack knows them, EC2 does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import HOME, OTHER, an_event, an_odcr
from truffle.core.model import FailureKind
from truffle.messages.fields import facts_of
from truffle.query import BadArgument, list_query
from truffle.render.columns import account_of
from truffle.render.events import render_status
from truffle.render.style import Style
from truffle.sources.listing import ScopeFailure


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
