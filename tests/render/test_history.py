"""The history of a reservation, in words."""

from __future__ import annotations

from tests.builders import an_event, an_odcr
from truffle.core.codec import Json, encode
from truffle.core.events import to_message
from truffle.render.events import render_history
from truffle.render.style import Style


def output(left_out: int) -> str:
    row = an_odcr("cr-0abc")
    history: Json = {
        **encode(row),
        "vanished_at": None,
        "events": [to_message(an_event(row))],
        "events_left_out": left_out,
    }
    return render_history(history, Style())


def test_events_that_were_too_many_are_counted_with_the_command_that_shows_them() -> None:
    last = output(4).splitlines()[-1]

    assert last.startswith("  4 older events: truffle events ")
    assert "--reservation-id cr-0abc" in last


def test_older_events_are_not_mentioned_where_all_are_shown() -> None:
    assert "older" not in output(0)
