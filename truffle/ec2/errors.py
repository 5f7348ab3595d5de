"""What EC2 and botocore call a failure → a Failure with its kind and its code."""

from __future__ import annotations

from datetime import datetime

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from truffle.core.model import Failure, FailureKind, Scope

DENIED_CODES = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
"""IAM or a service control policy says no."""

DISABLED_CODES = frozenset(
    {
        "AuthFailure",
        "OptInRequired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "Blocked",
        "PendingVerification",
    }
)
"""What a region answers that is not enabled for the account (EC2 API Reference, error codes)."""

THROTTLED_CODES = frozenset(
    {
        "CapacityBlockDescribeLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""What EC2 and STS answer to callers that ask too often: those of botocore's own list of throttling
codes that are not another service's (botocore/retries/standard.py, ThrottledRetryableChecker), and
the limit of Capacity Blocks' calls, which that list lacks."""

UNSUPPORTED_CODES = frozenset({"UnsupportedOperation", "InvalidAction", "Unsupported"})
"""The region does not have this operation."""

_LONGEST_MESSAGE = 200
"""AWS's own messages are not cut: the reason of a refusal is encoded in them, and long."""

FAILURES = (
    ClientError,
    BotoCoreError,
    HTTPClientError,
    ResponseParserError,
    ValueError,
    KeyError,
    TypeError,
)
"""What a call raises that has no usable answer: botocore's own errors, and the last three for an
answer that is not what EC2's model says (a date that is none, a reservation without an id)."""


def error_code(error: Exception) -> str:
    """AWS's error code, or the name of botocore's exception where AWS did not answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code") or "Unknown")
    return type(error).__name__


def error_message(error: Exception) -> str:
    """What AWS said, or botocore, in one line; botocore repeats an answer that it cannot read."""
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
    if code in DENIED_CODES:
        return FailureKind.DENIED
    if code in DISABLED_CODES:
        return FailureKind.DISABLED
    return FailureKind.THROTTLED if code in THROTTLED_CODES else FailureKind.ERROR


def to_failure(error: Exception, scope: Scope, failed_at: datetime) -> Failure:
    """The failure of a scope's listing. ``failed_at`` is when the listing was asked for."""
    operation = error.operation_name if isinstance(error, ClientError) else None
    return Failure(
        scope,
        failed_at,
        failure_kind(error),
        error_code(error),
        error_message(error),
        operation,
    )
