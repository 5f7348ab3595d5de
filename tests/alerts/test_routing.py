"""Who gets an event, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.alerts import strategies
from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, a_scope_event, an_event, an_odcr
from truffle.alerts.routing import RoutingDecision, RoutingOutcome, decide, decision_for
from truffle.alerts.settings import (
    AlertSettings,
    DailySummary,
    Destination,
    DestinationKind,
    Mute,
    Route,
    When,
)
from truffle.core.events import Event, EventType, Severity

ONCALL = Destination(name="oncall", kind=DestinationKind.SLACK, secret="truffle/slack")
WAREHOUSE = Destination(
    name="warehouse", kind=DestinationKind.SQS, queue_arn="arn:aws:sqs:us-east-1:1:warehouse"
)


def only(*whens: When | None, mutes: tuple[Mute, ...] = ()) -> AlertSettings:
    """One Slack destination with these routes: a, b, …"""
    routes = tuple(Route(name, ("oncall",), when) for name, when in zip("abcdef", whens))  # noqa: B905
    return AlertSettings((ONCALL,), routes, mutes)


def decided(event: Event, settings: AlertSettings) -> RoutingDecision:
    (decision,) = decide(event, settings)
    return decision


def an_idle_odcr(**facts: Any) -> Event:
    odcr = an_odcr("cr-odcr", **facts)
    return an_event(odcr, type=EventType.RESIZED, severity=Severity.INFO)


# --- routes --------------------------------------------------------------------------------------

MATCHING = (
    When(),
    When(types=(EventType.STATE_CHANGED,)),
    When(severities=(Severity.WARNING, Severity.CRITICAL)),
    When(reservation_types=("capacity-block",)),
    When(states=("payment-failed",)),
    When(accounts=(HOME,)),
    When(account_names=("research-*",)),
    When(account_names=("billing", "research-one"), organizational_units=("Research*",)),
    When(regions=("us-east-2", "eu-west-1")),
    When(regions=("us-*",)),
    When(instance_types=("p5*",)),
    When(instance_types=("p4d.24xlarge", "p5.48xlarge")),
    When(tags={"Team": ("research", "ops")}),
    When(tags={"Team": ("research",), "Stage": ("prod",)}, severities=(Severity.CRITICAL,)),
)
REFUSING = (
    (When(types=(EventType.RESIZED,)), "type is state_changed, not resized"),
    (When(severities=(Severity.INFO, Severity.GOOD)), "severity is critical, not info or good"),
    (When(reservation_types=("odcr",)), "reservation_type is capacity-block, not odcr"),
    (When(states=("active",)), "state is payment-failed, not active"),
    (When(accounts=(OTHER,)), f"account is {HOME}, not {OTHER}"),
    (When(account_names=("ops-*",)), "account_name is research-one, not ops-*"),
    (
        When(organizational_units=("Research",)),
        "organizational_unit is Research/Training, not Research",
    ),
    (When(regions=("eu-west-1",)), "region is us-east-2, not eu-west-1"),
    (When(regions=("us-west-?",)), "region is us-east-2, not us-west-?"),
    (When(instance_types=("p5e*",)), "instance_type is p5.48xlarge, not p5e*"),
    (When(tags={"Team": ("ops",)}), "tag Team is research, not ops"),
    (When(tags={"Team": ("research",), "Owner": ("me",)}), "tag Owner is not set, not me"),
)
A_FAILURE = an_event(
    a_block("cr-0abc", state="payment-failed", tags={"Team": "research", "Stage": "prod"}),
    account_name="research-one",
    organizational_unit="Research/Training",
)


def test_an_account_without_a_name_meets_no_condition_of_names() -> None:
    unnamed = replace(A_FAILURE, account_name=None, organizational_unit=None)
    decision = decided(unnamed, only(When(account_names=("*",))))
    assert decision.why == "Route a: account_name is unknown, not *."
    assert decided(unnamed, only(When())).outcome is RoutingOutcome.ROUTED


@pytest.mark.parametrize("when", MATCHING, ids=str)
def test_a_route_lets_through_what_meets_all_its_conditions(when: When) -> None:
    decision = decided(A_FAILURE, only(when))
    assert (decision.outcome, decision.routes, decision.why) == (
        RoutingOutcome.ROUTED,
        ("a",),
        "Matched by route a.",
    )


@pytest.mark.parametrize(("when", "why"), REFUSING, ids=str)
def test_a_route_that_does_not_match_names_the_first_condition_that_failed(
    when: When, why: str
) -> None:
    decision = decided(A_FAILURE, only(when))
    assert (decision.outcome, decision.routes) == (RoutingOutcome.NO_ROUTE, ())
    assert decision.why == f"Route a: {why}."


@pytest.mark.parametrize(
    "when",
    [
        When(states=("active",)),
        When(reservation_types=("odcr",)),
        When(instance_types=("*",)),
        When(tags={"Team": ("ops",)}),
    ],
    ids=str,
)
def test_a_scope_s_event_meets_no_condition_of_a_reservation(when: When) -> None:
    why = decided(a_scope_event(), only(when)).why
    assert why == "Route a: the event concerns a scope, not a reservation."


def test_any_route_that_matches_sends_and_all_of_them_are_named() -> None:
    refusing, matching = When(regions=("eu-west-1",)), When(severities=(Severity.CRITICAL,))
    decision = decided(A_FAILURE, only(refusing, matching, When()))
    assert (decision.routes, decision.why) == (("b", "c"), "Matched by routes b and c.")


def test_each_route_that_refuses_is_named() -> None:
    why = decided(A_FAILURE, only(When(regions=("eu-west-1",)), When(accounts=(OTHER,)))).why
    assert why == (
        f"Route a: region is us-east-2, not eu-west-1; Route b: account is {HOME}, not {OTHER}."
    )


def test_a_destination_for_people_gets_blocks_scopes_and_warnings_by_default() -> None:
    settings = only(None)
    block = an_event(severity=Severity.INFO)
    scope = a_scope_event(type=EventType.SCOPE_RECOVERED, severity=Severity.GOOD)
    warning = replace(an_idle_odcr(), severity=Severity.WARNING)
    assert [decided(it, settings).outcome for it in (block, scope, warning)] == [
        RoutingOutcome.ROUTED
    ] * 3
    decision = decided(an_idle_odcr(), settings)
    assert decision.outcome is RoutingOutcome.NO_ROUTE
    assert decision.why == (
        "Route a: an ODCR's event below warning (info), and the route has no `when`."
    )


def test_a_machine_gets_everything_by_default() -> None:
    settings = AlertSettings((WAREHOUSE,), (Route("all", ("warehouse",)),))
    assert decided(an_idle_odcr(), settings).outcome is RoutingOutcome.ROUTED


def test_an_empty_condition_lets_everything_through_also_to_people() -> None:
    assert decided(an_idle_odcr(), only(When())).outcome is RoutingOutcome.ROUTED


def test_a_destination_with_a_summary_alone_gets_no_event() -> None:
    at_eight = DailySummary(NOON.time())
    settings = AlertSettings((replace(ONCALL, daily_summary=at_eight),))
    decision = decided(A_FAILURE, settings)
    assert decision.outcome is RoutingOutcome.NO_ROUTE
    assert decision.why == "No route has this destination: it receives only its daily summary."


def test_each_destination_has_one_decision_in_the_order_of_the_file() -> None:
    routes = (Route("all", ("warehouse", "oncall"), When()), Route("eu", ("oncall",), When()))
    decisions = decide(A_FAILURE, AlertSettings((WAREHOUSE, ONCALL), routes))
    assert [(it.destination, it.routes) for it in decisions] == [
        (WAREHOUSE, ("all",)),
        (ONCALL, ("all", "eu")),
    ]


def test_one_destination_can_be_asked_for() -> None:
    settings = AlertSettings((WAREHOUSE, ONCALL), (Route("all", ("warehouse", "oncall")),))
    assert decision_for(A_FAILURE, "oncall", settings) == decide(A_FAILURE, settings)[1]


def test_an_unknown_destination_is_an_error() -> None:
    with pytest.raises(KeyError, match="gone"):
        decision_for(A_FAILURE, "gone", only(None))


# --- pagers --------------------------------------------------------------------------------------

PAGER = Destination(name="pager", kind=DestinationKind.PAGERDUTY, secret="truffle/pager")


def paged(event: Event, when: When, mutes: tuple[Mute, ...] = ()) -> RoutingDecision:
    settings = AlertSettings((PAGER,), (Route("wake-up", ("pager",), when),), mutes)
    return decided(event, settings)


RECOVERED = an_event(a_block("cr-0abc", state="active"), severity=Severity.GOOD)
OVER = an_event(a_block("cr-0abc", state="expired"), severity=Severity.INFO)


@pytest.mark.parametrize("event", [RECOVERED, OVER], ids=["recovered", "over"])
@pytest.mark.parametrize(
    "when",
    [
        When(severities=(Severity.WARNING, Severity.CRITICAL)),
        When(types=(EventType.PAYMENT_DUE,)),
        When(states=("payment-failed",), reservation_types=("capacity-block",)),
    ],
    ids=["severity", "type", "state"],
)
def test_what_ends_an_incident_follows_what_opened_it(event: Event, when: When) -> None:
    decision = paged(event, when)
    assert (decision.outcome, decision.routes) == (RoutingOutcome.ROUTED, ("wake-up",))
    assert decision.why.startswith("Matched by route wake-up: it resolves an incident")
    assert decided(event, only(when)).outcome is RoutingOutcome.NO_ROUTE


def test_what_ends_an_incident_is_not_of_others() -> None:
    assert paged(RECOVERED, When(regions=("eu-west-1",))).outcome is RoutingOutcome.NO_ROUTE
    assert paged(RECOVERED, When(tags={"Team": ("ops",)})).outcome is RoutingOutcome.NO_ROUTE


def test_what_opens_an_incident_has_to_meet_every_condition() -> None:
    assert paged(A_FAILURE, When(types=(EventType.IDLE,))).outcome is RoutingOutcome.NO_ROUTE


def test_the_end_of_an_incident_is_not_muted() -> None:
    mute = Mute(reason="drain", until=NOON + DAY, regions=("us-east-2",))
    assert paged(A_FAILURE, When(), (mute,)).outcome is RoutingOutcome.MUTED
    assert paged(RECOVERED, When(), (mute,)).outcome is RoutingOutcome.ROUTED


def test_a_pager_is_silent_where_nothing_is_wrong() -> None:
    pending = an_event(a_block("cr-0abc", state="pending"), severity=Severity.INFO)
    decision = paged(pending, When())
    assert decision.outcome is RoutingOutcome.NO_INCIDENT
    assert (
        decision.why == "Matched by route wake-up, but it neither opens nor resolves an incident."
    )
    assert paged(pending, When(regions=("moon",))).outcome is RoutingOutcome.NO_ROUTE


# --- mutes ---------------------------------------------------------------------------------------


def a_mute(**facts: Any) -> Mute:
    """The drain of the events' region, until an hour after noon."""
    facts = facts or {"regions": ("us-east-2",)}
    return Mute(**{"reason": "planned drain", "until": NOON + HOUR, **facts})


@pytest.mark.parametrize(
    "mute",
    [
        a_mute(reservation_ids=("cr-0abc",)),
        a_mute(tags={"Team": ("ops", "research")}),
        a_mute(accounts=(HOME,)),
        a_mute(regions=("eu-west-1", "us-east-2")),
        a_mute(regions=("*-2",)),
        a_mute(accounts=(HOME,), regions=("us-east-2",), tags={"Stage": ("prod",)}),
    ],
    ids=str,
)
def test_a_mute_holds_where_all_that_it_names_matches(mute: Mute) -> None:
    decision = decided(A_FAILURE, only(None, mutes=(mute,)))
    assert (decision.outcome, decision.routes) == (RoutingOutcome.MUTED, ("a",))
    assert (
        decision.why
        == "Muted until 2026-11-24T13:00:00Z: planned drain (otherwise matched by route a)."
    )


@pytest.mark.parametrize(
    "mute",
    [
        a_mute(reservation_ids=("cr-0other",)),
        a_mute(tags={"Team": ("ops",)}),
        a_mute(accounts=(OTHER,)),
        a_mute(regions=("eu-west-1",)),
        a_mute(regions=("*-1",)),
        a_mute(accounts=(HOME,), regions=("eu-west-1",)),
        a_mute(tags={"Team": ("research",), "Stage": ("test",)}),
    ],
    ids=str,
)
def test_a_mute_does_not_hold_where_one_thing_differs(mute: Mute) -> None:
    assert decided(A_FAILURE, only(None, mutes=(mute,))).outcome is RoutingOutcome.ROUTED


def test_a_block_can_be_muted_by_its_own_id() -> None:
    event = an_event(a_block("cr-1", capacity_block_id="cb-1", reservation_ids=("cr-1", "cr-2")))
    mutes = (a_mute(reservation_ids=("cb-1",)),)
    assert decided(event, only(None, mutes=mutes)).outcome is RoutingOutcome.MUTED


def test_a_scope_s_event_is_muted_by_its_scope_and_not_by_a_tag() -> None:
    by_tag, by_region = a_mute(tags={"Team": ("ops",)}), a_mute()
    assert decided(a_scope_event(), only(None, mutes=(by_tag,))).outcome is RoutingOutcome.ROUTED
    assert decided(a_scope_event(), only(None, mutes=(by_region,))).outcome is RoutingOutcome.MUTED


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [
        (-3, RoutingOutcome.ROUTED),
        (-2, RoutingOutcome.MUTED),
        (0, RoutingOutcome.MUTED),
        (1, RoutingOutcome.ROUTED),
    ],
)
def test_a_mute_holds_from_its_begin_to_before_its_end(hours: int, outcome: RoutingOutcome) -> None:
    mute = a_mute(regions=("us-east-2",), since=NOON - 2 * HOUR)
    event = replace(A_FAILURE, observed_at=NOON + hours * HOUR)
    assert decided(event, only(None, mutes=(mute,))).outcome is outcome


def test_of_several_mutes_the_longest_is_named() -> None:
    longer = a_mute(regions=("us-east-2",), until=NOON + DAY, reason="moving")
    decision = decided(A_FAILURE, only(None, mutes=(longer, a_mute())))
    assert "until 2026-11-25T12:00:00Z: moving" in decision.why


def test_an_event_that_no_route_sends_is_not_called_muted() -> None:
    settings = only(When(regions=("eu-west-1",)), mutes=(a_mute(),))
    assert decided(A_FAILURE, settings).outcome is RoutingOutcome.NO_ROUTE


# --- of any settings and any event ---------------------------------------------------------------


@given(event=strategies.events(), settings=strategies.settings())
def test_there_is_always_one_decision_per_destination_and_a_sentence(
    event: Event, settings: AlertSettings
) -> None:
    decisions = decide(event, settings)
    assert [decision.destination for decision in decisions] == list(settings.destinations)
    assert all(it.why[0].isupper() and it.why.endswith(".") for it in decisions)
    assert all(bool(it.routes) == (it.outcome is not RoutingOutcome.NO_ROUTE) for it in decisions)


@given(event=strategies.events(), settings=strategies.settings())
def test_a_mute_silences_and_never_sends(event: Event, settings: AlertSettings) -> None:
    loud = decide(event, replace(settings, mutes=()))
    for decision, unmuted in zip(decide(event, settings), loud, strict=True):
        assert decision.routes == unmuted.routes
        assert unmuted.outcome is RoutingOutcome.ROUTED or decision.outcome is unmuted.outcome
