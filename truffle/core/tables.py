"""The tables for SQL: the name, type and meaning of each column, declared once.

Glue's columns, DuckDB's reading and writing, and ``docs/sql.md`` follow from here. Types are Glue's
(Athena User Guide, "Data types in Amazon Athena"). Times are in UTC.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from truffle.core.kinds.registry import CLASSES
from truffle.core.ledger import FACTS
from truffle.core.meanings import MEANINGS
from truffle.core.model import ReservationType


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``type`` is Glue's."""

    name: str
    type: str
    meaning: str


PARTITION = Column("dt", "string", "The partition: a day in UTC, such as `2026-11-24`.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned by ``dt``, a day in UTC.

    ``order`` has the columns by which the rows of a file are sorted. ``day`` describes the day of a
    row.
    """

    name: str
    meaning: str
    day: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]


_PLAIN: Mapping[Any, str] = {
    str: "string",
    ReservationType: "string",
    bool: "boolean",
    int: "bigint",
    float: "double",
    datetime: "timestamp",
}
_DUCKDB = {kind: "VARCHAR" if kind == "string" else kind.upper() for kind in _PLAIN.values()}


def glue_type(hint: Any) -> str:
    """Glue's type of a type hint of the model. Raises TypeError."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (member,) = [argument for argument in arguments if argument is not type(None)]
        return glue_type(member)
    if origin is tuple:
        return f"array<{glue_type(arguments[0])}>"
    if origin is Mapping:
        return f"map<{','.join(map(glue_type, arguments))}>"
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        members = [f"{one.name}:{glue_type(hints[one.name])}" for one in fields(hint)]
        return f"struct<{','.join(members)}>"
    raise TypeError(f"{hint} has no type in Glue")


def duckdb_type(glue: str) -> str:
    """DuckDB's name of a type of Glue: ``MAP(VARCHAR, VARCHAR)`` for ``map<string,string>``."""
    head, _, inner = glue.partition("<")
    if not inner:
        return _DUCKDB[head]
    members = _split(inner[:-1])
    if head == "array":
        return f"{duckdb_type(members[0])}[]"
    if head == "map":
        return f"MAP({', '.join(map(duckdb_type, members))})"
    named = [member.partition(":") for member in members]
    fields_of = [f'"{name}" {duckdb_type(kind)}' for name, _, kind in named]
    return f"STRUCT({', '.join(fields_of)})"


def _split(text: str) -> list[str]:
    """The members of a type, at the commas outside of brackets."""
    members, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            members.append(text[start:place])
            start = place + 1
    return [*members, text[start:]]


def _reservation_columns() -> tuple[Column, ...]:
    """The fields of all types, each once, in the order of the JSON."""
    classes = list(CLASSES.values())
    hints = {name: hint for cls in classes for name, hint in get_type_hints(cls).items()}
    names = dict.fromkeys(one.name for cls in classes for one in fields(cls))
    return tuple(Column(name, glue_type(hints[name]), MEANINGS[name]) for name in names)


OTHER_FIELDS = Column(
    "other_fields",
    "string",
    "JSON with the fields that this version does not know; null if there are none.",
)

KEPT_FIELDS = Column(
    OTHER_FIELDS.name,
    OTHER_FIELDS.type,
    "JSON with the fields of its snapshot that this version does not know; null if there are none.",
)

SNAPSHOTS = Table(
    "snapshots",
    "A row for each reservation in each complete listing of an account in a region. A reservation "
    "that several collected accounts list has a row for each of them.",
    "The day of the listing.",
    (*_reservation_columns(), OTHER_FIELDS),
    ("reservation_id", "observed_at", "account_id"),
)

LISTINGS = Table(
    "listings",
    "A row for each attempt to list an account in a region, including those that failed or found "
    "nothing.",
    "The day of the attempt.",
    (
        Column("account_id", "string", "The account that was listed."),
        Column("region", "string", "The region that was listed."),
        Column("observed_at", "timestamp", "When the listing began."),
        Column("outcome", "string", "`succeeded` or `failed`."),
        Column("error", "string", "AWS's error code; null where the listing succeeded."),
        Column("reservations", "bigint", "Reservations listed; null where the listing failed."),
    ),
    ("account_id", "region", "observed_at"),
)

SPANS = Table(
    "spans",
    "A row for each stretch of time in which nothing of a reservation changed, once for each "
    "reservation, whichever accounts list it. Time without a complete listing for more than two "
    "periods of the schedule is not part of any span.",
    "The day on which a listing showed the end; the newest day for an open span.",
    (
        *_reservation_columns(),  # observed_at is valid_from
        Column("valid_from", "timestamp", "When the stretch began, included."),
        Column("valid_to", "timestamp", "When it ended, excluded; null for an open span."),
        Column("known_until", "timestamp", "`valid_to`, or the newest listing for an open span."),
        Column("digest", "string", "The same in any two rows with the same fields."),
        KEPT_FIELDS,
    ),
    ("reservation_id", "valid_from"),
)

USAGE = Table(
    "usage",
    "A row for each reservation and completed day; several rows if more than the use of the "
    "reservation changed on that day. Hours are instance-hours of the state `active`.",
    "The day.",
    (
        *(
            it
            for it in _reservation_columns()
            if it.name in {name for names in FACTS.values() for name in names}
        ),
        Column("reserved_hours", "double", "Hours that were reserved, and observed."),
        Column("used_hours", "double", "Hours in use."),
        Column("idle_hours", "double", "Reserved less used hours."),
        Column("unobserved_hours", "double", "Hours without a listing that shows the use."),
        Column("reserved_accelerator_hours", "double", "Null where their number is unknown."),
        Column("used_accelerator_hours", "double", "Null where their number is unknown."),
        Column("idle_accelerator_hours", "double", "Null where their number is unknown."),
        Column(
            "stretches",
            "array<struct<start:timestamp,end:timestamp,total_capacity:bigint,"
            "used_capacity:bigint,is_observed:boolean>>",
            "The times of the day in which the numbers stayed the same.",
        ),
        KEPT_FIELDS,
    ),
    ("reservation_id", "stretches"),
)

EVENTS = Table(
    "events",
    "A row for each event.",
    "The day on which the event was observed.",
    (
        Column("event_id", "string", "The event's id; the same event has the same id."),
        Column("type", "string", "Such as `state_changed` or `extended`."),
        Column("severity", "string", "`info`, `good`, `warning` or `critical`."),
        Column("summary", "string", "The event in a sentence."),
        Column("reason", "string", "Why it matters."),
        Column("observed_at", "timestamp", "When it was observed."),
        Column("previous_observed_at", "timestamp", "The listing before that."),
        Column("account_id", "string", "The account that was listed."),
        Column("region", "string", "The region that was listed."),
        Column("reservation_id", "string", "Null for an event of a scope."),
        Column("capacity_block_id", "string", MEANINGS["capacity_block_id"]),
        Column("reservation_type", "string", MEANINGS["type"]),
        Column("instance_type", "string", MEANINGS["instance_type"]),
        Column("instance_count", "bigint", "Instances of the reservation."),
        Column("before", "string", "JSON: the values that changed, as they were."),
        Column("after", "string", "JSON: the values that changed, as they became."),
        Column("reservation", "string", "JSON: the whole reservation."),
        Column("run_id", "string", "The run that observed it; null outside of runs."),
        Column("account_name", "string", MEANINGS["account_name"]),
        Column("organizational_unit", "string", MEANINGS["organizational_unit"]),
    ),
    ("observed_at", "event_id"),
)

RUNS = Table(
    "runs",
    "A row for each finished run.",
    "The day on which the run started.",
    (
        Column("run_id", "string", "The run's id; ids sort by their start."),
        Column("started_at", "timestamp", "When it started."),
        Column("finished_at", "timestamp", "When the first attempt at every unit was over."),
        Column("seconds", "double", "From the start to the end."),
        Column(
            "counts",
            "struct<scopes:bigint,succeeded:bigint,failed:bigint,closed:bigint,"
            "reservations:bigint,changed:bigint,events:bigint>",
            "Scopes by their outcome; reservations listed and changed; events.",
        ),
        Column(
            "failures",
            "array<struct<account_id:string,region:string,code:string,message:string>>",
            "The scopes that failed, each with AWS's error.",
        ),
        Column(
            "warnings", "array<string>", "What could not be read from or written to the bucket."
        ),
    ),
    ("started_at", "run_id"),
)

OFFERINGS = Table(
    "offerings",
    "A row for each capacity block that a region offered to a watch, at each answer; one row for "
    "an answer without offerings, with the reason as `outcome`.",
    "The day of the answer.",
    (
        Column("watch", "string", "The name of the watch."),
        Column("account_id", "string", "The account that asked."),
        Column("region", "string", "The region of the request."),
        Column("observed_at", "timestamp", "When it answered."),
        Column(
            "outcome",
            "string",
            "`offered`, `none`, `unknown-type`, `not-asked` (no call was left in the budget) or "
            "`failed`.",
        ),
        Column("code", "string", "EC2's error code, where the request failed."),
        Column("requested_instance_type", "string", "What the watch asks for."),
        Column("requested_count", "bigint", "How many instances, or UltraServers."),
        Column("requested_duration_hours", "bigint", "The duration of the block."),
        Column("max_accelerator_hour_price", "double", "The watch's limit; null without one."),
        Column("is_within_limit", "boolean", "Whether the offer is within that limit."),
        Column("identity", "string", "Identifies the block across answers."),
        Column("offering_id", "string", "EC2's id of the offer; null in an answer without any."),
        Column("instance_type", "string", "Of the offer; null where its segments differ."),
        Column("instance_count", "bigint", "Instances of the block."),
        Column("availability_zone", "string", "Null where its segments differ."),
        Column("zone_type", "string", "Such as `availability-zone` or `local-zone`."),
        Column("ultraserver_type", "string", MEANINGS["ultraserver_type"]),
        Column("ultraserver_count", "bigint", "How many UltraServers."),
        Column("start_date", "timestamp", "When the block starts."),
        Column("end_date", "timestamp", "When it ends."),
        Column("duration_hours", "double", "Its length."),
        Column("lead_hours", "double", "From the answer to the start."),
        Column("upfront_fee", "double", "The price of the whole block."),
        Column("currency_code", "string", "Such as `USD`."),
        Column("price_per_instance_hour", "double", "The fee per instance-hour."),
        Column("price_per_gpu_hour", "double", "The fee per accelerator-hour; null if unknown."),
        Column("segments", "string", "JSON: the parts of an offer that has several."),
    ),
    ("requested_instance_type", "region", "watch", "observed_at", "start_date", "offering_id"),
)

TABLES: Mapping[str, Table] = {
    table.name: table for table in (SNAPSHOTS, LISTINGS, SPANS, USAGE, EVENTS, RUNS, OFFERINGS)
}
