"""Bars in a terminal."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, a_block
from tests.effort import examples
from tests.strategies import blocks
from truffle.core.model import CapacityBlock, Reservation
from truffle.core.timeline import span_of
from truffle.render.style import Style
from truffle.render.tables import cells
from truffle.render.timeline import render_timeline

COLOURS = re.compile(r"\x1b\[[0-9]+m")
SINCE, UNTIL = NOON - 10 * DAY, NOON + 10 * DAY


def drawn(*rows: Reservation, width: int = 120, **style: bool) -> list[str]:
    look = Style(width=width, **style)
    return render_timeline([span_of(row) for row in rows], SINCE, UNTIL, NOON, look).splitlines()


def a_week(name: str = "cr-1", first: int = -3, **facts: object) -> Reservation:
    start = NOON + first * DAY
    return a_block(name, start_date=start, end_date=start + 7 * DAY, **facts)


def bar_of(line: str) -> str:
    """The text between the label and the end."""
    return re.split(r" {2,}(?=[a-z-]+, end)", line.partition("48xlarge  ")[2])[0]


def test_a_bar_goes_from_start_to_end_and_shows_the_present_and_the_effective_end() -> None:
    line = next(line for line in drawn(a_week(state="active")) if line.startswith("cr-1"))
    bar = bar_of(line)
    width = len(drawn(a_week())[0])
    assert re.fullmatch(r" +█+│█+┤", bar), bar
    assert width > 60
    share = bar.count("█") + bar.count("│") + bar.count("┤")
    full = next(line for line in drawn(a_week(first=-12, state="expired")) if "cr-1" in line)
    assert share / 7 == pytest.approx(full.count("─") / 5, rel=0.15)


@pytest.mark.parametrize(
    ("state", "letter", "plain"),
    [
        ("active", "█", "#"),
        ("scheduled", "▒", "="),
        ("payment-pending", "░", ":"),
        ("payment-failed", "x", "x"),
        ("expired", "─", "-"),
        ("teleporting", "?", "?"),
    ],
)
def test_each_phase_has_a_letter_of_its_own(state: str, letter: str, plain: str) -> None:
    assert letter * 3 in "\n".join(drawn(a_week(state=state)))
    assert plain * 3 in "\n".join(drawn(a_week(state=state), is_unicode=False))


def test_without_unicode_all_is_ascii() -> None:
    assert "\n".join(drawn(a_week(state="active"), is_unicode=False)).replace("×", "x").isascii()


def test_colours_change_nothing_else() -> None:
    rows = [a_week(f"cr-{state}", state=state) for state in ("active", "scheduled", "expired")]
    plain, painted = drawn(*rows), drawn(*rows, is_coloured=True)
    assert [COLOURS.sub("", line) for line in painted] == plain
    assert painted != plain


def test_blocks_outside_of_the_window_are_counted() -> None:
    assert "1 block outside of this period." in drawn(a_week(), a_week("cr-2", first=40))[-1]


def test_the_absence_of_blocks_is_shown_with_the_period() -> None:
    assert drawn() == ["No capacity blocks from 2026-11-14 12:00 to 2026-12-04 12:00 UTC."]


def test_a_present_outside_of_the_window_is_not_marked() -> None:
    later = NOON + 300 * DAY
    text = render_timeline([span_of(a_week())], SINCE, UNTIL, later, Style(width=100))
    assert "▼" not in text
    assert not re.search(r"^cr-1.*│", text, re.M)


def test_a_long_name_gets_a_line_of_its_own_and_is_not_cut() -> None:
    name = "a-name-that-is-as-long-as-names-are-at-some-companies-0123456789"
    text = " ".join("\n".join(drawn(a_week(tags={"Name": name}), width=60)).split())
    assert name in text


def test_hidden_characters_are_escaped() -> None:
    assert "\\x1b[2J" in "\n".join(drawn(a_week(tags={"Name": "\x1b[2J"})))


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(blocks(), max_size=5),
    st.integers(60, 200),
    st.booleans(),
    st.integers(0, 48),
    st.integers(1, 4000),
)
def test_no_line_is_longer_than_the_terminal(
    rows: list[CapacityBlock], width: int, is_unicode: bool, back: int, ahead: int
) -> None:
    since: datetime = NOON - back * HOUR
    until = NOON + timedelta(hours=ahead)
    look = Style(width=width, is_unicode=is_unicode)
    text = render_timeline([span_of(row) for row in rows], since, until, NOON, look)
    assert max(map(cells, text.splitlines())) <= width
