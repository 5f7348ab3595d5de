"""STS for tests: names the owner of the credentials, refuses, or keeps the caller waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{0}:root</Arn><UserId>{0}</UserId>
<Account>{0}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>0a1b</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""

_ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::{0}:assumed-role/r/s</Arn>
<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>token</SessionToken><Expiration>{1:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>0a1b</RequestId></ResponseMetadata></AssumeRoleResponse>"""

_REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<Error><Type>Sender</Type><Code>{0}</Code><Message>{1}</Message></Error>
<RequestId>0a1b</RequestId></ErrorResponse>"""


class STS:
    """On a free port of this machine until it is closed; ``calls`` counts what it was asked.

    Roles are given to whoever sends ``CODE`` or needs no code; ``codes`` are those that were sent.
    """

    CODE = "123456"

    def __init__(self) -> None:
        self.calls = 0
        self.codes: list[str | None] = []
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
        self.status, self.body, self.hangs = 403, self.refusal(code), False

    @staticmethod
    def refusal(code: str, message: str = "No.") -> bytes:
        return _REFUSAL.format(code, message).encode()

    def keeps_waiting(self) -> None:
        self.hangs = True

    def answer(self, form: dict[str, str]) -> tuple[int, bytes]:
        if form.get("Action") != "AssumeRole":
            return self.status, self.body
        code = form.get("TokenCode")
        self.codes.append(code)
        if code not in (None, self.CODE):
            message = "MultiFactorAuthentication failed with invalid MFA one time pass code."
            return 403, self.refusal("AccessDenied", message)
        ends = datetime.now(UTC) + timedelta(hours=1)
        return 200, _ROLE.format("123456789012", ends).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
                sts.calls += 1
                if sts.hangs:
                    sts.closed.wait(600)
                status, body = sts.answer(dict(parse_qsl(asked)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
