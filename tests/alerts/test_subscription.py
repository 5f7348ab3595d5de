"""The filter policies of the subscriptions: coarse, and never closer than the decision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import pytest
from hypothesis import given

from tests.alerts import strategies
from tests.builders import a_block, a_scope_event, an_event, an_odcr
from truffle.alerts.routing import RoutingOutcome, decide, subscription_filter
from truffle.alerts.settings import AlertSettings, Destination, DestinationKind, Route, When
from truffle.core.events import Event, EventType, Severity, message_attributes

Policy = Mapping[str, Any]

BUS = Destination(name="bus", kind=DestinationKind.HTTPS, secret="truffle/bus")
TEAM = Destination(name="team", kind=DestinationKind.TEAMS, secret="truffle/team")


def passes(policy: Policy | None, attributes: Mapping[str, str]) -> bool:
    """Whether SNS lets a message through (SNS Developer Guide, filter policies)."""
    if policy is None:
        return True
    return all(
        any(passes(branch, attributes) for branch in values)
        if name == "$or"
        else any(_meets(value, attributes.get(name)) for value in values)
        for name, values in policy.items()
    )


def _meets(wanted: str | Mapping[str, Any], value: str | None) -> bool:
    if isinstance(wanted, str):
        return value == wanted
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return bool((value is not None) == operand)
    assert operator == "prefix", operator
    return value is not None and value.startswith(str(operand))


def conditions(policy: Policy) -> Iterator[tuple[str, list[Any]]]:
    for name, values in policy.items():
        if name == "$or":
            for branch in values:
                yield from conditions(branch)
        else:
            yield name, values


def filter_of(destination: Destination, *whens: When | None) -> Policy | None:
    """The policy of a destination that these routes lead to."""
    routes = [Route(f"r{number}", (destination.name,), when) for number, when in enumerate(whens)]
    return subscription_filter(AlertSettings((destination,), tuple(routes)), destination)


@given(event=strategies.events(), settings=strategies.settings())
def test_it_lets_through_whatever_is_sent(event: Event, settings: AlertSettings) -> None:
    for decision in decide(event, settings):
        if decision.outcome is RoutingOutcome.ROUTED:
            policy = subscription_filter(settings, decision.destination)
            assert passes(policy, message_attributes(event))


@given(settings=strategies.settings())
def test_it_is_one_that_sns_takes(settings: AlertSettings) -> None:
    for destination in settings.destinations:
        policy = subscription_filter(settings, destination)
        if policy is not None:
            found = list(conditions(policy))
            assert len({name for name, _ in found}) <= 5
            assert prod(len(values) for _, values in found) <= 150
            assert all(found)
            assert all(len(branches) > 1 for name, branches in policy.items() if name == "$or")
            assert json.loads(json.dumps(policy)) == policy


def test_a_route_is_a_policy() -> None:
    when = When(
        types=(EventType.STATE_CHANGED,),
        severities=(Severity.WARNING, Severity.CRITICAL),
        states=("failed",),
        accounts=("123456789012",),
        instance_types=("p5.48xlarge", "p4*"),
    )
    assert filter_of(BUS, when) == {
        "type": ["state_changed"],
        "severity": ["warning", "critical"],
        "state": ["failed"],
        "account_id": ["123456789012"],
        "instance_type": ["p5.48xlarge", {"prefix": "p4"}],
    }


def test_several_routes_are_alternatives_and_each_is_there_once() -> None:
    ohio, blocks = When(regions=("us-east-2",)), When(reservation_types=("capacity-block",))
    assert filter_of(BUS, ohio, blocks, ohio) == {
        "$or": [{"region": ["us-east-2"]}, {"reservation_type": ["capacity-block"]}]
    }


def test_people_get_their_default_from_the_subscription_already() -> None:
    policy = filter_of(TEAM, None)
    assert policy == {
        "$or": [
            {"reservation_type": ["capacity-block", "training-plan"]},
            {"severity": ["warning", "critical"]},
            {
                "type": [
                    *("scope_failing", "scope_recovered"),
                    *("offering_appeared", "price_dropped", "offering_gone"),
                ]
            },
        ]
    }
    dull = an_event(an_odcr(), severity=Severity.INFO)
    result = (an_event(a_block(), severity=Severity.INFO), a_scope_event())
    assert not passes(policy, message_attributes(dull))
    assert all(passes(policy, message_attributes(event)) for event in result)


@pytest.mark.parametrize(
    "whens",
    [
        (None,),
        (When(),),
        (When(regions=("us-east-2",)), When()),
        (When(regions=("*-1",)),),
        (When(tags={"Team": ("research",)}),),
        (When(instance_types=("*.48xlarge", "p5*")),),
        tuple(
            When(severities=(Severity.INFO, Severity.GOOD), states=(name,)) for name in "abcdefgh"
        ),
        (
            When(types=(EventType.IDLE,), severities=(Severity.INFO,), states=("active",)),
            When(accounts=("1",), regions=("us-east-2",), instance_types=("p5*",)),
        ),
        (),
    ],
    ids=[
        "machine",
        "empty",
        "one empty",
        "region",
        "tag",
        "suffix",
        "combinations",
        "names",
        "no route",
    ],
)
def test_where_nothing_can_be_left_out_everything_comes(whens: tuple[When | None, ...]) -> None:
    assert filter_of(BUS, *whens) is None


def test_a_tag_is_left_to_the_decision_and_the_rest_is_asked_for() -> None:
    when = When(regions=("us-east-2",), tags={"Team": ("research",)})
    assert filter_of(BUS, when) == {"region": ["us-east-2"]}


@pytest.mark.parametrize(
    ("glob", "condition"),
    [
        ("p5.48xlarge", "p5.48xlarge"),
        ("p5*", {"prefix": "p5"}),
        ("p?d.24xlarge", {"prefix": "p"}),
        ("p5.[0-9]*xlarge", {"prefix": "p5."}),
    ],
)
def test_of_a_glob_its_beginning_is_asked_for(glob: str, condition: object) -> None:
    assert filter_of(BUS, When(instance_types=(glob,))) == {"instance_type": [condition]}
