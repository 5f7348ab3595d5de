"""``GET /offerings`` and its history, beside the answers of the watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from lambdas.clients import service
from lambdas.history import market as reader
from lambdas.settings import QuerySettings
from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import a_question, an_answer, an_offering
from tests.core.market.markets import random_answers
from tests.core.market.test_history import expected_point
from tests.lambdas.api import ask, pages
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.markets import watched
from truffle.core.market.answers import Outcome

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def api(stack: Stack, deploy: Callable[..., None], clock: Clock) -> None:
    clock.moment = NOON + 4 * DAY
    deploy(QuerySettings)


def items(path: str = "/offerings", **asked: str) -> list[Json]:
    answer = ask(path, **asked)
    assert answer.status == 200, answer.text
    found: list[Json] = answer.body["items"]
    return found


class TestNow:
    def test_what_was_found_last_and_how_each_region_answered(self, stack: Stack) -> None:
        watched(stack, an_answer(an_offering(40), an_offering(36, offering_id="cb-1")))
        failed = an_answer(region="us-east-1", outcome=Outcome.FAILED, code="InternalError")
        watched(stack, failed)
        answer = ask("/offerings").body
        assert [it["offering_id"] for it in answer["items"]] == ["cb-1", "cb-0"]
        assert answer["items"][0]["watch"] == "hunt"
        assert [(it["region"], it["outcome"], it["code"]) for it in answer["answers"]] == [
            ("us-east-1", "failed", "InternalError"),
            ("us-east-2", "offered", None),
        ]

    def test_a_failed_attempt_leaves_what_was_known_with_its_time(self, stack: Stack) -> None:
        watched(stack, an_answer(an_offering()))
        watched(stack, an_answer(at=NOON + HOUR, outcome=Outcome.FAILED, code="InternalError"))
        answer = ask("/offerings").body
        assert [it["observed_at"] for it in answer["items"]] == ["2026-11-24T12:00:00Z"]
        (standing,) = answer["answers"]
        assert (standing["outcome"], standing["known_outcome"]) == ("failed", "offered")
        assert standing["known_at"] == "2026-11-24T12:00:00Z"

    def test_without_watches_there_is_nothing(self) -> None:
        answer = ask("/offerings").body
        assert (answer["items"], answer["answers"], answer["count"]) == ([], [], 0)

    def test_filters_and_sort(self, stack: Stack) -> None:
        watched(stack, an_answer(an_offering(40), an_offering(60, offering_id="cb-dear")))
        other = an_offering(50, region="us-east-1", availability_zone="us-east-1a")
        watched(stack, an_answer(other, region="us-east-1"))
        prices = [it["price_per_gpu_hour"] for it in items(sort="-upfront_fee")]
        assert prices == [60, 50, 40]
        assert [it["region"] for it in items(region="us-east-1")] == ["us-east-1"]
        assert len(items(max_accelerator_hour_price="50")) == 2
        assert items(instance_type="p4*") == []

    @pytest.mark.parametrize("name", ["max_accelerator_hour_price", "sort", "watch", "since"])
    def test_a_bad_value_is_named(self, name: str) -> None:
        answer = ask("/offerings", **{name: "!"})
        assert (answer.status, answer.body["parameter"]) == (400, name)

    def test_pages_are_the_whole_list_in_its_order(self, stack: Stack) -> None:
        for answer in sorted(random_answers(4), key=lambda it: it.observed_at):
            watched(stack, answer)
        whole = items(limit="1000")
        found = [
            it
            for page in pages("/offerings", "sort=price_per_gpu_hour", 3)
            for it in page.body["items"]
        ]
        assert found == whole


class TestHistory:
    def test_each_answer_of_the_time_is_a_point(self, stack: Stack) -> None:
        answers = random_answers(7)
        for answer in sorted(answers, key=lambda it: it.observed_at):
            watched(stack, answer)
        since, until = NOON + DAY, NOON + 2 * DAY
        asked = urlencode({"since": since.isoformat(), "until": until.isoformat()})
        recorded = [
            (
                *(it[name] for name in ("watch", "region", "observed_at", "outcome", "offerings")),
                *(it["price_per_gpu_hour"], it["lead_hours"]),
            )
            for page in pages("/offerings/history", asked, 5)
            for it in page.body["items"]
        ]
        expected = [it.to_json() for it in answers if since <= it.observed_at < until]
        assert recorded == sorted(map(expected_point, expected), key=lambda it: it[:3])
        assert len(recorded) > 10

    def test_all_that_was_found_in_a_time_is_there_each_time(self, stack: Stack) -> None:
        for hours in range(3):
            watched(stack, an_answer(an_offering(40 - hours), at=NOON + hours * HOUR))
        found = items(since="2026-11-24T13:00:00Z", sort="observed_at")
        assert [it["price_per_gpu_hour"] for it in found] == [39, 38]

    def test_a_watch_and_a_type_are_chosen(self, stack: Stack) -> None:
        watched(stack, an_answer())
        other = a_question(instance_type="p5en.48xlarge")
        watched(stack, an_answer(watch="other", question=other))
        found = items("/offerings/history", since="2026-11-24", instance_type="p5en*")
        assert [it["watch"] for it in found] == ["other"]

    @pytest.mark.parametrize(
        ("since", "allowed"),
        [("2026-11-29", "It must be before 2026-11-28T12:00:00Z."), ("2026-08-01", "92 days")],
    )
    def test_a_period_that_cannot_be_is_named(self, since: str, allowed: str) -> None:
        answer = ask("/offerings/history", since=since)
        assert answer.status == 400
        assert allowed in answer.body["allowed"]

    def test_more_objects_than_a_question_may_read_are_for_sql(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reader, "MOST_OBJECTS", 1)
        watched(stack, an_answer())
        watched(stack, an_answer(at=NOON + HOUR))
        answer = ask("/offerings/history", since="2026-11-24")
        assert (answer.status, answer.body["title"]) == (400, "Request too large")
        assert "FROM offerings" in answer.body["sql"]

    def test_a_damaged_object_is_named_rather_than_left_out(self, stack: Stack) -> None:
        watched(stack, an_answer())
        (key,) = stack.keys()
        service("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"no gzip")
        answer = ask("/offerings/history", since="2026-11-24")
        assert answer.status == 503
        assert key in answer.body["detail"]
