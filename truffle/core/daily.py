"""The facts of a day: held capacity, the next starts and ends, and what needs a decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from truffle.core.deadlines import end_of
from truffle.core.events import Event, EventType
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.idle import is_idle, unused
from truffle.core.model import TERMINAL_STATES, Reservation, Scope
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.core.status import FAILING_STATES, Judged, ScopeError, ScopeStatus, State, judge
from truffle.core.times import whole

DAY = timedelta(hours=24)
FAILED_STATES = frozenset({"failed", "payment-failed", "unsupported"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCapacity:
    """The capacity held of one reservation type and one accelerator (None for types without any).

    ``instances`` are reserved ones, also before a start; ``accelerators`` are devices, in fractions
    for shared GPUs; ``active`` and ``unused`` are instances of active reservations. ``unknown``
    counts the reservations of unknown size, which no sum includes.
    """

    type: str
    accelerator: str | None
    reservations: int
    instances: int
    accelerators: float
    active: int
    unused: int
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class FailingScope:
    """A scope whose data is old: the reason, and its last complete listing (None: never)."""

    scope: Scope
    error: ScopeError
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class Idle:
    """An idle reservation, and the cost of its unused instances if a price is known."""

    reservation: Reservation
    usd_per_hour: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The content of a daily summary, as of ``now``.

    ``held`` and the lists have only reservations that are not over. ``starting`` and ``ending``
    have those whose start or (effective) end is within 24 hours, ``late`` the scheduled ones whose
    start has passed, the earliest first. ``idle`` has active blocks with unused instances and
    active ODCRs without a used one, those that cost or idle most first. ``failed`` are the failure
    events of the last 24 hours. ``closed`` are the scopes that are denied or not enabled, as
    expected; ``scopes`` counts the others, ``oldest`` is the oldest complete listing among them.
    """

    now: datetime
    held: tuple[HeldCapacity, ...]
    starting: tuple[Reservation, ...]
    ending: tuple[Reservation, ...]
    late: tuple[Reservation, ...]
    unpaid: tuple[Reservation, ...]
    idle: tuple[Idle, ...]
    failed: tuple[Event, ...]
    failing: tuple[FailingScope, ...]
    closed: tuple[FailingScope, ...]
    scopes: int
    oldest: datetime | None


def day(
    rows: Iterable[Reservation],
    statuses: Iterable[ScopeStatus],
    events: Iterable[Event],
    now: datetime,
    allowed_age: timedelta,
    prices: PriceBook = NO_PRICES,
    expected: ExpectedDenials = NOTHING_EXPECTED,
) -> Day:
    """The day as of ``now``, from all reservations, all scopes and the events of at least the last
    24 hours. ``allowed_age`` is how old a scope's data may be; ``expected`` has the denials that
    close a scope."""
    current = [row for row in rows if row.state not in TERMINAL_STATES]
    known = sorted(statuses, key=lambda status: status.scope)
    judged = [judge(status, now, allowed_age, expected) for status in known]
    open_ones = [each.status for each in judged if each.state is not State.CLOSED]
    seen = [status.observed_at for status in open_ones if status.observed_at is not None]
    return Day(
        now=now,
        held=tuple(_held(current)),
        starting=_soonest(
            (row.start_date, row) for row in current if _is_next(row.start_date, now)
        ),
        ending=_soonest((end_of(row), row) for row in current if _is_next(end_of(row), now)),
        late=_soonest((row.start_date, row) for row in current if _is_late(row, now)),
        unpaid=tuple(row for row in current if row.state == "payment-pending"),
        idle=_idle(current, prices),
        failed=tuple(event for event in events if _is_failure(event, now)),
        failing=tuple(_failing(each for each in judged if each.state in FAILING_STATES)),
        closed=tuple(_failing(each for each in judged if each.state is State.CLOSED)),
        scopes=len(open_ones),
        oldest=min(seen, default=None),
    )


def _failing(scopes: Iterable[Judged]) -> Iterable[FailingScope]:
    for each in scopes:
        assert each.error is not None
        yield FailingScope(each.scope, each.error, each.status.observed_at)


def _idle(rows: Iterable[Reservation], prices: PriceBook) -> tuple[Idle, ...]:
    found = [Idle(row, prices.idle_usd(row)) for row in rows if is_idle(row)]
    return tuple(sorted(found, key=_least_idle))


def _least_idle(idle: Idle) -> tuple[float, float, float, str]:
    row, unused_here = idle.reservation, unused(idle.reservation)
    devices = row.accelerator.on(unused_here) if row.accelerator else 0
    return _last(idle.usd_per_hour), _last(devices), _last(unused_here), row.reservation_id


def _last(number: float | None) -> float:
    """A sort key: the largest number first, unknown values last."""
    return inf if number is None else -number


def _held(rows: Iterable[Reservation]) -> Iterable[HeldCapacity]:
    """The held capacity, blocks first, within a type the most accelerators first."""
    groups: dict[tuple[str, str | None], list[Reservation]] = defaultdict(list)
    for row in rows:
        groups[row.type, row.accelerator.name if row.accelerator else None].append(row)
    held = [_group(kind, name, members) for (kind, name), members in groups.items()]
    return sorted(
        held, key=lambda it: (it.type, -it.accelerators, -it.instances, it.accelerator or "")
    )


def _group(kind: str, accelerator: str | None, rows: list[Reservation]) -> HeldCapacity:
    devices = (row.accelerator.total_count for row in rows if row.accelerator)
    return HeldCapacity(
        type=kind,
        accelerator=accelerator,
        reservations=len(rows),
        instances=int(_known_sum(row.size for row in rows)),
        accelerators=_known_sum(devices),
        active=int(_known_sum(row.size for row in rows if row.state == "active")),
        unused=int(_known_sum(map(unused, rows))),
        unknown=sum(row.size is None for row in rows),
    )


def _known_sum(numbers: Iterable[float | None]) -> float:
    return whole(sum(number for number in numbers if number is not None))


def _soonest(dated: Iterable[tuple[datetime | None, Reservation]]) -> tuple[Reservation, ...]:
    by_date = [(at, row) for at, row in dated if at is not None]
    return tuple(
        row for _, row in sorted(by_date, key=lambda pair: (pair[0], pair[1].reservation_id))
    )


def _is_next(at: datetime | None, now: datetime) -> bool:
    return at is not None and now < at <= now + DAY


def _is_late(row: Reservation, now: datetime) -> bool:
    return row.state == "scheduled" and row.start_date is not None and row.start_date <= now


def _is_failure(event: Event, now: datetime) -> bool:
    is_new_state = event.type in (EventType.STATE_CHANGED, EventType.DISCOVERED)
    state = (event.after or {}).get("state")
    return is_new_state and state in FAILED_STATES and now - DAY < event.observed_at <= now
