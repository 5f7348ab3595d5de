"""Pages of a listing: ranges of MaxResults, and opaque tokens.

A token has a position and its request; a token of another request, or one that was never issued, is
rejected (EC2 API Reference, error codes).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ec2.errors import EC2Error, invalid_value
from sandbox.ec2.wire import Shape, service_model

UNPAGED_SIZE = 1000
"""The maximum number of items for a call without MaxResults."""

FEWEST = 5
"""The minimum MaxResults of a call whose model names none (EC2 API Reference,
DescribeInstances)."""

_NOT_OF_THE_REQUEST = ("NextToken", "MaxResults", "DryRun")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing; ``number`` counts from 1."""

    start: int
    size: int
    number: int


def page_of(action: str, region: str, parameters: Mapping[str, Any]) -> Page:
    """The page that a call requests. Raises EC2Error."""
    size = parameters.get("MaxResults")
    if size is not None:
        _check_size(action, size)
    token = parameters.get("NextToken")
    start, number = _read(token, _request(action, region, parameters)) if token else (0, 1)
    return Page(start, size or UNPAGED_SIZE, number)


def _check_size(action: str, size: int) -> None:
    shape: Shape = service_model().operation_model(action).input_shape.members["MaxResults"]
    bounds = {"min": FEWEST, "max": UNPAGED_SIZE, **shape.metadata}
    lowest, highest = bounds["min"], bounds["max"]
    if size < lowest:
        expected = f"Expecting a value greater than or equal to {lowest}."
        raise invalid_value("maxResults", size, expected)
    if size > highest:
        raise invalid_value(
            "maxResults", size, f"Expecting a value less than or equal to {highest}."
        )


def token_after(page: Page, action: str, region: str, parameters: Mapping[str, Any]) -> str:
    """The token of the next page."""
    content = [page.start + page.size, page.number + 1, _request(action, region, parameters)]
    text = json.dumps(content)
    return base64.urlsafe_b64encode(f"{_digest(text)}{text}".encode()).decode()


def _request(action: str, region: str, parameters: Mapping[str, Any]) -> str:
    """The call that a token belongs to, independent of its page."""
    rest = {name: parameters[name] for name in parameters if name not in _NOT_OF_THE_REQUEST}
    return _digest(json.dumps([action, region, rest], sort_keys=True, default=str))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(token: str, request: str) -> tuple[int, int]:
    try:
        content = base64.urlsafe_b64decode(token).decode()
    except ValueError:
        content = ""
    digest, text = content[:16], content[16:]
    if not text or _digest(text) != digest:
        message = "The specified pagination token is not valid or is expired."
        raise EC2Error("InvalidPaginationToken", message)
    start, number, owner = json.loads(text)
    if owner != request:
        raise EC2Error("InvalidNextToken", "The token is not valid for this request.")
    return start, number
