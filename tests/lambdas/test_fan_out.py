"""``fan_out``: one run for one start, one message for each of its units."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas import fan_out, wiring
from lambdas.clients import service
from lambdas.collecting import coverage
from lambdas.settings import FanOutSettings
from lambdas.store.runs import RunStore
from lambdas.store.scopes import Attempt, Write, digest_of
from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_snapshot, an_odcr
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, FakeContext, Wire, client_error
from tests.lambdas.organizations import Organization, account_id
from truffle.core.model import Failure, FailureKind, Reservation, Scope
from truffle.core.organization import Selection
from truffle.core.runs import Run

SCHEDULED = {"scheduled_at": "2026-11-24T12:00:00Z"}
SCHEDULED_RUN = "20261124T120000Z-scheduled"
REGIONS = ["eu-west-1", "us-east-2"]

Choose = Callable[..., None]
Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[..., dict[str, Any]]
WireTo = Callable[[str], Wire]


@pytest.fixture
def invoke(deploy: Deploy, clock: Clock) -> Invoke:
    """Starts a run, as the schedule does unless told otherwise."""
    deploy(FanOutSettings)

    def start(event: dict[str, Any] = SCHEDULED, request_id: str = "1-1") -> dict[str, Any]:
        context: Any = FakeContext(request_id)
        answer: dict[str, Any] = fan_out.handler(dict(event), context)
        return answer

    return start


def runs_of(stack: Stack) -> list[Run]:
    return RunStore(service("dynamodb"), stack.table).latest(100)


def units_of(stack: Stack) -> list[dict[str, Any]]:
    found = [json.loads(message["Body"]) for message in messages(stack.units)]
    return sorted(found, key=lambda unit: str(unit["region"]))


def test_a_run_is_one_message_for_each_region(stack: Stack, invoke: Invoke) -> None:
    assert invoke() == {"run_id": SCHEDULED_RUN, "units": 2}
    assert units_of(stack) == [
        {"run_id": SCHEDULED_RUN, "region": region, "accounts": [HOME]} for region in REGIONS
    ]


def test_an_opened_run_waits_for_all_its_regions(
    stack: Stack, invoke: Invoke, clock: Clock
) -> None:
    invoke()
    assert runs_of(stack) == [
        Run(SCHEDULED_RUN, clock(), tuple(REGIONS), (HOME,), frozenset(REGIONS))
    ]


def test_configured_accounts_are_in_every_unit(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose
) -> None:
    choose(listed=(OTHER, HOME))
    deploy(FanOutSettings, regions="us-east-2")
    invoke()
    (unit,) = units_of(stack)
    assert unit["accounts"] == [HOME, OTHER]


def test_without_configured_regions_a_run_covers_every_enabled_one(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["sa-east-1", "af-south-1"])
    deploy(FanOutSettings, regions="")
    invoke()
    assert [unit["region"] for unit in units_of(stack)] == ["af-south-1", "sa-east-1"]


def test_a_disabled_region_in_which_something_is_held_stays_in_the_runs(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["sa-east-1"])
    deploy(FanOutSettings, regions="")
    finds(stack, OHIO, an_odcr())
    finds(stack, Scope(HOME, "eu-west-1"))
    finds(stack, Scope(OTHER, "eu-west-3"), an_odcr("cr-2"))
    invoke()
    assert [unit["region"] for unit in units_of(stack)] == ["sa-east-1", "us-east-2"]
    assert [status.scope for status in stack.scopes.statuses()] == [OHIO]


def finds(stack: Stack, scope: Scope, *rows: Reservation) -> None:
    """A collection an hour ago found these reservations."""
    snapshot = a_snapshot(*rows, at=NOON - HOUR, scope=scope)
    status = stack.scopes.status(scope)
    stack.scopes.write_snapshot(status, snapshot, digest_of(rows), Write(rows), Attempt("run-0", 1))


def test_regions_that_cannot_be_asked_for_start_no_run(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: Any
) -> None:
    def refuse(client: object) -> list[str]:
        raise client_error("RequestLimitExceeded", "DescribeRegions")

    deploy(FanOutSettings, regions="")
    monkeypatch.setattr(fan_out, "enabled_regions", refuse)
    with pytest.raises(ClientError):
        invoke()
    assert (runs_of(stack), units_of(stack)) == ([], [])


# --- which run -----------------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["1-1", "2-2"])
def test_a_repeated_start_for_the_same_moment_is_the_same_run(
    stack: Stack, invoke: Invoke, clock: Clock, request_id: str
) -> None:
    first = invoke()
    clock.advance(timedelta(minutes=1))
    assert invoke(request_id=request_id) == first
    assert len(runs_of(stack)) == 1


def test_the_next_moment_is_another_run(stack: Stack, invoke: Invoke) -> None:
    invoke()
    invoke({"scheduled_at": "2026-11-24T13:00:00Z"})
    assert [run.run_id for run in runs_of(stack)] == ["20261124T130000Z-scheduled", SCHEDULED_RUN]


@pytest.mark.parametrize("event", [{}, {"scheduled_at": "<aws.scheduler.scheduled-time>"}])
def test_a_start_by_hand_is_a_run_of_its_own(
    stack: Stack, invoke: Invoke, event: dict[str, Any]
) -> None:
    ids = [invoke(event, request)["run_id"] for request in ("aaaa-1111-x", "bbbb-2222-x")]
    assert ids == ["20261124T120000Z-aaaa1111", "20261124T120000Z-bbbb2222"]


def test_a_repeated_delivery_of_a_start_by_hand_is_the_same_run(
    stack: Stack, invoke: Invoke
) -> None:
    assert invoke({}, "aaaa-1111") == invoke({}, "aaaa-1111")
    assert len(runs_of(stack)) == 1


def test_a_run_may_be_named_by_whoever_starts_it(stack: Stack, invoke: Invoke) -> None:
    assert invoke({"run_id": "mine"})["run_id"] == "mine"


# --- repeats and faults --------------------------------------------------------------------------


def test_a_repeated_delivery_sends_only_what_nobody_has_answered_for(
    stack: Stack, invoke: Invoke
) -> None:
    invoke()
    units_of(stack)
    RunStore(service("dynamodb"), stack.table).answer(SCHEDULED_RUN, "eu-west-1")
    assert invoke() == {"run_id": SCHEDULED_RUN, "units": 1}
    assert [unit["region"] for unit in units_of(stack)] == ["us-east-2"]


def test_a_run_that_died_after_its_opening_is_sent_by_the_repeated_delivery(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage")
    with pytest.raises(ClientError):
        invoke()
    units_of(stack)
    assert invoke()["units"] == 2
    assert [unit["region"] for unit in units_of(stack)] == REGIONS


@pytest.mark.parametrize("call", range(1, 6))
def test_a_unit_that_sqs_does_not_take_fails_the_start_and_the_next_delivery_sends_it(
    stack: Stack, invoke: Invoke, deploy: Deploy, wire: WireTo, call: int
) -> None:
    regions = [f"us-east-{number}" for number in range(1, 6)]
    deploy(FanOutSettings, regions=",".join(regions))
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage", call=call)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        invoke()
    units_of(stack)
    assert invoke()["units"] == 5
    assert [unit["region"] for unit in units_of(stack)] == regions


def test_as_many_units_as_there_are_regions_are_sent(
    stack: Stack, invoke: Invoke, deploy: Deploy
) -> None:
    regions = [f"us-east-{number}" for number in range(10, 45)]
    deploy(FanOutSettings, regions=",".join(regions))
    assert invoke()["units"] == 35
    assert [unit["region"] for unit in units_of(stack)] == regions


# --- what the run before left --------------------------------------------------------------------


def fail(stack: Stack, scope: Scope) -> None:
    failure = Failure(
        scope=scope,
        failed_at=NOON - HOUR,
        kind=FailureKind.DISABLED,
        code="AuthFailure",
        message="no",
    )
    stack.scopes.write_failure(failure, Attempt("run-0", 1))


def test_a_region_that_is_covered_no_more_leaves_every_answer(stack: Stack, invoke: Invoke) -> None:
    fail(stack, Scope(HOME, "sa-east-1"))
    fail(stack, OHIO)
    invoke()
    assert [status.scope for status in stack.scopes.statuses()] == [OHIO]


NEXT = {"scheduled_at": "2026-11-24T13:00:00Z"}


def bodies(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in messages(stack.units)]


def test_a_run_that_lost_its_units_is_put_on_the_queue_by_the_next(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo
) -> None:
    invoke()
    bodies(stack)
    clock.advance(HOUR)
    line = wire("s3")
    invoke(NEXT)
    assert {"finish": SCHEDULED_RUN} in bodies(stack)
    assert line.calls == []


@pytest.mark.parametrize("minutes", [1, 5, 60, 1440])
def test_when_a_run_is_lost_follows_from_the_schedule(
    stack: Stack, invoke: Invoke, deploy: Deploy, clock: Clock, minutes: int
) -> None:
    deploy(FanOutSettings, schedule_minutes=str(minutes))
    invoke({"run_id": "zzz"})
    clock.advance(timedelta(minutes=minutes))
    for number in range(6):
        invoke({"run_id": f"zz{number}"})
    assert {"finish": "zzz"} in bodies(stack)


def test_a_run_of_the_present_is_not_lost(stack: Stack, invoke: Invoke, clock: Clock) -> None:
    invoke({"run_id": "one"})
    clock.advance(timedelta(minutes=20))
    invoke({"run_id": "two"})
    assert not [body for body in bodies(stack) if "finish" in body]


def test_no_fault_of_tidying_up_keeps_a_run_from_its_start(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo, counted: Counted
) -> None:
    invoke()
    fail(stack, Scope(HOME, "sa-east-1"))
    clock.advance(HOUR)
    bodies(stack)
    line = wire("dynamodb")
    line.fails_before(client_error("InternalServerError", "Query"), "Query", call=1)
    line.fails_before(client_error("InternalServerError", "Query"), "Query", call=2)
    assert invoke(NEXT)["units"] == 2
    assert [body["run_id"] for body in bodies(stack)] == ["20261124T130000Z-scheduled"] * 2
    assert counted("TidyingFailed")[-1] == 1.0


def test_lost_runs_that_the_queue_does_not_take_are_for_the_next_run(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo, counted: Counted
) -> None:
    invoke()
    clock.advance(HOUR)
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage", call=3)
    assert invoke(NEXT)["units"] == 2
    assert counted("TidyingFailed")[-1] == 1.0


@pytest.mark.parametrize("run_id", ["x" * 201, "研" * 67, 7])
def test_a_run_cannot_be_called_what_no_key_can_hold(
    stack: Stack, invoke: Invoke, run_id: object
) -> None:
    with pytest.raises(fan_out.InvalidRunId, match="at most 200 bytes"):
        invoke({"run_id": run_id})
    assert runs_of(stack) == []


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


def test_an_account_that_joins_is_in_the_next_run_and_one_that_leaves_in_no_answer(
    stack: Stack, invoke: Invoke, organization: Organization
) -> None:
    fail(stack, Scope(account_id(2), "us-east-2"))
    invoke()
    units_of(stack)
    assert len(stack.scopes.statuses()) == 1
    organization.has(4)
    organization.has(2, state="SUSPENDED")
    invoke(NEXT)
    assert accounts_of(stack) == {account_id(1), account_id(4)}
    assert stack.scopes.statuses() == []


@pytest.mark.parametrize("page", [0, 1])
def test_where_organizations_does_not_answer_the_last_accounts_serve_and_nobody_is_retired(
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
    assert accounts_of(stack) == before
    assert [status.scope for status in stack.scopes.statuses()] == [stranger]
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


# --- regions of other accounts -------------------------------------------------------------------


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> Regions:
    """What accounts answer, beside us-east-2 and eu-west-1 of the own one."""
    made = Regions()
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["eu-west-1", "us-east-2"])
    monkeypatch.setattr(coverage, "asking", lambda client, function: made.ask)
    return made


class Regions:
    """Accounts that answer which regions they have, and how often they were asked."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def ask(self, accounts: Sequence[str]) -> dict[str, dict[str, Any]]:
        self.asked += accounts
        return {name: self.answers[name] for name in accounts if name in self.answers}


def test_accounts_are_asked_for_their_regions_once_a_day_and_the_own_one_every_time(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, clock: Clock, regions: Regions
) -> None:
    choose(listed=(HOME, OTHER))
    deploy(FanOutSettings, regions="")
    regions.answers[OTHER] = {"regions": ["il-central-1", "us-east-2"]}
    for hour in range(25):
        invoke({"run_id": f"run-{hour}"})
        clock.advance(HOUR)
    assert regions.asked == [OTHER, OTHER]


def test_an_account_that_does_not_answer_is_collected_in_the_regions_of_home(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, regions: Regions
) -> None:
    choose(listed=(OTHER,))
    deploy(FanOutSettings, regions="")
    invoke()
    assert [unit["region"] for unit in units_of(stack)] == ["eu-west-1", "us-east-2"]


def test_with_configured_regions_nobody_is_asked(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose, regions: Regions
) -> None:
    choose(listed=(HOME, OTHER))
    deploy(FanOutSettings, regions="us-east-2")
    invoke()
    assert regions.asked == []
