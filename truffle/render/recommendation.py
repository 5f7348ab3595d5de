"""The result of ``truffle recommend`` for people: the choice, the comparison, the facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from textwrap import wrap

from truffle.core.aws_facts import AS_OF, COMPARISON, Comparison
from truffle.core.quoting.terminal import visible_values
from truffle.core.recommendation import Choice, Recommendation
from truffle.render.market import render_known
from truffle.render.style import Style
from truffle.render.tables import Column, draw

_TITLES = {
    Choice.BLOCK: "a Capacity Block for ML",
    Choice.ODCR: "an On-Demand Capacity Reservation (ODCR)",
    Choice.FUTURE_DATED_ODCR: "a future-dated On-Demand Capacity Reservation",
}

_COLUMNS: list[Column[Comparison]] = [
    Column("Feature", lambda row: row.feature),
    Column("Capacity Blocks for ML", lambda row: row.blocks),
    Column("ODCRs", lambda row: row.odcrs),
]


def render(recommendation: Recommendation, style: Style, now: datetime) -> str:
    sign = "✅ " if style.is_unicode else ""
    width = min(style.width or 100, 100)
    market = recommendation.market
    recommendation = visible_values(replace(recommendation, market=None))
    return "\n".join(
        [
            style.paint(f"{sign}Reserve {_TITLES[recommendation.choice]}", "green"),
            *_bullets(recommendation.because, width),
            "",
            style.bold("Watch:"),
            *_bullets(recommendation.watch, width),
            "",
            style.bold("Next:"),
            *(f"   {command}" for command in recommendation.commands),
            "",
            *([*render_known(market, style, now), ""] if market else []),
            style.bold("Comparison:"),
            *_comparison(style, width),
            "",
            style.bold(f"Facts (as of {AS_OF}):"),
            *_bullets((f"{fact.text} [{fact.source}]" for fact in recommendation.facts), width),
        ]
    )


def _comparison(style: Style, width: int) -> Iterable[str]:
    """The table, or a list if it is too wide, because no column can be omitted."""
    table = draw(_COLUMNS, COMPARISON, style)
    if style.width is None or len(table.lines[0]) <= style.width:
        return table.lines
    return _bullets((f"{row.feature}: {row.blocks} | {row.odcrs}" for row in COMPARISON), width)


def _bullets(texts: Iterable[str], width: int) -> list[str]:
    return [
        line
        for text in texts
        for line in wrap(text, width, initial_indent=" - ", subsequent_indent="   ")
    ]
