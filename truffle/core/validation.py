"""Whether a training run fits: the reservation, its network, or the reasons against it.

Capacity blocks come before ODCRs. One reservation must hold the whole run; several that could
together are only mentioned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from truffle.core.candidates import (
    Candidate,
    TrainingRequest,
    block_candidate,
    blocks_of,
    date_text,
    length_text,
    odcr_candidate,
)
from truffle.core.codec import encode
from truffle.core.model import TERMINAL_STATES, Odcr, Reservation
from truffle.core.times import format_time, whole
from truffle.core.topology import Placement, common_nodes, proximity
from truffle.core.wording import counted


@dataclass(frozen=True, slots=True)
class Together:
    """Several reservations in one zone that are each too small but together large enough."""

    type: str
    availability_zone: str
    reservation_ids: tuple[str, ...]
    instances: int
    why_not: str

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "availability_zone": self.availability_zone,
            "reservation_ids": list(self.reservation_ids),
            "instances": self.instances,
            "why_not": self.why_not,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The result: what fits (the best is ``found``), what does not, and why.

    ``unknown_regions`` did not respond and may have a reservation that fits, as may undecided ones.
    ``placements`` are those of ``found``, None if unknown.
    """

    request: TrainingRequest
    candidates: tuple[Candidate, ...]
    together: tuple[Together, ...]
    reason: str
    unknown_regions: tuple[str, ...] = ()
    placements: Sequence[Placement] | None = None

    @property
    def found(self) -> Candidate | None:
        return next((candidate for candidate in self.candidates if candidate.fits), None)

    @property
    def ok(self) -> bool:
        return self.found is not None

    @property
    def undecided(self) -> tuple[Candidate, ...]:
        """The candidates that would fit if their unknown values sufficed."""
        if self.ok:
            return ()
        return tuple(candidate for candidate in self.candidates if candidate.is_undecided)

    @property
    def network(self) -> str | None:
        return self.found.network if self.found else None

    @property
    def network_nodes(self) -> tuple[str, ...] | None:
        """The nodes above all instances, the highest first; None if unknown."""
        return common_nodes(self.placements) if self.placements else None

    @property
    def proximity(self) -> str | None:
        """The proximity of the instances; None if unknown."""
        return proximity(self.placements) if self.placements else None

    def to_json(self) -> dict[str, Any]:
        found, request = self.found, self.request
        return {
            "ok": self.ok,
            "instance_type": request.instance_type,
            "count": request.count,
            "hours": whole(request.hours),
            "start_by": request.start_by and format_time(request.start_by),
            "found": {**found.to_json(), "reservation": encode(found.reservation)}
            if found
            else None,
            "network": self.network,
            "network_nodes": None if self.network_nodes is None else list(self.network_nodes),
            "proximity": self.proximity,
            "reason": self.reason,
            "unknown_regions": list(self.unknown_regions),
            "unknown_reservations": [
                row.reservation_id for each in self.undecided for row in each.rows
            ],
            "together": [each.to_json() for each in self.together],
            "candidates": [candidate.to_json() for candidate in self.candidates],
        }


def validate(
    reservations: Iterable[Reservation],
    request: TrainingRequest,
    now: datetime,
    unknown_regions: Iterable[str] = (),
) -> Validation:
    """Decide whether a run fits one of these reservations, as of ``now``.

    An active block counts with its free instances, and with the hours from now to its effective
    end. A block that has not started, or only just has, counts as the whole days that it was sold
    as, although its end at 11:30 UTC makes it slightly shorter.
    """
    rows = [row for row in reservations if row.instance_type == request.instance_type]
    blocks = [block_candidate(members, request, now) for members in blocks_of(rows)]
    odcrs = [odcr_candidate(row, request, now) for row in rows if isinstance(row, Odcr)]
    candidates = (*sorted(blocks, key=_block_rank), *sorted(odcrs, key=_odcr_rank))
    together = (*_together(blocks, request), *_together(odcrs, request))
    unknown = tuple(sorted(set(unknown_regions)))
    reason = _reason(candidates, together, request, unknown)
    return Validation(
        request=request,
        candidates=candidates,
        together=together,
        reason=reason,
        unknown_regions=unknown,
    )


def _rank(candidate: Candidate) -> tuple[Any, ...]:
    """The sort key of candidates: those that fit first, then those that could; those that are over
    last."""
    return (
        not candidate.fits,
        not candidate.is_undecided,
        candidate.reservation.state in TERMINAL_STATES,
        len(candidate.obstacles),
    )


def _block_rank(candidate: Candidate) -> tuple[Any, ...]:
    """The further key of blocks: the earliest start, the least waste, the id."""
    start, instances = candidate.start, candidate.instances
    return (
        *_rank(candidate),
        (start is None, start),
        (instances is None, instances if candidate.fits else -(instances or 0)),
        candidate.reservation.reservation_id,
    )


def _odcr_rank(candidate: Candidate) -> tuple[Any, ...]:
    """The further key of ODCRs: cluster placement groups, non-interruptible ones, the most free
    instances, the id."""
    row, instances = candidate.reservation, candidate.instances
    return (
        *_rank(candidate),
        not getattr(row, "placement_group_arn", None),
        bool(getattr(row, "interruptible", None)),
        (instances is None, -(instances or 0)),
        row.reservation_id,
    )


def _together(candidates: Iterable[Candidate], request: TrainingRequest) -> list[Together]:
    """The zones in which candidates that lack only instances would together suffice."""
    zones: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.lacks_instances_only and candidate.instances:
            zone = candidate.reservation.availability_zone or candidate.reservation.region
            zones.setdefault(zone, []).append(candidate)
    return [
        _sum(zone, members)
        for zone, members in sorted(zones.items())
        if _instances(members) >= request.count
    ]


def _instances(members: Iterable[Candidate]) -> int:
    return sum(member.instances or 0 for member in members)


def _sum(zone: str, members: Sequence[Candidate]) -> Together:
    ids = sorted(row.reservation_id for member in members for row in member.rows)
    is_block = members[0].is_block
    noun = "blocks" if is_block else "ODCRs"
    why_not = (
        "not counted: AWS does not promise one low-latency network across blocks"
        if is_block
        else "not counted: a launch targets one reservation, and the network is not promised"
    )
    instances = _instances(members)
    return Together(
        members[0].reservation.type,
        zone,
        tuple(ids),
        instances,
        f"{len(members)} {noun} in {zone} have {instances} instances together, {why_not}",
    )


def _reason(
    candidates: Sequence[Candidate],
    together: Sequence[Together],
    request: TrainingRequest,
    unknown: Sequence[str],
) -> str:
    found = next((candidate for candidate in candidates if candidate.fits), None)
    if found is not None:
        return _found_reason(found)
    missing = f"There is no capacity for {request}"
    if any(candidate.is_undecided for candidate in candidates):
        missing = f"It is unknown whether there is capacity for {request}"
    rest = f" Unknown: {', '.join(unknown)} did not respond." if unknown else ""
    if not candidates:
        return f"{missing}: no capacity block and no ODCR of this type is held.{rest}"
    parts = [
        _misses("capacity block", candidates, lambda candidate: candidate.is_block),
        _misses("ODCR", candidates, lambda candidate: not candidate.is_block),
        *(each.why_not for each in together),
    ]
    return f"{missing}: {'; '.join(parts)}.{rest}"


def _found_reason(found: Candidate) -> str:
    row = found.reservation
    noun = "Capacity block" if found.is_block else "ODCR"
    free = counted(str(found.instances), "instance")
    since = f" from {date_text(found.start)}" if found.start else ""
    until = " with no end date"
    if found.usable_until is not None and found.usable_hours is not None:
        until = f" until {date_text(found.usable_until)} ({length_text(found.usable_hours)})"
    where = row.availability_zone or row.region
    return f"{noun} {row.reservation_id} in {where} fits: {free}{since}{until}."


def _misses(
    noun: str, candidates: Iterable[Candidate], is_meant: Callable[[Candidate], bool]
) -> str:
    """The nearest miss of one type, and the number of candidates."""
    misses = [candidate for candidate in candidates if is_meant(candidate)]
    if not misses:
        return f"no {noun} of this type is held"
    nearest = misses[0]
    which = f"the nearest of {len(misses)} {noun}s" if len(misses) > 1 else f"the only {noun}"
    return f"{which}, {nearest.reservation.reservation_id}: {', '.join(nearest.obstacles)}"
