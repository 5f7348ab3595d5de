"""The events of the two weeks: reservations, manual actions, and the times of observation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.ec2.control import Control
from sandbox.ec2.faults import FaultKind
from tests.end_to_end.weeks.lives import DAY, HOUR, MINUTE, Json, Life, Row, block, odcr

REGIONS = ("eu-west-1", "us-east-1", "us-east-2")
MUTED_UNTIL = 7 * DAY
BURST_AT = 7 * DAY + 5 * MINUTE
LENGTH = 14 * DAY

RESEARCH = {"Team": "research"}
INFERENCE = {"Team": "inference"}

FAILING = (8 * DAY, 9 * DAY)
"""When Ireland refuses to answer."""
STUMBLES = (DAY + 40 * MINUTE, DAY + 80 * MINUTE)
"""When it fails for one run."""
SLACK_DOWN = (5 * DAY + 6 * HOUR, 5 * DAY + 7 * HOUR)
ARCHIVE_DOWN = (10 * DAY, 11 * DAY + 12 * HOUR)


def at(days: float, hours: float = 0, minutes: float = 0) -> timedelta:
    return timedelta(days=days, hours=hours, minutes=minutes)


PLAIN = block(1, bought=at(-2), start=at(1, 6), end=at(3, 6), tags=RESEARCH)
PAID = block(2, bought=at(1), paid=at(1, 5), start=at(4), end=at(6, 12), unused=8)
UNPAID = block(3, bought=at(2), unpaid=True, start=at(8), end=at(10))
LATE = block(4, bought=at(-1), start=at(6), delivered=at(6, 3), end=at(8, 20))
EXTENDED = block(5, bought=at(-9), start=at(-2), end=at(6), tags=RESEARCH)
LONG = block(6, bought=at(-20), start=at(-1), end=at(14, 12), unused=2)
IDLE = odcr(7, size=4, unused=4)
SHRINKING = odcr(8, size=10)
CANCELLED = odcr(9, size=2)
DRAINED = odcr(10, size=6, tags=INFERENCE)
LIMITED = odcr(11, size=3, end=at(10))
IRISH = odcr(12, size=5, region="eu-west-1")
BURST = [odcr(100 + number, size=1, created=BURST_AT, tags=RESEARCH) for number in range(12)]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done to the simulated EC2 by hand, or to a destination."""

    at: timedelta
    do: Callable[[Control], object]


def _patch(life: Life, when: timedelta, **fields: object) -> Deed:
    return Deed(when, lambda ec2: ec2.patch(life.reservation_id, **fields))


def _resize(life: Life, when: timedelta, size: int) -> tuple[Life, Deed]:
    counts = {"TotalInstanceCount": size, "AvailableInstanceCount": 0}
    return life.changed(when, size=size), _patch(life, when, **counts)


def _use(life: Life, when: timedelta, unused: int) -> tuple[Life, Deed]:
    return life.changed(when, unused=unused), _patch(life, when, AvailableInstanceCount=unused)


def _ill(life: Life, when: timedelta, is_ill: bool) -> tuple[Life, Deed]:
    status = "impaired" if is_ill else "ok"
    fields = {"InterconnectStatus": status, "TotalUnavailableCapacity": int(is_ill)}
    return life.changed(when, is_ill=is_ill), Deed(
        when, lambda ec2: ec2.set_block_status(life.region, life.block_id, **fields)
    )


def _extend(life: Life, when: timedelta, end: timedelta, begin: datetime) -> tuple[Life, Deed]:
    """Everything that was to come at the end comes later."""
    row = life.at(when)
    assert row is not None
    assert row.end is not None
    later = end - row.end
    chapters = tuple(
        (since + later if since >= row.end else since, it) for since, it in life.chapters
    )
    moved = Life(life.number, life.region, chapters, life.tags).changed(when, end=end)
    return moved, _patch(life, when, EndDate=_date(begin + end))


@dataclass(frozen=True, slots=True)
class Plot:
    """The lives as they go, the deeds that make them go so, and what EC2 has at the begin."""

    lives: dict[str, Life]
    deeds: tuple[Deed, ...]
    fleet: Json


def plot(begin: datetime) -> Plot:
    """The story, from a moment on."""
    lives = {
        life.number: life
        for life in (
            *(PLAIN, PAID, UNPAID, LATE, EXTENDED, LONG),
            *(IDLE, SHRINKING, CANCELLED, DRAINED, LIMITED, IRISH, *BURST),
        )
    }
    fleet = _fleet(lives.values(), begin)
    deeds: list[Deed] = list(_ill_fate())

    def happens(found: tuple[Life, Deed]) -> None:
        life, deed = found
        lives[life.number] = life
        deeds.append(deed)

    happens(_ill(EXTENDED, at(3, 6), True))
    happens(_ill(lives[5], at(3, 18), False))
    happens(_extend(lives[5], at(5, 6, 10), at(11), begin))
    happens(_use(LONG, at(4), 0))
    happens(_use(lives[6], at(7), 3))
    happens(_use(IDLE, at(5), 2))
    happens(_resize(SHRINKING, at(3), 16))
    happens(_resize(lives[8], at(5, 6, 20), 12))
    happens(_resize(lives[8], at(10, 3), 8))
    happens(_resize(lives[8], at(12, 6), 4))
    happens(_resize(DRAINED, at(2, 12), 5))
    happens(_resize(lives[10], at(9, 12), 3))
    happens(_resize(lives[10], at(10, 9), 1))
    happens(_resize(IRISH, at(8, 12), 7))
    cancelled = CANCELLED.changed(at(4, 12), state="cancelled", unused=2)
    happens((cancelled, _patch(CANCELLED, at(4, 12), State="cancelled")))
    deeds += [_late(LATE), _delivered(LATE), _paid(PAID)]
    deeds += [_born(life, begin) for life in lives.values() if life.born > timedelta()]
    by_id = {life.reservation_id: life for life in lives.values()}
    return Plot(by_id, tuple(sorted(deeds, key=lambda deed: deed.at)), fleet)


def _ill_fate() -> Iterator[Deed]:
    """The failures of Ireland."""
    for kind, (since, until) in (
        (FaultKind.INTERNAL, STUMBLES),
        (FaultKind.UNAUTHORIZED, FAILING),
    ):
        yield _broken(kind, since)
        yield Deed(until, lambda ec2: ec2.mend("eu-west-1"))


def _broken(kind: FaultKind, since: timedelta) -> Deed:
    return Deed(since, lambda ec2: ec2.break_calls(kind, "eu-west-1"))


def _late(life: Life) -> Deed:
    """Its start goes by, and it is still only scheduled."""
    row = life.at(timedelta())
    assert row is not None
    counts = {"TotalInstanceCount": 0, "AvailableInstanceCount": 0}
    return _patch(life, row.start + MINUTE, State="scheduled", **counts)


def _delivered(life: Life) -> Deed:
    when = next(since for since, row in life.chapters if row and row.state == "active")
    counts = {"TotalInstanceCount": 8, "AvailableInstanceCount": 0}
    return _patch(life, when, State="active", **counts)


def _paid(life: Life) -> Deed:
    when = next(since for since, row in life.chapters if row and row.state == "scheduled")
    return _patch(life, when, State="scheduled")


def _born(life: Life, begin: datetime) -> Deed:
    return Deed(life.born, lambda ec2: ec2.add(life.region, _as_ec2(life, life.born, begin)))


# --- as EC2 shows it -----------------------------------------------------------------------------


def _fleet(lives: Iterable[Life], begin: datetime) -> Json:
    regions: dict[str, Json] = {name: {"CapacityReservations": []} for name in REGIONS}
    for life in lives:
        if life.born <= timedelta():
            raw = _as_ec2(life, timedelta(), begin)
            regions[life.region]["CapacityReservations"].append(raw)
    return {"account": "123456789012", "regions": regions}


def _as_ec2(life: Life, moment: timedelta, begin: datetime) -> Json:
    row = life.at(moment)
    assert row is not None
    tags = [{"Key": key, "Value": value} for key, value in life.tags.items()]
    common: Json = {
        "CapacityReservationId": life.reservation_id,
        "AvailabilityZone": f"{life.region}a",
        "State": row.state,
        "CreateDate": _date(begin + row.created),
        "StartDate": _date(begin + row.start),
        "Tags": tags,
    }
    if row.end is not None:
        common |= {"EndDate": _date(begin + row.end), "EndDateType": "limited"}
    return {**common, **(_block(life, row) if row.is_block else _odcr(row))}


def _block(life: Life, row: Row) -> Json:
    quantity = "aws:ec2capacityreservation:incrementalRequestedQuantity"
    tags = [{"Key": key, "Value": value} for key, value in life.tags.items()]
    unused = next((it.unused for _, it in life.chapters if it and it.state == "active"), 0)
    has_begun = row.state == "active"
    return {
        "CapacityBlockId": life.block_id,
        "ReservationType": "capacity-block",
        "InstanceType": "p5.48xlarge",
        "TotalInstanceCount": row.size if has_begun else 0,
        "AvailableInstanceCount": row.unused if has_begun else 0,
        "Tags": [*tags, {"Key": quantity, "Value": str(row.size)}],
        "Simulator": {"UsedAtStart": row.size - unused},
    }


def _odcr(row: Row) -> Json:
    return {
        "InstanceType": "g6.12xlarge",
        "TotalInstanceCount": row.size,
        "AvailableInstanceCount": row.unused,
    }


def _date(moment: datetime) -> str:
    return moment.isoformat()


# --- when somebody looks -------------------------------------------------------------------------

BEFORE_SLACK, BEFORE_ARCHIVE = SLACK_DOWN[0] - 30 * MINUTE, ARCHIVE_DOWN[0] - HOUR
CERTAIN = (
    at(2, 11, 30),
    STUMBLES[0] + 10 * MINUTE,
    BEFORE_SLACK,
    *(SLACK_DOWN[0] + minutes * MINUTE for minutes in (15, 30)),
    at(6, 1),
    BURST_AT + MINUTE,
    *(FAILING[0] + hours * HOUR for hours in (1, 9, 17)),
    BEFORE_ARCHIVE,
    *(ARCHIVE_DOWN[0] + hours * HOUR for hours in (4, 10)),
    LENGTH,
)
"""The listings without which nothing happens: an unpaid block, an hour without Slack …"""


def looks(seed: int) -> list[timedelta]:
    """When runs are: about every eight hours, never on time, and some not at all."""
    dice = random.Random(seed)
    planned = [8 * HOUR * number for number in range(1, LENGTH // (8 * HOUR))]
    moved = [moment + dice.randint(-110, 110) * MINUTE for moment in planned]
    held = [moment for moment in moved if dice.random() > 0.12]
    return sorted(
        moment for moment in {*held, *CERTAIN} if not any(_spoils(moment, it) for it in CERTAIN)
    )


def _spoils(moment: timedelta, certain: timedelta) -> bool:
    """A run just beside one that the story needs."""
    return moment != certain and abs(moment - certain) < 5 * MINUTE
