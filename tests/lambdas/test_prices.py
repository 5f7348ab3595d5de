"""``prices``: requests the prices of what is held, of new types at once and of others weekly."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas import prices, wiring
from lambdas.settings import PricesSettings, QuerySettings
from tests.builders import DAY, HOME, HOUR, NOON
from tests.core.market.builders import a_question, an_offering
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import (
    EXTENSION_HISTORY,
    Clock,
    FakeContext,
    a_raw_block,
    a_raw_odcr,
    client_error,
)
from tests.lambdas.hours import IRELAND, OHIO, Hours
from truffle.core.market.answers import Answer, Outcome, answers_key, answers_to_lines
from truffle.core.offerings import Offering

Place = tuple[str, str]


def an_entry(name: str, region: str, amount: str, **attributes: str) -> str:
    """A product of a running instance, with its On-Demand price."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": amount}}
    return json.dumps(
        {
            "product": {
                "attributes": {
                    "instanceType": name,
                    "regionCode": region,
                    "operation": "RunInstances",
                    "tenancy": "Shared",
                    "capacitystatus": "Used",
                    **attributes,
                }
            },
            "terms": {
                "OnDemand": {
                    "a": {
                        "effectiveDate": "2026-11-01T00:00:00Z",
                        "priceDimensions": {"b": dimension},
                    }
                }
            },
        }
    )


@dataclass
class PriceServer:
    """A client of the price list: a page for each product, and the faults of some types."""

    listed: dict[Place, list[str]] = field(default_factory=dict)
    faults: dict[Place, Exception] = field(default_factory=dict)
    asked: list[Place] = field(default_factory=list)

    def get_paginator(self, operation: str) -> Any:
        assert operation == "get_products"
        return self

    def paginate(self, **call: Any) -> Iterator[Any]:
        assert call["ServiceCode"] == "AmazonEC2"
        wanted = {it["Field"]: it["Value"] for it in call["Filters"]}
        place = wanted["instanceType"], wanted["regionCode"]
        self.asked.append(place)
        if place in self.faults:
            raise self.faults[place]
        for text in self.listed.get(place, []):
            yield {"PriceList": [text]}


@pytest.fixture
def hours(stack: Stack, clock: Clock, deploy: Callable[..., None]) -> Hours:
    made = Hours(stack, clock, deploy)
    made.fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    made.run()
    return made


@pytest.fixture
def server() -> PriceServer:
    ohio = ("p4d.24xlarge", "us-east-2")
    windows = an_entry(*ohio, "99", operation="RunInstances:0002")
    return PriceServer({ohio: [windows, an_entry(*ohio, "32.7726")]})


def fetch(hours: Hours, server: PriceServer) -> list[Place]:
    """Run the function, and return its requests."""
    hours.deploy(PricesSettings)
    parts: Any = wiring.prices()
    parts.client = server
    context: Any = FakeContext()
    server.asked.clear()
    prices.handler({}, context)
    return server.asked


def test_odcrs_that_are_held_get_a_price_and_blocks_do_not(
    hours: Hours, server: PriceServer
) -> None:
    assert fetch(hours, server) == [("p4d.24xlarge", "us-east-2")]
    hours.next()
    asked = {"since": "2026-11-24", "until": "2026-11-24T13:00:01Z", "interval": "total"}
    body = hours.ask("/usage", **asked).body
    (row,) = body["items"]
    assert row["reserved_cost"] == pytest.approx(8 * 32.7726, abs=0.1)
    assert row["idle_cost"] == pytest.approx(3 * 32.7726, abs=0.1)
    assert body["prices"] == [
        {
            "type": "odcr",
            "instance_type": "p4d.24xlarge",
            "region": "us-east-2",
            "platform": "Linux/UNIX",
            "tenancy": "default",
            "per_instance_hour": 32.7726,
            "currency": "USD",
            "source": "price-list",
            "as_of": "2026-11-01",
        }
    ]


def test_what_is_idle_costs_the_same_in_every_answer(hours: Hours, server: PriceServer) -> None:
    fetch(hours, server)
    hours.next()
    total = hours.ask("/summary", type="odcr").body["total"]
    assert total["idle_usd_per_hour"] == pytest.approx(3 * 32.7726)
    assert total["unpriced_instances"] == 0
    assert "idle_usd_per_hour{" in hours.ask("/metrics", type="odcr").text
    assert "98.3178" in hours.ask("/metrics", type="odcr").text
    assert '"idle_usd_per_hour":10' in hours.ask("/report", type="odcr").text.replace(" ", "")


def test_the_price_book_names_the_prices_of_what_is_held(hours: Hours, server: PriceServer) -> None:
    fetch(hours, server)
    hours.next()
    body = hours.ask("/prices").body
    assert (body["settings"], body["fees"]) == ({}, [])
    assert body["price_list"] == [
        {
            "instance_type": "p4d.24xlarge",
            "region": "us-east-2",
            "platform": "Linux/UNIX",
            "tenancy": "default",
            "per_instance_hour": 32.7726,
            "currency": "USD",
            "as_of": "2026-11-01",
        }
    ]


def test_a_type_is_asked_for_again_after_a_week_and_a_new_one_at_once(
    hours: Hours, server: PriceServer
) -> None:
    fetch(hours, server)
    hours.clock.advance(DAY)
    assert fetch(hours, server) == []
    hours.fleet.holds(IRELAND, a_raw_odcr("cr-c", InstanceType="g6.xlarge"))
    hours.next()
    assert fetch(hours, server) == [("g6.xlarge", "eu-west-1")]
    hours.clock.advance(6 * DAY - 2 * HOUR)
    assert fetch(hours, server) == [("p4d.24xlarge", "us-east-2")]


def test_a_type_that_fails_keeps_its_old_price_and_not_the_others(
    hours: Hours, server: PriceServer
) -> None:
    fetch(hours, server)
    hours.fleet.holds(IRELAND, a_raw_odcr("cr-c", InstanceType="g6.xlarge"))
    hours.next()
    hours.clock.advance(timedelta(days=7))
    server.listed["g6.xlarge", "eu-west-1"] = [an_entry("g6.xlarge", "eu-west-1", "0.9")]
    server.faults["p4d.24xlarge", "us-east-2"] = client_error("ThrottlingException", "GetProducts")
    with pytest.raises(prices.NotFetched, match=r"p4d.24xlarge in us-east-2"):
        fetch(hours, server)
    hours.deploy(QuerySettings)
    listed = wiring.query().prices().listed
    linux = {it.instance_type: rate for it, rate in listed.items() if it.platform == "Linux/UNIX"}
    assert {name: str(rate.amount) for name, rate in linux.items()} == {
        "p4d.24xlarge": "32.7726",
        "g6.xlarge": "0.9",
    }


def test_a_block_costs_the_fee_of_the_offering_that_a_watch_saw_before(
    hours: Hours, server: PriceServer
) -> None:
    raw = a_raw_block("cr-b", CreateDate=NOON, State="active")
    raw |= {"TotalInstanceCount": 16, "AvailableInstanceCount": 4}
    hours.fleet.holds(OHIO, raw)
    hours.next()
    offering = an_offering(
        end=raw["EndDate"],
        start_date=raw["StartDate"],
        instance_count=16,
        availability_zone=raw["AvailabilityZone"],
        upfront_fee="26880.00",
    )
    record(hours, offering, at=NOON - HOUR)
    fetch(hours, server)
    total = hours.ask("/summary").body["total"]
    assert (total["idle_usd_per_hour"], total["unpriced_instances"]) == (4 * 10.0, 0)
    (fee,) = hours.ask("/prices").body["fees"]
    assert (fee["capacity_block_id"], fee["amount"], fee["instances"]) == ("cr-b", 26880.0, 16)


def test_an_extended_block_costs_the_fee_of_its_offering_and_of_its_extension(
    hours: Hours, server: PriceServer
) -> None:
    raw = a_raw_block("cr-b", CreateDate=NOON, State="active")
    raw |= {"TotalInstanceCount": 16, "AvailableInstanceCount": 4}
    first_end = raw["EndDate"]
    facts = {"start_date": raw["StartDate"], "instance_count": 16, "upfront_fee": "26880.00"}
    zone = raw["AvailabilityZone"]
    record(hours, an_offering(end=first_end, availability_zone=zone, **facts), at=NOON - HOUR)
    hours.fleet.holds(OHIO, {**raw, "EndDate": first_end + DAY})
    hours.fleet.extensions[OHIO] = [an_extension(first_end, first_end + DAY, "7680.00")]
    hours.next()
    fetch(hours, server)
    (fee,) = hours.ask("/prices").body["fees"]
    assert (fee["amount"], fee["extension_amount"]) == (34560.0, 7680.0)
    assert (fee["source"], fee["hours"]) == ("extended-block-fee", 8 * 24)
    assert hours.ask("/summary").body["total"]["idle_usd_per_hour"] == 4 * 34560 / 16 / 8 / 24


def test_a_scope_that_refuses_its_extensions_is_named(hours: Hours, server: PriceServer) -> None:
    hours.fleet.fails(OHIO, client_error("UnauthorizedOperation"), EXTENSION_HISTORY)
    hours.clock.advance(DAY)
    hours.run()
    fetch(hours, server)
    assert hours.ask("/prices").body["unanswered"] == [
        {
            "operation": "DescribeCapacityBlockExtensionHistory",
            "error": "UnauthorizedOperation",
            "account_id": HOME,
            "region": "us-east-2",
        }
    ]


def an_extension(start: datetime, end: datetime, fee: str) -> dict[str, Any]:
    return {
        "CapacityReservationId": "cr-b",
        "InstanceCount": 16,
        "CapacityBlockExtensionStatus": "payment-succeeded",
        "CapacityBlockExtensionStartDate": start,
        "CapacityBlockExtensionEndDate": end,
        "UpfrontFee": fee,
        "CurrencyCode": "USD",
    }


def record(hours: Hours, offering: Offering, at: datetime) -> None:
    """Put an answer to a watch into the bucket."""
    answer = Answer(
        watch="big",
        region=OHIO.region,
        account_id=HOME,
        question=a_question(),
        outcome=Outcome.OFFERED,
        observed_at=at,
        offerings=(offering,),
        code=None,
        message=None,
    )
    lines = answers_to_lines([answer])
    name = answers_key(OHIO.region, at, lines)
    s3 = wiring.service("s3")
    s3.put_object(Bucket=hours.stack.bucket, Key=name, Body=gzip.compress(lines))


def test_a_partition_without_a_price_list_is_not_asked(hours: Hours) -> None:
    hours.deploy(PricesSettings)
    wiring.prices().client = None
    context: Any = FakeContext()
    assert prices.handler({}, context) == {"due": 1}
