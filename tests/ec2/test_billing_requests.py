"""Billing requests: each side lists its own, page by page; an error changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, a_snapshot, an_odcr
from truffle.core.model import BillingRequest, Reservation, Scope, Unanswered
from truffle.ec2.billing_requests import with_billing_requests

OPERATION = "DescribeCapacityReservationBillingRequests"
SENT, RECEIVED = "odcr-owner", "unused-reservation-billing-owner"


def sent(name: str, status: str = "pending", at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {
        "CapacityReservationId": name,
        "RequestedBy": HOME,
        "UnusedReservationBillingOwnerId": OTHER,
        "LastUpdateTime": at,
        "Status": status,
        **more,
    }


class Requests:
    """EC2's answers by role, in pages of one request; or its refusal of a role."""

    def __init__(self, answers: Mapping[str, list[Any]], refused: str = "") -> None:
        self.answers = answers
        self.refused = refused
        self.asked: list[str] = []

    def get_paginator(self, operation_name: str) -> Requests:
        assert operation_name == "describe_capacity_reservation_billing_requests"
        return self

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        role = parameters["Role"]
        found = self.answers.get(role, [])
        for number in range(max(1, len(found))):
            self.asked.append(role)
            if role == self.refused:
                raise ClientError({"Error": {"Code": "UnauthorizedOperation"}}, OPERATION)
            token = {"NextToken": "more"} if number + 1 < len(found) else {}
            yield {"CapacityReservationBillingRequests": found[number : number + 1], **token}


def asked(
    ec2: Requests, *rows: Reservation, now: datetime = NOON
) -> tuple[dict[str, BillingRequest | None], tuple[Unanswered, ...]]:
    found = with_billing_requests(ec2, a_snapshot(*rows), lambda: now, NOON + HOUR)
    return {row.reservation_id: row.billing_request for row in found.reservations}, found.unanswered


def test_a_pending_request_expires_twelve_hours_after_it_was_sent() -> None:
    ec2 = Requests({SENT: [sent("cr-a", StatusMessage="waiting")]})

    found, unanswered = asked(ec2, an_odcr("cr-a"), an_odcr("cr-b"))

    until = NOON + DAY / 2
    assert found["cr-a"] == BillingRequest(HOME, OTHER, "pending", NOON, until, "waiting")
    assert (found["cr-b"], unanswered) == (None, ())


def test_one_that_was_decided_does_not_expire() -> None:
    found, _ = asked(Requests({SENT: [sent("cr-a", "accepted")]}), an_odcr("cr-a"))

    assert found["cr-a"] == BillingRequest(HOME, OTHER, "accepted", NOON)


@pytest.mark.parametrize(
    ("rows", "roles"),
    [
        ([an_odcr()], [SENT]),
        ([an_odcr(owner_id=OTHER)], [RECEIVED]),
        ([an_odcr("cr-a"), an_odcr("cr-b", owner_id=OTHER)], [SENT, RECEIVED]),
        ([a_block(), an_odcr(state="cancelled")], []),
        ([], []),
    ],
    ids=["own", "of others", "both", "none that is billed", "nothing"],
)
def test_each_side_is_asked_once_where_it_has_odcrs(
    rows: list[Reservation], roles: list[str]
) -> None:
    ec2 = Requests({})

    asked(ec2, *rows)

    assert ec2.asked == roles


def test_an_account_that_is_not_known_may_be_either_side() -> None:
    ec2 = Requests({})
    snapshot = a_snapshot(an_odcr(), scope=Scope("", "us-east-2"))

    with_billing_requests(ec2, snapshot, lambda: NOON, None)

    assert ec2.asked == [SENT, RECEIVED]


def test_of_several_requests_the_latest_counts() -> None:
    old, new = sent("cr-a", "rejected", NOON - HOUR), sent("cr-a", "accepted")

    for order in ([old, new], [new, old]):
        found, _ = asked(Requests({SENT: order}), an_odcr("cr-a"))
        assert found["cr-a"] is not None
        assert found["cr-a"].status == "accepted"


def test_a_refusal_is_named_and_the_other_side_is_asked_all_the_same() -> None:
    ec2 = Requests({RECEIVED: [sent("cr-b")]}, refused=SENT)

    found, unanswered = asked(ec2, an_odcr("cr-a"), an_odcr("cr-b", owner_id=OTHER))

    assert (found["cr-a"], ec2.asked) == (None, [SENT, RECEIVED])
    assert found["cr-b"] is not None
    assert unanswered == (Unanswered(OPERATION, "UnauthorizedOperation"),)


@pytest.mark.parametrize(
    ("requests", "now", "pages", "code"),
    [(30, NOON, 10, "BudgetExceeded"), (3, NOON + HOUR, 1, "DeadlineExceeded")],
)
def test_pages_end_with_the_budget_and_the_deadline(
    requests: int, now: datetime, pages: int, code: str
) -> None:
    ec2 = Requests({SENT: [sent(f"cr-{number}") for number in range(requests)]})

    _, unanswered = asked(ec2, an_odcr(), now=now)

    assert (len(ec2.asked), unanswered) == (pages, (Unanswered(OPERATION, code),))
