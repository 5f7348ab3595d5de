"""Billing requests in the model: their events, who can list them, and their expiry."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_snapshot, an_event, an_odcr
from tests.core.diffs import happened, kinds, the_event
from truffle.core.carry_forward import carry_forward
from truffle.core.events import EventType, Severity
from truffle.core.incidents import Action, incident_of
from truffle.core.merging import merge
from truffle.core.model import BillingRequest, Odcr, Unanswered

SENT_AT = NOON - HOUR / 2
OPERATION = "DescribeCapacityReservationBillingRequests"


def requested(status: str = "pending", at: datetime = SENT_AT) -> BillingRequest:
    until = at + DAY / 2 if status == "pending" else None
    return BillingRequest(HOME, OTHER, status, at, until)


def with_request(status: str = "pending", **facts: object) -> Odcr:
    return an_odcr("cr-a", billing_request=requested(status), **facts)


def test_a_new_request_names_who_decides_and_by_when() -> None:
    event = the_event(an_odcr("cr-a"), with_request())

    assert (event.type, event.severity) == (EventType.BILLING_REQUEST, Severity.WARNING)
    assert event.summary.endswith(
        f"has a billing request: account {OTHER} must accept or reject it by 2026-11-24T23:30:00Z."
    )
    assert event.reason == "no request → pending"
    assert event.before == {"billing_request": None}
    assert event.after is not None
    assert event.after["billing_request"] == {
        "requested_by": HOME,
        "unused_billing_owner_id": OTHER,
        "status": "pending",
        "updated_at": "2026-11-24T11:30:00Z",
        "expires_at": "2026-11-24T23:30:00Z",
        "status_message": None,
    }


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        ("accepted", Severity.GOOD),
        ("rejected", Severity.WARNING),
        ("cancelled", Severity.INFO),
        ("revoked", Severity.WARNING),
        ("expired", Severity.WARNING),
        ("something-new", Severity.WARNING),
    ],
)
def test_each_outcome_is_an_event(status: str, severity: Severity) -> None:
    event = the_event(with_request(), with_request(status))

    assert (event.type, event.severity) == (EventType.BILLING_REQUEST, severity)
    assert event.reason == f"pending → {status}"


def test_a_request_that_comes_with_a_new_reservation_is_an_event_of_its_own() -> None:
    assert kinds(happened(None, with_request())) == ["discovered", "billing_request"]


def test_one_decided_long_ago_that_comes_into_sight_is_no_news() -> None:
    old = an_odcr("cr-a", billing_request=requested("accepted", NOON - 9 * DAY))

    assert happened(an_odcr("cr-a"), old) == []
    assert kinds(happened(an_odcr("cr-a"), with_request("accepted"))) == ["billing_request"]


@pytest.mark.parametrize(
    ("known", "seen", "kept"),
    [
        (requested("accepted"), requested("pending"), "accepted"),
        (requested("accepted", NOON), requested("revoked"), "accepted"),
        (requested("pending"), requested("accepted"), "accepted"),
        (requested("rejected"), requested("pending", NOON), "pending"),
        (requested("pending"), None, "pending"),
        (None, requested("pending"), "pending"),
    ],
    ids=str,
)
def test_a_side_that_learns_late_does_not_undo_a_decision(
    known: BillingRequest | None, seen: BillingRequest | None, kept: str
) -> None:
    before, listed = (an_odcr("cr-a", billing_request=each) for each in (known, seen))
    completed = listed.completed(before).billing_request
    assert completed is not None
    assert completed.status == kept


def test_one_that_ec2_no_longer_lists_is_no_news() -> None:
    assert happened(with_request("expired"), an_odcr("cr-a")) == []


def test_a_refusal_keeps_what_was_known() -> None:
    refused = (Unanswered(OPERATION, "UnauthorizedOperation"),)
    stored = with_request()

    silent = carry_forward(a_snapshot(an_odcr("cr-a"), unanswered=refused), [stored])
    answered = carry_forward(a_snapshot(an_odcr("cr-a")), [stored])

    assert silent.reservations == (stored,)
    assert answered.reservations == (an_odcr("cr-a"),)


@pytest.mark.parametrize("knows", [HOME, OTHER])
def test_what_either_side_knows_is_in_the_one_row(knows: str) -> None:
    own = an_odcr("cr-a", owner_id=HOME, account_id=HOME, seen_by=(HOME,))
    shared = replace(own, account_id=OTHER, seen_by=(OTHER,))
    rows = [
        replace(row, billing_request=requested() if row.account_id == knows else None)
        for row in (own, shared)
    ]

    (row,) = merge(rows)

    assert (row.account_id, row.billing_request) == (HOME, requested())


@pytest.mark.parametrize(
    ("request_", "is_open"),
    [
        (requested(), True),
        (requested(at=NOON - DAY / 2), False),
        (requested("accepted"), False),
        (BillingRequest(HOME, OTHER, "pending"), True),
    ],
    ids=["waits", "too late", "decided", "unknown since when"],
)
def test_it_waits_until_it_expires(request_: BillingRequest, is_open: bool) -> None:
    assert request_.is_open(NOON) == is_open


def test_an_incident_lasts_while_someone_has_to_answer() -> None:
    def action(status: str) -> Action | None:
        after = {"billing_request": {"status": status}}
        event = an_event(with_request(), type=EventType.BILLING_REQUEST, after=after)
        found = incident_of(event)
        return found.action if found else None

    assert action("pending") is Action.TRIGGER
    assert {action(each) for each in ("accepted", "rejected", "expired")} == {Action.RESOLVE}
