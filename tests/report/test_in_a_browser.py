"""The report in Chromium: what it requests, what its filter does, and what axe-core finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from tests.builders import NOON, a_block, an_odcr
from tests.report.browser import CHROMIUM, Browser
from tests.report.fleets import fleet
from truffle.core.model import Reservation
from truffle.core.pricing import PriceBook
from truffle.report.demo import demo
from truffle.report.inputs import Inputs
from truffle.report.page import page
from truffle.serving import open_server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

AXE = Path(__file__).parent / "axe-core" / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""axe.min.js of the npm package axe-core 4.14.1, whose integrity npm records as
sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="""

SCHEMES = ("light", "dark")
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


def show(browser: Browser, folder: Path, inputs: Inputs, fragment: str = "") -> None:
    file = folder / "report.html"
    file.write_text(page(inputs))
    browser.open(f"{file.as_uri()}{fragment}")


def names(browser: Browser) -> list[str]:
    """The blocks of the timeline."""
    found = browser.run("[...document.querySelectorAll('.block .name')].map(e => e.textContent)")
    assert isinstance(found, list)
    return found


def set_field(browser: Browser, selector: str, value: str) -> None:
    browser.run(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
        f"e.value = {json.dumps(value)};"
        "e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); })()"
    )
    browser.run("new Promise(done => setTimeout(done, 200))")


def test_axe_core_is_what_npm_has() -> None:
    assert sha256(AXE.read_bytes()).hexdigest() == AXE_SHA256


@pytest.mark.parametrize("size", [0, 5, 200, 2600])
def test_no_request_and_no_error(browser: Browser, tmp_path: Path, size: int) -> None:
    show(browser, tmp_path, fleet(size, NOON))
    assert browser.requests == [(tmp_path / "report.html").as_uri()]
    assert browser.console == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_core_finds_nothing_serious(
    browser: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    browser.scheme(scheme)
    browser.size(width)
    show(browser, tmp_path, demo(NOON), "#group=team")
    browser.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    browser.run(AXE.read_text() + "; 0")
    found = browser.run(
        "axe.run().then(found => found.violations.map(each =>"
        " `${each.id} (${each.impact}): ${each.nodes[0].html}`))"
    )
    assert found == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_never_wider_than_the_window(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    browser.size(width)
    show(browser, tmp_path, demo(NOON))
    assert browser.run("document.documentElement.scrollWidth") == width


def test_no_table_is_cut_off_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    browser.size(390, 900, is_phone=True)
    show(browser, tmp_path, fleet(200, NOON))
    widths = "[...document.querySelectorAll('.scroll')].map(it => it.scrollWidth - it.clientWidth)"
    hidden = browser.run(widths)
    assert max(hidden) <= 0


def test_search_keeps_what_matches_in_every_section(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON))
    set_field(browser, "#search", "team=robotics p5en")
    assert names(browser) == ["vla-train-11", "vla-train-12"]
    assert browser.run("document.querySelector('#matching').firstChild.textContent") == (
        "2 of 18 reservations"
    )
    assert browser.run("document.querySelectorAll('#odcrs tbody tr').length") == 0


def test_a_link_with_the_filter_restores_the_view(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON))
    set_field(browser, "#choose-state", "scheduled")
    set_field(browser, "#choose-group", "team")
    set_field(browser, "#choose-sort", "name")
    seen, fragment = names(browser), browser.run("location.hash")
    assert fragment == "#state=scheduled&group=team&sort=name"
    show(browser, tmp_path, demo(NOON), fragment)
    assert (
        names(browser)
        == seen
        == [
            "llm-finetune-02",
            "llm-pretrain-08",
            "speech-rlhf-01",
            "vla-train-12",
        ]
    )


def test_a_fragment_that_is_not_a_view_is_passed_over(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON), "#group=constructor&sort=__proto__&x=1&open=%0A")
    assert browser.console == []
    assert len(names(browser)) == 11


def test_past_2000_rows_it_groups_and_says_so(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, fleet(2600, NOON))
    assert names(browser) == []
    assert "More than 2,000 reservations" in browser.run("document.body.textContent")
    set_field(browser, "#search", "research-00")
    assert len(names(browser)) > 10


@pytest.mark.parametrize(
    ("prices", "figure", "note"),
    [
        ({"p5*": 50.0}, "at least $100 an hour", "1 idle reservation of unknown price"),
        ({"p5*": 50.0, "p4d*": 20.0}, "100% of those held, $140 an hour", ""),
        ({}, "100% of those held", ""),
    ],
)
def test_the_cost_of_idle_capacity_names_what_has_no_price(
    browser: Browser, tmp_path: Path, prices: dict[str, float], figure: str, note: str
) -> None:
    rows = [
        an_odcr(name, instance_type=name, total_capacity=2, available_capacity=2)
        for name in ("p5.48xlarge", "p4d.24xlarge")
    ]
    inputs = Inputs(
        rows=rows,
        now=NOON,
        observed_at=NOON,
        scopes=1,
        source="tests",
        prices=PriceBook(settings=prices),
    )
    show(browser, tmp_path, inputs)
    shown = browser.run("document.querySelector('#totals').textContent")
    assert figure in shown
    assert note in shown
    assert ("unknown price" in shown) == bool(note)


def test_the_gaps_of_a_team_are_named(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON), "#group=team")
    text = browser.run("document.querySelector('.timeline').textContent")
    assert "No block: Wed 4 Nov, 11:30 to Sat 7 Nov, 11:30 (3 d)" in text


def test_hostile_text_stays_text(browser: Browser, tmp_path: Path) -> None:
    name = "</script><img src=x onerror='document.title=1'><b>{{7*7}}</b>"
    rows: list[Reservation] = [
        a_block("cr-1", tags={"Name": name, "Team": name}),
        an_odcr(tags={"Name": name}),
    ]
    show(
        browser,
        tmp_path,
        Inputs(rows=rows, now=NOON, observed_at=NOON, scopes=1, source=name),
        "#group=team",
    )
    assert browser.run("document.querySelectorAll('img, b').length") == 0
    assert names(browser) == [name]
    assert browser.console == []


def test_every_picture_has_a_name_and_a_table(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON))
    unnamed = "[...document.querySelectorAll('svg[role=img]:not([aria-label])')].length"
    assert browser.run(unnamed) == 0
    in_table = "[...document.querySelectorAll('#blocks tbody tr')].length"
    assert browser.run(in_table) == len(names(browser))


def test_of_a_large_fleet_a_table_is_made_when_it_is_opened(
    browser: Browser, tmp_path: Path
) -> None:
    show(browser, tmp_path, fleet(600, NOON))
    count = "document.querySelectorAll('#blocks tbody tr').length"
    assert browser.run(count) == 0
    browser.run("document.querySelector('#blocks details').open = true")
    browser.wait_until(f"{count} > 400")
    set_field(browser, "#choose-sort", "end")
    assert browser.run(count) > 400


def test_groups_open_and_close_by_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, fleet(200, NOON))
    assert names(browser) == []
    browser.run("document.querySelector('button.toggle').focus()")
    for kind in ("keyDown", "keyUp"):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        browser.send("Input.dispatchKeyEvent", type=kind, **key)
    assert len(names(browser)) > 10
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "true"


def test_the_time_of_this_machine_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, demo(NOON))
    browser.run("document.querySelector('#zone').click()")
    assert browser.run("location.hash") == "#tz=local"
    assert "local time" in browser.run("document.querySelector('.age').textContent")


def test_what_is_printed_is_whole_and_light(browser: Browser, tmp_path: Path) -> None:
    browser.scheme("dark")
    show(browser, tmp_path, demo(NOON))
    assert browser.run("document.querySelectorAll('.rest:not([open])').length") == 1
    assert browser.send("Page.printToPDF", printBackground=True)["data"].startswith("JVBER")
    assert browser.run("document.querySelectorAll('.rest:not([open])').length") == 0
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    browser.send("Emulation.setEmulatedMedia", media="screen")


def test_the_served_page_makes_no_error_and_keeps_its_view(browser: Browser) -> None:
    server = open_server(0, lambda: demo(NOON), timedelta(seconds=1))
    serving = Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        browser.open(f"{url}#q=vla")
        assert browser.requests == [f"{url}#q=vla"] or browser.requests == [url]
        browser.run("window.isOld = true")
        browser.wait_until("window.isOld === undefined && document.querySelector('#matching')")
        assert names(browser) == ["vla-eval-03", "vla-train-11", "vla-train-12"]
        assert browser.console == []
    finally:
        browser.send("Page.navigate", url="about:blank")
        server.shutdown()
        serving.join()
        server.server_close()
