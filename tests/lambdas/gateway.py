"""The API Gateway in front of the function, as a WSGI application: signed requests become events.

It takes one signature, refuses every other request as the gateway does, and answers 500 where the
function raises.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from lambdas import query
from tests.lambdas.api import an_event_of
from tests.lambdas.fakes import FakeContext

SIGNATURE = "AWS4-HMAC-SHA256 Credential=testing"

StartResponse = Callable[[str, list[tuple[str, str]]], object]


def gateway(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    status, headers, body = _answer(environ)
    headers = {**headers, "Content-Length": str(len(body))}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _answer(environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    if environ.get("HTTP_AUTHORIZATION") != SIGNATURE:
        return 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
    try:
        context: Any = FakeContext()
        answer = query.handler(_event(environ), context)
    except Exception:
        traceback.print_exc()
        return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'
    return answer["statusCode"], answer["headers"], answer["body"].encode()


def _event(environ: dict[str, Any]) -> dict[str, Any]:
    """The gateway hands the path over decoded, and the query string as it came."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return an_event_of(path, environ.get("QUERY_STRING", ""), environ["REQUEST_METHOD"])
