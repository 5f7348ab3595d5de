"""``truffle capacity --api``: what the deployed stack answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from tests.builders import HOME, OHIO
from tests.builders import an_odcr as odcr_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from truffle.core.model import Scope
from truffle.core.pricing import PriceBook


@contextmanager
def dripping() -> Iterator[str]:
    """The URL of a server whose answers never end: a byte after the other, each in time."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with suppress(ConnectionError):
                while not ended.wait(0.1):
                    self.wfile.write(b" ")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        ended.set()
        server.shutdown()


class TestApi:
    def test_a_url_makes_the_api_the_source(
        self, truffle: Run, deployed: Deployed, api_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        assert truffle("capacity", "--api-url", api_url, "-o", "json").ids == ["cr-1"]
        monkeypatch.setenv("TRUFFLE_API_URL", api_url)
        assert truffle("capacity", "-o", "json").ids == ["cr-1"]
        assert truffle("capacity", "--source", "live", "-o", "json").ids == []

    def test_pages_are_read_to_the_end(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        rows = [odcr_row(f"cr-{number:05}") for number in range(2001)]
        deployed.collected(OHIO, *rows)
        found = truffle("capacity", "--api-url", api_url, "-o", "json")
        assert found.ids == [row.reservation_id for row in rows]

    def test_old_data_is_shown_and_named(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.failed(Scope(HOME, "eu-west-1"), "AuthFailure", odcr_row("cr-2"))
        found = truffle("capacity", "--api-url", api_url, "-o", "json")
        assert (found.status, found.ids) == (3, ["cr-1", "cr-2"])
        assert f"{HOME}/eu-west-1: AuthFailure" in found.err
        assert "as last seen, 3 h ago" in found.err

    def test_what_is_idle_costs_the_prices_of_the_stack(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1", available_capacity=3))
        deployed.prices = PriceBook({"p4d.*": 30.0})
        table = truffle("capacity", "--api-url", api_url, "-o", "wide").out
        assert "Idle Cost: $90.00 an hour" in table
        assert "Prices: the alerts file" in table
        summary = truffle("capacity", "--api-url", api_url, "--summary", "-o", "json").json
        assert summary["total"]["idle_usd_per_hour"] == 90

    def test_only_the_scopes_that_were_asked_for_count(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.failed(Scope(HOME, "eu-west-1"), "AuthFailure")
        arguments = ("capacity", "--api-url", api_url, "-o", "json", "-r")
        assert truffle(*arguments, "us-east-2").status == 0
        assert truffle(*arguments, "eu-west-1").status == 1
        nowhere = truffle(*arguments, "us-east-2,eu-north-1")
        assert nowhere.status == 3
        assert "eu-north-1: NotCollected" in nowhere.err

    def test_a_stack_without_a_run_knows_nothing(self, truffle: Run, api_url: str) -> None:
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "has not collected anything yet" in found.err

    def test_a_refusal_is_one_sentence(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.broken = [(403, {"message": "Forbidden"})] * 2
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "execute-api:Invoke" in found.err

    def test_a_passing_fault_is_tried_again(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.broken = [(503, {"message": "Service Unavailable"})] * 2
        assert truffle("capacity", "--api-url", api_url, "-o", "json").ids == ["cr-1"]

    def test_a_url_without_a_server(self, truffle: Run) -> None:
        found = truffle("capacity", "--api-url", "http://127.0.0.1:9/", "--timeout", "60")
        assert (found.status, found.out) == (1, "")
        assert "http://127.0.0.1:9/ cannot be reached" in found.err

    def test_a_url_that_never_answers_meets_the_deadline(self, truffle: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            found = truffle("capacity", "--api-url", url, "--timeout", "1")
        assert (found.status, found.out) == (1, "")
        assert "before the deadline: raise --timeout" in found.err

    def test_a_url_that_answers_byte_by_byte_meets_the_deadline(self, truffle: Run) -> None:
        with dripping() as url:
            found = truffle("capacity", "--api-url", url, "--timeout", "1")
        assert (found.status, found.out) == (1, "")
        assert "before the deadline: raise --timeout" in found.err

    @pytest.mark.parametrize(
        "body", [b"<html>", b"null", b"[]", b"{}", b'{"scopes": [{}], "items": []}'], ids=repr
    )
    def test_something_else_at_the_url(
        self, truffle: Run, deployed: Deployed, api_url: str, body: bytes
    ) -> None:
        # More than two: a request of the case before may still be on its way.
        deployed.broken = [(200, body)] * 4
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "does not respond as a truffle API" in found.err
