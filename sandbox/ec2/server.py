"""The simulator's HTTP server: EC2, other services, prices and costs at ``/``, the control API at
``/_sim/``; loopback only."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from sandbox import cost_explorer, pricing
from sandbox.ec2.control_api import PREFIX, control
from sandbox.ec2.protocol import Request
from sandbox.ec2.services import SERVICES
from sandbox.ec2.simulator import Reply, Simulator
from sandbox.ec2.wire import signed_service

HOST = "127.0.0.1"
_XML = "text/xml;charset=UTF-8"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # A client may connect for every region at once; the default backlog is 5.
    request_queue_size = 256

    def __init__(self, port: int, simulator: Simulator) -> None:
        super().__init__((HOST, port), _Handler)
        self.simulator = simulator


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write and no Nagle: otherwise a kept-alive connection waits for delayed ACKs.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        if self.path.startswith(PREFIX):
            self._control(body)
        elif target.startswith(pricing.TARGET):
            status, content = pricing.answer(target, body)
            self._send(status, pricing.CONTENT_TYPE, json.dumps(content).encode())
        elif target.startswith(cost_explorer.TARGET):
            simulator = self.server.simulator
            lines = cost_explorer.bill_of(simulator.fleet, simulator.now())
            status, content = cost_explorer.answer(target, body, lines)
            self._send(status, cost_explorer.CONTENT_TYPE, json.dumps(content).encode())
        elif service := SERVICES.get(signed_service(self.headers.get("Authorization", ""))):
            authorization, request = self.headers["Authorization"], Request(target, body)
            reply = self.server.simulator.answer_service(service, authorization, request)
            self._reply(reply, service.content_type)
        else:
            self._describe(body.decode())

    def do_GET(self) -> None:
        if self.path.startswith(PREFIX):
            self.do_POST()
        else:
            self._describe(urlsplit(self.path).query)

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _control(self, body: bytes) -> None:
        answer = control(self.server.simulator, self.command, self.path, body)
        content = json.dumps(answer.content).encode()
        self._send(answer.status, "application/json", content)

    def _describe(self, query: str) -> None:
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        authorization = self.headers.get("Authorization", "")
        self._reply(self.server.simulator.answer(authorization, parameters), _XML)

    def _reply(self, reply: Reply, content_type: str) -> None:
        if reply.delay:
            time.sleep(reply.delay)
        if reply.body is None:
            self.close_connection = True
            return
        request_id = {"x-amzn-RequestId": reply.request_id}
        self._send(reply.status, content_type, reply.body, request_id)

    def _send(
        self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(HTTPStatus(status))
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Calls are counted, not logged."""


class RunningServer:
    """A simulator on a port, until it is closed; port 0 means a free one. Raises OSError."""

    def __init__(self, simulator: Simulator, port: int = 0) -> None:
        self._server = _Server(port, simulator)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def wait(self) -> None:
        """Wait until it is closed."""
        self._thread.join()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
