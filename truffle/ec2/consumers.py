"""GetCapacityReservationUsage: the accounts that use a shared reservation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from truffle.core.model import (
    BUDGET_EXCEEDED,
    DEADLINE_EXCEEDED,
    Consumer,
    Reservation,
    Scope,
    Snapshot,
    Unanswered,
)
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.mapping import Raw

OPERATION = "GetCapacityReservationUsage"
PAGE_SIZE = 1000
"""The maximum number of accounts on a page (botocore, GetCapacityReservationUsage, MaxResults)."""

MOST_CALLS = 50
"""Calls for one scope at a time: half of the 100 that an account may make at once in a region; EC2
refills 20 per second (EC2 Developer Guide, "Request throttling")."""

_GONE = "InvalidCapacityReservationId.NotFound"


class ConsumersEC2(Protocol):
    """The part of a boto3 EC2 client that this uses; it has no paginator for the call."""

    def get_capacity_reservation_usage(self, **parameters: Any) -> Raw: ...


class _Stop(Exception):
    """Stop making calls; the code is the reason."""


def with_consumers(
    client: ConsumersEC2,
    snapshot: Snapshot,
    shared: Collection[str],
    clock: Callable[[], datetime],
    deadline: datetime,
) -> Snapshot:
    """The snapshot with the ``consumers`` of its scope's own active reservations among ``shared``.

    Only an owner sees every account that uses a reservation (EC2 API, GetCapacityReservationUsage).
    Reservations with the most instances in use come first. Those beyond the budget or the deadline,
    or after a failed call, keep None, and ``unanswered`` has the reason.
    """
    calls = _Calls(client, clock, deadline)
    found: dict[str, tuple[Consumer, ...]] = {}
    unanswered = snapshot.unanswered
    for row in _asked(snapshot.reservations, shared, snapshot.scope):
        try:
            found[row.reservation_id] = tuple(calls.consumers(row.reservation_id))
        except _Stop as stop:
            unanswered = (*unanswered, Unanswered(OPERATION, str(stop)))
            break
        except FAILURES as error:
            code = error_code(error)
            if code != _GONE:
                unanswered = (*unanswered, Unanswered(OPERATION, code))
                break
    rows = tuple(
        row.with_consumers(found[row.reservation_id]) if row.reservation_id in found else row
        for row in snapshot.reservations
    )
    return replace(snapshot, reservations=rows, unanswered=unanswered)


def _asked(rows: Iterable[Reservation], shared: Collection[str], scope: Scope) -> list[Reservation]:
    chosen = [
        row
        for row in rows
        if row.reservation_id in shared
        and row.state == "active"
        and row.owner_id == scope.account_id
    ]
    return sorted(chosen, key=lambda row: (-(row.used_capacity or 0), row.reservation_id))


class _Calls:
    """Calls EC2, within the budget and the deadline."""

    def __init__(
        self, client: ConsumersEC2, clock: Callable[[], datetime], deadline: datetime
    ) -> None:
        self._client = client
        self._clock = clock
        self._deadline = deadline
        self._left = MOST_CALLS

    def consumers(self, reservation_id: str) -> Iterator[Consumer]:
        """The consumers of one reservation, page by page. Raises _Stop, and what botocore does."""
        request: dict[str, Any] = {
            "CapacityReservationId": reservation_id,
            "MaxResults": PAGE_SIZE,
        }
        while True:
            page = self._page(request)
            for raw in page.get("InstanceUsages") or ():
                yield Consumer(raw["AccountId"], raw.get("UsedInstanceCount"))
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def _page(self, request: dict[str, Any]) -> Raw:
        if self._left == 0:
            raise _Stop(BUDGET_EXCEEDED)
        if self._clock() >= self._deadline:
            raise _Stop(DEADLINE_EXCEEDED)
        self._left -= 1
        return self._client.get_capacity_reservation_usage(**request)
