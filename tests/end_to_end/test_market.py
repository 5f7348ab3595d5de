"""A market that lives, in the deployed stack: the alerts of its watch, within EC2's budget."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.box import Sandbox
from sandbox.ec2.faults import FaultKind
from tests.end_to_end.conftest import rows
from truffle.core.times import format_time, parse_time

REGION, ZONE = "eu-west-1", "eu-west-1a"
OPERATION = "DescribeCapacityBlockOfferings"


@pytest.fixture(autouse=True)
def refilled(healthy: None, box: Sandbox) -> None:
    """Each test starts with EC2's whole budget, which refills with the sandbox's time."""
    box.advance(timedelta(minutes=2))


def sell(box: Sandbox, price: str | None) -> None:
    """An instance for the last day that the watch takes; None takes it off the market."""
    _, status = box.get("/status")
    (watch,) = status["watches"]
    start = parse_time(watch["end_by"]) - timedelta(days=1)
    offer = {
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": ZONE,
        "Count": 1,
        "FirstStart": format_time(start),
        "HourlyPrice": price,
    }
    box.ec2.set_market(REGION, [offer] if price else [])


def answer_of(box: Sandbox) -> tuple[str, int]:
    """How the region answered the watch now, and how many events followed."""
    (answer,) = [it for it in box.watch() if it["region"] == REGION]
    return answer["outcome"], answer["events"]


def test_a_market_appears_gets_cheaper_and_dearer_is_throttled_and_vanishes(box: Sandbox) -> None:
    sell(box, None)
    box.ec2.forget_calls()
    lives: list[tuple[str | None, tuple[str, int]]] = [
        (None, ("none", 0)),
        ("40", ("offered", 1)),
        ("40", ("offered", 0)),
        ("32", ("offered", 1)),
        ("48", ("offered", 0)),
    ]
    with box.alerts() as alerts:
        for price, answered in lives:
            sell(box, price)
            assert answer_of(box) == answered
        box.ec2.break_calls(FaultKind.THROTTLED, REGION, OPERATION)
        sell(box, None)
        assert answer_of(box) == ("not-asked", 0)
        box.ec2.clear_faults()
        assert answer_of(box) == ("none", 1)
        result = alerts(1, at_least=3)
    assert [(it["type"], it["offering"]["upfront_fee"]) for it in result] == [
        ("offering_appeared", "960.00"),
        ("price_dropped", "768.00"),
        ("offering_gone", "1152.00"),
    ]
    assert {it["instance_type"] for it in result} == {"p5.48xlarge"}
    assert box.ec2.calls()[REGION, OPERATION] == 7
    points = rows(box, "/offerings/history", region=REGION, watch="hunt")[-7:]
    assert [(it["outcome"], it["upfront_fee"]) for it in points] == [
        ("none", None),
        ("offered", "960.00"),
        ("offered", "960.00"),
        ("offered", "768.00"),
        ("offered", "1152.00"),
        ("not-asked", None),
        ("none", None),
    ]


def test_the_status_says_how_each_region_answered(box: Sandbox) -> None:
    sell(box, None)
    box.ec2.break_calls(FaultKind.INTERNAL, "ap-northeast-3", OPERATION)
    box.watch()
    _, status = box.get("/status")
    (watch,) = status["watches"]
    regions = {it["region"]: it["outcome"] for it in watch["regions"]}
    assert regions == {REGION: "none", "ap-northeast-3": "failed"}


def test_the_api_has_what_the_watch_found(box: Sandbox) -> None:
    sell(box, "40")
    box.watch()
    _, answer = box.get("/offerings", region=REGION)
    (found,) = answer["items"]
    assert (found["watch"], found["price_per_gpu_hour"]) == ("hunt", 5)
    assert found["availability_zone"] == ZONE
    assert [(it["region"], it["outcome"]) for it in answer["answers"]] == [(REGION, "offered")]
