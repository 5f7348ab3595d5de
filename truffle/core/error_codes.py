"""AWS's error codes that have a meaning for truffle."""

from __future__ import annotations

from typing import Final

DENIED: Final = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
"""IAM or a service control policy denies the call."""

DISABLED: Final = frozenset(
    {
        "AuthFailure",
        "OptInRequired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "Blocked",
        "PendingVerification",
    }
)
"""A region that is not enabled for the account answers so, and so does EC2 where the credentials
are invalid (EC2 API Reference, error codes)."""

THROTTLED: Final = frozenset(
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
"""Error codes of EC2 and STS for callers that ask too often: those of botocore's own list of
throttling codes that are not another service's (botocore/retries/standard.py,
ThrottledRetryableChecker), and the limit of Capacity Blocks' calls, which that list lacks."""

UNSUPPORTED: Final = frozenset(
    {"UnsupportedOperation", "InvalidAction", "Unsupported", "UnknownOperationException"}
)
"""The region does not have the operation."""
