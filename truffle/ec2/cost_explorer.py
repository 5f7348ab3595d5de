"""Cost Explorer: billed fees of capacity blocks by day, account, region and type.

The fee of a block is one charge of the record type Upfront on the day of its start, with a usage
type like ``USE2-CapacityBlockFee:p5.48xlarge``; a refund is negative with the same usage type, and
nothing is amortized (grafana/cloudcost-exporter, pkg/aws/client/billing.go). In us-east-1 the
prefix may be missing, so regions come from a second request instead of from the prefixes. The
charge may belong to the service EC2-Other, so requests do not name a service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from truffle.core.billed import BilledFee
from truffle.ec2.mapping import Raw

MARK = "CapacityBlockFee:"

MOST_REQUESTS = 10
"""The maximum number of requests for one listing: 0.10 US dollars
(https://aws.amazon.com/aws-cost-management/pricing/)."""


class CostExplorer(Protocol):
    """The part of a boto3 Cost Explorer client that this uses; it has no paginator."""

    def get_cost_and_usage(self, **parameters: Any) -> Raw: ...


class OverBudget(Exception):
    """The result has more pages than ``MOST_REQUESTS``."""


def list_billed_fees(client: CostExplorer, since: date, until: date) -> list[BilledFee]:
    """List the fees of the days from ``since`` to before ``until``.

    Raises OverBudget, what botocore does, and KeyError, TypeError or ValueError for a response
    that is not Cost Explorer's.
    """
    asking = _Asking(client, since, until)
    regions: dict[str, set[str]] = defaultdict(set)
    for _, usage_type, region, _ in asking.groups("REGION"):
        regions[usage_type].add(region)
    return [
        BilledFee(
            day=day,
            account_id=account,
            region=_only(regions[usage_type]),
            instance_type=usage_type.partition(MARK)[2],
            amount=Decimal(cost["Amount"]),
            currency=cost["Unit"],
        )
        for day, usage_type, account, cost in asking.groups("LINKED_ACCOUNT")
    ]


def _only(regions: set[str]) -> str | None:
    """The only region of a usage type; None if Cost Explorer does not return exactly one."""
    return next(iter(regions)) if len(regions) == 1 else None


class _Asking:
    """Requests costs by usage type and one more dimension, within the budget."""

    def __init__(self, client: CostExplorer, since: date, until: date) -> None:
        self._client = client
        self._request = {
            "TimePeriod": {"Start": since.isoformat(), "End": until.isoformat()},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "Filter": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Upfront", "Refund"]}},
        }
        self._left = MOST_REQUESTS

    def groups(self, dimension: str) -> Iterator[tuple[date, str, str, Raw]]:
        """Day, usage type, value of the dimension and cost of each group with fees of blocks."""
        keys = [{"Type": "DIMENSION", "Key": name} for name in ("USAGE_TYPE", dimension)]
        request: dict[str, Any] = {**self._request, "GroupBy": keys}
        while True:
            page = self._page(request)
            for result in page["ResultsByTime"]:
                day = date.fromisoformat(result["TimePeriod"]["Start"])
                for group in result.get("Groups") or ():
                    usage_type, value = group["Keys"]
                    if MARK in usage_type:
                        yield day, usage_type, value, group["Metrics"]["UnblendedCost"]
            if not page.get("NextPageToken"):
                return
            request["NextPageToken"] = page["NextPageToken"]

    def _page(self, request: dict[str, Any]) -> Raw:
        if self._left == 0:
            raise OverBudget(f"more than {MOST_REQUESTS} pages")
        self._left -= 1
        return self._client.get_cost_and_usage(**request)
