"""Requests that the API refuses, and the problem it answers with."""

from __future__ import annotations

import base64
import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from tests.builders import a_block, an_odcr
from tests.lambdas.api import (
    ask,
)
from tests.lambdas.query.builders import IRELAND, ROUTES, Api, inventory_of

BAD = {
    "type": "fleet",
    "instance_type": "p5.48xlarge; drop",
    "region": "US_EAST",
    "availability_zone": "zone",
    "account": "12345",
    "owner": "me",
    "state": "Active!",
    "accelerator": "?",
    "gpu_only": "yes",
    "available_only": "1",
    "active_only": "",
    "min_capacity": "-1",
    "tag": "Team",
    "starts_before": "tomorrow",
    "starts_after": "2026-13-01",
    "ends_before": "2026-11-24T12:00:00",
    "ends_after": "1700000000",
    "sort": "colour",
    "limit": "1001",
    "next_token": "?",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_names_the_parameter_the_value_and_what_is_allowed(api: Api, name: str) -> None:
    answer = ask("/reservations", f"{name}={quote(BAD[name])}")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (answer.body["parameter"], answer.body["value"]) == (name, BAD[name])
    assert answer.body["allowed"]
    assert answer.body["title"] == "Bad parameter"
    assert answer.body["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("state", "payment_failed", "payment-failed"),
        ("state", "activ", "active"),
        ("region", "us-esat-1", "us-east-1"),
        ("instance_type", "tnr1.32xlarge", "trn1.32xlarge"),
    ],
)
def test_a_near_miss_is_refused_with_the_match(api: Api, name: str, value: str, near: str) -> None:
    answer = ask("/reservations", f"{name}={value}")
    assert (answer.status, answer.body["value"]) == (400, value)
    assert f"Did you mean {near}?" in answer.body["detail"]


@pytest.mark.parametrize("route", ["/reservations", "/odcrs", "/summary"])
def test_an_unknown_value_passes_with_a_warning(api: Api, route: str) -> None:
    answer = ask(route, "state=delivering&region=ap-southeast-9")
    assert answer.status == 200
    assert "This release does not know the state delivering." in answer.body["warnings"]
    assert any("ap-southeast-9" in warning for warning in answer.body["warnings"])


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", ""])
def test_a_limit_out_of_range_is_refused(api: Api, limit: str) -> None:
    assert ask("/reservations", f"limit={limit}").body["parameter"] == "limit"


@pytest.mark.parametrize("name", ["limit", "gpu_only", "min_capacity", "starts_after", "sort"])
def test_a_parameter_that_takes_one_value_refuses_two(api: Api, name: str) -> None:
    assert ask("/reservations", f"{name}=1&{name}=2").body["parameter"] == name


@pytest.mark.parametrize("path", [*ROUTES, "/openapi.json", "/validate"])
def test_an_unknown_parameter_is_an_error_on_every_route(api: Api, path: str) -> None:
    answer = ask(path, colour="red")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (answer.body["parameter"], answer.body["value"]) == ("colour", "red")


def test_a_misspelled_parameter_is_answered_with_the_right_one(api: Api) -> None:
    assert "instance_type?" in ask("/reservations", instance_types="p5*").body["allowed"]


@pytest.mark.parametrize(
    ("path", "name"), [("/summary", "sort"), ("/summary", "limit"), ("/events", "region")]
)
def test_a_parameter_of_another_route_is_unknown(api: Api, path: str, name: str) -> None:
    assert ask(path, f"{name}=state").body["parameter"] == name


@pytest.mark.parametrize("path", ["/reservations", "/odcrs"])
@pytest.mark.parametrize(
    "question", ["", "state=active,expired", "sort=-reservation_id", "gpu_only=true"]
)
def test_the_token_of_another_question_is_refused(fleet: Api, path: str, question: str) -> None:
    token = ask("/reservations", "state=active&limit=1").body["next_token"]
    answer = ask(path, f"{question}&next_token={token}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


PAGED = ("/reservations", "/odcrs", "/events", "/status")


def test_a_token_is_taken_by_the_route_that_gave_it_alone(
    story: Api, subtests: pytest.Subtests
) -> None:
    story.collects(an_odcr("cr-c"), an_odcr("cr-d"), scope=IRELAND)
    for path, other in product(PAGED, PAGED):
        with subtests.test(f"of {path} by {other}"):
            token = ask(path, limit="1").body["next_token"]
            assert token is not None
            assert ask(other, next_token=token).status == (200 if other == path else 400)


def forged(mark: Any, question: str = "") -> str:
    """A token whose question is right and whose mark is not."""
    token = ask("/reservations", f"{question}&limit=1").body["next_token"]
    fingerprint, _ = json.loads(base64.urlsafe_b64decode(token))
    return base64.urlsafe_b64encode(json.dumps([fingerprint, mark]).encode()).decode()


@pytest.mark.parametrize("question", ["sort=state", "sort=total_capacity", "sort=-start_date", ""])
@pytest.mark.parametrize("mark", [None, 7, "x", [{}], ["a", 1, 2], {"a": 1}, [{}, "cr"]])
def test_a_forged_token_is_refused(question: str, mark: Any) -> None:
    with inventory_of([an_odcr("cr-a"), an_odcr("cr-b"), a_block("cr-c")]):
        answer = ask("/reservations", f"{question}&limit=1&next_token={forged(mark, question)}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"[1]", b'"ab"', b"null", b"\xff\xfe", b"[" * 5000]
)
def test_a_token_that_is_none_is_refused(api: Api, text: bytes) -> None:
    token = base64.urlsafe_b64encode(text).decode()
    answer = ask("/reservations", f"next_token={token}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")
