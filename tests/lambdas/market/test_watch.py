"""``watch``: what is asked when, within the budget, and what is recorded of the answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lambdas import wiring
from lambdas.clients import service
from lambdas.store.watches import WatchStore
from tests.builders import HOUR, NOON
from tests.lambdas.fakes import Killed, client_error
from tests.lambdas.market.exchange import OPERATION, a_raw_offering
from tests.lambdas.market.hunt import OHIO, Hunt, a_watch
from truffle.core.market.answers import answers_of_lines

MINUTE = timedelta(minutes=1)


def test_a_market_that_lives(hunt: Hunt) -> None:
    lives: list[tuple[list[Any], list[str]]] = [
        ([], []),
        ([a_raw_offering(40)], ["offering_appeared"]),
        ([a_raw_offering(30)], ["price_dropped"]),
        ([a_raw_offering(50)], []),
        ([], ["offering_gone"]),
    ]
    expected: list[str] = []
    for sold, published in lives:
        hunt.ohio.sold = sold
        hunt.start()
        hunt.clock.advance(HOUR)
        expected += published
        assert hunt.published() == expected


def test_the_question_is_that_of_the_watch(hunt: Hunt) -> None:
    hunt.watches(a_watch(count=4, days=7, start_after="2026-12-01", end_by="2026-12-20"))
    hunt.start()
    (request,) = hunt.ohio.asked
    assert (request["InstanceType"], request["InstanceCount"]) == ("p5.48xlarge", 4)
    assert request["CapacityDurationHours"] == 168
    assert f"{request['StartDateRange']:%Y-%m-%d}" == "2026-12-01"
    assert f"{request['EndDateRange']:%Y-%m-%d %H}" == "2026-12-21 00"


def test_a_watch_is_asked_when_it_is_due(hunt: Hunt) -> None:
    hunt.watches(a_watch("hourly"), a_watch("often", every="15m"))
    asked = []
    for _ in range(6):
        asked.append(sorted(hunt.outcomes()))
        hunt.clock.advance(15 * MINUTE)
    both, often = ["hourly", "often"], ["often"]
    assert asked == [both, often, often, often, both, often]


def test_one_whose_end_has_passed_is_not_asked(hunt: Hunt) -> None:
    hunt.watches(a_watch(end_by="2026-11-24T12:00:00Z"))
    assert hunt.start() == hunt.start(now=True) == []


def test_the_five_outcomes_are_distinct(hunt: Hunt) -> None:
    hunt.watches(a_watch(regions=["us-east-1", "us-east-2", "us-west-2", "eu-west-2", "eu-west-1"]))
    of = hunt.exchange.of
    of("us-east-2").sold = [a_raw_offering()]
    unknown = client_error("InvalidParameterValue", OPERATION)
    unknown.response["Error"]["Message"] = "p5.48xlarge is not supported for Capacity Blocks"
    of("us-west-2").fault = unknown
    of("eu-west-2").fault = client_error("InternalError", OPERATION)
    of("eu-west-1").take(10)
    answers = {it["region"]: (it["outcome"], it["code"]) for it in hunt.start()}
    assert answers == {
        "us-east-1": ("none", None),
        "us-east-2": ("offered", None),
        "us-west-2": ("unknown-type", "InvalidParameterValue"),
        "eu-west-2": ("failed", "InternalError"),
        "eu-west-1": ("not-asked", "CapacityBlockDescribeLimitExceeded"),
    }


def test_answers_are_kept_in_the_bucket_with_their_outcome(hunt: Hunt) -> None:
    hunt.watches(a_watch("a"), a_watch("b"))
    hunt.ohio.sold = [a_raw_offering()]
    hunt.start()
    (key,) = hunt.stack.keys()
    assert key.startswith("offerings/dt=2026-11-24/hour=12/us-east-2-120000-")
    kept = answers_of_lines(hunt.stack.object(key))
    assert [(it.watch, it.outcome, len(it.offerings)) for it in kept] == [
        ("a", "offered", 1),
        ("b", "offered", 1),
    ]


class TestTheBudget:
    def test_calls_are_left_for_people(self, hunt: Hunt) -> None:
        hunt.watches(*(a_watch(f"w{number:02}", every="1m") for number in range(12)))
        outcomes = hunt.outcomes()
        assert list(outcomes.values()).count("not-asked") == 4
        assert hunt.ohio.take(2)

    def test_a_person_may_use_what_is_left(self, hunt: Hunt) -> None:
        hunt.watches(*(a_watch(f"w{number:02}", every="1m") for number in range(12)))
        outcomes = hunt.outcomes(now=True)
        assert list(outcomes.values()).count("not-asked") == 2
        assert hunt.ohio.refused == 0

    def test_it_survives_the_end_of_the_function(self, hunt: Hunt) -> None:
        hunt.watches(*(a_watch(f"w{number:02}", every="1m") for number in range(12)))
        for _ in range(6):
            hunt.start()
            hunt.watches(*(a_watch(f"w{number:02}", every="1m") for number in range(12)))
            hunt.clock.advance(MINUTE)
        assert hunt.ohio.refused == 0
        assert len(hunt.ohio.asked) == pytest.approx(8 + 5 * 60 * 0.12, abs=1)

    def test_one_that_waits_is_recorded_once(self, hunt: Hunt) -> None:
        watches = [a_watch(f"w{number:02}", every="24h") for number in range(12)]
        hunt.watches(*watches)
        first = hunt.outcomes()
        hunt.clock.advance(timedelta(seconds=9))
        second = hunt.outcomes()
        assert sorted(first.values()) == ["none"] * 8 + ["not-asked"] * 4
        assert list(second.values()) == ["none"]

    def test_where_others_used_it_up_the_rest_waits(self, hunt: Hunt) -> None:
        hunt.watches(a_watch("a"), a_watch("b"))
        hunt.ohio.take(10)
        assert hunt.outcomes() == {"a": "not-asked", "b": "not-asked"}
        assert len(hunt.ohio.asked) == 1
        hunt.clock.advance(5 * timedelta(seconds=1))
        assert hunt.outcomes() == {}
        hunt.clock.advance(30 * timedelta(seconds=1))
        assert hunt.outcomes() == {"a": "none", "b": "none"}

    def test_each_page_takes_a_call(self, hunt: Hunt) -> None:
        hunt.ohio.sold = [a_raw_offering(days=day) for day in range(2, 7)]
        hunt.ohio.a_page = 2
        (answer,) = hunt.start()
        assert (answer["outcome"], answer["offerings"]) == ("offered", 5)
        store = WatchStore(service("dynamodb"), hunt.stack.table)
        assert (len(hunt.ohio.asked), store.buckets()[OHIO].bucket.tokens) == (3, 7)

    def test_pages_beyond_the_budget_wait_and_leave_the_calls_of_others(self, hunt: Hunt) -> None:
        hunt.watches(*(a_watch(f"w{number}") for number in range(7)))
        hunt.ohio.sold = [a_raw_offering(days=day) for day in range(2, 5)]
        hunt.ohio.a_page = 2
        outcomes = hunt.outcomes()
        assert outcomes == {"w0": "offered", **{f"w{n}": "not-asked" for n in range(1, 7)}}
        assert hunt.ohio.take(2)
        hunt.clock.advance(HOUR)
        assert len(hunt.outcomes()) == 7
        assert hunt.ohio.refused == 0

    def test_a_person_may_try_again_at_once(self, hunt: Hunt) -> None:
        hunt.ohio.fault = client_error("RequestLimitExceeded", OPERATION)
        assert hunt.outcomes() == {"hunt": "not-asked"}
        hunt.ohio.fault = None
        assert hunt.outcomes() == {}
        assert hunt.outcomes(now=True) == {"hunt": "none"}

    def test_regions_have_budgets_of_their_own(self, hunt: Hunt) -> None:
        hunt.ohio.take(10)
        hunt.watches(a_watch(regions=[OHIO, "us-east-1"]))
        outcomes = {it["region"]: it["outcome"] for it in hunt.start()}
        assert outcomes == {OHIO: "not-asked", "us-east-1": "none"}


def test_a_failed_call_is_repeated_soon(hunt: Hunt) -> None:
    hunt.ohio.fault = client_error("InternalError", OPERATION)
    assert hunt.outcomes() == {"hunt": "failed"}
    assert len(hunt.ohio.asked) == 1
    hunt.clock.advance(5 * MINUTE)
    assert hunt.outcomes() == {}
    hunt.ohio.fault = None
    hunt.clock.advance(5 * MINUTE)
    assert hunt.outcomes() == {"hunt": "none"}


def test_no_call_begins_without_time_for_it(hunt: Hunt) -> None:
    assert hunt.outcomes(milliseconds=20_000) == {"hunt": "not-asked"}
    assert hunt.ohio.asked == []


def test_what_is_no_longer_watched_is_forgotten(hunt: Hunt) -> None:
    hunt.watches(a_watch("old"), a_watch("new", regions=[OHIO, "us-east-1"]))
    hunt.start()
    hunt.watches(a_watch("new"))
    hunt.start()
    store = WatchStore(service("dynamodb"), hunt.stack.table)
    assert store.states().keys() == {(OHIO, "new")}


class TestTwoAtOnce:
    """Another invocation runs while this one asks."""

    def test_an_event_is_recorded_once(self, hunt: Hunt) -> None:
        hunt.start()
        hunt.ohio.sold = [a_raw_offering()]
        hunt.clock.advance(HOUR)
        ask, others = hunt.ohio.describe_capacity_block_offerings, iter([True])

        def ask_while_another_does(**request: Any) -> Any:
            if next(others, False):
                hunt.start(now=True)
            return ask(**request)

        hunt.ohio.describe_capacity_block_offerings = ask_while_another_does  # type: ignore[method-assign]
        assert hunt.start() == []
        assert hunt.published() == ["offering_appeared"]

    def test_a_call_is_claimed_before_it_is_made(self, hunt: Hunt) -> None:
        hunt.ohio.fault = Killed()
        with pytest.raises(Killed):
            wiring.watch().asker.ask(everything=False, has_time=lambda: True)
        store = WatchStore(service("dynamodb"), hunt.stack.table)
        assert store.buckets()[OHIO].bucket.tokens == 9


def test_a_state_of_another_version_is_a_new_baseline(hunt: Hunt) -> None:
    hunt.ohio.sold = [a_raw_offering()]
    hunt.start()
    key = {"pk": {"S": "WATCHES"}, "sk": {"S": f"{OHIO}/hunt"}}
    service("dynamodb").update_item(
        TableName=hunt.stack.table,
        Key=key,
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": '{"schema_version": 9}'}},
    )
    hunt.ohio.sold = []
    assert hunt.outcomes() == {"hunt": "none"}
    assert hunt.published() == []


def test_an_event_has_the_account_and_the_times(hunt: Hunt) -> None:
    hunt.start()
    hunt.ohio.sold = [a_raw_offering()]
    hunt.clock.advance(HOUR)
    hunt.start()
    (event,) = hunt.stack.events()
    assert event["account_id"] == "123456789012"
    assert event["previous_observed_at"] == "2026-11-24T12:00:00Z"
    assert event["observed_at"] == "2026-11-24T13:00:00Z"
    assert (event["watch"], event["region"], event["reservation"]) == ("hunt", OHIO, None)
    assert hunt.clock() == NOON + HOUR
