"""DescribeCapacityBlockOfferings: what one region sells, within its tiny request budget.

AWS allows 10 calls at once and then 0.15 per second, for each account and region, and every page
counts (EC2 API Reference, throttling). botocore retries neither of the two errors that say so in
a useful way, so that each attempt is made, paced and counted here.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from botocore.config import Config

from truffle.core.accelerators import Known, accelerator_of
from truffle.core.market.answers import Outcome
from truffle.core.market.budget import BURST, REFILL_PER_SECOND
from truffle.core.model import DEADLINE_EXCEEDED, FailureKind
from truffle.core.offerings import ULTRASERVERS, Offering, Segment, Wanted
from truffle.core.times import whole
from truffle.ec2.errors import FAILURES, error_code, error_message, failure_kind
from truffle.ec2.listing import DescribedTypes
from truffle.ec2.mapping import Raw

ATTEMPTS = 3
"""How often one page is asked for where EC2 fails for a moment; each attempt is paid for."""

LIMIT_CODES = frozenset({"CapacityBlockDescribeLimitExceeded", "RequestLimitExceeded"})
"""The budget is used up, by this caller or another one of the account."""

REFUSED_CODES = frozenset(
    {
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "InvalidInstanceType",
        "Unsupported",
        "UnsupportedOperation",
        "UnsupportedInstanceType",
    }
)

_NOT_SOLD = re.compile(
    r"not (currently |yet )?(supported|available|eligible|offered|sold|valid)|unsupported"
    r"|does(n't| not) (support|exist)|invalid instance ?type",
    re.IGNORECASE,
)


class RegionOutcome(StrEnum):
    """How a region answered: apart from each other, since each asks for something else."""

    ANSWERED = "answered"
    NOT_SOLD = "not-sold"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RegionOfferings:
    """A region's offerings for a block; ``code`` and ``message`` are EC2's where it refused."""

    region: str
    outcome: RegionOutcome
    offerings: tuple[Offering, ...] = ()
    code: str | None = None
    message: str | None = None
    kind: FailureKind | None = None

    @property
    def as_answer(self) -> Outcome:
        """The outcome of an answer to a watch."""
        match self.outcome:
            case RegionOutcome.ANSWERED:
                return Outcome.OFFERED if self.offerings else Outcome.NONE
            case RegionOutcome.NOT_SOLD:
                return Outcome.UNKNOWN_TYPE
            case RegionOutcome.LIMITED:
                return Outcome.NOT_ASKED
            case RegionOutcome.FAILED:
                return Outcome.FAILED


class OutOfTime(Exception):
    """The deadline comes before the budget allows another call."""


@dataclass(slots=True)
class Budget:
    """A token bucket: ``BURST`` calls, then ``REFILL_PER_SECOND``. Times are monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    tokens: float = BURST
    filled_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, deadline: float | None = None) -> None:
        """Wait for a call's turn. Raises OutOfTime where that is after the deadline."""
        with self.lock:
            wait = self._wait()
            if deadline is not None and self.clock() + wait > deadline:
                raise OutOfTime
            self.tokens -= 1
        if wait > 0:
            self.sleep(wait)

    def _wait(self) -> float:
        now = self.clock()
        passed = now - (now if self.filled_at is None else self.filled_at)
        self.tokens = min(BURST, self.tokens + passed * REFILL_PER_SECOND)
        self.filled_at = now
        return max(0.0, (1 - self.tokens) / REFILL_PER_SECOND)


class EC2(Protocol):
    """The part of a boto3 EC2 client that this uses."""

    def describe_capacity_block_offerings(self, **parameters: Any) -> Raw: ...

    def get_paginator(self, operation_name: str) -> Any: ...


def offerings_config() -> Config:
    """One attempt per call: a hidden retry would spend the budget unseen. Timeouts in seconds."""
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=15
    )


def list_offerings(
    client: EC2,
    region: str,
    wanted: Wanted,
    budget: Budget,
    clock: Callable[[], datetime],
    deadline: float | None = None,
    attempts: int = ATTEMPTS,
) -> RegionOfferings:
    """All that a region sells of a wanted block. Each page is asked for ``attempts`` times at most.

    A region that fails on a later page, or for a later length, failed; what it sold before that is
    kept.
    """
    observed_at = clock()
    found: tuple[Offering, ...] = ()
    for number, hours in enumerate(wanted.lengths):
        try:
            pages = _pages(client, _request(wanted, hours), budget, deadline, attempts)
            raw = [item for page in pages for item in page]
            known = _described(client, raw)
            found += tuple(to_offering(item, region, observed_at, known) for item in raw)
        except OutOfTime:
            return _limited(region, _starting_by(wanted, found), number, len(wanted.lengths))
        except FAILURES as error:
            return replace(_refused(error, region), offerings=_starting_by(wanted, found))
    return RegionOfferings(region, RegionOutcome.ANSWERED, _starting_by(wanted, found))


def _starting_by(wanted: Wanted, found: Iterable[Offering]) -> tuple[Offering, ...]:
    """The offerings that start in time, each once."""
    latest = wanted.start_by
    by_id = {offering.offering_id: offering for offering in found}
    return tuple(
        offering
        for offering in by_id.values()
        if latest is None or (offering.start_date is not None and offering.start_date <= latest)
    )


def _limited(region: str, found: tuple[Offering, ...], asked: int, lengths: int) -> RegionOfferings:
    message = "The request budget of this region allows no further call before the deadline."
    if asked:
        message += f" Searched for {asked} of {lengths} durations."
    return RegionOfferings(
        region, RegionOutcome.LIMITED, found, DEADLINE_EXCEEDED, message, FailureKind.ERROR
    )


def _described(client: EC2, raw: Iterable[Raw]) -> Known:
    """The accelerators of types that the bundled table lacks; none where EC2 does not say."""
    types = DescribedTypes()
    try:
        types.learn(client, {it.get("InstanceType", "") for item in raw for it in _parts(item)})
    except FAILURES:
        return {}
    return types.known


def _parts(raw: Raw) -> list[Raw]:
    return [raw, *(raw.get("CapacityBlockOfferingSegments") or ())]


def _refused(error: Exception, region: str) -> RegionOfferings:
    code, message = error_code(error), error_message(error)
    outcome = RegionOutcome.FAILED
    if code in LIMIT_CODES:
        outcome = RegionOutcome.LIMITED
    elif code in REFUSED_CODES and _NOT_SOLD.search(message):
        outcome = RegionOutcome.NOT_SOLD
    return RegionOfferings(region, outcome, (), code, message, failure_kind(error))


def _pages(
    client: EC2, request: Raw, budget: Budget, deadline: float | None, attempts: int
) -> Iterator[list[Raw]]:
    token: str | None = None
    while True:
        further = {"NextToken": token} if token else {}
        page = _page(client, {**request, **further}, budget, deadline, attempts)
        yield list(page.get("CapacityBlockOfferings") or ())
        token = page.get("NextToken")
        if not token:
            return


def _page(
    client: EC2, request: dict[str, Any], budget: Budget, deadline: float | None, attempts: int
) -> Raw:
    for attempt in range(1, attempts + 1):
        budget.take(deadline)
        try:
            return client.describe_capacity_block_offerings(**request)
        except FAILURES as error:
            if attempt == attempts or not _is_passing(error):
                raise
    raise AssertionError("unreachable")


def _is_passing(error: Exception) -> bool:
    """Whether EC2 failed for a moment: a 5xx that is no refusal and no limit, or no answer."""
    if error_code(error) in LIMIT_CODES:
        return False
    response = getattr(error, "response", None)
    if response is None:
        return failure_kind(error) is FailureKind.ERROR
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) >= 500


def _request(wanted: Wanted, hours: int) -> dict[str, Any]:
    request: dict[str, Any] = {"CapacityDurationHours": hours, "MaxResults": 1000}
    if wanted.is_ultraserver:
        request |= {"UltraserverType": wanted.instance_type, "UltraserverCount": wanted.count}
    else:
        request |= {"InstanceType": wanted.instance_type, "InstanceCount": wanted.count}
    if wanted.start_after is not None:
        request["StartDateRange"] = wanted.start_after
    start_by = wanted.start_by and wanted.start_by + timedelta(hours=hours)
    latest_ends = [moment for moment in (wanted.end_by, start_by) if moment is not None]
    if latest_ends:
        request["EndDateRange"] = min(latest_ends)
    return request


def to_offering(raw: Raw, region: str, observed_at: datetime, known: Known) -> Offering:
    """One offering; its hours and minutes are one duration. Raises ValueError for a fee that is not
    a number."""
    parts = tuple(_segment(item, known) for item in raw.get("CapacityBlockOfferingSegments") or ())
    segments = parts if len(parts) > 1 else ()
    block = _segment({**_only(raw), **raw}, known)
    if segments:
        block = _in_common(segments, block)
    return Offering(
        offering_id=raw.get("CapacityBlockOfferingId", ""),
        instance_type=block.instance_type or None if segments else block.instance_type,
        instance_count=block.instance_count,
        region=region,
        availability_zone=block.availability_zone,
        start_date=block.start_date,
        end_date=block.end_date,
        duration_hours=block.duration_hours,
        upfront_fee=_fee(raw.get("UpfrontFee")),
        currency_code=raw.get("CurrencyCode"),
        tenancy=raw.get("Tenancy"),
        ultraserver_type=raw.get("UltraserverType"),
        ultraserver_count=raw.get("UltraserverCount"),
        zone_type=raw.get("ZoneType"),
        accelerator=block.accelerator,
        observed_at=observed_at,
        segments=segments,
    )


def _only(raw: Raw) -> Raw:
    """The only segment of an offering, which has what the offering itself lacks."""
    segments: Sequence[Raw] = raw.get("CapacityBlockOfferingSegments") or ()
    return segments[0] if len(segments) == 1 else {}


def _segment(raw: Raw, known: Known) -> Segment:
    instance_type = raw.get("InstanceType", "")
    count = raw.get("InstanceCount") or _instances(raw)
    hours, minutes = raw.get("CapacityBlockDurationHours"), raw.get("CapacityBlockDurationMinutes")
    carried = accelerator_of(instance_type, known)
    return Segment(
        instance_type=instance_type,
        instance_count=count,
        availability_zone=raw.get("AvailabilityZone"),
        start_date=raw.get("StartDate"),
        end_date=raw.get("EndDate"),
        duration_hours=None if hours is None else whole(hours + (minutes or 0) / 60),
        accelerator=carried.times(count) if carried else None,
    )


def _in_common(segments: Sequence[Segment], block: Segment) -> Segment:
    """Several segments as one block: a field that differs between them is unknown."""
    types, zones, lengths = (
        {getattr(segment, name) for segment in segments}
        for name in ("instance_type", "availability_zone", "duration_hours")
    )
    counts = [it.instance_count for it in segments if it.instance_count is not None]
    count = sum(counts) if len(counts) == len(segments) else None
    starts = [it.start_date for it in segments if it.start_date]
    ends = [it.end_date for it in segments if it.end_date]
    carried = segments[0].accelerator if len(types) == 1 else None
    return Segment(
        instance_type=types.pop() if len(types) == 1 else "",
        instance_count=count,
        availability_zone=zones.pop() if len(zones) == 1 else None,
        start_date=block.start_date or min(starts, default=None),
        end_date=block.end_date or max(ends, default=None),
        duration_hours=lengths.pop() if len(lengths) == 1 else None,
        accelerator=carried.times(count) if carried else None,
    )


def _fee(text: str | None) -> str | None:
    """EC2's own text of an amount. Raises ValueError."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"the upfront fee {text!r} is not an amount")
    return text


def _instances(raw: Raw) -> int | None:
    each = ULTRASERVERS.get(raw.get("UltraserverType", ""))
    servers = raw.get("UltraserverCount")
    return each.instances * servers if each and servers else None
