"""The events of the two weeks and the destinations that get them, by the documented rules.

Plain arithmetic on dates: a threshold is a moment that follows from a row, and it is crossed
between two looks when it was ahead at the first and is not any more at the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.end_to_end.weeks.lives import DAY, HOUR, MINUTE, Life, Row

STARTING_SOON = {"24h": DAY, "1h": HOUR}
ENDING_SOON = {"14d": 14 * DAY, "3d": 3 * DAY, "24h": DAY, "2h": 2 * HOUR, "40m": 40 * MINUTE}
IDLE = {True: {"2h": 2 * HOUR}, False: {"24h": DAY}}
"""By whether it is a block."""
FAILED_RUNS = 3

OVER = {"payment-failed", "cancelled", "failed", "expired"}
_BLOCK_STATES = {
    "payment-pending": "info",
    "payment-failed": "critical",
    "scheduled": "good",
    "active": "good",
    "expired": "info",
}
_ODCR_STATES = {"active": "good", "cancelled": "info", "expired": "info"}


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One event: ``subject`` is a reservation's id or a region, ``detail`` a threshold or a state,
    ``look`` the number of the run that saw it."""

    look: int
    subject: str
    type: str
    detail: str
    severity: str


@dataclass(frozen=True, slots=True)
class Look:
    """A run: when it listed each region that responded."""

    number: int
    at: dict[str, timedelta]


def facts(lives: Iterable[Life], looks: Sequence[Look], regions: Iterable[str]) -> list[Fact]:
    """All events of the story; the first look is what everything is compared with."""
    found = [fact for life in lives for fact in _of_life(life, looks)]
    found += [fact for region in regions for fact in _of_region(region, looks)]
    return sorted(found)


def _of_region(region: str, looks: Iterable[Look]) -> Iterator[Fact]:
    failed = 0
    for look in looks:
        if region in look.at:
            if failed >= FAILED_RUNS:
                yield Fact(look.number, region, "scope_recovered", "", "good")
            failed = 0
        else:
            failed += 1
            if failed == FAILED_RUNS:
                yield Fact(look.number, region, "scope_failing", "", "warning")


def _of_life(life: Life, looks: Iterable[Look]) -> Iterator[Fact]:
    before: Row | None = None
    idle_since: timedelta | None = None
    last: timedelta | None = None
    for look in looks:
        now = look.at.get(life.region)
        if now is None:
            continue
        row = life.at(now)
        if last is not None:
            result = [
                *_differences(before, row, now),
                *(_crossed(before, row, last, now) if row else ()),
                *(_idle(row, idle_since, last, now) if row else ()),
            ]
            for kind, detail, severity in result:
                yield Fact(look.number, life.reservation_id, kind, detail, severity)
        if row is None or not _is_idle(row):
            idle_since = None
        elif idle_since is None:
            idle_since = now
        before, last = row, now


Told = Iterator[tuple[str, str, str]]
"""Type, detail and severity."""


def _differences(before: Row | None, row: Row | None, now: timedelta) -> Told:
    if before is None and row is not None:
        severity = _severity_of_state(row)
        yield "discovered", row.state, "info" if severity == "good" else severity
    elif before is not None and row is None:
        if before.state not in OVER:
            yield "vanished", "", "critical" if before.is_block else "warning"
    elif before is not None and row is not None:
        yield from _changes(before, row)


def _changes(before: Row, row: Row) -> Told:
    if before.state != row.state:
        yield "state_changed", row.state, _severity_of_state(row)
    if before.size != row.size:
        yield "resized", str(row.size), "info" if row.size > before.size else "warning"
    if before.end != row.end and row.state not in OVER:
        assert before.end is not None
        assert row.end is not None
        assert row.end > before.end
        yield "extended", "", "good" if row.is_block else "info"
    if before.is_ill != row.is_ill and row.state not in OVER:
        yield "health_changed", "", "critical" if row.is_ill else "good"


def _severity_of_state(row: Row) -> str:
    return (_BLOCK_STATES if row.is_block else _ODCR_STATES)[row.state]


def _crossed(before: Row | None, row: Row, last: timedelta, now: timedelta) -> Told:
    """The thresholds that were in the future at the last observation, by its dates, and no longer
    are."""
    earlier = _moments(before or row)
    for (kind, detail), moment in _moments(row).items():
        if earlier.get((kind, detail), moment) > last and moment <= now and _counts(kind, row):
            yield kind, detail, _severity(kind, detail, row, now)


def _moments(row: Row) -> dict[tuple[str, str], timedelta]:
    """When each threshold is crossed; none before the purchase, none that is longer than all."""
    usable = row.end and row.end - (30 * MINUTE if row.is_block else timedelta())
    moments: dict[tuple[str, str], timedelta] = {}
    for detail, ahead in STARTING_SOON.items():
        moments["starting_soon", detail] = row.start - ahead
    for detail, ahead in ENDING_SOON.items():
        if usable is not None and row.end is not None and ahead < row.end - row.start:
            moments["ending_soon", detail] = usable - ahead
    if row.is_block:
        paid_by = min(row.created + 11 * HOUR, row.start - HOUR)
        moments["payment_due", ""] = paid_by
        moments["late_delivery", ""] = row.start + 15 * MINUTE
    return {name: at for name, at in moments.items() if at >= row.created}


def _counts(kind: str, row: Row) -> bool:
    """Whether a threshold means anything in a row's state."""
    if kind == "payment_due":
        return row.state == "payment-pending"
    if kind == "late_delivery":
        return row.state == "scheduled"
    return row.state not in OVER - {"expired"}


def _severity(kind: str, detail: str, row: Row, now: timedelta) -> str:
    """A warning, unless there is time enough, or nothing to be done any more."""
    if kind == "starting_soon":
        return "info"
    if kind == "ending_soon":
        is_over = (
            row.end is not None and row.end - (30 * MINUTE if row.is_block else 0 * HOUR) <= now
        )
        return "info" if is_over or ENDING_SOON[detail] >= 3 * DAY else "warning"
    return "warning"


def _is_idle(row: Row) -> bool:
    """A block with an unused instance, an ODCR with none in use."""
    wasted = row.unused > 0 if row.is_block else row.unused == row.size
    return row.state == "active" and wasted


def _idle(row: Row, since: timedelta | None, last: timedelta, now: timedelta) -> Told:
    if since is None or not _is_idle(row):
        return
    for detail, length in IDLE[row.is_block].items():
        if last < since + length <= now:
            yield "idle", detail, "warning"


# --- who hears of it -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hearing:
    """The destinations that get a fact, given the lives and the time of each listing."""

    lives: dict[str, Life]
    looks: Sequence[Look]
    muted_until: timedelta

    def bus(self, fact: Fact) -> bool:
        """Machines get everything but what is muted."""
        life = self.lives.get(fact.subject)
        if life is None or life.tags.get("Team") != "inference":
            return True
        return self.looks[fact.look].at[life.region] >= self.muted_until

    def oncall(self, fact: Fact) -> bool:
        """People get what is of blocks and regions, and of ODCRs what is worth a warning."""
        life = self.lives.get(fact.subject)
        is_odcr = life is not None and life.region != "us-east-1"
        return self.bus(fact) and (not is_odcr or fact.severity in ("warning", "critical"))

    def research(self, fact: Fact) -> bool:
        """A team gets what is its own."""
        life = self.lives.get(fact.subject)
        return self.bus(fact) and life is not None and life.tags.get("Team") == "research"

    def archive(self, fact: Fact) -> bool:
        """Only reservations that shrank."""
        return self.bus(fact) and (fact.type, fact.severity) == ("resized", "warning")

    def pager(self, fact: Fact) -> bool:
        """Warnings open an incident; recoveries and a natural end close it."""
        is_end = fact.type == "state_changed" and fact.detail in OVER
        return self.bus(fact) and (fact.severity != "info" or is_end or fact.type == "vanished")
