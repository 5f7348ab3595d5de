"""The lists of a card: the events of a digest, and the facts of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from truffle.core.daily import Day, FailingScope, HeldCapacity, Idle
from truffle.core.deadlines import end_of, payment_deadline
from truffle.core.diff import describe
from truffle.core.events import Event, Severity
from truffle.core.idle import unused
from truffle.core.kinds.registry import KINDS
from truffle.core.model import Reservation
from truffle.messages.wording import counted, moment_from, of_instances, usd


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section."""

    text: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a title, the most important first, which a format may truncate."""

    title: str
    """May be empty."""
    lines: tuple[Line, ...]

    def first(self, most: int) -> tuple[tuple[Line, ...], int]:
        """At most ``most`` lines, and how many are left."""
        return self.lines[:most], max(len(self.lines) - most, 0)


Message = TypeVar("Message")
Size = tuple[int, int]
"""The maximum number of lines of a section, and of characters of a line."""


def largest(
    make: Callable[[int, int], Message], sizes: Iterable[Size], fits: Callable[[Message], bool]
) -> Message:
    """The text of the first size that fits, or of the last one if none does."""
    for most, longest in sizes:
        message = make(most, longest)
        if fits(message):
            break
    return message


def section_of_events(events: Iterable[Event]) -> Section:
    """A line for each event, in this order."""
    return Section("", tuple(Line(event.summary, event.severity) for event in events))


def sections_of_day(day: Day) -> tuple[Section, ...]:
    """The sections of a daily summary; decisions come first, and empty sections are omitted."""
    return tuple(section for section in _sections(day) if section.lines)


def _sections(day: Day) -> Iterator[Section]:
    yield _section("Old data", (_scope(it, day.now) for it in day.failing))
    yield _section("Failed in the last 24 h", (event.summary for event in day.failed))
    yield _section("Not paid yet", _unpaid(day))
    yield _section("Late", _dated(day.late, "should have started", day))
    yield _section("Starting in the next 24 h", _dated(day.starting, "starts", day))
    yield _section("Ending in the next 24 h", _ending(day))
    yield _section("Idle", (_idle(idle) for idle in day.idle))
    yield _section("Held", (_held(held) for held in day.held))
    yield _section("Closed as expected", (_scope(it, day.now) for it in day.closed))


def _section(title: str, texts: Iterable[str]) -> Section:
    return Section(title, tuple(Line(text) for text in texts))


def _scope(failing: FailingScope, now: datetime) -> str:
    seen = failing.last_success
    last = f"last listed {moment_from(seen, now)}" if seen else "never listed"
    return f"{failing.scope}: {failing.error.code}, {last}. {failing.error.message}"


def _dated(rows: Iterable[Reservation], verb: str, day: Day) -> Iterator[str]:
    for row in rows:
        when = f" {verb} {moment_from(row.start_date, day.now)}" if row.start_date else ""
        yield f"{describe(row)}{when}"


def _unpaid(day: Day) -> Iterator[str]:
    for row in day.unpaid:
        deadline = payment_deadline(row)
        when = f"must be paid by {moment_from(deadline, day.now)}" if deadline else "is not paid"
        yield f"{describe(row)} {when}"


def _ending(day: Day) -> Iterator[str]:
    for row in day.ending:
        end = end_of(row)
        yield (
            f"{describe(row)} is usable until {moment_from(end, day.now)}" if end else describe(row)
        )


def _idle(idle: Idle) -> str:
    row = idle.reservation
    cost = "" if idle.usd_per_hour is None else f", {usd(idle.usd_per_hour)}/h"
    free = "?" if (spare := unused(row)) is None else f"{spare:,}"
    return f"{describe(row)}: {of_instances(free, row.total_capacity)} unused{cost}"


def _held(held: HeldCapacity) -> str:
    nouns = KINDS[held.type].short
    what = f"{held.accelerators:,} × {held.accelerator}" if held.accelerator else "no accelerator"
    where = f"{counted(held.instances, 'instance')} in {counted(held.reservations, nouns)}"
    unknown = f", {counted(held.unknown, nouns)} of unknown size" if held.unknown else ""
    return f"{what}: {where}, {held.active:,} active, {held.unused:,} unused{unknown}"
