"""The expected events of a history, from the actual states and the actual listings.

Nothing here knows how the code decides. The rules:

1. The events of a reservation form one chain: each starts from the state reported last.
2. Nothing is invented: an event's state is what its account was shown by EC2, in the listing that
   was stored with the event or in the one before, and it was shown after all earlier reports.
   A first snapshot reports nothing: an account that listed the reservation earlier, and left it to
   the owner, may still report it as discovered in the state that it listed.
3. ``discovered`` is for what no account knew: not for what a first snapshot showed, unless the
   reporting account was last listed before that first snapshot, or an account that was listed
   without it found it, and left it to an owner that never reported it.
4. ``vanished`` needs a complete listing without it, by the owner, or by the last of the accounts
   whose last stored listing still showed it; one that fails still shows it. An account that is not
   collected does not count. One that is collected again after the listing was read does not count
   either: the events are those of the two collections one after the other.
5. Nothing is lost: once every account has been listed without a fault, the last report of each
   reservation is its actual state. While some fail, the same holds for whatever the others list.
6. A threshold is reported once, if the reservation was known before, and never otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.lambdas.histories.world import TERMINAL, Content, World

MARGIN = timedelta(hours=1)
"""More than any clock is wrong by."""

NOTHING = None


@dataclass(frozen=True)
class Page:
    """EC2's response to an account, when it was read, and when its collection began."""

    account: str
    began: int
    read: int
    content: Content


@dataclass
class Reported:
    """The last report of a reservation, or what a first snapshot showed; ``report_read`` is when
    the last reported listing was read, -1 if none was reported."""

    state: str | None
    read: int
    report_read: int
    known_at: datetime
    discovered_at: datetime | None = None
    is_back: bool = False


@dataclass
class Oracle:
    """Watches a history, and collects its errors."""

    world: World
    looks: dict[str, list[Page]] = field(default_factory=dict)
    parts: dict[str, list[Page]] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    returned: dict[str, int] = field(default_factory=dict)
    reported: dict[str, Reported] = field(default_factory=dict)
    baselines: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    thresholds: Counter[tuple[str, str]] = field(default_factory=Counter)
    event_ids: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    events: int = 0

    def established(self, account: str) -> bool:
        return account in self.looks

    # --- what happens ----------------------------------------------------------------------------

    def shows(self, page: Page, names: Collection[str]) -> None:
        """Rows of a first snapshot were stored: they are known from now on, without an event."""
        for name in names:
            reported = self.reported.get(name)
            state = page.content.get(name)
            if reported is None or reported.state is None:
                report_read = -1 if reported is None else reported.report_read
                is_back = reported is not None
                self.reported[name] = Reported(
                    state, page.read, report_read, self.world.now, None, is_back
                )
            self.baselines.setdefault(name, []).append((page.account, self.world.tick))

    def stores_part(self, page: Page, name: str) -> None:
        """A row of a listing is stored, perhaps without the rest of them."""
        self.parts.setdefault(page.account, []).append(page)
        self.held.setdefault(page.account, set()).add(name)

    def drops(self, account: str, name: str) -> None:
        """A row that left is removed, perhaps before the rest of its listing is stored."""
        self.held.setdefault(account, set()).discard(name)

    def holds(self, account: str, name: str) -> bool:
        """Whether a reservation is stored for an account."""
        return name in self.held.get(account, ())

    def stores(self, page: Page) -> None:
        """A listing is the scope's state now."""
        self.looks.setdefault(page.account, []).append(page)
        self.parts.pop(page.account, None)
        self.returns(page.account)

    def returns(self, account: str) -> None:
        """An account is collected, again if it was not."""
        if account in self.retired:
            self.retired.remove(account)
            self.returned[account] = self.world.tick

    def counts(self, account: str) -> None:
        """An account's first snapshot is written and counted."""
        self.counted.setdefault(account, self.world.tick)

    def reports(self, message: dict[str, Any], page: Page) -> None:
        """An event was stored with a listing."""
        self.events += 1
        if message["event_id"] in self.event_ids:
            self.complain(message, "has the id of another event")
        self.event_ids.add(message["event_id"])
        kind, name = message["type"], message["reservation_id"]
        if name is None:
            return
        if kind in ("starting_soon", "late_delivery"):
            self.thresholds[name, f"{kind} {message['after']['threshold']}"] += 1
            self._threshold(message, name)
            return
        {
            "discovered": self._discovered,
            "state_changed": self._changed,
            "vanished": self._vanished,
        }[kind](message, name, page)

    def complain(self, message: dict[str, Any], what: str) -> None:
        event = f"{message['account_id'][0]} {message['type']} {message['reason']}"
        self.wrong.append(f"{self.world.tick}: {message['reservation_id']} {event}: {what}")

    # --- one event -------------------------------------------------------------------------------

    def _shown(self, message: dict[str, Any], name: str, page: Page) -> None:
        """Rules 1 and 2 for the state that an event names."""
        state = message["after"]["state"]
        parts = self.parts.get(page.account, [])
        pages = [*self.looks.get(page.account, [])[-1:], *parts, page]
        last = self.reported.get(name)
        is_found = message["type"] == "discovered"
        since = -1 if last is None else last.report_read if is_found else last.read
        fits = [it for it in pages if it.content.get(name) == state and it.read > since]
        if not fits:
            self.complain(message, f"was not shown since {last}")
        read = fits[-1].read if fits else page.read
        found = self.world.now if is_found else None
        known_at = found or (last.known_at if last else self.world.now)
        self.reported[name] = Reported(state, read, read, known_at, found)

    def _discovered(self, message: dict[str, Any], name: str, page: Page) -> None:
        last = self.reported.get(name)
        if not self.established(page.account):
            self.complain(message, "by a first snapshot")
        if last is not None and last.state is not None and not self._is_unseen(name, page):
            self.complain(message, f"is known already: {last}")
        self._shown(message, name, page)

    def _is_unseen(self, name: str, page: Page) -> bool:
        """Rule 3: known by a first snapshot alone, which came after the account's last look."""
        shown, looks = self.baselines.get(name), self.looks.get(page.account, [])
        if self.reported[name].is_back or self._was_never_reported(name):
            return True
        if not shown or self.reported[name].discovered_at or not looks:
            return False
        ends = [self.counted.get(account, self.world.tick) for account, _ in shown]
        before = [it for it in looks if name not in it.content][-1:]
        return bool(before) and before[0].began <= max(ends)

    def _was_never_reported(self, name: str) -> bool:
        """Rule 3: nothing was reported, though an account's listings went from without to with."""
        return self.reported[name].report_read < 0 and any(
            name not in earlier.content and name in later.content
            for looks in self.looks.values()
            for earlier, later in pairwise(looks)
        )

    def _changed(self, message: dict[str, Any], name: str, page: Page) -> None:
        last = self.reported.get(name)
        if last is None or message["before"]["state"] != last.state:
            self.complain(message, f"differs from the last report: {last}")
        if message["before"]["state"] == message["after"]["state"]:
            self.complain(message, "changes nothing")
        self._shown(message, name, page)

    def _vanished(self, message: dict[str, Any], name: str, page: Page) -> None:
        last, account = self.reported.get(name), page.account
        if last is None or message["before"]["state"] != last.state:
            self.complain(message, f"differs from the last report: {last}")
        if name in page.content:
            self.complain(message, "is in that listing")
        others = [
            it
            for it in self.held
            if it not in (account, *self.retired)
            and self.returned.get(it, -1) < page.read
            and self.holds(it, name)
        ]
        if others and self.world.rows[name].owner != account:
            self.complain(message, f"is still stored for {others}")
        known_at = last.known_at if last else self.world.now
        self.reported[name] = Reported(None, page.read, page.read, known_at)

    def _threshold(self, message: dict[str, Any], name: str) -> None:
        row, reported = self.world.rows[name], self.reported.get(name)
        if reported is None or row.start is None:
            self.complain(message, "is not known")
        elif message["type"] == "starting_soon":
            mark = row.start - _length(message["after"]["threshold"])
            if self.world.now < mark - MARGIN:
                self.complain(message, "is too early")

    # --- all of them -----------------------------------------------------------------------------

    def settles(self, answering: Collection[str], established: Collection[str]) -> None:
        """Rules 5 and 6, after the answering accounts were listed without a fault."""
        for row in self.world.rows.values():
            viewers = row.viewers() & set(answering) & set(established)
            if viewers:
                self._is_current(row.name)
                self._was_reported_in_time(row.name)
            elif not row.viewers() & set(established) and self._is_held_nowhere(row.name):
                self._is_over(row.name)
        for (name, what), count in self.thresholds.items():
            if count > 1:
                self.wrong.append(f"{self.world.tick}: {name} {what}: reported {count} times")
        self.thresholds = Counter({key: min(count, 1) for key, count in self.thresholds.items()})

    def _is_current(self, name: str) -> None:
        row, reported = self.world.rows[name], self.reported.get(name)
        if row.state in TERMINAL and (reported is None or reported.state is None):
            return
        if reported is None or reported.state != row.state:
            self.wrong.append(f"{self.world.tick}: {name} is {row.state}, last report: {reported}")
            tick = self.world.tick
            self.reported[name] = Reported(row.state, tick, tick, self.world.now)

    def _is_held_nowhere(self, name: str) -> bool:
        """Whether no stored listing shows it any more: one that fails or is retired may."""
        return not any(self.holds(account, name) for account in self.held)

    def _is_over(self, name: str) -> None:
        reported = self.reported.get(name)
        if reported is None or reported.state is None or reported.state in TERMINAL:
            return
        self.wrong.append(f"{self.world.tick}: {name} is gone, last report: {reported}")
        self.reported[name] = Reported(None, self.world.tick, self.world.tick, self.world.now)

    def _was_reported_in_time(self, name: str) -> None:
        row, reported = self.world.rows[name], self.reported.get(name)
        if row.start is None or row.was_over or reported is None:
            return
        for threshold in ("24h", "1h"):
            mark = row.start - _length(threshold)
            is_due = reported.known_at < mark - MARGIN and self.world.now > mark + MARGIN
            if is_due and not self.thresholds[name, f"starting_soon {threshold}"]:
                self.wrong.append(f"{self.world.tick}: {name} was not reported: {threshold}")
                self.thresholds[name, f"starting_soon {threshold}"] += 1


def _length(threshold: str) -> timedelta:
    return timedelta(hours=int(threshold.removesuffix("h")))
