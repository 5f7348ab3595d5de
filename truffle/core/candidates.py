"""Candidates for a training run: whether a block or an ODCR fits, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from truffle.core.diff import health_of
from truffle.core.model import TERMINAL_STATES, USABLE_STATES, CapacityBlock, Odcr, Reservation
from truffle.core.times import format_time, hours_between
from truffle.core.wording import counted

SOLD_SHORT = timedelta(hours=3)
"""How much shorter a whole block may be than the days it was sold as.

AWS ends every block at 11:30 UTC, so a block of 7 days may last 6 days and 23 hours (EC2 User
Guide, capacity-blocks-purchase; its CapacityBlockDurationMinutes).
"""

LAUNCH_TIME = timedelta(hours=1)
"""How long after its start a block still counts as whole: launching a run takes time."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A run of ``hours`` hours on ``count`` instances of exactly this type.

    It must start by ``start_by``; None accepts any start, and so any scheduled block.
    """

    instance_type: str
    count: int
    hours: float
    start_by: datetime | None = None

    @property
    def is_whole_days(self) -> bool:
        return self.hours % 24 == 0

    def __str__(self) -> str:
        when = f", to start by {date_text(self.start_by)}" if self.start_by else ""
        return f"{self.count} × {self.instance_type} for {length_text(self.hours)}{when}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A capacity block (with all its reservations) or an ODCR as a candidate for a run.

    ``instances`` are those available to the run, from ``start`` to ``usable_until`` (None: no end);
    instances and start are None if unknown. ``why`` has the reasons against it, empty if it fits;
    ``unknown`` the unknown values that prevent a decision; ``notes`` the caveats.
    """

    rows: tuple[Reservation, ...]
    instances: int | None
    start: datetime | None
    usable_until: datetime | None
    why: tuple[str, ...]
    notes: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    lacks_instances_only: bool = False

    @property
    def reservation(self) -> Reservation:
        return self.rows[0]

    @property
    def is_block(self) -> bool:
        return isinstance(self.reservation, CapacityBlock)

    @property
    def fits(self) -> bool:
        return not self.why and not self.unknown

    @property
    def is_undecided(self) -> bool:
        """Whether it could fit, and only unknown values prevent a decision."""
        return not self.why and bool(self.unknown)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The known reasons why it does not fit."""
        return (*self.why, *self.unknown)

    @property
    def usable_hours(self) -> float | None:
        if self.usable_until is None or self.start is None:
            return None
        return max(0, hours_between(self.start, self.usable_until))

    @property
    def network(self) -> str:
        return network_of(self.reservation)

    def to_json(self) -> dict[str, Any]:
        row = self.reservation
        return {
            "reservation_id": row.reservation_id,
            "reservation_ids": [each.reservation_id for each in self.rows],
            "capacity_block_id": getattr(row, "capacity_block_id", None),
            "type": row.type,
            "region": row.region,
            "availability_zone": row.availability_zone,
            "state": row.state,
            "fits": self.fits,
            "why": list(self.obstacles),
            "notes": list(self.notes),
            "instances": self.instances,
            "start": self.start and format_time(self.start),
            "usable_until": self.usable_until and format_time(self.usable_until),
            "usable_hours": self.usable_hours,
            "network": self.network,
        }


def network_of(reservation: Reservation) -> str:
    """The network between the instances of a reservation."""
    if isinstance(reservation, CapacityBlock):
        ultra = reservation.ultraserver_type
        server = f"UltraServer {ultra} in an " if ultra else ""
        return f"{server}EC2 UltraCluster: low latency between all instances of the block"
    if reservation.placement_group_arn:
        group = reservation.placement_group_arn.rpartition("/")[2]
        return f"cluster placement group {group}: low latency between its instances"
    return "standard EC2 networking: this ODCR is in no cluster placement group"


def blocks_of(rows: Iterable[Reservation]) -> list[list[CapacityBlock]]:
    """The reservations of each block: one block of UltraServers may have several."""
    blocks: dict[tuple[str, str], list[CapacityBlock]] = {}
    for row in rows:
        if isinstance(row, CapacityBlock):
            blocks.setdefault((row.region, row.capacity_block_id), []).append(row)
    return [sorted(members, key=lambda row: row.reservation_id) for members in blocks.values()]


@dataclass(frozen=True, slots=True)
class _Checks:
    """The findings about a reservation: reasons against it, open questions, things to know."""

    why: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: _Checks) -> _Checks:
        return _Checks(self.why + other.why, self.unknown + other.unknown, self.notes + other.notes)


def block_candidate(
    members: Sequence[CapacityBlock], request: TrainingRequest, now: datetime
) -> Candidate:
    block = members[0]
    usable = tuple(row for row in members if row.state in USABLE_STATES)
    rows = usable or tuple(members)
    start = _start(rows[0], now)
    free = [_free(row) for row in rows]
    checks = _Checks() if usable else _state_checks(block)
    checks += _block_hours(block, start, request, now)
    checks += _Checks(notes=_block_notes(members, now))
    return _candidate(rows, free, start, block.effective_end, checks, request)


def _candidate(
    rows: tuple[Reservation, ...],
    free: Sequence[int | None],
    start: datetime | None,
    usable_until: datetime | None,
    checks: _Checks,
    request: TrainingRequest,
) -> Candidate:
    if rows[0].state in TERMINAL_STATES:
        return Candidate(
            rows=rows,
            instances=0,
            start=start,
            usable_until=usable_until,
            why=_state_checks(rows[0]).why,
            notes=(),
        )
    checks += _start_checks(start, request)
    known = sum(count for count in free if count is not None)
    enough = known >= request.count
    instances = known if enough or None not in free else None
    lacks = False
    if not enough:
        others = checks
        checks += _too_few(rows, instances, request)
        lacks = instances is not None and not others.why and not others.unknown
    return Candidate(
        rows=rows,
        instances=instances,
        start=start,
        usable_until=usable_until,
        why=checks.why,
        notes=checks.notes,
        unknown=checks.unknown,
        lacks_instances_only=lacks,
    )


def _start(row: Reservation, now: datetime) -> datetime | None:
    """When a run could begin on it; None if it has not begun and its start is unknown."""
    if row.state == "active":
        return max(now, row.start_date or now) if row.kind.is_prepaid else now
    return max(now, row.start_date) if row.start_date else None


def _free(row: Reservation) -> int | None:
    """The instances available to a run: all before the start, afterwards those not in use."""
    return row.available_capacity if row.state == "active" else row.size


def _too_few(
    rows: Sequence[Reservation], instances: int | None, request: TrainingRequest
) -> _Checks:
    is_active = any(row.state == "active" for row in rows)
    if instances is None:
        what = "how many of its instances are free" if is_active else "how many instances it has"
        return _Checks(unknown=(f"it is unknown {what}; the run needs {request.count}",))
    if is_active:
        sizes = [row.size for row in rows]
        known = sum(size for size in sizes if size is not None)
        size = "an unknown number" if None in sizes else f"its {known}"
        return _Checks((f"{instances} of {size} instances free; the run needs {request.count}",))
    return _Checks((f"it has {counted(instances, 'instance')}; the run needs {request.count}",))


def _start_checks(start: datetime | None, request: TrainingRequest) -> _Checks:
    if start is None:
        return _Checks(unknown=("its start is unknown",))
    if request.start_by is None or start <= request.start_by:
        return _Checks()
    return _Checks(
        (f"it cannot start before {date_text(start)}, after {date_text(request.start_by)}",)
    )


def _block_hours(
    block: CapacityBlock, start: datetime | None, request: TrainingRequest, now: datetime
) -> _Checks:
    """Why a block is too short, and notes about one that is just long enough."""
    end = block.effective_end
    if end is None:
        return _Checks(unknown=("its end is unknown",))
    left = max(0.0, hours_between(start or now, end))
    short = request.hours - left
    if short <= 0:
        return _Checks()
    if not _counts_as_whole(block, request, now):
        return _Checks(
            (
                f"{length_text(left)} left until {date_text(end)}, when AWS starts to "
                f"terminate instances: {length_text(short)} too short",
            )
        )
    note = (
        f"it is {length_text(short)} short of {length_text(request.hours)}, as blocks end at "
        f"11:30 UTC: save the last checkpoint before {date_text(end)}"
    )
    return _Checks(notes=(note,))


def _counts_as_whole(block: CapacityBlock, request: TrainingRequest, now: datetime) -> bool:
    """Whether a block that was sold for at least the run's days counts as whole."""
    if block.duration_hours is None or block.start_date is None or not request.is_whole_days:
        return False
    is_long_enough = timedelta(hours=block.duration_hours) >= (
        timedelta(hours=request.hours) - SOLD_SHORT
    )
    return is_long_enough and now <= block.start_date + LAUNCH_TIME


def _block_notes(members: Sequence[CapacityBlock], now: datetime) -> tuple[str, ...]:
    block = members[0]
    notes = []
    if len(members) > 1:
        notes.append(f"it is one block with {len(members)} reservations")
    if block.state == "scheduled" and block.start_date and block.start_date < now:
        notes.append(f"it was due at {date_text(block.start_date)} and has not been delivered yet")
    if block.health is not None and block.health.is_bad:
        notes.append(f"it is unhealthy: {health_of(block.health)}")
    return tuple(notes)


def odcr_candidate(row: Odcr, request: TrainingRequest, now: datetime) -> Candidate:
    start = _start(row, now)
    checks = _Checks() if row.state in USABLE_STATES else _state_checks(row)
    checks += _odcr_hours(row, start or now, request)
    note = "it is interruptible: its owner can take the instances back at two minutes' notice"
    checks += _Checks(notes=(note,) if row.interruptible else ())
    return _candidate((row,), [_free(row)], start, row.end_date, checks, request)


def _odcr_hours(row: Odcr, start: datetime, request: TrainingRequest) -> _Checks:
    if row.end_date is None:
        return _Checks()
    left = max(0.0, hours_between(start, row.end_date))
    if left >= request.hours:
        return _Checks()
    short = length_text(request.hours - left)
    ends = f"until it ends at {date_text(row.end_date)}"
    return _Checks((f"{length_text(left)} left {ends}: {short} too short",))


_STATE_WHY: Mapping[str, str] = {
    "payment-pending": "it is payment-pending: nothing can run before the payment succeeds",
    "payment-failed": "it is payment-failed: the block is released; buy another one",
    "pending": "it is pending: EC2 is still providing it; check again in a few minutes",
    "assessing": "it is assessing: EC2 has not promised the capacity yet",
    "delayed": "it is delayed: EC2 cannot deliver it by its start",
}


def _state_checks(row: Reservation) -> _Checks:
    if not row.state:
        return _Checks(unknown=("its state is unknown",))
    return _Checks((_STATE_WHY.get(row.state, f"it is {row.state}"),))


def date_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def length_text(hours: float) -> str:
    """``7 days``, ``167.5 h``: days only if they are whole."""
    if hours and hours % 24 == 0:
        return counted(f"{hours / 24:g}", "day")
    return f"{round(hours, 2):g} h"
