"""The capacity held at a moment of the past, and the status of each scope then.

The manifest of the last run that was closed by then has the scopes and the time of each one's last
listing. Later listings are in the objects after that run's start; the rows of a failed scope are in
the object of its last success, however old that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.history.exceptions import TooEarly
from lambdas.history.manifests import Manifest, ManifestReader, ManifestScope
from lambdas.history.snapshots import SnapshotObject, SnapshotReader
from lambdas.store.archive import observed_or_failed_at
from truffle.core.merging import merge
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.status import STALE, ScopeError, ScopeStatus
from truffle.ec2.errors import kind_of

LONGEST_UNIT = timedelta(minutes=15)
"""More than the listing of a unit takes: the first listing in an object is at most this much older
than any other in it."""

Listings = Iterable[Snapshot | Failure]


@dataclass(frozen=True, slots=True)
class Moment:
    """The scopes and reservations as of a time."""

    at: datetime
    statuses: list[ScopeStatus]
    rows: list[Reservation]


@dataclass(frozen=True, slots=True)
class PastReader:
    """Returns the capacity held at any past moment. ``allowed_age`` is how long a snapshot counts
    as current."""

    snapshots: SnapshotReader
    manifests: ManifestReader
    allowed_age: timedelta

    def as_of(self, moment: datetime) -> Moment:
        """Raises TooEarly, and Unreadable."""
        known = self._known(moment)
        outcomes = known.manifest.outcomes if known.manifest else {}
        scopes = sorted({*outcomes, *known.attempts})
        if not scopes:
            raise TooEarly(self._earliest())
        rows = merge(
            row
            for scope in scopes
            if scope in known.successes
            for row in known.successes[scope].reservations
        )
        return Moment(moment, [_status(scope, known) for scope in scopes], rows)

    def last_seen(self, moment: datetime) -> dict[Scope, Snapshot]:
        """The newest success of each scope at or before a moment. Raises Unreadable."""
        return self._known(moment).successes

    def _known(self, moment: datetime) -> _Known:
        manifest = self.manifests.closed_by(moment)
        start = manifest.started_at if manifest else moment - self.allowed_age
        last = _newest(self._read(self.snapshots.between(start, moment)), moment)
        outcomes = manifest.outcomes if manifest else {}
        wanted = {
            scope: outcome.observed_at
            for scope, outcome in outcomes.items()
            if scope not in last.successes and outcome.observed_at is not None
        }
        earlier = _newest(self._read(self._earlier(wanted)), moment, wanted)
        successes = {**earlier.successes, **last.successes}
        return _Known(manifest, successes, last.attempts)

    def _read(self, objects: Iterable[SnapshotObject]) -> Listings:
        return (it for listings in self.snapshots.read(objects) for it in listings)

    def _earlier(self, wanted: Mapping[Scope, datetime]) -> list[SnapshotObject]:
        """The objects that may contain the listings of these scopes at these times."""
        found: dict[str, SnapshotObject] = {}
        for at in sorted(set(wanted.values())):
            regions = {scope.region for scope, seen in wanted.items() if seen == at}
            objects = self.snapshots.between(at - LONGEST_UNIT, at)
            found |= {it.name: it for it in objects if it.region in regions}
        return list(found.values())

    def _earliest(self) -> datetime | None:
        listings = self._read(self.snapshots.first())
        return min(map(observed_or_failed_at, listings), default=None)


@dataclass(frozen=True, slots=True)
class _Known:
    """The knowledge at a moment: the last closed run, and the newest success and the newest attempt
    of each scope; of attempts, those since that run began."""

    manifest: Manifest | None
    successes: dict[Scope, Snapshot]
    attempts: dict[Scope, Snapshot | Failure]


def _newest(
    listings: Listings, by: datetime, wanted: Mapping[Scope, datetime] | None = None
) -> _Known:
    """The newest of listings up to a time, only of the wanted scopes if they are named."""
    newest = _Known(None, {}, {})
    for it in listings:
        at = observed_or_failed_at(it)
        if at > by or (wanted is not None and it.scope not in wanted):
            continue
        attempt = newest.attempts.get(it.scope)
        if attempt is None or observed_or_failed_at(attempt) <= at:
            newest.attempts[it.scope] = it
        if isinstance(it, Snapshot):
            success = newest.successes.get(it.scope)
            if success is None or success.observed_at <= at:
                newest.successes[it.scope] = it
    return newest


def _status(scope: Scope, known: _Known) -> ScopeStatus:
    manifest, attempt = known.manifest, known.attempts.get(scope)
    success = known.successes.get(scope)
    outcome = manifest.outcomes.get(scope) if manifest else None
    seen = success.observed_at if success else None
    at = manifest.finished_at if manifest else seen
    if attempt is not None:
        at = observed_or_failed_at(attempt)
    return ScopeStatus(
        scope=scope,
        observed_at=seen,
        attempted_at=at,
        error=_error(attempt, outcome, seen, at),
        reservations=len(success.reservations) if success else 0,
    )


def _error(
    attempt: Snapshot | Failure | None,
    outcome: ManifestScope | None,
    seen: datetime | None,
    at: datetime | None,
) -> ScopeError | None:
    """The failure of the last attempt: from the snapshots, else from the manifest."""
    if isinstance(attempt, Snapshot):
        return None
    code = attempt.code if attempt else outcome.code if outcome else None
    if code is None or code == STALE:
        return None
    is_same = outcome is not None and outcome.code == code
    message = outcome.message if outcome and is_same else f"The listing failed with {code}."
    since = seen or at
    assert since is not None
    return ScopeError(code, message, kind_of(code), since)
