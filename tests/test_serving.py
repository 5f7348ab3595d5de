"""The report on the loopback interface: who may read it, and what it does when its source fails."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import pytest

from tests.builders import NOON, an_odcr
from truffle.errors import TruffleError
from truffle.report.inputs import Inputs
from truffle.serving import LOOPBACK, Fresh, open_server


def inputs(name: str = "cr-1") -> Inputs:
    return Inputs(rows=[an_odcr(name)], now=NOON, observed_at=NOON, scopes=1, source="test")


class Source:
    """Returns what was configured, and counts the requests."""

    def __init__(self, *answers: Inputs | TruffleError) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self) -> Inputs:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, TruffleError):
            raise answer
        return answer


Answer = tuple[int, dict[str, str], str]


@contextmanager
def serving(source: Callable[[], Inputs], seconds: float = 3600) -> Iterator[int]:
    """The port of a server that runs."""
    server = open_server(0, source, timedelta(seconds=seconds))
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(port: int, path: str = "/", method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def test_the_page_is_served_on_the_loopback_interface_alone() -> None:
    server = open_server(0, inputs, timedelta(hours=1))
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_the_page_is_at_the_root_and_cannot_be_framed_or_kept() -> None:
    with serving(inputs) as port:
        status, headers, body = ask(port)
    assert status == 200
    assert body.startswith("<!doctype html>")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""]
)
def test_another_host_is_refused_and_the_source_not_asked(host: str) -> None:
    source = Source(inputs())
    with serving(source) as port:
        assert ask(port, Host=host)[0] == 403
    assert source.asked == 0


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
def test_another_origin_is_refused(origin: str) -> None:
    with serving(inputs) as port:
        assert ask(port, Origin=origin)[0] == 403


def test_its_own_names_and_origin_are_taken() -> None:
    with serving(inputs) as port:
        assert ask(port, Host=f"localhost:{port}")[0] == 200
        assert ask(port, Origin=f"http://127.0.0.1:{port}")[0] == 200


def test_other_paths_and_methods_are_refused() -> None:
    with serving(inputs) as port:
        assert ask(port, "/favicon.ico")[0] == 404
        assert ask(port, "/../../etc/passwd")[0] == 404
        status, headers, _ = ask(port, method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_no_body() -> None:
    with serving(inputs) as port:
        status, headers, body = ask(port, method="HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 1000


def test_two_tabs_share_what_was_gathered() -> None:
    source = Source(inputs())
    with serving(source) as port:
        assert ask(port)[2] == ask(port)[2]
    assert source.asked == 1


def test_a_second_tab_gets_the_last_page_while_the_source_is_asked() -> None:
    asked, may_go_on = Event(), Event()
    first = Source(inputs("cr-first"), inputs("cr-second"))

    def slow() -> Inputs:
        found = first()
        if first.asked == 2:
            asked.set()
            assert may_go_on.wait(60)
        return found

    fresh = Fresh(slow, 0)
    fresh.html()
    other = Thread(target=fresh.html)
    other.start()
    assert asked.wait(60)
    assert b"cr-first" in fresh.html()
    may_go_on.set()
    other.join()
    assert first.asked == 2


def test_an_old_page_is_gathered_anew() -> None:
    fresh = Fresh(Source(inputs("cr-first"), inputs("cr-second")), 0)
    assert b"cr-first" in fresh.html()
    assert b"cr-second" in fresh.html()


def test_a_source_that_fails_keeps_the_last_data_and_the_page_says_so() -> None:
    source = Source(inputs(), TruffleError("the network <is> down"), inputs("cr-back"))
    fresh = Fresh(source, 0)
    fresh.html()
    kept = fresh.html().decode()
    assert "cr-1" in kept
    assert "failed: the network \\u003cis\\u003e down" in kept
    back = fresh.html().decode()
    assert "cr-back" in back
    assert "last known data" not in back


def test_a_source_that_never_answered_is_reported_and_asked_again() -> None:
    source = Source(TruffleError("no <credentials>"), inputs())
    with serving(source) as port:
        status, _, body = ask(port)
        assert (status, "no &lt;credentials&gt;" in body) == (503, True)
        assert ask(port)[0] == 200


def test_the_page_loads_itself_again() -> None:
    found = re.search(rb'"refresh_seconds":(\d+|null)', Fresh(inputs, 300).html())
    assert found is not None
    assert found[1] == b"300"
