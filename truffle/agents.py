"""truffle as a Model Context Protocol server (extra ``truffle[mcp]``) with read-only tools.

Every result has the age of its data and the scopes that could not be listed. Lists are bounded: a
tool takes a limit, and returns the number of matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import Field, create_model

from truffle import clock
from truffle.core.codec import encode
from truffle.core.events import EventType, Severity, to_message
from truffle.core.kinds.registry import KINDS
from truffle.core.model import TYPES, ReservationType
from truffle.core.times import format_time
from truffle.errors import TruffleError
from truffle.version import VERSION

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.sources.listing import ScopeFailure

MOST = 200
"""The maximum number of rows that a tool returns."""

INSTRUCTIONS = (
    "Reads the GPU capacity that an organization holds on AWS, by type: "
    f"{'; '.join(f'{name}: {kind.about}' for name, kind in KINDS.items())} "
    "It never buys or changes anything. "
    "Check 'collection' in each result: the reservations of a failed scope are unknown. "
    "Times are UTC; arguments take dates, RFC 3339, or lengths such as 7d."
)

_READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)

Limit = Annotated[
    int, Field(ge=1, le=MOST, description=f"The maximum number of rows, 1 to {MOST}.")
]


@dataclass
class FailedScope:
    """An account in a region that could not be listed; its data is not current."""

    account_id: str | None
    region: str
    error: str
    last_success: str | None


@dataclass
class Collection:
    """The completeness and age of a result."""

    complete: bool
    observed_at: str | None
    asked_at: str
    failed: int = 0
    failed_scopes: list[FailedScope] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Listed:
    """A part of a list: ``count`` is the number of matches, ``truncated`` whether some are
    omitted."""

    items: list[dict[str, Any]]
    count: int
    truncated: bool
    collection: Collection


@dataclass
class Answered:
    """A result that is not a list."""

    answer: dict[str, Any]
    collection: Collection


def server_of(client: Truffle) -> MCPServer:
    """A server whose tools use this client; usage, events and status only with a deployed stack."""
    tools = _Tools(client)
    requested: list[Callable[..., Any]] = [tools.capacity, tools.reservation, tools.offerings]
    requested += [tools.validate]
    if client.api_url is not None:
        requested += [tools.usage, tools.events, tools.status]
    return MCPServer(
        "truffle",
        instructions=INSTRUCTIONS,
        version=VERSION,
        log_level="WARNING",
        tools=[_tool_of(method) for method in requested],
    )


def _tool_of(method: Callable[..., Any]) -> Tool:
    """A read-only tool that refuses unknown arguments, which the SDK would drop.

    A filter that is dropped would make the answer look like that of the question.
    """
    tool = Tool.from_function(method, annotations=_READS)
    known: Any = tool.fn_metadata.arg_model
    strict = create_model(known.__name__, __base__=known, __cls_kwargs__={"extra": "forbid"})
    tool.fn_metadata.arg_model = strict
    tool.parameters = strict.model_json_schema(by_alias=True)
    return tool


class _Tools:
    """The methods are the tools; their docstrings and types describe them to the model."""

    def __init__(self, client: Truffle) -> None:
        self._client = client

    def capacity(
        self,
        types: list[ReservationType] | None = None,
        instance_types: list[str] | None = None,
        accelerators: list[str] | None = None,
        regions: list[str] | None = None,
        states: list[str] | None = None,
        accounts: list[str] | None = None,
        tags: dict[str, str] | None = None,
        gpu_only: bool = False,
        available_only: bool = False,
        limit: Limit = 50,
    ) -> Listed:
        """List the reservations that you hold, in any state unless states are given.

        instance_types and regions take globs (p5*, us-*). available_only keeps those with unused
        instances now.
        """
        with _explained():
            rows = self._client.capacity(
                reservation_type=list(types or TYPES),
                instance_types=instance_types,
                gpu=accelerators,
                regions=regions,
                states=states,
                accounts=accounts,
                tags=tags,
                gpu_only=gpu_only,
                available_only=available_only,
                active_only=False,
                limit=limit,
            )
        collection = _collection(rows.failures, rows.observed_at, rows.warnings)
        items = [encode(row) for row in rows]
        return Listed(items, rows.matches, rows.matches > len(items), collection)

    def reservation(self, reservation_id: str) -> Answered:
        """Show one reservation by its id (cr-… or the block's id)."""
        from truffle.completeness import find
        from truffle.query import list_query

        with _explained():
            everything = list_query(reservation_type=list(TYPES), active_only=False)
            inventory = self._client.inventory(everything)
            row = find(inventory, reservation_id)
        return Answered(encode(row), _collection(inventory.failures, row.observed_at))

    def offerings(
        self,
        instance_type: str,
        days: Annotated[float, Field(gt=0, le=182)],
        count: Annotated[int, Field(ge=1)] = 1,
        start_after: str | None = None,
        end_by: str | None = None,
        regions: list[str] | None = None,
        source: Literal["live", "stack"] | None = None,
        include_training_plans: bool = False,
        limit: Limit = 20,
    ) -> Listed:
        """Find capacity blocks for sale now, the cheapest first. Buys nothing.

        live queries EC2 itself, which allows few such requests. stack reads what the watches of the
        deployed stack found, each with its observed_at; it is the default if there is a stack.
        """
        source = source or ("live" if self._client.api_url is None else "stack")
        if source == "stack" and not include_training_plans:
            needed = (instance_type, count, days * 24)
            return self._found_by_watches(needed, (start_after, end_by), regions, limit)
        include = "training-plans" if include_training_plans else None
        with _explained():
            found = self._client.offerings(
                instance_type, count, days, None, start_after, end_by, regions, include=include
            )
        items = [offering.to_json() for offering in found[:limit]]
        collection = _collection(found.failures, clock.now())
        return Listed(items, len(found), len(found) > limit, collection)

    def _found_by_watches(
        self,
        needed: tuple[str, int, float],
        dates: tuple[str | None, str | None],
        regions: list[str] | None,
        limit: int,
    ) -> Listed:
        """Offerings found by watches that fit the block, and the answers of their regions."""
        from truffle.arguments import moment
        from truffle.core.market.known import Needed, known_of

        with _explained():
            after, by = moment("start_after", dates[0]), moment("end_by", dates[1])
            found = self._client.offerings(source="api", regions=regions, start_after=after)
        known = known_of(found.market, Needed(*needed), clock.now())
        items = [
            find.to_json()
            for find in known.finds
            if by is None or (find.offering.end_date and find.offering.end_date <= by)
        ]
        requested = {(it.watch, it.region) for it in known.unanswered}
        failures = [it for it in found.failures if (it.code.split(":")[0], it.region) in requested]
        nothing = (
            []
            if known.standings
            else ["No watch searches for this block, so whether it is for sale is unknown."]
        )
        collection = _collection(failures, known.known_at, nothing)
        return Listed(items[:limit], len(items), len(items) > limit, collection)

    def validate(
        self,
        instance_type: str,
        count: Annotated[int, Field(ge=1)],
        days: Annotated[float, Field(gt=0)],
        start_by: str | None = None,
        regions: list[str] | None = None,
    ) -> Answered:
        """Check whether a training run fits the held reservations, in which, and why not."""
        from truffle.arguments import training_request
        from truffle.completeness import unknown_regions
        from truffle.core.validation import validate
        from truffle.query import run_query

        with _explained():
            request = training_request(instance_type, count, days, start_by)
            inventory = self._client.inventory(run_query(instance_type, regions))
        unknown = unknown_regions(inventory)
        answer = validate(inventory.reservations, request, clock.now(), unknown).to_json()
        answer["candidates"] = answer["candidates"][:MOST]
        return Answered(answer, _collection(inventory.failures, inventory.observed_at))

    def events(
        self,
        since: str = "7d",
        types: list[EventType] | None = None,
        severities: list[Severity] | None = None,
        reservation_id: str | None = None,
        limit: Limit = 50,
    ) -> Listed:
        """List what happened to reservations, the newest first, as the stack recorded it."""
        with _explained():
            found = self._client.events(since, None, types, severities, reservation_id, limit + 1)
            collection = self._collection_of_stack()
        items = [to_message(event) for event in found[:limit]]
        return Listed(items, len(found), len(found) > limit, collection)

    def usage(
        self,
        since: str = "7d",
        until: str | None = None,
        interval: Literal["hour", "day", "week", "month", "total"] = "total",
        by: list[str] | None = None,
        instance_types: list[str] | None = None,
        regions: list[str] | None = None,
        limit: Limit = 50,
    ) -> Listed:
        """Total the reserved, used and idle hours of a period, in instance-hours and money.

        by takes reservation, account, owner, region, instance_type, accelerator, type and tag:KEY.
        A cost is null if no price is known; unobserved hours are not counted elsewhere.
        """
        with _explained():
            found = self._client.usage(
                since,
                until,
                interval,
                by or ["type"],
                instance_types=instance_types,
                regions=regions,
            )
            collection = self._collection_of_stack()
        missing = [f"There is no data for {day}." for day in found.missing_days]
        collection.warnings += [*found.warnings, *missing]
        items = [row.to_json() for row in found[:limit]]
        return Listed(items, len(found), len(found) > limit, collection)

    def status(self) -> Answered:
        """Show how current the stack's data is: totals, and the scopes that are not current."""
        with _explained():
            status = self._client.status()
        scopes = [scope for scope in status["scopes"] if scope["state"] != "current"]
        answer = {"totals": status["totals"], "scopes": scopes[:MOST]}
        return Answered(answer, _collection_of(status))

    def _collection_of_stack(self) -> Collection:
        return _collection_of(self._client.status())


@contextmanager
def _explained() -> Iterator[None]:
    """Return truffle's errors as text: they explain what to do, so the model can correct itself."""
    try:
        yield
    except TruffleError as error:
        raise ToolError(str(error)) from error


def _collection(
    failures: Sequence[ScopeFailure], observed_at: datetime | None, warnings: Sequence[str] = ()
) -> Collection:
    named = [
        FailedScope(
            each.account_id,
            each.region,
            f"{each.code}: {each.message}",
            format_time(each.last_success) if each.last_success else None,
        )
        for each in failures[:20]
    ]
    seen = format_time(observed_at) if observed_at else None
    now = format_time(clock.now())
    return Collection(not failures, seen, now, len(failures), named, list(warnings))


def _collection_of(status: dict[str, Any]) -> Collection:
    """The state of the stack's data, from ``GET /status``."""
    found, totals = status["collection"], status["totals"]
    named = [
        FailedScope(each["account_id"], each["region"], each["error"], each["last_success"])
        for each in found["failed_scopes"]
    ]
    failed = found["failed"]["total"]
    now = format_time(clock.now())
    return Collection(found["complete"], totals["observed_at"], now, failed, named)
