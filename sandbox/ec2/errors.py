"""EC2's errors: their codes, texts and HTTP statuses (EC2 API Reference, Error codes)."""

from __future__ import annotations

STATUSES = {
    "AuthFailure": 401,
    "OptInRequired": 401,
    "UnauthorizedOperation": 403,
    "DryRunOperation": 412,
    "InternalError": 500,
    "RequestLimitExceeded": 503,
    "Unavailable": 503,
}
"""The codes with a status other than 400."""


class EC2Error(Exception):
    """An error response of EC2."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status if status is not None else STATUSES.get(code, 400)


def invalid_value(parameter: str, value: object, expected: str) -> EC2Error:
    message = f"Value ( {value} ) for parameter {parameter} is invalid. {expected}"
    return EC2Error("InvalidParameterValue", message)


def not_credible() -> EC2Error:
    """The error of a region that is not enabled for the caller's account."""
    message = "AWS was not able to validate the provided access credentials"
    return EC2Error("AuthFailure", message)
