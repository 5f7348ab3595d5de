"""AWS's error codes with a meaning for truffle."""

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
"""The region is not enabled for the account; EC2 also returns these codes for invalid credentials
(EC2 API Reference, error codes)."""

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
"""Throttling codes of EC2 and STS: botocore's list without those of other services
(botocore/retries/standard.py, ThrottledRetryableChecker), and the limit of Capacity Blocks' calls,
which that list lacks."""

UNSUPPORTED: Final = frozenset(
    {"UnsupportedOperation", "InvalidAction", "Unsupported", "UnknownOperationException"}
)
"""The region does not support the operation."""
