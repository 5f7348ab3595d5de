"""The destination itself: it records requests, and responds as configured."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from lambdas.clients import now
from sandbox.sink.certificates import make_certificates
from truffle.core.times import format_time, parse_time

HOST = "127.0.0.1"
EVERYWHERE = "*"
"""In place of a path: all paths without their own reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, after ``seconds``; without a status the connection is closed.

    ``pause`` is in seconds before each byte of the text.
    """

    status: int | None = 200
    text: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    pause: float = 0


OK = Reply()
"""The normal responses of each service, used unless others are configured."""
DOWN = Reply(None)
"""Refuse connections, for all paths."""

_LENGTHS = frozenset({"Content-Length", "Transfer-Encoding"})
"""Headers of a reply with a body that is broken on purpose."""

_NOT_FOUND = Reply(404, '{"status":"not found"}')


@dataclass(frozen=True, slots=True)
class _Service:
    """A well-known service: how its requests are recognized, its path, and its response."""

    path: re.Pattern[str]
    reply: Reply
    is_meant: Callable[[Mapping[str, str], bytes], bool]


_SERVICES = (
    _Service(
        re.compile(r"/v2/enqueue"),
        Reply(202, '{"status":"success","message":"Event processed"}'),
        lambda headers, body: b'"routing_key"' in body and b'"event_action"' in body,
    ),
    _Service(
        re.compile(r"/v2/alerts(/[^/]+/close)?"),
        Reply(202, '{"result":"Request will be processed"}'),
        lambda headers, body: headers.get("Authorization", "").startswith("GenieKey "),
    ),
    _Service(
        re.compile(r"/api/chat\.postMessage"),
        Reply(200, '{"ok":true,"ts":"1732439400.000100"}'),
        lambda headers, body: headers.get("Authorization", "").startswith("Bearer xox"),
    ),
)
"""PagerDuty's Events API v2, Opsgenie's Alert API v2 and Slack's Web API. As there, their requests
get 404 on any other path."""


def _usual(path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    place = path.partition("?")[0]
    for service in _SERVICES:
        if service.path.fullmatch(place):
            return service.reply
    is_lost = any(service.is_meant(headers, body) for service in _SERVICES)
    return _NOT_FOUND if is_lost else OK


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A received request, its time in the sandbox, and the status of the response."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    answered: int | None = 200

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request_to_json(request: ReceivedRequest) -> dict[str, Any]:
    """One line of the record; the body as text."""
    return {
        **asdict(request),
        "at": format_time(request.at),
        "body": request.body.decode(errors="replace"),
    }


def request_from_json(raw: Mapping[str, Any]) -> ReceivedRequest:
    """Raises KeyError, TypeError or ValueError."""
    return ReceivedRequest(**{**raw, "at": parse_time(raw["at"]), "body": raw["body"].encode()})


class Destination:
    """Listens on a port of the loopback interface until it is closed.

    Attributes:
        port: its port.
        authority: certificate of its authority.
        requests: received requests, in order.
        replies: the responses to the next requests, whatever their path, one reply each.
    """

    def __init__(
        self,
        folder: Path,
        name: str = HOST,
        *,
        port: int = 0,
        record: Path | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Write its certificate, for this name or address, to the folder; every request is a line
        of the record."""
        made = make_certificates(folder, name)
        self.authority = made.authority
        self.requests: list[ReceivedRequest] = []
        self.replies: list[Reply] = []
        self._answers: dict[str, Reply] = {}
        self._record = record
        self._clock = clock
        self._lock = Lock()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(made.chain)
        self._listener: _Server | _Refusal = _Server(port, self)
        self.port = self._listener.server_port

    def url(self, path: str = "/services/T0/B0/s3cr3t", host: str = HOST) -> str:
        return f"https://{host}:{self.port}{path}"

    def answer(self, reply: Reply, path: str = EVERYWHERE) -> None:
        """Set the response of a path from now on; ``OK`` restores the normal one."""
        with self._lock:
            if reply == OK:
                self._answers.pop(path, None)
            else:
                self._answers[path] = reply
            self._listen_or_refuse()

    def close(self) -> None:
        self._listener.close()

    def _listen_or_refuse(self) -> None:
        refuses = self._answers.get(EVERYWHERE) == DOWN
        if refuses == isinstance(self._listener, _Refusal):
            return
        self._listener.close()
        self._listener = _Refusal(self.port) if refuses else _Server(self.port, self)

    def secured(self, connection: socket.socket) -> ssl.SSLSocket:
        """The server side of TLS; the handshake is made with the first read."""
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def received(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Record a request; return the response."""
        with self._lock:
            reply = self.replies.pop(0) if self.replies else self._standing(path, headers, body)
            request = ReceivedRequest(path, headers, body, self._clock(), reply.status)
            self.requests.append(request)
            if self._record is not None:
                with self._record.open("a") as lines:
                    lines.write(f"{json.dumps(request_to_json(request), ensure_ascii=False)}\n")
        return reply

    def _standing(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        configured = self._answers.get(path) or self._answers.get(EVERYWHERE)
        return configured or _usual(path, headers, body)


@contextmanager
def listening(folder: Path, name: str = HOST) -> Iterator[Destination]:
    """A destination with a certificate for this name or address."""
    destination = Destination(folder, name)
    try:
        yield destination
    finally:
        destination.close()


class _Refusal:
    """Reserves a port; connections to it are refused."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))

    def close(self) -> None:
        self._socket.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, destination: Destination) -> None:
        super().__init__((HOST, port), _Handler)
        self.destination = destination
        self.socket = destination.secured(self.socket)
        self._thread = Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """Ignore clients that hang up, as in some tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.destination.received(self.path, dict(self.headers), body)
        time.sleep(reply.seconds)
        if reply.status is None:
            return
        self.send_response(reply.status)
        for header, value in reply.headers.items():
            self.send_header(header, value)
        if reply.headers.keys().isdisjoint(_LENGTHS):
            self.send_header("Content-Length", str(len(reply.text.encode())))
        self.end_headers()
        if not reply.pause:
            self.wfile.write(reply.text.encode())
            return
        for byte in reply.text.encode():
            time.sleep(reply.pause)
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: Any) -> None:
        """Log nothing to the console."""
