"""Daily summaries: when they are delivered, and what they contain."""

from __future__ import annotations

import json

from lambdas.clients import service
from lambdas.store.events import event_item
from lambdas.store.scopes import Attempt, StoredStatus, Write, digest_of
from sandbox.sink.destination import Destination
from tests.builders import HOME, HOUR, NOON, OHIO, a_block, a_snapshot, a_status, an_event
from tests.lambdas.office import REPORT, Office, bodies
from truffle.core.daily import day
from truffle.core.events import to_message
from truffle.core.model import Failure, FailureKind, Scope
from truffle.messages import slack
from truffle.messages.card import event_card, summary_card


def test_a_test_is_delivered_as_one_each_time_it_is_asked_for(
    oncall: Office, sink: Destination
) -> None:
    sample = {"test": to_message(an_event())}
    mailed = oncall.mail("oncall", sample)
    assert oncall.invoke(mailed) == 0
    assert oncall.invoke(mailed.again()) == 0
    assert oncall.deliver("oncall", sample) == 0
    card = slack.payload(event_card(an_event(), report_url=REPORT, test=True))
    assert bodies(sink) == [card, card]


def test_a_test_asks_no_route_and_no_mute(oncall: Office, sink: Destination) -> None:
    oncall.mutes = [{"reason": "drain", "until": "2026-12-01T00:00:00Z", "region": ["us-east-2"]}]
    oncall.write()
    oncall.deliver("oncall", {"test": to_message(an_event())})
    assert len(sink.requests) == 1


def test_a_summary_is_delivered_once_for_its_time(oncall: Office, sink: Destination) -> None:
    asked = {"daily_summary": {"scheduled_at": "2026-11-24T12:00:00Z"}}
    tomorrow = {"daily_summary": {"scheduled_at": "2026-11-25T12:00:00Z"}}
    assert oncall.deliver("oncall", asked, asked, tomorrow) == 0
    assert len(sink.requests) == 2


def test_a_summary_without_its_time_is_delivered_once_for_its_message(
    oncall: Office, sink: Destination
) -> None:
    """The sandbox's scheduler does not fill it in."""
    mailed = oncall.mail(
        "oncall", {"daily_summary": {"scheduled_at": "<aws.scheduler.scheduled-time>"}}
    )
    assert (oncall.invoke(mailed), oncall.invoke(mailed.again())) == (0, 0)
    assert len(sink.requests) == 1


def test_a_summary_has_what_is_held_and_what_failed(oncall: Office, sink: Destination) -> None:
    rows = (a_block("cr-held"),)
    snapshot, failed = a_snapshot(*rows), an_event()
    oncall.stack.scopes.write_snapshot(
        StoredStatus(scope=OHIO), snapshot, digest_of(rows), Write(changed=rows), Attempt("run", 1)
    )
    item = event_item(failed, 400)
    service("dynamodb").put_item(TableName=oncall.stack.table, Item=item)
    oncall.clock.advance(HOUR)
    oncall.deliver("oncall", {"daily_summary": {"scheduled_at": "2026-11-24T13:00:00Z"}})
    day_of = day(rows, [a_status()], [failed], NOON + HOUR, 2 * HOUR)
    assert bodies(sink) == [slack.payload(summary_card(day_of, report_url=REPORT))]


def test_a_summary_names_denials_that_are_expected_as_closed(
    oncall: Office, sink: Destination
) -> None:
    for region in ("eu-north-1", "us-west-2"):
        scope = Scope(HOME, region)
        failure = Failure(
            scope=scope,
            failed_at=NOON,
            kind=FailureKind.DENIED,
            code="UnauthorizedOperation",
            message="No.",
        )
        oncall.stack.scopes.write_failure(failure, Attempt("run", 1))
    oncall.deliver("oncall", {"daily_summary": {"scheduled_at": "2026-11-24T12:00:00Z"}})
    (recorded,) = (json.dumps(body, ensure_ascii=False) for body in bodies(sink))
    old, closed = recorded.split("Closed as expected")
    assert ("us-west-2" in old, "eu-north-1" in closed, "us-west-2" in closed) == (
        True,
        True,
        False,
    )
