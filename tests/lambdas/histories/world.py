"""The true history: which reservations there are, in which state, and who lists them, when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.builders import NOON
from tests.lambdas.fakes import Raw, a_raw_odcr

ACCOUNTS = ("111111111111", "222222222222", "333333333333")
STRANGER = "999999999999"
STATES = ("active", "pending", "scheduled", "delayed")
TERMINAL = ("cancelled", "failed")
HOUR = timedelta(hours=1)

Content = dict[str, str]
"""An account's listing: states by reservation."""


@dataclass
class Truth:
    """One reservation: its state, None after its end, and the accounts that it is shared with."""

    name: str
    owner: str
    state: str | None
    shared: set[str]
    created: datetime
    start: datetime | None
    was_over: bool = False

    def viewers(self) -> set[str]:
        return set() if self.state is None else self.shared | {self.owner}


@dataclass
class World:
    """Time, in hours and in ticks that order everything, and all reservations."""

    dice: random.Random
    now: datetime = NOON
    tick: int = 0
    rows: dict[str, Truth] = field(default_factory=dict)

    def step(self) -> int:
        self.tick += 1
        return self.tick

    def lists(self, account: str) -> list[Raw]:
        """EC2's present response to an account."""
        rows = (row for _, row in sorted(self.rows.items()) if account in row.viewers())
        return [
            a_raw_odcr(
                row.name,
                State=row.state,
                OwnerId=row.owner,
                CreateDate=row.created,
                **({"StartDate": row.start} if row.start else {}),
            )
            for row in rows
        ]

    def content(self, account: str) -> Content:
        return {
            row.name: row.state
            for row in self.rows.values()
            if row.state is not None and account in row.viewers()
        }

    def change(self, may_share: bool = True) -> None:
        """Something happens to some reservation."""
        dice = self.dice
        self.step()
        alive = [row for row in self.rows.values() if row.state is not None]
        if may_share and (not alive or (len(alive) < 4 and dice.random() < 0.3)):
            self._create()
            return
        if not alive:
            return
        row, what = dice.choice(alive), dice.random()
        if what < 0.5 and row.state not in TERMINAL:
            row.state = dice.choice(STATES + (TERMINAL if dice.random() < 0.15 else ()))
            row.was_over = row.was_over or row.state in TERMINAL
        elif what < 0.72 and may_share:
            row.shared ^= {dice.choice(ACCOUNTS)}
        elif what > 0.85:
            row.state = None

    def _create(self) -> None:
        dice = self.dice
        owner = dice.choice((*ACCOUNTS, STRANGER, STRANGER))
        shared = {it for it in ACCOUNTS if dice.random() < 0.5} or {dice.choice(ACCOUNTS)}
        start = self.now + dice.uniform(2, 60) * HOUR if dice.random() < 0.3 else None
        start = start and start.replace(microsecond=0)
        name = f"cr-{len(self.rows)}"
        state = "scheduled" if start else dice.choice(STATES)
        self.rows[name] = Truth(name, owner, state, shared, self.now, start)
