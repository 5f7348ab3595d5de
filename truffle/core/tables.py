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
from truffle.core.tag_text import TEAM_TAG


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """A column; ``type`` is Glue's."""

    name: str
    type: str
    meaning: str


PARTITION = SqlColumn("dt", "string", "The partition: a day in UTC, such as `2026-11-24`.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned by ``dt``, a day in UTC.

    ``order`` has the columns by which the rows of a file are sorted. ``day`` describes the day of a
    row.
    """

    name: str
    meaning: str
    day: str
    columns: tuple[SqlColumn, ...]
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


def _reservation_columns() -> tuple[SqlColumn, ...]:
    """The fields of all types, each once, in the order of the JSON."""
    classes = list(CLASSES.values())
    hints = {name: hint for cls in classes for name, hint in get_type_hints(cls).items()}
    names = dict.fromkeys(one.name for cls in classes for one in fields(cls))
    return tuple(SqlColumn(name, glue_type(hints[name]), MEANINGS[name]) for name in names)


OTHER_FIELDS = SqlColumn(
    "other_fields",
    "string",
    "JSON with the fields that this version does not know; null if there are none.",
)

KEPT_FIELDS = SqlColumn(
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
        SqlColumn("account_id", "string", "The account that was listed."),
        SqlColumn("region", "string", "The region that was listed."),
        SqlColumn("observed_at", "timestamp", "When the listing began."),
        SqlColumn("outcome", "string", "`succeeded` or `failed`."),
        SqlColumn("error", "string", "AWS's error code; null if the listing succeeded."),
        SqlColumn("reservations", "bigint", "Reservations listed; null if the listing failed."),
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
        SqlColumn("valid_from", "timestamp", "When the stretch began, included."),
        SqlColumn("valid_to", "timestamp", "When it ended, excluded; null for an open span."),
        SqlColumn(
            "known_until", "timestamp", "`valid_to`, or the newest listing for an open span."
        ),
        SqlColumn("digest", "string", "The same in any two rows with the same fields."),
        KEPT_FIELDS,
    ),
    ("reservation_id", "valid_from"),
)

TEAM = SqlColumn(
    "team",
    "string",
    f"The tag `{TEAM_TAG}`; null if there is no such tag. It is read much faster than `tags`.",
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
        TEAM,
        SqlColumn("reserved_hours", "double", "Hours that were reserved, and observed."),
        SqlColumn("used_hours", "double", "Hours in use."),
        SqlColumn("idle_hours", "double", "Reserved less used hours."),
        SqlColumn("unobserved_hours", "double", "Hours without a listing that shows the use."),
        SqlColumn("reserved_accelerator_hours", "double", "Null if their number is unknown."),
        SqlColumn("used_accelerator_hours", "double", "Null if their number is unknown."),
        SqlColumn("idle_accelerator_hours", "double", "Null if their number is unknown."),
        SqlColumn(
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
        SqlColumn("event_id", "string", "The event's id; the same event has the same id."),
        SqlColumn("type", "string", "Such as `state_changed` or `extended`."),
        SqlColumn("severity", "string", "`info`, `good`, `warning` or `critical`."),
        SqlColumn("summary", "string", "The event in a sentence."),
        SqlColumn("reason", "string", "Why it matters."),
        SqlColumn("observed_at", "timestamp", "When it was observed."),
        SqlColumn("previous_observed_at", "timestamp", "The listing before that."),
        SqlColumn("account_id", "string", "The account that was listed."),
        SqlColumn("region", "string", "The region that was listed."),
        SqlColumn("reservation_id", "string", "Null for an event of a scope."),
        SqlColumn("capacity_block_id", "string", MEANINGS["capacity_block_id"]),
        SqlColumn("reservation_type", "string", MEANINGS["type"]),
        SqlColumn("instance_type", "string", MEANINGS["instance_type"]),
        SqlColumn("instance_count", "bigint", "Instances of the reservation."),
        SqlColumn("before", "string", "JSON: the values that changed, as they were."),
        SqlColumn("after", "string", "JSON: the values that changed, as they became."),
        SqlColumn("reservation", "string", "JSON: the whole reservation."),
        SqlColumn("run_id", "string", "The run that observed it; null outside of runs."),
        SqlColumn("events_of_listing", "bigint", "The events of the listing that observed it."),
        SqlColumn("account_name", "string", MEANINGS["account_name"]),
        SqlColumn("organizational_unit", "string", MEANINGS["organizational_unit"]),
        SqlColumn("watch", "string", "The watch, of an event of the market."),
        SqlColumn("offering", "string", "JSON: the offering, of an event of the market."),
        SqlColumn("version", "bigint", "The version of the event's JSON."),
        OTHER_FIELDS,
    ),
    ("observed_at", "event_id"),
)

RUNS = Table(
    "runs",
    "A row for each finished run.",
    "The day on which the run started.",
    (
        SqlColumn("run_id", "string", "The run's id; ids sort by their start."),
        SqlColumn("started_at", "timestamp", "When it started."),
        SqlColumn("finished_at", "timestamp", "When the first attempt at every unit was over."),
        SqlColumn("seconds", "double", "From the start to the end."),
        SqlColumn(
            "counts",
            "struct<scopes:bigint,succeeded:bigint,failed:bigint,closed:bigint,"
            "reservations:bigint,changed:bigint,events:bigint>",
            "Scopes by their outcome; reservations listed and changed; events.",
        ),
        SqlColumn(
            "failures",
            "array<struct<account_id:string,region:string,code:string,message:string>>",
            "The scopes that failed, each with AWS's error.",
        ),
        SqlColumn(
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
        SqlColumn("watch", "string", "The name of the watch."),
        SqlColumn("account_id", "string", "The account that asked."),
        SqlColumn("region", "string", "The region of the request."),
        SqlColumn("observed_at", "timestamp", "When it answered."),
        SqlColumn(
            "outcome",
            "string",
            "`offered`, `none`, `unknown-type`, `not-asked` (no call was left in the budget) or "
            "`failed`.",
        ),
        SqlColumn("code", "string", "EC2's error code, if the request failed."),
        SqlColumn("requested_instance_type", "string", "The type that the watch searches for."),
        SqlColumn("requested_count", "bigint", "How many instances, or UltraServers."),
        SqlColumn("requested_duration_hours", "bigint", "The duration of the block."),
        SqlColumn("max_accelerator_hour_price", "double", "The watch's limit; null without one."),
        SqlColumn("is_within_limit", "boolean", "Whether the offer is within that limit."),
        SqlColumn("identity", "string", "Identifies the block across answers."),
        SqlColumn("offering_id", "string", "EC2's id of the offer; null in an answer without any."),
        SqlColumn("instance_type", "string", "Of the offer; null if its segments differ."),
        SqlColumn("instance_count", "bigint", "Instances of the block."),
        SqlColumn("availability_zone", "string", "Null if its segments differ."),
        SqlColumn("zone_type", "string", "Such as `availability-zone` or `local-zone`."),
        SqlColumn("ultraserver_type", "string", MEANINGS["ultraserver_type"]),
        SqlColumn("ultraserver_count", "bigint", "How many UltraServers."),
        SqlColumn("start_date", "timestamp", "When the block starts."),
        SqlColumn("end_date", "timestamp", "When it ends."),
        SqlColumn("duration_hours", "double", "Its length."),
        SqlColumn("lead_hours", "double", "From the answer to the start."),
        SqlColumn("upfront_fee", "double", "The price of the whole block."),
        SqlColumn("currency_code", "string", "Such as `USD`."),
        SqlColumn("price_per_instance_hour", "double", "The fee per instance-hour."),
        SqlColumn("price_per_gpu_hour", "double", "The fee per accelerator-hour; null if unknown."),
        SqlColumn("segments", "string", "JSON: the parts of an offer that has several."),
    ),
    ("requested_instance_type", "region", "watch", "observed_at", "start_date", "offering_id"),
)

TABLES: Mapping[str, Table] = {
    table.name: table for table in (SNAPSHOTS, LISTINGS, SPANS, USAGE, EVENTS, RUNS, OFFERINGS)
}
