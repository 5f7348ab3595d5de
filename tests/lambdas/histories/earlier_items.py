"""Items of the table as earlier releases wrote them."""

from __future__ import annotations

from typing import Any

from lambdas.store.statuses import StoredStatus
from lambdas.store.table import SCOPES
from truffle.core.times import sortable_time


def item_before_heartbeats(status: StoredStatus) -> dict[str, Any]:
    """A scope's item as it was written while it alone held the scope's status."""
    at = status.observed_at and {"S": sortable_time(status.observed_at)}
    return {
        "pk": {"S": SCOPES},
        "sk": {"S": f"{status.scope.account_id}#{status.scope.region}"},
        "revision": {"N": str(status.revision)},
        "reservations": {"N": str(status.reservations)},
        "digest": {"S": status.digest},
        **({"observed_at": at, "attempted_at": at} if at else {}),
    }
