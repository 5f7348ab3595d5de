"""List one scope completely: the result is a snapshot or a failure, never a partial list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import ClientError

from truffle.core import error_codes
from truffle.core.accelerators import recorded, unknown_types
from truffle.core.model import (
    DEADLINE_EXCEEDED,
    Accelerator,
    Failure,
    FailureKind,
    Odcr,
    Reservation,
    Scope,
    Snapshot,
    Unanswered,
)
from truffle.ec2.errors import (
    FAILURES,
    error_code,
    to_failure,
)
from truffle.ec2.mapping import (
    Block,
    Enrichment,
    Raw,
    is_capacity_block,
    to_accelerator,
    to_blocks,
    to_health,
    to_odcr,
    to_reservations,
)
from truffle.ec2.other_kinds import OtherKinds, with_others
from truffle.threads import start

PAGE_SIZE = 1000
"""The largest page of the Describe calls used here (botocore's EC2 model, MaxResults)."""

FILTER_VALUES = 200
"""The maximum number of values of one EC2 filter (EC2 User Guide, Using_Filtering)."""


class ListingEC2(Protocol):
    """The part of a boto3 EC2 client that listing uses."""

    def get_paginator(self, operation_name: str) -> Any: ...


def client_config(max_connections: int = 10) -> Config:
    """Bounded retries and timeouts, in seconds: one call takes at most about 35 s.

    boto3's default mode is ``legacy``, so ``standard`` must be set.
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=3,
        read_timeout=8,
        max_pool_connections=max_connections,
    )


@dataclass(slots=True)
class DescribedTypes:
    """EC2's descriptions of instance types that are not bundled; shared between listings."""

    known: dict[str, Accelerator | None] = field(default_factory=dict)

    def learn(self, client: ListingEC2, instance_types: Iterable[str]) -> None:
        """Request the descriptions of unknown types; a type that EC2 does not describe has no
        accelerator."""
        missing = unknown_types(instance_types, self.known)
        for first in range(0, len(missing), FILTER_VALUES):
            requested = missing[first : first + FILTER_VALUES]
            answer = _all(
                client,
                "describe_instance_types",
                "InstanceTypes",
                Filters=[{"Name": "instance-type", "Values": requested}],
            )
            described = {raw["InstanceType"]: to_accelerator(raw) for raw in answer}
            self.known.update({name: described.get(name) for name in requested})


class DeadlineExceeded(Exception):
    """The time for the whole listing is over."""


def list_scope(
    client: ListingEC2,
    scope: Scope,
    types: DescribedTypes,
    clock: Callable[[], datetime],
    deadline: datetime | None = None,
    others: OtherKinds | None = None,
) -> Snapshot | Failure:
    """List everything that EC2 has in a scope, and what other services have (``others``).

    ``observed_at`` is the moment before the first call.

    A failed call makes the result a Failure. An enrichment that is denied, or that the region does
    not support, leaves its fields None and is named in ``unanswered``.
    """
    return list_unnamed_scope(client, lambda: scope, types, clock, deadline, others)


def list_unnamed_scope(
    client: ListingEC2,
    scope_of: Callable[[], Scope],
    types: DescribedTypes,
    clock: Callable[[], datetime],
    deadline: datetime | None = None,
    others: OtherKinds | None = None,
) -> Snapshot | Failure:
    """The same with an account that is still being determined; it is read after the first page.

    An empty account id means that it is unknown.
    """
    observed_at = clock()
    pending = others.begin(scope_of, observed_at) if others else []
    try:
        pages = _on_time(_pages(client, "describe_capacity_reservations"), clock, deadline)
        rows = _Rows(scope_of, observed_at, types)
        for page in pages:
            # Popped, so that no raw page stays in memory while EC2 prepares the next one.
            rows.add(page.pop("CapacityReservations", None) or ())
        enrichment, unanswered = _enrich(client, rows.waiting.values(), types)
        listed = Snapshot(scope_of(), observed_at, rows.all(enrichment), unanswered)
        return with_others(listed, pending)
    except FAILURES as error:
        return to_failure(error, scope_of(), observed_at)
    except DeadlineExceeded:
        message = "The listing was not complete before its deadline."
        return Failure(
            scope=scope_of(),
            failed_at=observed_at,
            kind=FailureKind.ERROR,
            code=DEADLINE_EXCEEDED,
            message=message,
        )


@dataclass(slots=True)
class _Rows:
    """The rows of a listing, mapped as pages arrive; rows that need enrichment wait unmapped.

    A reservation that moved between pages while they were read is listed twice; the later one wins.
    """

    scope_of: Callable[[], Scope]
    observed_at: datetime
    types: DescribedTypes
    ready: dict[str, Odcr] = field(default_factory=dict)
    waiting: dict[str, Raw] = field(default_factory=dict)

    def add(self, raw_reservations: Iterable[Raw]) -> None:
        scope, known = self.scope_of(), self.types.known
        table = recorded()
        for raw in raw_reservations:
            reservation_id = raw["CapacityReservationId"]
            name = raw.get("InstanceType", "")
            if is_capacity_block(raw) or (name not in table and name not in known):
                self.ready.pop(reservation_id, None)
                self.waiting[reservation_id] = raw
            else:
                self.waiting.pop(reservation_id, None)
                self.ready[reservation_id] = to_odcr(raw, scope, self.observed_at, known)

    def all(self, enrichment: Enrichment) -> tuple[Reservation, ...]:
        """All rows, ordered by id."""
        scope = self.scope_of()
        rest = to_reservations(self.waiting.values(), scope, self.observed_at, enrichment)
        return tuple(sorted([*self.ready.values(), *rest], key=attrgetter("reservation_id")))


def _on_time(
    pages: Iterable[dict[str, Any]], clock: Callable[[], datetime], deadline: datetime | None
) -> Iterator[dict[str, Any]]:
    for page in pages:
        yield page
        if page.get("NextToken") and deadline is not None and clock() >= deadline:
            raise DeadlineExceeded


def _pages(client: ListingEC2, operation: str, **parameters: Any) -> Iterable[dict[str, Any]]:
    size = 100 if operation == "describe_instance_types" else PAGE_SIZE
    pages: Iterable[dict[str, Any]] = client.get_paginator(operation).paginate(
        **parameters, PaginationConfig={"PageSize": size}
    )
    return pages


def _all(client: ListingEC2, operation: str, key: str, **parameters: Any) -> list[Raw]:
    return [
        item for page in _pages(client, operation, **parameters) for item in page.get(key) or ()
    ]


def _enrich(
    client: ListingEC2, raw_reservations: Collection[Raw], types: DescribedTypes
) -> tuple[Enrichment, tuple[Unanswered, ...]]:
    """The further calls of a scope, concurrently, and only those that are needed."""
    names = {item["InstanceType"] for item in raw_reservations if item.get("InstanceType")}
    tasks: dict[str, Callable[[], Any]] = {}
    if any(map(is_capacity_block, raw_reservations)):
        tasks["DescribeCapacityBlocks"] = lambda: to_blocks(
            _all(client, "describe_capacity_blocks", "CapacityBlocks")
        )
        tasks["DescribeCapacityBlockStatus"] = lambda: to_health(
            _all(client, "describe_capacity_block_status", "CapacityBlockStatuses")
        )
    if unknown_types(names, types.known):
        tasks["DescribeInstanceTypes"] = lambda: types.learn(client, names)
    answers, unanswered = _ask_all(tasks)
    blocks: Mapping[str, Block] = answers.get("DescribeCapacityBlocks") or {}
    health = answers.get("DescribeCapacityBlockStatus") or {}
    return Enrichment(blocks, health, dict(types.known)), unanswered


def _ask_all(
    tasks: dict[str, Callable[[], Any]],
) -> tuple[dict[str, Any], tuple[Unanswered, ...]]:
    futures = {operation: start(partial(_or_refusal, task)) for operation, task in tasks.items()}
    answers = {operation: future.result() for operation, future in futures.items()}
    refusals = tuple(
        Unanswered(operation, answer.code)
        for operation, answer in answers.items()
        if isinstance(answer, _Refusal)
    )
    given = {name: answer for name, answer in answers.items() if not isinstance(answer, _Refusal)}
    return given, refusals


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str


def _or_refusal(task: Callable[[], Any]) -> Any:
    """The response, or EC2's error for this account or region."""
    try:
        return task()
    except ClientError as error:
        code = error_code(error)
        if code in error_codes.DENIED or code in error_codes.UNSUPPORTED:
            return _Refusal(code)
        raise
