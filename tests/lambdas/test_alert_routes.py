"""``query``: who gets an event, and samples for a route."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.alert_settings import FILE_VARIABLE
from lambdas.clients import service
from lambdas.settings import QuerySettings
from lambdas.store.deliveries import DeliveryStore
from lambdas.store.events import event_item
from tests.builders import DAY, NOON, a_block, a_scope_event, an_event
from tests.lambdas.api import Answer, ask
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, Wire, client_error
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery
from truffle.core.events import Event, Severity, to_message

Json = dict[str, Any]

SETTINGS: Json = {
    "destinations": {
        "oncall": {"kind": "slack", "secret": "truffle/slack"},
        "warehouse": {"kind": "https", "secret": "truffle/warehouse"},
        "pager": {"kind": "pagerduty", "secret": "truffle/pager"},
    },
    "routes": [
        {"name": "training", "to": ["oncall", "warehouse"], "when": {"severity": ["critical"]}},
        {"name": "rest", "to": ["warehouse", "pager"]},
    ],
    "mutes": [{"reason": "planned drain", "until": "2026-11-25", "region": ["eu-west-1"]}],
}


@dataclass
class Alerts:
    """The function with settings of alerts, and events in its table."""

    stack: Stack

    def happened(self, event: Event) -> None:
        item = event_item(event, 400)
        service("dynamodb").put_item(TableName=self.stack.table, Item=item)

    def waiting(self, destination: str) -> list[Json]:
        """The messages on a destination's queue."""
        found = messages(self.stack.destination(destination).queue)
        return [json.loads(message["Body"]) for message in found]


@pytest.fixture
def alerts(
    stack: Stack,
    deploy: Callable[..., None],
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Alerts:
    file = tmp_path / "alerts.json"
    file.write_text(json.dumps(SETTINGS))
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    for name in SETTINGS["destinations"]:
        stack.destination(name)
    deploy(QuerySettings)
    return Alerts(stack)


def explained(event: Event) -> dict[str, tuple[str, str]]:
    """Outcome and reason by destination."""
    body = ask("/alerts/explain", event_id=event.event_id).body
    return {it["destination"]: (it["outcome"], it["why"]) for it in body["decisions"]}


# --- who gets an event ---------------------------------------------------------------------------


def test_an_event_is_explained_destination_by_destination(alerts: Alerts) -> None:
    event = an_event()
    alerts.happened(event)
    answer = ask("/alerts/explain", event_id=event.event_id)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.body["event"] == to_message(event)
    assert answer.body["decisions"][1] == {
        "destination": "warehouse",
        "kind": "https",
        "outcome": "routed",
        "routes": ["training", "rest"],
        "why": "Matched by routes training and rest.",
        "delivery": None,
    }


def test_what_is_not_sent_says_why(alerts: Alerts) -> None:
    event = an_event(a_block(), severity=Severity.INFO)
    alerts.happened(event)
    assert explained(event) == {
        "oncall": ("no_route", "Route training: severity is info, not critical."),
        "warehouse": ("routed", "Matched by route rest."),
        "pager": (
            "no_incident",
            "Matched by route rest, but it neither opens nor resolves an incident.",
        ),
    }


def test_a_mute_is_judged_at_the_moment_of_the_event(alerts: Alerts, clock: Clock) -> None:
    event = replace(a_scope_event(), region="eu-west-1")
    alerts.happened(event)
    clock.advance(3 * DAY)
    outcome, why = explained(event)["warehouse"]
    assert (outcome, why) == (
        "muted",
        "Muted until 2026-11-26T00:00:00Z: planned drain (otherwise matched by route rest).",
    )


@pytest.mark.parametrize(
    ("days", "asked", "status"),
    [
        (0, {}, 200),
        (17, {}, 200),
        (31, {}, 200),
        (32, {}, 404),
        (399, {"since": "2025-10-01"}, 200),
        (5, {"since": "2026-11-20"}, 404),
        (0, {"since": "2027-01-01"}, 404),
    ],
)
def test_an_event_is_found_for_31_days_or_since_another_day(
    alerts: Alerts, days: int, asked: dict[str, str], status: int
) -> None:
    event = replace(an_event(), observed_at=NOON - days * DAY)
    alerts.happened(event)
    assert ask("/alerts/explain", event_id=event.event_id, **asked).status == status


def test_an_unknown_event_costs_a_read_for_each_of_31_days(
    alerts: Alerts, wire: Callable[[str], Wire]
) -> None:
    asked = wire("dynamodb")
    ask("/alerts/explain", event_id=an_event().event_id)
    assert asked.count("Query") == 32


def test_the_newest_days_are_read_first(alerts: Alerts, wire: Callable[[str], Wire]) -> None:
    alerts.happened(an_event())
    asked = wire("dynamodb")
    ask("/alerts/explain", event_id=an_event().event_id)
    assert 1 <= asked.count("Query") <= 16 + 1


@pytest.mark.parametrize("prefix", ["0123", "01234567", "0123456789abcdef0123456789abcde"])
def test_the_beginning_of_an_id_is_enough(alerts: Alerts, prefix: str) -> None:
    alerts.happened(an_event())
    alerts.happened(replace(an_event(), event_id="1" * 32, observed_at=NOON - DAY))
    answer = ask("/alerts/explain", event_id=prefix)
    assert (answer.status, answer.body["event"]["event_id"]) == (200, an_event().event_id)


def test_the_beginning_of_several_ids_names_them(alerts: Alerts) -> None:
    ids = ["abcd" + "0" * 28, "abcd" + "1" * 28]
    for event_id, days in zip(ids, (0, 30), strict=True):
        alerts.happened(replace(an_event(), event_id=event_id, observed_at=NOON - days * DAY))
    answer = ask("/alerts/explain", event_id="abcd")
    assert (answer.status, answer.body["parameter"]) == (400, "event_id")
    assert all(event_id in answer.body["detail"] for event_id in ids)
    assert ask("/alerts/explain", event_id=ids[0]).status == 200


def test_the_delivery_of_an_event_stands_beside_the_decision(alerts: Alerts) -> None:
    event = an_event()
    alerts.happened(event)
    store = DeliveryStore(service("dynamodb"), alerts.stack.table)
    store.note("oncall", [event.event_id], ExplainedDelivery(DeliveryStatus.DELIVERED, NOON))
    reason = "warehouse (https) returned 403: no"
    failed = ExplainedDelivery(
        DeliveryStatus.RETRYING, NOON, 3, reason, NOON + timedelta(seconds=20)
    )
    store.note("warehouse", [event.event_id], failed)
    body = ask("/alerts/explain", event_id=event.event_id).body
    assert {it["destination"]: it["delivery"] for it in body["decisions"]} == {
        "oncall": {
            "status": "delivered",
            "at": "2026-11-24T12:00:00Z",
            "attempts": None,
            "detail": None,
            "retry_at": None,
        },
        "warehouse": {
            "status": "retrying",
            "at": "2026-11-24T12:00:00Z",
            "attempts": 3,
            "detail": reason,
            "retry_at": "2026-11-24T12:00:20Z",
        },
        "pager": None,
    }


def test_an_id_that_only_appears_in_another_event_is_not_found(alerts: Alerts) -> None:
    tags = {"like": '"event_id":"' + "f" * 32}
    alerts.happened(an_event(a_block("cr-0abc", tags=tags), reason="like " + "f" * 32))
    assert ask("/alerts/explain", event_id="f" * 32).status == 404


def test_an_unknown_event_is_a_problem(alerts: Alerts) -> None:
    alerts.happened(replace(an_event(), observed_at=NOON - timedelta(days=400)))
    answer = ask("/alerts/explain", event_id=an_event().event_id)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert answer.body["detail"] == (
        "No event since 2026-10-24 has the id 0123456789abcdef0123456789abcdef; "
        "an earlier since searches further back."
    )


@pytest.mark.parametrize(
    "asked", [{}, *({"event_id": it} for it in ("cr-0abc", "F" * 32, "abc", "0" * 33))]
)
def test_what_is_not_an_event_id_is_refused(alerts: Alerts, asked: dict[str, str]) -> None:
    answer = ask("/alerts/explain", **asked)
    assert (answer.status, answer.body["parameter"]) == (400, "event_id")


# --- a sample ------------------------------------------------------------------------------------


def try_route(name: str) -> Answer:
    return ask("/alerts/test", method="POST", route=name)


def test_a_sample_is_put_on_the_queue_of_each_destination_of_a_route(alerts: Alerts) -> None:
    answer = try_route("training")
    assert answer.status == 200
    assert answer.body["sent"] == [
        {"destination": "oncall", "kind": "slack", "error": None},
        {"destination": "warehouse", "kind": "https", "error": None},
    ]
    sample = answer.body["event"]
    assert (sample["severity"], sample["observed_at"]) == ("critical", "2026-11-24T12:00:00Z")
    assert alerts.waiting("oncall") == alerts.waiting("warehouse") == [{"test": sample}]
    assert alerts.waiting("pager") == []


def test_each_sample_is_another_event(alerts: Alerts, clock: Clock) -> None:
    first = try_route("training").body["event"]["event_id"]
    clock.advance(timedelta(milliseconds=1))
    assert try_route("training").body["event"]["event_id"] != first


def test_an_unknown_route_names_those_that_there_are(alerts: Alerts) -> None:
    answer = try_route("trainin")
    assert (answer.status, answer.body["parameter"]) == (400, "route")
    assert answer.body["allowed"] == "The route is unknown. The routes are training, rest."


def test_a_stack_without_routes_says_so(
    alerts: Alerts, deploy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, "/nowhere.json")
    deploy(QuerySettings)
    assert try_route("training").body["allowed"] == (
        "The route is unknown. The stack has no routes."
    )


def test_a_destination_that_cannot_be_sent_to_does_not_keep_the_others(
    alerts: Alerts, wire: Callable[[str], Wire]
) -> None:
    wire("sqs").fails_before(client_error("AccessDenied"), "SendMessage")
    errors = [sent["error"] for sent in try_route("training").body["sent"]]
    assert errors == ["AccessDenied", None]
    assert len(alerts.waiting("warehouse")) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/alerts/test"), ("POST", "/alerts/explain")])
def test_another_method_is_refused(alerts: Alerts, method: str, path: str) -> None:
    assert ask(path, method=method, route="training").status == 405
