"""DescribeCapacityReservationBillingRequests: requests to bill unused shared capacity to another
account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from truffle.core.kinds.parts import REQUEST_LIFETIME, BillingRequest
from truffle.core.model import (
    BUDGET_EXCEEDED,
    DEADLINE_EXCEEDED,
    TERMINAL_STATES,
    Failure,
    Reservation,
    Snapshot,
    Unanswered,
)
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.mapping import Raw

OPERATION = "DescribeCapacityReservationBillingRequests"
PAGE_SIZE = 1000
"""The maximum number of requests on a page (botocore, the same operation, MaxResults)."""

MOST_PAGES = 10
"""Pages for one role of one scope at a time, of the 100 calls that an account may make at once in a
region (EC2 Developer Guide, "Request throttling")."""

_OWNER, _BILLING_OWNER = "odcr-owner", "unused-reservation-billing-owner"
"""EC2's CallerRole: requests that the caller sent, and requests that were sent to it."""


class BillingRequestsEC2(Protocol):
    """The part of a boto3 EC2 client that this uses."""

    def get_paginator(self, operation_name: str) -> Any: ...


def with_billing_requests(
    client: BillingRequestsEC2,
    snapshot: Snapshot,
    clock: Callable[[], datetime],
    deadline: datetime | None,
) -> Snapshot:
    """The snapshot with the most recent ``billing_request`` of each of its ODCRs.

    For an account that owns ODCRs, the requests that it sent are listed; for one that lists ODCRs
    of others, those that it received: one call each, if everything fits on a page. ``unanswered``
    names what EC2 refuses.
    """
    found: dict[str, BillingRequest] = {}
    unanswered = snapshot.unanswered
    for role in _roles(snapshot):
        try:
            for raw in _requests(client, role, clock, deadline):
                name, request = raw["CapacityReservationId"], to_request(raw)
                found[name] = latest(found.get(name), request)
        except _Stop as stop:
            unanswered = (*unanswered, Unanswered(OPERATION, str(stop)))
        except FAILURES as error:
            unanswered = (*unanswered, Unanswered(OPERATION, error_code(error)))
    rows = tuple(
        row.with_billing_request(found[row.reservation_id]) if row.reservation_id in found else row
        for row in snapshot.reservations
    )
    return replace(snapshot, reservations=rows, unanswered=tuple(dict.fromkeys(unanswered)))


def listed_with_requests(
    listing: Callable[[], Snapshot | Failure],
    client: BillingRequestsEC2,
    clock: Callable[[], datetime],
    deadline: datetime | None,
) -> Snapshot | Failure:
    """List a scope; add its billing requests to a snapshot."""
    listed = listing()
    if isinstance(listed, Failure):
        return listed
    return with_billing_requests(client, listed, clock, deadline)


def to_request(raw: Raw) -> BillingRequest:
    """EC2's CapacityReservationBillingRequest. A pending one is dated when it was sent (EC2 API,
    LastUpdateTime), and expires 12 hours later."""
    status: str | None = raw.get("Status")
    at: datetime | None = raw.get("LastUpdateTime")
    return BillingRequest(
        raw.get("RequestedBy"),
        raw.get("UnusedReservationBillingOwnerId"),
        status,
        at,
        at + REQUEST_LIFETIME if at is not None and status == "pending" else None,
        raw.get("StatusMessage"),
    )


def latest(known: BillingRequest | None, request: BillingRequest) -> BillingRequest:
    """The later of two requests about one reservation."""
    return known if known is not None and request.is_older_than(known) else request


class _Stop(Exception):
    """Stop reading pages; the code is the reason."""


def _roles(snapshot: Snapshot) -> Iterator[str]:
    """The roles of the account; both if the account is unknown."""
    account = snapshot.scope.account_id
    owners = {row.owner_id for row in snapshot.reservations if _is_asked_for(row)}
    if owners & {None, account} or (owners and not account):
        yield _OWNER
    if owners - {None, account}:
        yield _BILLING_OWNER


def _is_asked_for(row: Reservation) -> bool:
    return row.kind.bills_unused and row.state not in TERMINAL_STATES


def _requests(
    client: BillingRequestsEC2, role: str, clock: Callable[[], datetime], deadline: datetime | None
) -> Iterator[Raw]:
    """Raises _Stop, and what botocore does."""
    paginator = client.get_paginator("describe_capacity_reservation_billing_requests")
    pages = paginator.paginate(Role=role, PaginationConfig={"PageSize": PAGE_SIZE})
    for number, page in enumerate(pages, start=1):
        yield from page.get("CapacityReservationBillingRequests") or ()
        if not page.get("NextToken"):
            return
        if number == MOST_PAGES:
            raise _Stop(BUDGET_EXCEEDED)
        if deadline is not None and clock() >= deadline:
            raise _Stop(DEADLINE_EXCEEDED)
