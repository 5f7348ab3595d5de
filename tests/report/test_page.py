"""The page as a file: its content, its security policy, and escaped text."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, a_block, an_event, an_odcr
from tests.effort import examples
from tests.report.fleets import fleet
from tests.strategies import whole_reservations
from truffle.core.events import EventType
from truffle.core.model import Reservation
from truffle.report.demo import demo
from truffle.report.inputs import FailedScope, Inputs, Use
from truffle.report.page import page

MARKUP = st.sampled_from(
    (
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "-->",
        "]]>",
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "\u2028",
        "{data}",
        "{script}",
        "{policy}",
        "&lt;b&gt;",
        "\ud800",
        "'\"`",
    )
)
texts = st.lists(MARKUP | st.text(max_size=6), max_size=4).map("".join)


class Elements(HTMLParser):
    """The elements of a page in their order, the text of each script, and every attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = ""
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.open = tag
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        if self.open == "script":
            self.scripts.append(data)
        if self.open == "style":
            self.styles.append(data)


def an_input(*rows: Reservation, **facts: Any) -> Inputs:
    return Inputs(rows=rows, now=NOON, observed_at=NOON - HOUR, scopes=17, source="test", **facts)


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert found is not None
    return json.loads(found[1])


def hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_the_pages_own_script_and_style_alone() -> None:
    html = page(demo(NOON))
    elements = Elements(html)
    own_script, own_style = "".join(elements.scripts[1:]), "".join(elements.styles)
    assert f"default-src 'none'; script-src {hashed(own_script)}; " in html
    assert f"style-src {hashed(own_style)}; base-uri 'none'; form-action 'none'" in html


def test_the_page_names_no_resource() -> None:
    elements = Elements(page(demo(NOON)))
    assert not {"src", "srcset", "style", "onclick", "onload"} & set(elements.attributes)
    assert not {"link", "img", "iframe", "object", "base"} & set(elements.names)


def test_the_style_and_the_script_load_nothing() -> None:
    html = page(an_input())
    assert not re.findall(r"@import|url\((?!#)|fetch\(|XMLHttp|innerHTML|outerHTML|eval\(", html)


@settings(max_examples=examples(50), deadline=None)
@given(texts, texts, texts)
def test_text_of_tags_names_and_errors_becomes_no_markup(name: str, key: str, error: str) -> None:
    row = a_block(name or "cr-1", state="payment-pending", tags={"Name": name, key: error})
    failed = [FailedScope(name, "us-east-1", error, error)]
    event = an_event(row, summary=error)
    hostile = an_input(row, failed=failed, events=[event], warnings=[error], team_tag=key)
    plain = an_input(a_block(state="payment-pending"), failed=[failed[0]], events=[an_event()])
    assert Elements(page(hostile)).names == Elements(page(plain)).names


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(whole_reservations, max_size=6, unique_by=lambda row: row.reservation_id))
def test_every_reservation_is_in_the_page_with_its_tags(rows: list[Reservation]) -> None:
    shown = {row["id"]: row for row in data_of(page(an_input(*rows)))["rows"]}
    assert {name: row["tags"] for name, row in shown.items()} == {
        row.reservation_id: dict(row.tags) for row in rows
    }


def test_the_same_data_makes_the_same_bytes_in_whatever_order_it_comes() -> None:
    inputs = fleet(60, NOON)
    events = [an_event(row, event_id=f"{n:032}") for n, row in enumerate(inputs.rows[:9])]
    shuffled = random.Random(1).sample(list(inputs.rows), 60)
    first = an_input(*inputs.rows, events=events, failed=inputs.failed)
    second = an_input(*shuffled, events=events[::-1], failed=list(inputs.failed)[::-1])
    assert page(first) == page(second)


def test_a_vanished_reservation_is_shown_as_gone() -> None:
    lost = an_event(an_odcr("cr-lost"), type=EventType.VANISHED)
    [row] = data_of(page(an_input(events=[lost])))["rows"]
    assert (row["id"], row["gone"], row["used"], row["amounts"]) == ("cr-lost", True, None, None)


def test_what_vanished_before_the_timeline_begins_is_not_shown() -> None:
    row = a_block(start_date=NOON - 90 * DAY, end_date=NOON - 80 * DAY)
    lost = an_event(row, type=EventType.VANISHED)
    assert data_of(page(an_input(events=[lost])))["rows"] == []


def test_an_unknown_size_is_null_and_not_0() -> None:
    row = an_odcr(total_capacity=None, available_capacity=None)
    [shown] = data_of(page(an_input(row)))["rows"]
    assert (shown["size"], shown["used"], shown["amounts"]) == (None, None, [None, None, None, 0])


def test_failed_scopes_come_in_the_order_of_how_long_nothing_is_known() -> None:
    failed = [
        FailedScope("1", "us-east-1", "Throttled", last_success=NOON - HOUR),
        FailedScope("1", "us-east-2", "Denied"),
        FailedScope("1", "eu-west-1", "Throttled", last_success=NOON - DAY),
    ]
    shown = data_of(page(an_input(failed=failed)))["failed"]
    assert [scope["region"] for scope in shown] == ["us-east-2", "eu-west-1", "us-east-1"]


def test_a_timeline_that_ends_before_it_begins_goes_back_30_days() -> None:
    report = data_of(page(an_input(until=NOON - 90 * DAY)))
    assert report["since"] < report["until"] == "2026-08-26T12:00:00Z"


def test_use_over_time_is_carried_where_it_is_known() -> None:
    use = {"cr-odcr": [Use(NOON - DAY, 3), Use(NOON - HOUR, None)]}
    [row] = data_of(page(an_input(an_odcr(), use=use)))["rows"]
    assert row["use"] == [["2026-11-23T12:00:00Z", 3], ["2026-11-24T11:00:00Z", None]]


def test_a_reader_without_scripts_gets_the_decisions() -> None:
    html = page(an_input(a_block("cr-1", start_date=NOON + DAY)))
    [text] = re.findall(r"<noscript>(.*?)</noscript>", html, re.DOTALL)
    assert "Starts: cr-1." in text
    assert "Until Wed 25 Nov 2026, 12:00 UTC." in text
