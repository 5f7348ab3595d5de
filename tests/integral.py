"""Usage as an independent integral over what the API showed at each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.builders import HOUR

Look = tuple[datetime, dict[str, dict[str, Any]]]
"""When a region was listed, and the reservations that the API then showed, by id."""


@dataclass
class Integral:
    """Adds up what the API's lists and its status showed at each step.

    It knows nothing of snapshots: a block's own start and end cut a step, and what was not listed
    for longer than two hours was not observed.
    """

    looks: dict[str, list[Look]] = field(default_factory=lambda: defaultdict(list))

    def look(self, rows: Iterable[dict[str, Any]], scopes: Iterable[dict[str, Any]]) -> None:
        """Add what the lists and the status of one account show now."""
        rows = list(rows)
        for scope in scopes:
            if scope["last_success"] is None:
                continue
            at, known = datetime.fromisoformat(scope["last_success"]), self.looks[scope["region"]]
            if not known or known[-1][0] != at:
                listed = [row for row in rows if row["region"] == scope["region"]]
                known.append((at, {row["reservation_id"]: row for row in listed}))

    def hours_of(self, until: datetime) -> dict[str, dict[str, float]]:
        """Instance-hours of each reservation: reserved, used and unobserved."""
        totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for looks in self.looks.values():
            for (at, rows), (end, later) in pairwise([*looks, (until, {})]):
                for row in rows.values():
                    if row["state"] == "active":
                        self._add(totals, row, at, end, end - at)
                for name, row in later.items():
                    was_active = rows.get(name, {}).get("state") == "active"
                    if row["state"] == "active" and row["start_date"] and not was_active:
                        start = datetime.fromisoformat(row["start_date"])
                        if start > at:
                            self._add(totals, row, start, end, end - at)
        return totals

    def _add(
        self, totals: Any, it: dict[str, Any], start: datetime, end: datetime, gap: timedelta
    ) -> None:
        if it["end_date"]:
            end = min(end, datetime.fromisoformat(it["end_date"]))
        length = max((end - start) / HOUR, 0)
        of = totals[it["reservation_id"]]
        if gap > 2 * HOUR:
            of["unobserved_hours"] += it["total_capacity"] * length
        else:
            of["reserved_hours"] += it["total_capacity"] * length
            of["used_hours"] += it["used_capacity"] * length
