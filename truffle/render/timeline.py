"""Capacity blocks as bars in a terminal, from 60 columns on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from truffle.core.model import Reservation
from truffle.core.quoting.terminal import visible
from truffle.core.timeline import Phase, TimelineSpan
from truffle.core.wording import counted
from truffle.render.style import Style, state_colour
from truffle.render.tables import cells
from truffle.render.words import minute, short_day, short_minute

NARROWEST = 60
"""The minimum width; on a narrower terminal, lines are longer than it."""

USUAL = 80
"""The width without a terminal."""

SHORTEST_BAR = 24
"""The minimum width of a bar beside its label; a shorter one gets its own line."""

_GAP = 2
_BARS = {
    Phase.ACTIVE: "█",
    Phase.COMING: "▒",
    Phase.UNPAID: "░",
    Phase.FAILED: "x",
    Phase.OVER: "─",
    Phase.UNKNOWN: "?",
}
_PLAIN_BARS = {
    Phase.ACTIVE: "#",
    Phase.COMING: "=",
    Phase.UNPAID: ":",
    Phase.FAILED: "x",
    Phase.OVER: "-",
    Phase.UNKNOWN: "?",
}
_MEANINGS = {
    Phase.ACTIVE: "active",
    Phase.COMING: "coming",
    Phase.UNPAID: "not paid yet",
    Phase.FAILED: "failed",
    Phase.OVER: "over",
    Phase.UNKNOWN: "another state",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A period of time on ``width`` columns."""

    since: datetime
    until: datetime
    now: datetime
    width: int

    def column(self, moment: datetime) -> int:
        """The column of a moment; negative or at least ``width`` outside of the period."""
        return int((moment - self.since) / (self.until - self.since) * self.width // 1)

    def holds(self, column: int) -> bool:
        return 0 <= column < self.width


@dataclass(frozen=True, slots=True)
class _Theme:
    """The characters and colours of a chart."""

    style: Style

    @property
    def now(self) -> str:
        return "│" if self.style.is_unicode else "|"

    @property
    def end(self) -> str:
        return "┤" if self.style.is_unicode else "]"

    @property
    def bars(self) -> dict[Phase, str]:
        return _BARS if self.style.is_unicode else _PLAIN_BARS


def render_timeline(
    spans: Sequence[TimelineSpan], since: datetime, until: datetime, now: datetime, style: Style
) -> str:
    """The blocks of a period as bars, one per line, with the present marked.

    Lines have the width of the style, at least 60 columns.
    """
    shown = [span for span in spans if span.overlaps(since, until)]
    outside = len(spans) - len(shown)
    if not shown:
        text = f"No capacity blocks from {minute(since)} to {minute(until)} UTC.{_others(outside)}"
        return "\n".join(style.wrapped(text))
    theme, width = _Theme(style), max(style.width or USUAL, NARROWEST)
    lines = _beside(shown, since, until, now, theme, width)
    if lines is None:
        chart = Chart(since, until, now, width)
        lines = [*_head(chart, 0, theme), *_below(shown, chart, theme)]
    return "\n".join([*lines, "", *_notes(shown, outside, theme, width)])


def _beside(
    shown: Sequence[TimelineSpan],
    since: datetime,
    until: datetime,
    now: datetime,
    theme: _Theme,
    width: int,
) -> list[str] | None:
    """Each bar between its label and its end; None if that leaves no room for bars."""
    labels = [_label(span) for span in shown]
    label = max(map(cells, labels))
    for ending in (_ending, _end):
        ends = [ending(span) for span in shown]
        bar = width - label - max(map(cells, ends)) - 2 * _GAP
        if bar >= SHORTEST_BAR:
            chart = Chart(since, until, now, bar)
            return [
                *_head(chart, label + _GAP, theme),
                *(
                    f"{text}{' ' * (label - cells(text) + _GAP)}{_bar(span, chart, theme)}"
                    f"{' ' * _GAP}{theme.style.paint(end, _colour(span.row))}"
                    for span, text, end in zip(shown, labels, ends, strict=True)
                ),
            ]
    return None


def _below(shown: Sequence[TimelineSpan], chart: Chart, theme: _Theme) -> Iterator[str]:
    """Each bar on its own line, below its label."""
    for span in shown:
        text = f"{_label(span)}{' ' * _GAP}{_ending(span)}"
        if cells(text) > chart.width:
            text = f"{_label(span)}{' ' * _GAP}{_end(span)}"
        yield from Style(width=chart.width).wrapped(text, then="  ")
        yield _bar(span, chart, theme)


def _label(span: TimelineSpan) -> str:
    row = span.row
    size = "?" if row.size is None else row.size
    name = row.name or row.reservation_id
    return visible(f"{name}  {size} × {row.instance_type or 'unknown type'}")


def _ending(span: TimelineSpan) -> str:
    """``active, ends Dec 4 11:00``, with the effective end."""
    state = "gone" if span.is_gone else visible(span.row.state)
    end = span.effective_end or span.end
    if end is None:
        return state
    return f"{state}, {'ended' if span.phase is Phase.OVER else 'ends'} {short_minute(end)}"


def _end(span: TimelineSpan) -> str:
    """``Dec 4 11:00``; the state if no end is known."""
    end = span.effective_end or span.end
    return short_minute(end) if end else _ending(span)


def _colour(row: Reservation) -> str | None:
    return state_colour(row.state)


def _head(chart: Chart, indent: int, theme: _Theme) -> Iterator[str]:
    """The days, and below them the present."""
    days = [" "] * chart.width
    taken = -1
    for moment in _ticks(chart):
        text, column = short_day(moment), chart.column(moment)
        if taken < column and column + len(text) <= chart.width:
            days[column : column + len(text)] = text
            taken = column + len(text)
    yield " " * indent + "".join(days).rstrip()
    column = chart.column(chart.now)
    if chart.holds(column):
        mark = "▼ now" if theme.style.is_unicode else "v now"
        at = column if column + len(mark) <= chart.width else column - len(mark) + 1
        text = mark if at == column else f"{mark[2:]} {mark[0]}"
        yield " " * (indent + at) + theme.style.bold(text)


def _ticks(chart: Chart) -> Iterator[datetime]:
    """Midnights, far enough apart for their labels."""
    span = chart.until - chart.since
    steps = (1, 2, 7, 14, 28, 56, 91, 182)
    room = max(chart.width // 9, 1)
    step = next((days for days in steps if span / timedelta(days=days) <= room), 364)
    moment = chart.since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while moment < chart.until:
        yield moment
        moment += timedelta(days=step)


def _bar(span: TimelineSpan, chart: Chart, theme: _Theme) -> str:
    """A bar with the marks of the present and the effective end, which never hide a bar of one
    column."""
    first = 0 if span.start is None else max(chart.column(span.start), 0)
    end = chart.width if span.end is None else chart.column(span.end)
    last = min(max(end, first + 1), chart.width)
    letters = [" "] * chart.width
    letters[first:last] = theme.bars[span.phase] * (last - first)
    painted = [
        _colour(span.row) if first <= column < last else None for column in range(chart.width)
    ]
    if span.effective_end and span.phase not in (Phase.OVER, Phase.FAILED):
        ends = chart.column(span.effective_end)
        if chart.holds(ends):
            letters[ends], painted[ends] = theme.end, "bold"
    present = chart.column(chart.now)
    is_alone = last - first == 1 and present == first
    if chart.holds(present) and letters[present] != theme.end and not is_alone:
        letters[present], painted[present] = theme.now, "bold"
    return _painted(letters, painted, theme.style)


def _painted(letters: Sequence[str], colours: Sequence[str | None], style: Style) -> str:
    """The characters; consecutive ones with the same colour are painted together."""
    parts: list[str] = []
    begun = 0
    for column in range(1, len(letters) + 1):
        if column == len(letters) or colours[column] != colours[begun]:
            parts.append(style.paint("".join(letters[begun:column]), colours[begun]))
            begun = column
    return "".join(parts)


def _notes(shown: Sequence[TimelineSpan], outside: int, theme: _Theme, width: int) -> list[str]:
    present = {span.phase for span in shown}
    known = [f"{theme.bars[phase]} {_MEANINGS[phase]}" for phase in Phase if phase in present]
    keys = [*known, f"{theme.end} AWS terminates the instances", f"{theme.now} now"]
    text = f"{', '.join(keys)}. A time is the effective end, in UTC.{_others(outside)}"
    return Style(width=width).wrapped(text)


def _others(outside: int) -> str:
    return f" {counted(outside, 'block')} outside of this period." if outside else ""
