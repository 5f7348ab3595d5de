"""A scope's status as an item: read from it, and the parts of the expressions that write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.store.table import Item, number, text, to_scope
from truffle.core.idle import IdleWatch
from truffle.core.model import Failure, FailureKind
from truffle.core.reports import Reliance
from truffle.core.status import ScopeError, ScopeStatus, Streak
from truffle.core.times import format_time, parse_time, sortable_time


@dataclass(frozen=True, slots=True)
class StoredStatus(ScopeStatus):
    """A scope's status as it is stored. ``written_at`` is when a snapshot was observed of which
    only a part is stored; None where the last one is complete. ``idle`` says until when the rows'
    memory need not be read; None where that is not known. ``rechecks`` are reservations of which
    another account changed the report, ``relied`` those left to another account, ``baselines`` the
    number of the last first snapshot in the region before the last listing, or that listing's own;
    None where that was before there were reports. ``delivery`` is the message that it answered."""

    written_at: datetime | None = None
    idle: IdleWatch | None = None
    rechecks: frozenset[str] = frozenset()
    relied: Mapping[str, Reliance] = field(default_factory=dict)
    baselines: int | None = None
    delivery: str | None = None

    def is_newer_than(self, moment: datetime) -> bool:
        """Whether what was observed at a moment is too late to be written."""
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

    def is_of_run(self, run_id: str | None) -> bool:
        """Whether a run has observed the scope, and nothing failed since."""
        return run_id is not None and self.run_id == run_id and self.error is None


NOT_OBSERVED_SINCE = "(attribute_not_exists(observed_at) OR observed_at < :at)"
NOT_TRIED_SINCE = "(attribute_not_exists(attempted_at) OR attempted_at <= :at)"
NOT_WRITTEN_SINCE = "(attribute_not_exists(written_at) OR written_at <= :at)"
NO_REVISION = "attribute_not_exists(revision) OR revision = :revision"


def as_read(before: ScopeStatus) -> tuple[str, Item]:
    """The condition that a scope's last look and its failed runs are those that time and failures
    were counted from: where no row changes, the revision tells nothing of them."""
    _, counted = setting_streak(before.streak)
    was = {
        "observed_at": before.observed_at and text(sortable_time(before.observed_at)),
        "streak": counted.get(":streak"),
    }
    conditions = (
        f"{name} = :was_{name}" if value else f"attribute_not_exists({name})"
        for name, value in was.items()
    )
    return " AND ".join(conditions), {f":was_{name}": it for name, it in was.items() if it}


def setting_delivery(delivery: str | None) -> tuple[str, Item]:
    """What sets which message a collection belongs to, if to any."""
    if delivery is None:
        return "", {}
    return "delivery = :delivery, ", {":delivery": text(delivery)}


def setting_baselines(baselines: int | None) -> tuple[str, Item]:
    """What sets the number of the region's last first snapshot."""
    if baselines is None:
        return "", {}
    return "baselines = :baselines, ", {":baselines": number(baselines)}


def setting_run(run_id: str | None) -> tuple[str, Item]:
    """What sets whose run a collection belongs to; outside of runs the last run's id stays."""
    return ("", {}) if run_id is None else ("run_id = :run, ", {":run": text(run_id)})


def setting_streak(streak: Streak) -> tuple[str, Item]:
    """What sets the failed runs; none are not written."""
    if streak == Streak():
        return "", {}
    told: dict[str, Any] = {"runs": streak.runs, "is_told": streak.is_told}
    if streak.outage is not None:
        told["outage"] = streak.outage
    return "streak = :streak, ", {":streak": text(json.dumps(told))}


def setting_idle(watch: IdleWatch | None) -> tuple[str, Item]:
    """What sets when the next idle row is due; where nothing new is known, it stays."""
    if watch is None:
        return "", {}
    plain = {"due": watch.due and format_time(watch.due), "lengths": watch.lengths}
    return "idle = :idle, ", {":idle": text(json.dumps(plain))}


def setting_relied(relied: Mapping[str, Reliance]) -> tuple[str, Item]:
    """What sets whom which reservations were left to; where there are none, it stays."""
    if not relied:
        return "", {}
    plain = {
        name: [it.account_id, it.seen and format_time(it.seen), it.news]
        for name, it in relied.items()
    }
    document = json.dumps(plain, separators=(",", ":"), sort_keys=True)
    return "relied = :relied, ", {":relied": text(document)}


def together(*settings: tuple[str, Item]) -> tuple[str, dict[str, Any]]:
    """Several of these as one expression with its values."""
    values: dict[str, Any] = {}
    for _, each in settings:
        values |= each
    return "".join(expression for expression, _ in settings), values


def to_status(item: Item) -> StoredStatus:
    """A scope's status from its item."""

    def moment(name: str) -> datetime | None:
        return parse_time(item[name]["S"]) if name in item else None

    def count(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    unanswered = item.get("unanswered", text(""))["S"]
    return StoredStatus(
        to_scope(item["sk"]["S"]),
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
        relied=_to_relied(item),
        baselines=count("baselines") if "baselines" in item else None,
        delivery=item.get("delivery", text(""))["S"] or None,
    )


def _json(item: Item, name: str) -> Any:
    return json.loads(item[name]["S"]) if name in item else None


def _to_streak(item: Item) -> Streak:
    told = _json(item, "streak")
    return Streak(tuple(told["runs"]), told["is_told"], told.get("outage")) if told else Streak()


def _to_watch(item: Item) -> IdleWatch | None:
    watch = _json(item, "idle")
    return IdleWatch(watch["due"] and parse_time(watch["due"]), watch["lengths"]) if watch else None


def _to_relied(item: Item) -> dict[str, Reliance]:
    plain = _json(item, "relied") or {}
    return {
        name: Reliance(account_id, seen and parse_time(seen), news)
        for name, (account_id, seen, news) in plain.items()
    }


def _to_error(item: Item) -> ScopeError | None:
    error = _json(item, "error")
    if error is None:
        return None
    since = parse_time(item["failing_since"]["S"])
    return ScopeError(error["code"], error["message"], FailureKind(error["kind"]), since)
