"""Any event, with texts that want to be more than text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.builders import a_block, a_scope_event, an_event, an_odcr
from tests.strategies import hostile_texts, moments
from truffle.core.events import Event, EventType, Severity
from truffle.core.times import format_time

LIVE = (
    *("[click](https://evil.example)", "<at>Adele</at>", "<https://evil.example|click>"),
    *(
        "@here",
        "@channel",
        "<!everyone>",
        "<@U012ABCDEF>",
        "https://evil.example/x",
        "www.evil.example",
    ),
    *(
        "![x](https://evil.example/p.png)",
        "{{DATE(2017-02-14T06:08:39Z)}}",
        "mailto:a@evil.example",
    ),
    *(
        "*b*",
        "_i_",
        "~s~",
        "`c`",
        "# h",
        "- l",
        "1. n",
        "> q",
        "| t |",
        "<script>alert(1)</script>",
    ),
    *(
        "\u202eevil",
        "a\u200bb",
        "e\u0301" * 300,
        "👩‍👩‍👧‍👦" * 90,
        "🇩🇪" * 200,
        "👍🏽" * 300,
        "\ud800",
    ),
)
live_texts = st.lists(st.sampled_from(LIVE) | hostile_texts, min_size=1, max_size=4).map(" ".join)
texts = live_texts | hostile_texts
_short = texts.map(lambda text: text[:64])
"""Ids are AWS's own, and never long."""

_times = moments.map(format_time) | texts
_numbers = st.none() | st.floats() | st.integers(-(10**9), 10**9) | st.booleans() | texts
_afters: SearchStrategy[Any] = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "threshold": st.sampled_from(("24h", "14d", "40m")) | texts,
        "extension": texts
        | st.fixed_dictionaries(
            {}, optional={"deadline": _times, "on_offer": st.none() | st.booleans(), "error": texts}
        ),
        "idle_since": _times,
        "unused": _numbers,
        "usd_per_hour": _numbers,
        "usd_so_far": _numbers,
        "error": texts,
        "message": texts,
        "failed_runs": _numbers,
        "since": _times,
        "last_success": _times,
        "state": texts,
    },
)
_warned: dict[str, SearchStrategy[Any]] = {
    "type": st.sampled_from(EventType),
    "severity": st.sampled_from(Severity),
    "summary": texts,
    "reason": texts,
    "event_id": _short,
    "before": _afters,
    "after": _afters,
    "observed_at": moments,
    "account_id": _short,
}
_rows = st.builds(
    a_block,
    _short,
    tags=st.fixed_dictionaries({"Name": texts}),
    capacity_block_id=_short,
    instance_type=texts,
    availability_zone=texts,
    region=st.sampled_from(("us-east-1", "eu-west-1")),
    state=st.sampled_from(("active", "expired", "payment-failed")) | texts,
    start_date=st.none() | moments,
) | st.builds(
    an_odcr,
    _short,
    tags=st.fixed_dictionaries({"Name": texts}),
    reservation_arn=st.none() | texts,
    end_date=st.none() | moments,
)

events: SearchStrategy[Event] = st.builds(an_event, _rows, **_warned) | st.builds(
    a_scope_event, **_warned
)
lates = st.none() | st.timedeltas(timedelta(), timedelta(days=2))
