"""Failures of EC2 and botocore → a Failure with its kind and its code."""

from __future__ import annotations

from datetime import datetime

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from truffle.core import error_codes
from truffle.core.model import Failure, FailureKind, Scope

_LONGEST_MESSAGE = 200
"""AWS's own messages are not truncated: they contain the long encoded reason of a denial."""

FAILURES = (
    ClientError,
    BotoCoreError,
    HTTPClientError,
    ResponseParserError,
    ValueError,
    KeyError,
    TypeError,
)
"""Errors of a call without a usable response: botocore's own errors, and the last three for a
response that violates EC2's model (an invalid date, a reservation without an id)."""


def error_code(error: Exception) -> str:
    """AWS's error code, or the name of botocore's exception if AWS did not respond."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code") or "Unknown")
    return type(error).__name__


def error_message(error: Exception) -> str:
    """AWS's or botocore's message in one line; botocore includes a response that it cannot
    parse."""
    if isinstance(error, ClientError):
        return " ".join(str(error.response.get("Error", {}).get("Message") or error).split())
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def failure_kind(error: Exception) -> FailureKind:
    if isinstance(error, NoCredentialsError):
        return FailureKind.DENIED
    return kind_of(error_code(error))


def kind_of(code: str) -> FailureKind:
    """The kind of a failure with one of AWS's error codes."""
    if code in error_codes.DENIED:
        return FailureKind.DENIED
    if code in error_codes.DISABLED:
        return FailureKind.DISABLED
    return FailureKind.THROTTLED if code in error_codes.THROTTLED else FailureKind.ERROR


def to_failure(error: Exception, scope: Scope, failed_at: datetime) -> Failure:
    """The failure of a scope's listing. ``failed_at`` is when the listing was requested."""
    operation = error.operation_name if isinstance(error, ClientError) else None
    return Failure(
        scope=scope,
        failed_at=failed_at,
        kind=failure_kind(error),
        code=error_code(error),
        message=error_message(error),
        operation=operation,
    )
