"""The period in which a reservation had the values of a row: the rows of the table ``spans``.

The rule is that of ``truffle/core/spans.py``, for reservations in any state. Unobserved time ends a
span.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from truffle.core.codec import Json, encode
from truffle.core.diff import NOT_COMPARED
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.spans import Span, merged, spans_of

LOOKBACK_PERIODS = 3
"""How far back, in periods of the schedule, a day needs earlier listings: those that may still be
valid when it begins, and those of spans that were open when the day before was built."""


@dataclass(frozen=True, slots=True)
class ValidSpan:
    """A stretch of time, from ``valid_from`` (included) to ``valid_to`` (excluded).

    ``valid_to`` is None while it is open. ``known_until`` is then the time of the newest listing.
    ``digest`` is the same for equal rows.
    """

    row: Reservation
    valid_from: datetime
    valid_to: datetime | None
    known_until: datetime
    digest: str
    others: Json = field(default_factory=dict)
    """Fields of the row that this version does not know."""


Known = Mapping[tuple[str, str], datetime]
"""The start of the spans that were open when a day began, by reservation id and digest."""


def digest_of(row: Reservation) -> str:
    data = {name: value for name, value in encode(row).items() if name not in NOT_COMPARED}
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def valid_spans(
    snapshots: Mapping[Scope, Sequence[Snapshot]],
    day: datetime,
    until: datetime,
    period: timedelta,
    known: Known,
) -> list[ValidSpan]:
    """The spans that ended in the listings of one day, and the open ones.

    ``snapshots`` are those of the day that begins at ``day``, and for each scope the last one
    before it. ``until`` is the time of the newest attempt at any scope. ``known`` are the spans
    that were open when the day began.
    """
    newest = {scope: members[-1].observed_at for scope, members in snapshots.items() if members}
    known_ends = _Ends(until, newest)
    spans = known_ends.joined(
        merged(
            span
            for members in snapshots.values()
            for span in spans_of(members, _end(members, until), period, lambda row: True)
        )
    )
    found: list[ValidSpan] = []
    for span in spans:
        valid = known_ends.valid(span)
        if span.start < day:
            start = known.get((span.row.reservation_id, valid.digest), span.start)
            valid = replace(valid, valid_from=start)
        found.append(valid)
    return _without_gap_starts(found)


def _end(snapshots: Sequence[Snapshot], until: datetime) -> datetime:
    """Give the newest snapshot a validity of one moment, instead of none."""
    newest = snapshots[-1].observed_at if snapshots else until
    return max(until, newest + timedelta.resolution)


@dataclass(slots=True)
class _Ends:
    """Which spans are open at ``until``. ``newest`` is the time of each scope's newest snapshot,
    which is valid for a moment after ``until`` if it was taken then."""

    until: datetime
    newest: Mapping[Scope, datetime]
    _digests: dict[int, str] = field(default_factory=dict)

    def joined(self, spans: Sequence[Span]) -> list[Span]:
        """The spans without that moment, if it only continues the span before it: not all accounts
        that list a shared reservation need to have been listed at ``until``."""
        before = {
            it.row.reservation_id: it for it in spans if it.is_observed and it.end == self.until
        }
        continued: dict[int, Span] = {}
        kept: list[Span] = []
        for span in spans:
            ended = before.get(span.row.reservation_id)
            if span.start == self.until and ended is not None and self._continues(ended, span):
                continued[id(ended)] = replace(ended, end=span.end)
            else:
                kept.append(span)
        return [continued.get(id(span), span) for span in kept]

    def valid(self, span: Span) -> ValidSpan:
        """A span with its end; an unobserved one ends at its start, which was observed."""
        row, start, digest = span.row, span.start, self._digest(span.row)
        if not span.is_observed:
            return ValidSpan(row, start, start, start, digest)
        if not self._is_open(span):
            return ValidSpan(row, start, span.end, span.end, digest)
        known_until = max(start, self.newest.get(_scope(span), start))
        return ValidSpan(row, start, None, known_until, digest)

    def _continues(self, ended: Span, span: Span) -> bool:
        return self._is_open(ended) or self._digest(ended.row) == self._digest(span.row)

    def _is_open(self, span: Span) -> bool:
        """A span that ends at ``until`` is over if its account was listed then."""
        if span.end == self.until:
            return self.newest.get(_scope(span)) != self.until
        return span.end > self.until

    def _digest(self, row: Reservation) -> str:
        if id(row) not in self._digests:
            self._digests[id(row)] = digest_of(row)
        return self._digests[id(row)]


def _scope(span: Span) -> Scope:
    return Scope(str(span.row.account_id), span.row.region)


def _without_gap_starts(spans: Iterable[ValidSpan]) -> list[ValidSpan]:
    """Remove the moment at the start of a gap if a span ends there."""
    kept: dict[tuple[str, str, datetime | None], ValidSpan] = {}
    for span in spans:
        is_moment = span.valid_from == span.valid_to
        key = span.row.reservation_id, span.digest, span.valid_to
        if not is_moment or key not in kept:
            kept[key] = span
    return sorted(kept.values(), key=lambda it: (it.row.reservation_id, it.valid_from))


def open_spans(spans: Iterable[ValidSpan]) -> Known:
    """The state that the next day begins with."""
    return {
        (span.row.reservation_id, span.digest): span.valid_from
        for span in spans
        if span.valid_to is None
    }


def ended(
    spans: Iterable[ValidSpan], following: Iterable[ValidSpan], day: datetime
) -> list[ValidSpan]:
    """The spans that ended before the next day with listings, which begins at ``day``.

    Open ones that ``following`` does not continue, because nothing was listed for too long, end at
    the newest listing.
    """
    continued = {(it.row.reservation_id, it.digest) for it in following if it.valid_from < day}
    return [
        it if it.valid_to is not None else replace(it, valid_to=it.known_until)
        for it in spans
        if it.valid_to is not None or (it.row.reservation_id, it.digest) not in continued
    ]
