"""STS for tests: says whose the credentials are, refuses, or keeps the caller waiting."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self

_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{0}:root</Arn><UserId>{0}</UserId>
<Account>{0}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>0a1b</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""

_REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<Error><Type>Sender</Type><Code>{0}</Code><Message>No.</Message></Error>
<RequestId>0a1b</RequestId></ErrorResponse>"""


class STS:
    """On a free port of this machine until it is closed; ``calls`` counts what it was asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.closed = Event()
        self.identifies("123456789012")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def identifies(self, account_id: str) -> None:
        self.status, self.body, self.hangs = 200, _IDENTITY.format(account_id).encode(), False

    def refuses(self, code: str) -> None:
        self.status, self.body, self.hangs = 403, _REFUSAL.format(code).encode(), False

    def keeps_waiting(self) -> None:
        self.hangs = True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                sts.calls += 1
                if sts.hangs:
                    sts.closed.wait(30)
                self.send_response(sts.status)
                self.send_header("Content-Length", str(len(sts.body)))
                self.end_headers()
                self.wfile.write(sts.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Calls are counted, not logged."""

        return Handler

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
