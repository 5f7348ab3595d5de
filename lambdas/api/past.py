"""The inventory of a past moment, as a view for every route of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lambdas.api.inventory import View
from lambdas.history.moments import PastReader
from truffle.core.parameters import BadParameter
from truffle.core.times import format_time

MOST_MOMENTS = 2
"""The maximum number of views kept: the pages of a list request the same moment repeatedly."""

SETTLED = timedelta(minutes=15)
"""After this time no listing of a moment is still in progress, and its view can be kept."""


@dataclass(slots=True)
class Moments:
    """Views of the past; the last few are kept in memory."""

    past: PastReader
    _kept: dict[datetime, View] = field(default_factory=dict)

    def view(self, moment: datetime, now: datetime) -> View:
        """Raises BadParameter for a future time, TooEarly, and Unreadable."""
        if moment > now:
            allowed = f"It must not be later than the present, {format_time(now)}."
            raise BadParameter("as_of", format_time(moment), allowed)
        view = self._kept.pop(moment, None) or self._load(moment)
        if now - moment > SETTLED:
            self._kept[moment] = view
        if len(self._kept) > MOST_MOMENTS:
            del self._kept[next(iter(self._kept))]
        return view

    def _load(self, moment: datetime) -> View:
        found = self.past.as_of(moment)
        return View(found.statuses, found.rows, {row.reservation_id: row for row in found.rows})
