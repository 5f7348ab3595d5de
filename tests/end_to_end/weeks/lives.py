"""The state of a reservation at any moment of the two weeks: chapters with their dates.

All times are counted from the begin of the story. This is what EC2 shows, and thus what can be
observed; nothing here is taken from the product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A reservation at a moment; ``end`` is when EC2 takes it away, None for never."""

    state: str
    size: int
    created: timedelta
    start: timedelta
    end: timedelta | None
    is_block: bool
    unused: int = 0
    is_ill: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """A reservation with its chapters, by when each begins; None: EC2 does not list it."""

    number: int
    region: str
    chapters: tuple[tuple[timedelta, Row | None], ...]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def reservation_id(self) -> str:
        return f"cr-{self.number:017x}"

    @property
    def block_id(self) -> str:
        return f"cb-{self.number:017x}"

    @property
    def born(self) -> timedelta:
        """When EC2 first shows it."""
        return self.chapters[0][0]

    def at(self, moment: timedelta) -> Row | None:
        """The reservation as EC2 shows it."""
        begun = [row for since, row in self.chapters if since <= moment]
        return begun[-1] if begun else None

    def changed(self, at: timedelta, **fields: Any) -> Life:
        """From a moment on, everything that follows is different in these fields."""
        before = [(since, row) for since, row in self.chapters if since < at]
        present = self.at(at)
        assert present is not None
        after = [(since, row) for since, row in self.chapters if since > at]
        chapters = [*before, (at, present), *after]
        return replace(
            self,
            chapters=tuple(
                (since, row if since < at or row is None else replace(row, **fields))
                for since, row in chapters
            ),
        )


def block(
    number: int,
    *,
    bought: timedelta,
    start: timedelta,
    end: timedelta,
    paid: timedelta | None = None,
    unpaid: bool = False,
    delivered: timedelta | None = None,
    unused: int = 0,
    size: int = 8,
    tags: dict[str, str] | None = None,
) -> Life:
    """A block, paid before the story unless its payment is given.

    EC2 gives up an unpaid one after 12 hours, shows what is over for a day more, and delivers at
    the start unless ``delivered`` is later.
    """
    row = Row("scheduled", size, bought, start, end, is_block=True)
    over = end
    chapters: list[tuple[timedelta, Row | None]] = []
    if paid is not None or unpaid:
        chapters.append((bought, replace(row, state="payment-pending")))
    if unpaid:
        over = bought + 12 * HOUR
        chapters.append((over, replace(row, state="payment-failed")))
    else:
        chapters += [
            (bought if paid is None else paid, row),
            (delivered or start, replace(row, state="active", unused=unused)),
            (end, replace(row, state="expired")),
        ]
    chapters.append((over + DAY, None))
    return Life(number, "us-east-1", tuple(chapters), tags or {})


def odcr(
    number: int,
    *,
    size: int,
    unused: int = 0,
    created: timedelta = -30 * DAY,
    end: timedelta | None = None,
    region: str = "us-east-2",
    tags: dict[str, str] | None = None,
) -> Life:
    """An immediate ODCR, active from its creation to its end or for ever."""
    row = Row("active", size, created, created, end, is_block=False, unused=unused)
    chapters: list[tuple[timedelta, Row | None]] = [(created, row)]
    if end is not None:
        chapters += [(end, replace(row, state="expired")), (end + DAY, None)]
    return Life(number, region, tuple(chapters), tags or {})


def by_region(lives: Iterable[Life], region: str) -> list[Life]:
    return [life for life in lives if life.region == region]
