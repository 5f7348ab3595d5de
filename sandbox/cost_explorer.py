"""AWS Cost Explorer for the sandbox: GetCostAndUsage over its own protocol (JSON 1.1).

The bill has the fee of each capacity block on the day of its start, at an invented price. Usage
types have the prefixes of bills (AWS Cost and Usage Report User Guide, "Usage type"), none in
us-east-1. The response includes days without a charge.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.ec2.fleet import DEFAULT_ACCOUNT, HOME_REGION, Fleet

TARGET = "AWSInsightsIndexService."
CONTENT_TYPE = "application/x-amz-json-1.1"

HOURLY = Decimal("31.464")
"""US dollars per instance-hour."""

PREFIXES = {
    "us-east-1": "",
    "us-east-2": "USE2-",
    "us-west-2": "USW2-",
    "eu-west-1": "EU-",
    "ap-northeast-1": "APN1-",
    "ap-south-1": "APS3-",
}
PAGE = 20
"""Days per page; low, so that there are several pages."""

Json = dict[str, Any]
Sums = Mapping[tuple[str, ...], Decimal]


@dataclass(frozen=True, slots=True)
class Line:
    """One charge of a bill."""

    day: date
    account: str
    region: str
    usage_type: str
    amount: Decimal

    def value(self, dimension: str) -> str:
        return {
            "USAGE_TYPE": self.usage_type,
            "LINKED_ACCOUNT": self.account,
            "REGION": self.region,
        }[dimension]


def bill_of(fleet: Fleet, now: datetime) -> Iterator[Line]:
    """The charges up to now: those of started blocks, and an unrelated one."""
    day = now.date() - timedelta(days=2)
    yield Line(day, DEFAULT_ACCOUNT, HOME_REGION, "HeavyUsage:m5.large", Decimal(9))
    for region in fleet.regions.values():
        for reservation in region.reservations.values():
            fields = reservation.fields
            start, end = fields.get("StartDate"), fields.get("EndDate")
            is_block = fields.get("ReservationType") == "capacity-block"
            if not is_block or start is None or end is None or start > now:
                continue
            hours = Decimal((end - start) / timedelta(hours=1))
            amount = HOURLY * fields["TotalInstanceCount"] * hours
            prefix = PREFIXES.get(region.name, "XXX1-")
            name = f"{prefix}CapacityBlockFee:{fields['InstanceType']}"
            yield Line(start.date(), fields["OwnerId"], region.name, name, round(amount, 2))


def answer(target: str, body: bytes, lines: Iterable[Line]) -> tuple[int, Json]:
    """Status and body of a request."""
    if target != f"{TARGET}GetCostAndUsage":
        return 400, {"__type": "ValidationException", "message": f"No operation {target}."}
    requested = json.loads(body or b"{}")
    since, until = (date.fromisoformat(requested["TimePeriod"][name]) for name in ("Start", "End"))
    keys = [it["Key"] for it in requested["GroupBy"]]
    sums: dict[date, dict[tuple[str, ...], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in lines:
        sums[line.day][tuple(map(line.value, keys))] += line.amount
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    start = int(requested.get("NextPageToken") or 0)
    rest = {"NextPageToken": str(start + PAGE)} if start + PAGE < len(days) else {}
    results = [_result(day, sums.get(day, {})) for day in days[start : start + PAGE]]
    return 200, {"GroupDefinitions": requested["GroupBy"], "ResultsByTime": results, **rest}


def _result(day: date, groups: Sums) -> Json:
    return {
        "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()},
        "Total": {},
        "Groups": [
            {"Keys": list(keys), "Metrics": {"UnblendedCost": {"Amount": str(it), "Unit": "USD"}}}
            for keys, it in sorted(groups.items())
        ],
        "Estimated": True,
    }
