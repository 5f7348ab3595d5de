"""Faults on demand: which calls go wrong, how, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sandbox.ec2.errors import EC2Error


class FaultKind(StrEnum):
    """How a call fails: with an EC2 error, or (the last three) without a usable response."""

    ERROR = "error"
    THROTTLED = "throttled"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    DISABLED = "disabled"
    OPT_IN = "opt-in"
    UNSUPPORTED = "unsupported"
    HANG = "hang"
    DROP = "drop"
    MALFORMED = "malformed"


ERRORS: Mapping[FaultKind, EC2Error] = {
    FaultKind.THROTTLED: EC2Error("RequestLimitExceeded", "Request limit exceeded."),
    FaultKind.INTERNAL: EC2Error("InternalError", "An internal error has occurred"),
    FaultKind.UNAVAILABLE: EC2Error("Unavailable", "The service is unavailable. Please try again"),
    FaultKind.UNAUTHORIZED: EC2Error(
        "UnauthorizedOperation", "You are not authorized to perform this operation."
    ),
    FaultKind.DISABLED: EC2Error(
        "AuthFailure", "AWS was not able to validate the provided access credentials"
    ),
    FaultKind.OPT_IN: EC2Error("OptInRequired", "You are not subscribed to this service."),
    FaultKind.UNSUPPORTED: EC2Error("UnsupportedOperation", "The operation is not supported."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of matching calls, by globs of region, operation and account.

    ``page`` counts from 1, None means every page. ``times`` is the number of calls until the fault
    is over, None means unlimited. ``seconds`` is how long a hang holds the connection before
    responding. ``code`` is EC2's error code, for the kind ``error``.
    """

    kind: FaultKind
    region: str = "*"
    operation: str = "*"
    account: str = "*"
    page: int | None = None
    times: int | None = None
    seconds: float = 30.0
    code: str | None = None

    @property
    def error(self) -> EC2Error | None:
        """The response of EC2, if there is one."""
        if self.kind is FaultKind.ERROR:
            return EC2Error(self.code or "InternalError", "An injected error.")
        return ERRORS.get(self.kind)

    def hits(self, region: str, operation: str, account: str, page: int) -> bool:
        return (
            fnmatchcase(region, self.region)
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(account, self.account)
            and self.page in (None, page)
        )


_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("kind", "region", "operation", "account"), ((str,), "text")),
    **dict.fromkeys(("page", "times"), ((int, type(None)), "a whole number or null")),
    "seconds": ((int, float), "a number"),
    "code": ((str, type(None)), "text or null"),
}


def fault_from_json(raw: Any) -> Fault:
    """Raises ValueError."""
    known = {field.name for field in fields(Fault)}
    if not isinstance(raw, Mapping) or "kind" not in raw:
        raise ValueError(f"a fault is an object with a kind, one of {', '.join(FaultKind)}")
    if unknown := sorted(set(raw) - known):
        raise ValueError(f"unknown key {unknown[0]} in a fault: use {', '.join(sorted(known))}")
    for name, value in raw.items():
        types, wanted = _TYPES[name]
        if not isinstance(value, types) or isinstance(value, bool):
            raise ValueError(f"{name} {value!r} must be {wanted}")
    if raw["kind"] not in set(FaultKind):
        raise ValueError(f"kind {raw['kind']!r} must be one of {', '.join(FaultKind)}")
    return Fault(**{**raw, "kind": FaultKind(raw["kind"])})


def fault_to_json(fault: Fault) -> dict[str, Any]:
    return {field.name: getattr(fault, field.name) for field in fields(Fault)}
