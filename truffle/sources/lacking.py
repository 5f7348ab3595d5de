"""The parts that are missing from a result because a call was refused."""

from __future__ import annotations

from collections.abc import Collection

from truffle.core.kinds.registry import KINDS
from truffle.core.model import Snapshot
from truffle.sources.listing import ScopeFailure

LACKING = {
    "DescribeCapacityBlocks": "reservation_ids and ultraserver_type of blocks may be incomplete",
    "DescribeCapacityBlockStatus": "health of blocks is empty",
    "DescribeInstanceTypes": "accelerator is empty for types that truffle does not know",
    **{
        kind.listing.operation: f"{kind.plural} are not known there"
        for kind in KINDS.values()
        if kind.listing
    },
    "DescribeCapacityReservationBillingRequests": "billing_request of ODCRs is empty",
    "DescribeTrainingPlan": "health of training plans is empty",
}
"""The fields that rows lack if EC2 refused one of these calls."""


def missing_of(snapshot: Snapshot, types: Collection[str]) -> ScopeFailure | None:
    """The region's failure if it responded for none of the requested types."""
    from truffle.ec2.errors import kind_of

    refused = {gap.operation: gap for gap in snapshot.unanswered}
    listings = [KINDS[name].listing for name in types]
    gaps = [refused.get(each.operation) for each in listings if each is not None]
    if not gaps or len(gaps) < len(listings) or None in gaps:
        return None
    gap, scope = next(gap for gap in gaps if gap is not None), snapshot.scope
    message = f"{gap.operation} did not respond, so the requested reservations are unknown."
    account = scope.account_id or None
    return ScopeFailure(
        account_id=account,
        region=scope.region,
        code=gap.code,
        message=message,
        kind=kind_of(gap.code),
    )
