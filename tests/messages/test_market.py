"""Messages about offerings of watches: their card, their facts, and who gets them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import NOON, OHIO
from tests.core.market.builders import in_parts
from tests.messages.samples import market_events
from truffle.alerts.market_sample import sample_market_events
from truffle.alerts.routing import matches
from truffle.alerts.settings import When
from truffle.core.events import Event, EventType, message_attributes
from truffle.core.incidents import incident_of
from truffle.core.model import Scope
from truffle.messages.card import event_card

APPEARED, DROPPED, GONE = market_events()
PURCHASE = (
    "https://us-east-2.console.aws.amazon.com/ec2/home?region=us-east-2#CapacityReservations:"
)


def facts(event: Event) -> dict[str, str]:
    return {fact.name: fact.value for fact in event_card(event).facts}


def test_the_card_says_what_is_for_sale_and_where_to_buy_it() -> None:
    card = event_card(APPEARED)
    assert [(link.title, link.url) for link in card.links] == [("Buy in the EC2 console", PURCHASE)]
    assert card.step is not None
    assert "truffle never buys" in card.step
    assert card.command == (
        "truffle offerings --instance-type p5.48xlarge --count 8 --days 1 --regions us-east-2"
    )
    assert card.subject == "watch/truffle-sample/us-east-2"


def test_the_facts_are_the_price_the_past_and_the_block() -> None:
    found = facts(DROPPED)
    assert found["Change"] == "4.91 → 3.93 USD per accelerator-hour"
    assert found["Price"] == (
        "3.93 USD per accelerator-hour, 31.44 USD per instance-hour, 6036.48 USD in total"
    )
    assert found["Last 30 days"] == "lowest 3.93, median 4.91 (of 12 days)"
    assert found["Instances"] == "8 × p5.48xlarge (64 × H100)"
    assert found["Watch"] == "truffle-sample"
    assert "Price" not in facts(GONE)


def test_a_first_price_has_no_past() -> None:
    assert APPEARED.after is not None
    first = replace(APPEARED, after={**APPEARED.after, "past": None})
    assert facts(first)["Last 30 days"] == "no price known"


def test_an_offering_in_parts_names_each() -> None:
    found = facts(replace(APPEARED, offering=in_parts()))
    assert found["Part 1"].startswith("1 × p5.48xlarge in us-east-2a")
    assert found["Part 2"].startswith("1 × p5e.48xlarge in us-east-2b")


def test_in_a_partition_whose_console_is_unknown_there_is_no_link() -> None:
    (event, *_) = sample_market_events(
        Scope(OHIO.account_id, "eusc-de-east-1"), "p5.48xlarge", NOON
    )
    assert event_card(event).links == ()


@pytest.mark.parametrize(
    ("when", "meets"),
    [
        (When(types=(EventType.OFFERING_APPEARED,)), True),
        (When(instance_types=("p5*",), regions=("us-*",)), True),
        (When(instance_types=("p4*",)), False),
        (When(reservation_types=("capacity-block",)), False),
        (When(states=("active",)), False),
        (When(tags={"Team": ("research",)}), False),
    ],
    ids=str,
)
def test_routes_choose_by_type_region_and_instance_type(when: When, meets: bool) -> None:
    assert matches(APPEARED, when) is meets


def test_one_type_of_an_offering_in_parts_is_enough() -> None:
    assert matches(replace(APPEARED, offering=in_parts()), When(instance_types=("p5e*",)))


@pytest.mark.parametrize("event", [APPEARED, DROPPED, GONE], ids=lambda event: event.type)
def test_they_neither_open_nor_resolve_an_incident(event: Event) -> None:
    assert incident_of(event) is None


def test_subscriptions_can_filter_on_type_region_and_instance_type() -> None:
    assert message_attributes(APPEARED) == {
        "type": "offering_appeared",
        "severity": "good",
        "region": "us-east-2",
        "account_id": "123456789012",
        "instance_type": "p5.48xlarge",
    }
