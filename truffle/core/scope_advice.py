"""The next step after a failure of a scope, for operators of the stack."""

from __future__ import annotations

from truffle.core.error_codes import DENIED, DISABLED
from truffle.core.model import Scope

_SCP = "service control policy"
"""IAM's message names the kind of policy that denied a call (IAM User Guide, "Troubleshoot access
denied error messages")."""


def next_step(scope: Scope, code: str, message: str) -> str | None:
    """The step that resolves a failure with AWS's code and message; None if a later run may succeed
    without one."""
    account, name = scope.account_id, str(scope)
    if code in DENIED and _SCP in message:
        return f"Have the {_SCP} allow the call, or name {name} in expected_denied."
    if code in DENIED and "sts:AssumeRole" in message:
        return (
            f"Deploy roles/truffle-read.yaml in account {account} with the stack's role_name and "
            "external_id. A StackSet lists its failed instances."
        )
    if code in DENIED:
        return (
            "Allow the call in the role that the message names; roles/truffle-read.yaml has all "
            f"actions. Or name {name} in expected_denied."
        )
    if code in DISABLED:
        return f"Enable {scope.region} in account {account}, or name {name} in expected_denied."
    return None
