"""DescribeCapacityBlockOfferings: the offerings of one region, within its small request budget.

AWS allows 10 calls at once and then 0.15 per second, for each account and region, and every page
counts (EC2 API Reference, throttling). botocore does not retry the two throttling errors in a
useful way, so each attempt is made, paced and counted here.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from botocore.config import Config

from truffle.core.accelerators import Known
from truffle.core.market.answers import Outcome
from truffle.core.market.budget import BURST, REFILL_PER_SECOND
from truffle.core.model import DEADLINE_EXCEEDED, FailureKind
from truffle.core.offerings import MOST_OFFERINGS, Offering, Wanted
from truffle.ec2.errors import FAILURES, error_code, error_message, failure_kind
from truffle.ec2.listing import DescribedTypes
from truffle.ec2.mapping import Raw
from truffle.ec2.offering_mapping import parts_of, to_offering

ATTEMPTS = 3
"""Attempts at one page if EC2 fails temporarily; each attempt uses the budget."""

LIMIT_CODES = frozenset({"CapacityBlockDescribeLimitExceeded", "RequestLimitExceeded"})
"""The codes of a budget that is used up, by this caller or another one of the account."""

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

_NOT_UNDERSTOOD = frozenset({"MissingParameter", "UnknownParameter"})
"""Errors of an EC2 that accepts only one type."""

_NOT_SOLD = re.compile(
    r"not (currently |yet )?(supported|available|eligible|offered|sold|valid)|unsupported"
    r"|does(n't| not) (support|exist)|invalid instance ?type",
    re.IGNORECASE,
)


class RegionOutcome(StrEnum):
    """The outcome for a region; each requires another reaction."""

    ANSWERED = "answered"
    NOT_SOLD = "not-sold"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOfferings:
    """A region's offerings for a block; ``code`` and ``message`` are EC2's if it refused.

    ``unknown_types`` are those of several types that it does not sell as blocks.
    """

    region: str
    outcome: RegionOutcome
    offerings: tuple[Offering, ...] = ()
    code: str | None = None
    message: str | None = None
    kind: FailureKind | None = None
    unknown_types: tuple[str, ...] = ()

    def of_type(self, instance_type: str, wanted: Wanted) -> RegionOfferings:
        """The region's result for one of the wanted types."""
        if not wanted.other_types:
            return self
        if instance_type in self.unknown_types:
            return replace(self, outcome=RegionOutcome.NOT_SOLD, offerings=())
        of_type = tuple(
            it
            for it in self.offerings
            if instance_type in {part.instance_type for part in it.parts}
        )
        return replace(self, offerings=of_type)

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
    """The deadline is before the time at which the budget allows another call."""


@dataclass(slots=True)
class Budget:
    """A token bucket: ``BURST`` calls, then ``REFILL_PER_SECOND``. Times are monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    tokens: float = BURST
    filled_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, deadline: float | None = None) -> None:
        """Wait until a call is allowed. Raises OutOfTime if that is after the deadline."""
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


class CallBudget(Protocol):
    """A request budget: the permission to make a call."""

    def take(self, deadline: float | None = None) -> None:
        """Raises OutOfTime if no call is allowed before the deadline."""


class OfferingsEC2(Protocol):
    """The part of a boto3 EC2 client that this uses."""

    def describe_capacity_block_offerings(self, **parameters: Any) -> Raw: ...

    def get_paginator(self, operation_name: str) -> Any: ...


def offerings_config() -> Config:
    """One attempt per call, since a hidden retry would use the budget uncounted. Timeouts in
    seconds."""
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=15
    )


def list_offerings(
    client: OfferingsEC2,
    region: str,
    wanted: Wanted,
    budget: CallBudget,
    clock: Callable[[], datetime],
    deadline: float | None = None,
    attempts: int = ATTEMPTS,
) -> RegionOfferings:
    """List all offerings of a region for a wanted block. Each page is requested at most
    ``attempts`` times.

    A region that fails on a later page, or for a later length, has failed; the offerings found
    before are kept.
    """
    observed_at = clock()
    found: tuple[Offering, ...] = ()
    unknown: set[str] = set()

    def ask(types: Sequence[str], hours: int) -> list[Raw]:
        pages = _pages(client, _request(wanted, types, hours), budget, deadline, attempts)
        return [item for page in pages for item in page]

    for number, hours in enumerate(wanted.lengths):
        try:
            raw = _of_types(partial(ask, hours=hours), wanted.types, unknown)
            known = _described(client, raw)
            found += tuple(to_offering(item, region, observed_at, known) for item in raw)
        except OutOfTime:
            return _limited(region, _starting_by(wanted, found), number, len(wanted.lengths))
        except FAILURES as error:
            return replace(_refused(error, region), offerings=_starting_by(wanted, found))
    return RegionOfferings(
        region=region,
        outcome=RegionOutcome.ANSWERED,
        offerings=_starting_by(wanted, found),
        unknown_types=tuple(it for it in wanted.types if it in unknown),
    )


def _of_types(
    ask: Callable[[Sequence[str]], list[Raw]], types: Sequence[str], unknown: set[str]
) -> list[Raw]:
    """The offerings of all types, in one call if that suffices.

    EC2 evaluates all types of a call and returns at most six offerings, whatever their types (EC2
    API, CapacityBlockInstanceTypePreference; User Guide, capacity-blocks-purchase). So types
    missing from a full response, and all types if EC2 refuses them together, are requested one by
    one; ``unknown`` gets those that are not sold. Raises EC2's error if none is sold.
    """
    left = [each for each in types if each not in unknown]
    try:
        found = ask(left)
    except FAILURES as error:
        if len(left) == 1 or error_code(error) not in REFUSED_CODES | _NOT_UNDERSTOOD:
            raise
        found, listed, alone = [], set[str](), True
    else:
        listed = {part.get("InstanceType", "") for item in found for part in parts_of(item)}
        alone = len(left) > 1 and len(found) >= MOST_OFFERINGS
    for each in [it for it in left if alone and it not in listed]:
        try:
            found += ask([each])
        except FAILURES as error:
            unknown.add(each)
            if not _is_not_sold(error) or unknown.issuperset(types):
                raise
    return found


def _starting_by(wanted: Wanted, found: Iterable[Offering]) -> tuple[Offering, ...]:
    """The offerings that start in time, each once."""
    latest = wanted.start_by
    each = {(offering.offering_id, offering.identity): offering for offering in found}
    return tuple(
        offering
        for offering in each.values()
        if latest is None or (offering.start_date is not None and offering.start_date <= latest)
    )


def _limited(
    region: str, found: tuple[Offering, ...], requested: int, lengths: int
) -> RegionOfferings:
    message = "The request budget of this region allows no further call before the deadline."
    if requested:
        message += f" Searched for {requested} of {lengths} durations."
    return RegionOfferings(
        region=region,
        outcome=RegionOutcome.LIMITED,
        offerings=found,
        code=DEADLINE_EXCEEDED,
        message=message,
        kind=FailureKind.ERROR,
    )


def _described(client: OfferingsEC2, raw: Iterable[Raw]) -> Known:
    """The accelerators of types missing from the bundled table; empty if EC2 does not describe
    them."""
    types = DescribedTypes()
    try:
        types.learn(client, {it.get("InstanceType", "") for item in raw for it in parts_of(item)})
    except FAILURES:
        return {}
    return types.known


def _refused(error: Exception, region: str) -> RegionOfferings:
    code, message = error_code(error), error_message(error)
    outcome = RegionOutcome.FAILED
    if code in LIMIT_CODES:
        outcome = RegionOutcome.LIMITED
    elif _is_not_sold(error):
        outcome = RegionOutcome.NOT_SOLD
    return RegionOfferings(
        region=region,
        outcome=outcome,
        offerings=(),
        code=code,
        message=message,
        kind=failure_kind(error),
    )


def _is_not_sold(error: Exception) -> bool:
    """Whether EC2's error means that a type is not sold as blocks in this region."""
    is_refused = error_code(error) in REFUSED_CODES
    return is_refused and _NOT_SOLD.search(error_message(error)) is not None


def _pages(
    client: OfferingsEC2, request: Raw, budget: CallBudget, deadline: float | None, attempts: int
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
    client: OfferingsEC2,
    request: dict[str, Any],
    budget: CallBudget,
    deadline: float | None,
    attempts: int,
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
    """Whether EC2 failed temporarily: without a response, or with a 5xx that is neither a refusal
    nor a limit."""
    if error_code(error) in LIMIT_CODES:
        return False
    response = getattr(error, "response", None)
    if response is None:
        return failure_kind(error) is FailureKind.ERROR
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) >= 500


def _request(wanted: Wanted, types: Sequence[str], hours: int) -> dict[str, Any]:
    request: dict[str, Any] = {"CapacityDurationHours": hours, "MaxResults": 1000}
    if wanted.is_ultraserver:
        request |= {"UltraserverType": wanted.instance_type, "UltraserverCount": wanted.count}
    elif len(types) > 1:
        request["InstanceTypePreferences"] = [{"InstanceType": each} for each in types]
        request["InstanceCount"] = wanted.count
    else:
        request |= {"InstanceType": types[0], "InstanceCount": wanted.count}
    if wanted.start_after is not None:
        request["StartDateRange"] = wanted.start_after
    start_by = wanted.start_by and wanted.start_by + timedelta(hours=hours)
    latest_ends = [moment for moment in (wanted.end_by, start_by) if moment is not None]
    if latest_ends:
        request["EndDateRange"] = min(latest_ends)
    return request
