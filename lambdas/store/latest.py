"""The objects of the last closed run in the bucket, for a cold reader.

A region's object has the rows of its scopes and the content of their own items, as of that close. A
status is valid while its scope's own item has been written equally often, rows while the status has
the same revision. A stale, missing or damaged object only costs reads of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from lambdas.observability import logger
from lambdas.store.archive import (
    Archive,
    Rows,
    Unreadable,
    region_key,
    unpack_region,
    unpack_statuses,
)
from lambdas.store.statuses import StoredStatus
from truffle.core.codec import Json
from truffle.core.model import FailureKind, Reservation, Scope
from truffle.core.status import ScopeError
from truffle.core.times import format_time, parse_time

PARALLEL_REGIONS = 8


def own_to_json(status: StoredStatus) -> Json | None:
    """The state in a scope's own item; None while only a part of a snapshot is stored, or if the
    scope has no heartbeat that counts the item's writes."""
    if status.written_at is not None or status.heartbeat is None:
        return None
    error = status.error
    return {
        "writes": status.writes,
        "revision": status.revision,
        "digest": status.digest,
        "unanswered": list(status.unanswered),
        "error": error
        and {
            "code": error.code,
            "message": error.message,
            "kind": error.kind.value,
            "since": format_time(error.since),
        },
    }


def own_from_json(scope: Scope, json: Json) -> StoredStatus:
    """The inverse, without the heartbeat. Raises KeyError, TypeError or ValueError."""
    error = json["error"]
    return StoredStatus(
        scope=scope,
        revision=json["revision"],
        digest=json["digest"],
        unanswered=tuple(json["unanswered"]),
        error=error
        and ScopeError(
            error["code"], error["message"], FailureKind(error["kind"]), parse_time(error["since"])
        ),
        writes=json["writes"],
    )


class LatestRegions:
    """The objects of regions, each read at most once, and cached until ``forget``. Their rows are
    decoded when one of them is asked for."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._asked: set[str] = set()
        self._packed: dict[str, bytes] = {}
        self._statuses: dict[Scope, StoredStatus] = {}
        self._held: dict[Scope, Rows] = {}

    def statuses(self, scopes: Iterable[Scope]) -> dict[Scope, StoredStatus]:
        """The statuses, as of the last close, of those scopes that are in the bucket."""
        wanted = list(scopes)
        self.fetch(wanted)
        return {scope: self._statuses[scope] for scope in wanted if scope in self._statuses}

    def fetch(self, scopes: Iterable[Scope]) -> None:
        """Read the objects of the scopes' regions that were not read before."""
        regions = sorted({scope.region for scope in scopes} - self._asked)
        self._asked.update(regions)
        with ThreadPoolExecutor(PARALLEL_REGIONS) as pool:
            for found in pool.map(self._read, regions):
                self._statuses.update(found)

    def rows(self, status: StoredStatus) -> tuple[Reservation, ...] | None:
        """The rows of a scope; None if the bucket does not have its present rows."""
        self._decode(status.scope.region)
        held = self._held.get(status.scope)
        if held is None or held.revision != status.revision or status.written_at is not None:
            return None
        return tuple(held.rows)

    def forget(self) -> None:
        self._packed.clear()
        self._statuses.clear()
        self._held.clear()

    def _read(self, region: str) -> Mapping[Scope, StoredStatus]:
        try:
            packed = self._archive.read_packed(region_key(region))
            if packed is None:
                return {}
            found = unpack_statuses(region, packed)
            statuses = {scope: own_from_json(scope, json) for scope, json in found.items()}
        except (Unreadable, KeyError, TypeError, ValueError) as error:
            logger.warning("region read from the table", extra={"error": str(error)})
            return {}
        self._packed[region] = packed
        return statuses

    def _decode(self, region: str) -> None:
        packed = self._packed.pop(region, None)
        if packed is None:
            return
        try:
            self._held.update(unpack_region(region, packed))
        except Unreadable as error:
            logger.warning("region read from the table", extra={"error": str(error)})
