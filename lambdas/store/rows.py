"""The stored rows of a scope: their form in an item, and its inverse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lambdas.store.reports import stored_form
from lambdas.store.table import Item, read_body
from truffle.core.codec import decode
from truffle.core.idle import IdleSince
from truffle.core.model import Reservation
from truffle.core.status import ScopeStatus
from truffle.core.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The stored rows of a scope by id, their stored facts, and the version of each one's report
    when it was written."""

    reservations: tuple[Reservation, ...]
    idle_since: IdleSince
    versions: Mapping[str, int]


def digest_of(reservations: Iterable[Reservation]) -> str:
    """The digest of stored rows: while it stays the same, the rows of a scope need not be read."""
    digest = hashlib.sha256()
    for reservation in reservations:
        digest.update(json.dumps(stored_form(reservation), sort_keys=True).encode())
    return digest.hexdigest()


def to_rows(items: Iterable[Item], status: ScopeStatus) -> tuple[Reservation, ...]:
    seen = status.observed_at and format_time(status.observed_at)
    known = {"observed_at": seen, "seen_by": [status.scope.account_id]}
    return tuple(decode(read_body(item) | known) for item in items)


def to_known(items: Sequence[Item], status: ScopeStatus) -> KnownRows:
    """Decode rows with their stored facts."""
    return KnownRows(
        to_rows(items, status),
        {it["sk"]["S"]: parse_time(it["idle_since"]["S"]) for it in items if "idle_since" in it},
        {it["sk"]["S"]: int(it["reported"]["N"]) for it in items if "reported" in it},
    )
