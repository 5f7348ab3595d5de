"""The report on the loopback interface, refreshed while it is open.

Only a browser on this machine may read it: the server listens only on 127.0.0.1, and rejects a
request with another Host or Origin, as sent by a remote page in a DNS rebinding attack, with 403.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition

from truffle import clock
from truffle.errors import TruffleError
from truffle.messages.wording import moment
from truffle.report.inputs import Inputs
from truffle.report.page import page, policy

LOOPBACK = "127.0.0.1"

Gather = Callable[[], Inputs]


class Fresh:
    """The page, gathered again if it is requested and older than ``seconds``.

    One request gathers at a time; others get the last page meanwhile, or wait for the first one. If
    gathering fails, the last data stays, and the page shows the error.
    """

    def __init__(self, gather: Gather, seconds: float) -> None:
        self._gather = gather
        self._seconds = seconds
        self._changed = Condition()
        self._is_gathering = False
        self._gathered_at: float | None = None
        self._inputs: Inputs | None = None
        self._html = b""

    def html(self) -> bytes:
        """The page as HTML. Raises what gathering raises if nothing has been gathered yet."""
        with self._changed:
            self._changed.wait_for(lambda: self._html or not self._is_gathering)
            if self._is_gathering or not self._is_due():
                return self._html
            self._is_gathering = True
        try:
            self._renew()
        finally:
            with self._changed:
                self._is_gathering = False
                self._changed.notify_all()
        return self._html

    def _is_due(self) -> bool:
        requested = self._gathered_at
        return requested is None or time.monotonic() - requested >= self._seconds

    def _renew(self) -> None:
        try:
            inputs = self._gather()
        except Exception as error:
            if self._inputs is None:
                raise
            self._show(_not_renewed(self._inputs, error))
        else:
            self._inputs = inputs
            self._show(inputs)

    def _show(self, inputs: Inputs) -> None:
        self._html = page(replace(inputs, refresh_seconds=max(1, round(self._seconds)))).encode()
        self._gathered_at = time.monotonic()


def _not_renewed(inputs: Inputs, error: Exception) -> Inputs:
    """The last data as of now, with the reason why it could not be refreshed."""
    now = clock.now()
    warning = f"Showing the last known data: the refresh at {moment(now)} failed: {_cause(error)}"
    return replace(inputs, now=now, warnings=[*inputs.warnings, warning])


def _cause(error: Exception) -> str:
    """The text of truffle's own error; for other errors, also their type."""
    return str(error) if isinstance(error, TruffleError) else f"{type(error).__name__}: {error}"


def open_server(port: int, gather: Gather, refresh: timedelta) -> ThreadingHTTPServer:
    """Open a server on the loopback interface that does not serve yet; port 0 means any free one.

    Raises OSError if the port is in use.
    """
    fresh = Fresh(gather, refresh.total_seconds())

    class Handler(_Handler):
        pass

    Handler.fresh = fresh
    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    fresh: Fresh
    protocol_version = "HTTP/1.1"
    server_version = "truffle"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._is_from_here():
            self._send(HTTPStatus.FORBIDDEN, b"This page is for this machine only.\n")
        elif self.path.partition("?")[0] != "/":
            self._send(HTTPStatus.NOT_FOUND, b"The report is at /.\n")
        else:
            self._send_page()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.close_connection = True
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD are allowed.\n")

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def _is_from_here(self) -> bool:
        hosts = self.hosts()
        given = [host.lower() for host in self.headers.get_all("Host", [])]
        origins = [origin.lower() for origin in self.headers.get_all("Origin", [])]
        return (
            len(given) == 1
            and given[0] in hosts
            and all(origin in {f"http://{host}" for host in hosts} for origin in origins)
        )

    def hosts(self) -> set[str]:
        """The host names by which a browser on this machine reaches the server."""
        port = str(self.connection.getsockname()[1])
        names = (LOOPBACK, "localhost")
        return {f"{name}:{port}" for name in names} | (set(names) if port == "80" else set())

    def _send_page(self) -> None:
        try:
            html = self.fresh.html()
        except Exception as error:
            text = escape(f"No data yet: {_cause(error)}")
            body = f"<!doctype html><title>truffle</title><p>{text}".encode("utf-8", "replace")
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, body, "text/html")
        else:
            self._send(HTTPStatus.OK, html, "text/html")

    def _send(self, status: HTTPStatus, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", f"{policy()}; frame-ancestors 'none'"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002
        """Log nothing: the terminal shows the errors of the source."""
