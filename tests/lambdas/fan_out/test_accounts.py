"""The accounts and regions of a run, as ``fan_out`` finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas import wiring
from lambdas.settings import FanOutSettings
from tests.builders import HOME, HOUR, OTHER
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, Wire, client_error
from tests.lambdas.fan_out.builders import NEXT, Regions, fail, units_of
from tests.lambdas.organizations import Organization, account_id
from truffle.core.model import Scope
from truffle.core.organization import Selection

Choose = Callable[..., None]
Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[..., dict[str, Any]]
WireTo = Callable[[str], Wire]


# --- an organization -----------------------------------------------------------------------------


@pytest.fixture
def organization(choose: Choose, invoke: Invoke) -> Organization:
    """Three accounts, of which one is suspended; all regions are those of home."""
    made = Organization()
    for number, state in ((1, "ACTIVE"), (2, "ACTIVE"), (3, "SUSPENDED")):
        made.has(number, state=state)
    choose(is_organization=True)
    wiring.fan_out().connect = made.client
    return made


def accounts_of(stack: Stack) -> set[str]:
    return {account for unit in units_of(stack) for account in unit["accounts"]}


def test_a_run_covers_the_active_accounts_of_the_organization(
    stack: Stack, invoke: Invoke, organization: Organization, counted: Counted
) -> None:
    invoke()
    assert accounts_of(stack) == {account_id(1), account_id(2)}
    assert counted("AccountsDiscovered")[-1] == 2


def test_an_account_that_joins_is_in_the_next_run_and_one_that_leaves_is_not(
    stack: Stack, invoke: Invoke, organization: Organization
) -> None:
    invoke()
    units_of(stack)
    organization.has(4)
    organization.has(2, state="SUSPENDED")
    invoke(NEXT)
    units = units_of(stack)
    assert {tuple(unit["accounts"]) for unit in units} == {(account_id(1), account_id(4))}
    assert {unit["opened_at"] for unit in units} == {"2026-11-24T12:00:00Z"}


@pytest.mark.parametrize("page", [0, 1])
def test_without_an_answer_of_organizations_the_last_accounts_serve_and_none_is_retired(
    stack: Stack, invoke: Invoke, organization: Organization, counted: Counted, page: int
) -> None:
    for number in range(4, 30):
        organization.has(number)
    invoke()
    before = accounts_of(stack)
    stranger = Scope("999999999999", "us-east-2")
    fail(stack, stranger)
    organization.faults["ListAccounts", page] = "ServiceException"
    counted("DiscoveryFailed")
    invoke(NEXT)
    units = units_of(stack)
    assert {account for unit in units for account in unit["accounts"]} == before
    assert {unit["opened_at"] for unit in units} == {None}
    assert counted("DiscoveryFailed") == [1.0]


def test_before_organizations_ever_answered_the_own_account_is_collected(
    stack: Stack, invoke: Invoke, organization: Organization
) -> None:
    organization.faults["ListAccounts", 0] = "AWSOrganizationsNotInUseException"
    invoke()
    assert accounts_of(stack) == {HOME}


def test_a_table_that_cannot_be_read_keeps_no_run_from_its_start(
    stack: Stack, invoke: Invoke, organization: Organization, wire: WireTo
) -> None:
    line = wire("dynamodb")
    line.fails_before(client_error("InternalServerError", "GetItem"), "GetItem", call=1)
    invoke()
    assert accounts_of(stack) == {account_id(1), account_id(2)}


def test_excluded_accounts_and_those_outside_of_the_units_are_left_out(
    stack: Stack, invoke: Invoke, organization: Organization, choose: Choose
) -> None:
    unit = organization.unit("ou-root-research", "Research")
    for number in (5, 6):
        organization.has(number, unit=unit)
    selection = Selection(frozenset({unit}), frozenset({account_id(6)}))
    choose(is_organization=True, selection=selection)
    wiring.fan_out().connect = organization.client
    invoke()
    assert accounts_of(stack) == {account_id(5)}


def test_accounts_are_asked_for_their_regions_once_a_day_and_the_own_one_every_time(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, clock: Clock, regions: Regions
) -> None:
    choose(listed=(HOME, OTHER))
    deploy(FanOutSettings, regions="")
    regions.answers[OTHER] = {"regions": ["il-central-1", "us-east-2"]}
    for turn in range(5):
        invoke({"run_id": f"run-{turn}"})
        clock.advance(6 * HOUR)
    assert regions.asked == [OTHER, OTHER]


def test_an_account_that_does_not_answer_is_collected_in_the_regions_of_home(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, regions: Regions
) -> None:
    choose(listed=(OTHER,))
    deploy(FanOutSettings, regions="")
    invoke()
    assert [unit["region"] for unit in units_of(stack)] == ["eu-west-1", "us-east-2"]


def test_with_configured_regions_no_account_is_asked(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, regions: Regions
) -> None:
    choose(listed=(HOME, OTHER))
    deploy(FanOutSettings, regions="us-east-2")
    invoke()
    assert regions.asked == []
