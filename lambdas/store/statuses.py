"""A scope's status as an item: read from it, and the parts of the expressions that write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from lambdas.store.table import SCOPES, Item, key, number, scope_key, text, to_scope
from truffle.core.idle import IdleWatch
from truffle.core.model import Failure, FailureKind
from truffle.core.reports import Deferral
from truffle.core.status import ScopeError, ScopeStatus, Streak
from truffle.core.times import format_time, parse_time, sortable_time

Deferrals = Mapping[str, Deferral]
NOTHING: frozenset[str] = frozenset()

NO_ROWS = sha256().hexdigest()
"""The digest of a scope without reservations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatus(ScopeStatus):
    """A scope's status as stored. ``written_at`` is the observation time of a snapshot that is only
    partly stored; None if the last one is complete. ``idle`` is the time until which the rows'
    facts need not be read; None if unknown. ``rechecks`` are reservations whose report another
    account changed, ``deferrals`` those deferred to another account, ``baselines`` the number of
    the last first snapshot in the region before the last listing, or that listing's own; None if it
    predates reports. ``delivery`` is the id of the message that was handled. ``writes`` counts the
    writes of the scope's own item, and ``heartbeat`` is the scope's heartbeat as read, None if
    there was none."""

    written_at: datetime | None = None
    idle: IdleWatch | None = None
    rechecks: frozenset[str] = frozenset()
    deferrals: Mapping[str, Deferral] = field(default_factory=dict)
    baselines: int | None = None
    delivery: str | None = None
    writes: int = field(default=0, compare=False)
    heartbeat: str | None = field(default=None, compare=False)

    def is_newer_than(self, moment: datetime) -> bool:
        """Whether an observation of that moment is too late to be written."""
        if self.observed_at is not None and self.observed_at >= moment:
            return True
        later = (self.attempted_at, self.written_at)
        return any(known is not None and known > moment for known in later)

    def outlasts(self, failure: Failure) -> bool:
        """Whether a failure is too late to be recorded."""
        observed, tried = self.observed_at, self.attempted_at
        at = failure.failed_at
        return (observed is not None and observed >= at) or (tried is not None and tried > at)

    @property
    def has_reports(self) -> bool:
        """Whether each stored row has its report."""
        return self.observed_at is None or self.baselines is not None

    @property
    def is_plain(self) -> bool:
        """Whether the scope was listed, is empty, and has no other state: its heartbeat suffices,
        and it needs no item of its own."""
        same = replace(self.as_plain(), revision=self.revision, idle=self.idle)
        return self == same and self.observed_at is not None and self.has_reports

    def as_plain(self) -> StoredStatus:
        """The status of a plain scope with the same heartbeat."""
        return StoredStatus(
            scope=self.scope,
            observed_at=self.observed_at,
            attempted_at=self.attempted_at,
            digest=NO_ROWS,
            run_id=self.run_id,
            changed=self.changed,
            events=self.events,
            seconds=self.seconds,
            baselines=self.baselines,
            delivery=self.delivery,
            writes=self.writes,
            heartbeat=self.heartbeat,
        )

    def is_of_run(self, run_id: str | None) -> bool:
        """Whether a run has observed the scope and it has not failed since."""
        return run_id is not None and self.run_id == run_id and self.error is None

    def after_failure(
        self, failure: Failure, run_id: str | None, seconds: float, streak: Streak
    ) -> StoredStatus:
        """The status after another failure."""
        since = self.error.since if self.error else failure.failed_at
        return replace(
            self,
            attempted_at=failure.failed_at,
            run_id=run_id or self.run_id,
            seconds=round(seconds, 3),
            streak=streak,
            error=ScopeError(failure.code, failure.short_message, failure.kind, since),
            is_retired=False,
        )

    def fails_as_before(self, after: StoredStatus) -> bool:
        """Whether a failure changes only the time of a status's last attempt."""
        before, now = self.error, after.error
        return (
            before is not None
            and now is not None
            and (before.code, before.kind) == (now.code, now.kind)
            and self.streak == after.streak
            and not self.is_retired
        )


@dataclass(frozen=True, slots=True)
class StatusItems:
    """The updates of a scope's own item. They have no condition: the update of the scope's
    heartbeat has it."""

    table: str

    def observed(self, before: StoredStatus, after: StoredStatus, is_changed: bool) -> Item:
        """A snapshot was stored completely."""
        sets = {
            "observed_at": after.observed_at and text(sortable_time(after.observed_at)),
            "digest": text(after.digest or ""),
            "unanswered": text(",".join(after.unanswered)),
            "idle": after.idle and _idle_text(after.idle),
            "relied": _deferrals_text(after.deferrals) if after.deferrals else None,
        }
        over = ["error", "failing_since", "streak", "retired_at", "written_at"]
        over += [] if after.deferrals else ["relied"]
        return self._update(before, sets, over, is_changed, before.rechecks)

    def bumped(self, before: StoredStatus, written_at: datetime, deferrals: Deferrals) -> Item:
        """A part of a snapshot was stored: the scope's revision changes, its observation does not,
        and its digest is no longer valid, so even the previous snapshot must be compared with the
        stored rows."""
        sets = {
            "written_at": text(sortable_time(written_at)),
            "relied": _deferrals_text(deferrals) if deferrals else None,
        }
        return self._update(before, sets, ["digest"], True)

    def failed(self, before: StoredStatus, after: StoredStatus) -> Item:
        """A scope could not be listed, for another reason than before."""
        error = after.error
        assert error is not None
        data = {"code": error.code, "message": error.message, "kind": error.kind}
        sets = {
            "failing_since": text(sortable_time(error.since)),
            "error": text(json.dumps(data)),
            "streak": _streak_text(after.streak),
            "digest": before.digest and text(before.digest),
        }
        return self._update(before, sets, ["retired_at"])

    def retired(self, before: StoredStatus, at: datetime) -> Item:
        """A scope is no longer collected: its own item keeps the values of its heartbeat."""
        sets = {
            "retired_at": text(sortable_time(at)),
            "observed_at": before.observed_at and text(sortable_time(before.observed_at)),
            "attempted_at": before.attempted_at and text(sortable_time(before.attempted_at)),
            "digest": before.digest and text(before.digest),
            "baselines": None if before.baselines is None else number(before.baselines),
            "reservations": number(before.reservations),
            "run_id": before.run_id and text(before.run_id),
            # A scope that comes back continues to count: a reader may know the earlier number.
            "writes": number(before.writes + 1),
        }
        return self._update(before, sets, [])

    def _update(
        self,
        before: StoredStatus,
        values: Mapping[str, Any],
        over: Sequence[str],
        is_changed: bool = False,
        rechecks: frozenset[str] = NOTHING,
    ) -> Item:
        given = {name: value for name, value in values.items() if value}
        names = {f"#{name}": name for name in (*given, *over)}
        more: dict[str, Any] = {":one": number(1)} if is_changed else {}
        clauses = [f"SET {', '.join(f'#{name} = :{name}' for name in given)}"]
        clauses += [f"REMOVE {', '.join(f'#{name}' for name in over)}"] if over else []
        clauses += ["ADD revision :one"] if is_changed else []
        if rechecks:
            clauses.append("DELETE rechecks :rechecks")
            more[":rechecks"] = {"SS": sorted(rechecks)}
        update = {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(before.scope)),
            "UpdateExpression": " ".join(clauses),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {
                **{f":{name}": value for name, value in given.items()},
                **more,
            },
        }
        return {"Update": update}


def _streak_text(streak: Streak) -> dict[str, str] | None:
    if streak == Streak():
        return None
    data: dict[str, Any] = {"runs": streak.runs, "is_told": streak.is_reported}
    if streak.outage is not None:
        data["outage"] = streak.outage
    return text(json.dumps(data))


def _idle_text(watch: IdleWatch) -> dict[str, str]:
    return text(json.dumps({"due": watch.due and format_time(watch.due), "lengths": watch.lengths}))


def _deferrals_text(deferrals: Deferrals) -> dict[str, str]:
    plain = {
        name: [it.account_id, it.seen and format_time(it.seen), it.revision]
        for name, it in deferrals.items()
    }
    return text(json.dumps(plain, separators=(",", ":"), sort_keys=True))


def to_status(item: Item) -> StoredStatus:
    """A scope's status from its own item, without its heartbeat. Attributes that a heartbeat has
    are from before heartbeats existed, or of a retired scope."""

    def moment(name: str) -> datetime | None:
        return parse_time(item[name]["S"]) if name in item else None

    def count(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    unanswered = item.get("unanswered", text(""))["S"]
    return StoredStatus(
        scope=to_scope(item["sk"]["S"]),
        revision=count("revision"),
        observed_at=moment("observed_at"),
        attempted_at=moment("attempted_at"),
        digest=item.get("digest", text(""))["S"] or None,
        error=_to_error(item),
        run_id=item.get("run_id", text(""))["S"] or None,
        reservations=count("reservations"),
        changed=count("changed"),
        events=count("events"),
        seconds=float(item.get("seconds", number(0))["N"]),
        unanswered=tuple(unanswered.split(",")) if unanswered else (),
        streak=_to_streak(item),
        is_retired="retired_at" in item,
        written_at=moment("written_at"),
        idle=_to_watch(item),
        rechecks=frozenset(item.get("rechecks", {"SS": ()})["SS"]),
        deferrals=_to_deferrals(item),
        baselines=count("baselines") if "baselines" in item else None,
        delivery=item.get("delivery", text(""))["S"] or None,
        writes=count("writes"),
    )


def _json(item: Item, name: str) -> Any:
    return json.loads(item[name]["S"]) if name in item else None


def _to_streak(item: Item) -> Streak:
    data = _json(item, "streak")
    return Streak(tuple(data["runs"]), data["is_told"], data.get("outage")) if data else Streak()


def _to_watch(item: Item) -> IdleWatch | None:
    watch = _json(item, "idle")
    return IdleWatch(watch["due"] and parse_time(watch["due"]), watch["lengths"]) if watch else None


def _to_deferrals(item: Item) -> dict[str, Deferral]:
    plain = _json(item, "relied") or {}
    return {
        name: Deferral(account_id, seen and parse_time(seen), revision)
        for name, (account_id, seen, revision) in plain.items()
    }


def _to_error(item: Item) -> ScopeError | None:
    error = _json(item, "error")
    if error is None:
        return None
    since = parse_time(item["failing_since"]["S"])
    return ScopeError(error["code"], error["message"], FailureKind(error["kind"]), since)
