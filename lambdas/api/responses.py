"""HTTP responses: JSON within Lambda's size limit, and problems (RFC 9457)."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

from truffle.core.codec import Json
from truffle.core.parameters import BadParameter
from truffle.core.queries import Page
from truffle.core.times import format_time

if TYPE_CHECKING:
    from lambdas.api.usage import UsageQuery

LONGEST_BODY = 6_000_000
"""Bytes as Lambda counts them: a response has at most 6 MB, and the body is a JSON string in it."""
MOST_USAGE_ROWS, MOST_PACKED_USAGE_ROWS = 20_000, 100_000
"""Rows of usage above which a response is not computed, since it does not fit: a row has at least
300 bytes, and about 50 gzipped."""
LONGEST_VALUE_SHOWN = 1000
"""Characters of a request's value that an error repeats."""


def json_response(
    body: Json | str, status: int = 200, content_type: str = "application/json"
) -> Response[str]:
    """A response; the body is an object, or the JSON text of one."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return Response(status, content_type, text)


def fitting(answer: Callable[[int], Response[str]], most: int, least: int = 1) -> Response[str]:
    """``answer(most)``, or a response with fewer items if that is too large."""
    response = answer(most)
    while is_too_large(response.body) and most > least:
        count = most * LONGEST_BODY // _size(response.body or "")
        most = max(least, min(most - 1, count))
        response = answer(most)
    return response


def fitting_json(answer: Callable[[int], Json | str], most: int, least: int = 1) -> Response[str]:
    """The same for a JSON response."""
    return fitting(lambda shown: json_response(answer(shown)), most, least)


def page_of(answer: Callable[[Page], Json | str], page: Page) -> Response[str]:
    """One page of a list; shorter than requested if it is too large."""
    return fitting_json(lambda limit: answer(replace(page, limit=limit)), page.limit)


def packed(response: Response[str], accepted: str | None) -> Response[str]:
    """The response, gzipped if it is too large otherwise and the request's ``Accept-Encoding``
    allows it (``accepted``)."""
    if not is_too_large(response.body) or not accepts_gzip(accepted):
        return response
    body = gzip.compress((response.body or "").encode(), compresslevel=1, mtime=0)
    response.body, response.base64_encoded = b64encode(body).decode(), True
    response.headers["Content-Encoding"] = "gzip"
    return response


def accepts_gzip(accepted: str | None) -> bool:
    """Whether a request's ``Accept-Encoding`` allows gzip."""
    return "gzip" in (accepted or "")


def most_usage_rows(accepted: str | None) -> int:
    """The rows of usage that may fit into a response."""
    return MOST_PACKED_USAGE_ROWS if accepts_gzip(accepted) else MOST_USAGE_ROWS


def is_too_large(text: str | None) -> bool:
    """Whether Lambda would not return a body. A character counts at most twelve times, as an
    escaped pair of surrogates, so short texts need no counting."""
    return text is not None and 12 * len(text) > LONGEST_BODY and _size(text) > LONGEST_BODY


def _size(text: str) -> int:
    """The bytes of a body as Lambda counts them."""
    if not text.isascii():
        return len(json.dumps(text))
    return len(text) + sum(map(text.count, '"\\\n'))


def problem(status: int, title: str, detail: str, **more: Any) -> Response[str]:
    """RFC 9457: an error for programs and people."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return json_response(body, status, "application/problem+json")


def bad_parameter(error: BadParameter) -> Response[str]:
    value = error.value[:LONGEST_VALUE_SHOWN]
    shown = BadParameter(error.name, value, error.allowed, error.nearest)
    more = {"parameter": shown.name, "value": shown.value, "allowed": shown.allowed}
    return problem(400, "Bad parameter", str(shown), **more)


def too_early(earliest: datetime | None) -> Response[str]:
    since = "no snapshot has been taken yet"
    if earliest is not None:
        since = f"the earliest available time is {format_time(earliest)}"
    detail = f"There is no data for that time: {since}."
    return problem(
        404, "Before the first snapshot", detail, earliest=earliest and format_time(earliest)
    )


def ask_sql(much: str, query: UsageQuery) -> Response[str]:
    """The SQL query to use instead of a request that needs too much data."""
    from truffle.core.usage_sql import usage_query

    sql = usage_query(query.period, query.by)
    detail = (
        f"The response needs {much}. Request a shorter period or fewer groups, or use SQL: {sql}"
    )
    return problem(400, "Request too large", detail, sql=sql)


def too_large() -> Response[str]:
    detail = (
        f"The response would have more than {LONGEST_BODY} bytes. Filter by region, account or "
        "instance type, or read the snapshots in the bucket."
    )
    return problem(400, "Response too large", detail)
