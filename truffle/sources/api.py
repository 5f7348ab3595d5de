"""The deployed stack as a source: its HTTP API, signed with the caller's credentials."""

from __future__ import annotations

import gzip
import json
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from truffle.core.codec import Json
from truffle.errors import TruffleError, TruffleNotFoundError
from truffle.query import BadArgument
from truffle.threads import start

if TYPE_CHECKING:
    from botocore.session import Session

SERVICE = "execute-api"

ATTEMPTS = 4
"""The maximum number of attempts at a request without a response, or with one that allows a
retry."""

RETRIED = frozenset({429, 500, 502, 503, 504})

FIRST_PAUSE = 0.2
"""Seconds before the second attempt; each further pause is twice as long."""

REQUEST_TIMEOUT = 30.0
"""Seconds; an HTTP API responds within 30 s or not at all (API Gateway quotas)."""

LATE = "The API did not respond before the deadline: raise --timeout."

Parameters = Sequence[tuple[str, str]]


class ApiError(TruffleError):
    """The API rejected a request, or did not respond."""


@dataclass(frozen=True, slots=True)
class Api:
    """A deployed API at a URL. ``session`` is botocore's; ``deadline`` a ``time.monotonic()``.

    Callers name a member that distinguishes the response from another server's.
    """

    url: str
    session: Session
    deadline: float | None = None

    def get(self, path: str, member: str, parameters: Parameters = ()) -> Json:
        """GET a response. Raises ApiError, or TruffleNotFoundError for an unknown id."""
        return self._answer("GET", path, member, parameters, ATTEMPTS)

    def post(self, path: str, member: str, parameters: Parameters = ()) -> Json:
        """POST once, without retries, since it has an effect. Raises ApiError."""
        return self._answer("POST", path, member, parameters, attempts=1)

    def _answer(
        self, method: str, path: str, member: str, parameters: Parameters, attempts: int
    ) -> Json:
        # A space as "+" would not match the signature: SigV4 encodes it as %20 (IAM User Guide,
        # "Create a signed AWS API request").
        query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
        url = self.url.rstrip("/") + quote(path, safe="/-.") + query
        status, body = self._send(method, url, attempts)
        if status != 200:
            raise _refusal(status, body, self.url)
        with self.understood():
            answer: Json = json.loads(body)
            answer[member]
            return answer

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Raises ApiError for a response without the form of truffle's API."""
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ApiError(
                f"{self.url} does not respond as a truffle API does: check the URL, and that "
                "the stack runs this version of truffle."
            ) from error

    def pages(
        self, path: str, parameters: Parameters = (), member: str = "items"
    ) -> Iterator[Json]:
        """Every page of a list."""
        token: str | None = None
        while True:
            further = [("next_token", token)] if token else []
            page = self.get(path, member, [*parameters, *further])
            yield page
            token = page.get("next_token")
            if not token:
                return

    def _send(self, method: str, url: str, attempts: int) -> tuple[int, bytes]:
        pause = FIRST_PAUSE
        for attempt in range(1, attempts + 1):
            try:
                status, body = self._send_once(method, url)
            except ConnectionError as error:
                status, body, cause = 0, b"", error
            if status and status not in RETRIED:
                return status, body
            if attempt == attempts or not self._has_time_for(pause):
                break
            time.sleep(pause)
            pause *= 2
        if status:
            return status, body
        if not self._has_time_for(0):
            raise ApiError(LATE) from cause
        raise ApiError(f"The API at {self.url} cannot be reached: {cause}.") from cause

    def _has_time_for(self, pause: float) -> bool:
        return self.deadline is None or time.monotonic() + pause < self.deadline

    def _send_once(self, method: str, url: str) -> tuple[int, bytes]:
        """Raises ConnectionError if there is no response."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError, HTTPClientError
        from botocore.httpsession import URLLib3Session

        from truffle.credentials import sign_in

        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        request = AWSRequest(method, url, headers=headers)
        SigV4Auth(sign_in(self.session), SERVICE, self.region).add_auth(request)
        seconds = self._timeout()
        send = partial(URLLib3Session(timeout=seconds).send, request.prepare())
        try:
            # A read timeout restarts with every byte, so the timeout of the whole response is here.
            answer = start(send).result(seconds)
        except OutOfTime:
            raise ConnectionError(f"no complete response within {seconds:.0f} s") from None
        except (BotoCoreError, HTTPClientError) as error:
            raise ConnectionError(_cause(error)) from error
        return int(answer.status_code), _unpacked(answer)

    def _timeout(self) -> float:
        if self.deadline is None:
            return REQUEST_TIMEOUT
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ApiError(LATE)
        return min(REQUEST_TIMEOUT, left)

    @property
    def region(self) -> str:
        """The region of the signature: the one in an AWS host name, else the session's."""
        host = urlsplit(self.url).hostname or ""
        named = re.search(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.", host)
        return named[1] if named else str(self.session.get_config_variable("region") or "us-east-1")


def check_url(url: str) -> str:
    """Check a URL. Raises BadArgument."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        allowed = (
            "It must be the ApiUrl of the deployed stack, such as "
            "https://abc123.execute-api.us-east-1.amazonaws.com."
        )
        raise BadArgument("api_url", url, allowed)
    return url


def open_api(url: str, caller: Session | str | None, timeout: float | None) -> Api:
    """Open the API at a URL, with the credentials of a session, a profile or the environment.

    ``timeout`` is in seconds, from the moment that credentials are available. Raises TruffleError
    without any.
    """
    from truffle.credentials import sign_in
    from truffle.ec2.sessions import open_session

    check_url(url)
    session = open_session(caller) if caller is None or isinstance(caller, str) else caller
    sign_in(session)
    return Api(url, session, None if timeout is None else time.monotonic() + timeout)


def _unpacked(answer: Any) -> bytes:
    """The body; a large one is gzipped. Raises ConnectionError for one that is damaged."""
    content = bytes(answer.content)
    if answer.headers.get("Content-Encoding") != "gzip":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ConnectionError(f"the response is damaged ({error})") from error


def _cause(error: Exception) -> str:
    """botocore's text without the URL, which the caller's message already contains."""
    text = str(error).strip().rstrip(".")
    return re.sub(r':? ?"?https?://\S+', "", text) or type(error).__name__


def _refusal(status: int, body: bytes, url: str) -> TruffleError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    detail = problem.get("detail") or problem.get("message") or problem.get("Message") or ""
    if status == 404 and "detail" in problem:
        return TruffleNotFoundError(str(detail))
    if status == 404:
        return ApiError(f"{url} has no such route: check the URL.")
    if status in (401, 403):
        return ApiError(
            f"The API refused the request ({status} {detail or 'Forbidden'}): the credentials are "
            "not valid there, or lack execute-api:Invoke on it."
        )
    return ApiError(f"The API returned {status}: {detail or 'no reason given'}")
