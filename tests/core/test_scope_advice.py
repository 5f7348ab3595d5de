"""The next step after a failure of a scope, by AWS's response."""

from __future__ import annotations

import pytest

from tests.builders import HOME, OHIO
from truffle.core.scope_advice import next_step

ASSUMED_ROLE = "User: arn:aws:sts::1:assumed-role/c/f is not authorized to perform: sts:AssumeRole"
BY_POLICY = "with an explicit deny in a service control policy"


@pytest.mark.parametrize(
    ("code", "message", "step"),
    [
        ("AccessDenied", f"{ASSUMED_ROLE} on resource: r", "Deploy roles/truffle-read.yaml in"),
        ("AccessDenied", f"{ASSUMED_ROLE} on resource: r {BY_POLICY}", "Have the service control"),
        ("UnauthorizedOperation", f"You are not authorized, {BY_POLICY}", "Have the service"),
        ("UnauthorizedOperation", "You are not authorized", "Allow the call in the role"),
        ("OptInRequired", "You are not subscribed", f"Enable us-east-2 in account {HOME}"),
    ],
)
def test_what_is_denied_or_not_enabled_has_a_step(code: str, message: str, step: str) -> None:
    found = next_step(OHIO, code, message)
    assert found is not None
    assert found.startswith(step)
    assert HOME in found


@pytest.mark.parametrize("code", ["Throttling", "RequestLimitExceeded", "InternalError"])
def test_what_a_later_run_may_mend_has_none(code: str) -> None:
    assert next_step(OHIO, code, ASSUMED_ROLE) is None
