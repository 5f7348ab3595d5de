"""The other accounts of the sandbox: their organization, and the reader's role in each of them,
from the shipped template."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sandbox.access import client
from sandbox.ec2.fleet import Fleet, OrganizationAccount
from sandbox.ec2.fleet_accounts import organization_to_json
from sandbox.environment import ORGANIZATION_NAME
from sandbox.errors import SandboxError
from sandbox.synthesis import PROJECT

TEMPLATE = PROJECT / "roles" / "truffle-read.yaml"
STACK = "truffle-read"
_PARALLEL = 8
_DONE = "CREATE_COMPLETE"


def write_organization(folder: Path, fleet: Fleet) -> None:
    """Write the fleet's organization, if any, for the embedded AWS; its own account is the
    management account."""
    path = folder / ORGANIZATION_NAME
    known = {it.account_id: it for it in fleet.organization}
    known.setdefault(fleet.account, OrganizationAccount(fleet.account, "Management"))
    ordered = sorted(known.values(), key=lambda it: it.account_id != fleet.account)
    accounts = organization_to_json(ordered)["accounts"] if fleet.organization else []
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(accounts))
    fresh.replace(path)


def readers_of(fleet: Fleet) -> tuple[str, ...]:
    """The accounts of a fleet that have the reader's role, sorted."""
    without = {it.account_id for it in fleet.organization if not it.has_role}
    known = {it.account_id for it in fleet.organization}
    return tuple(sorted({*known, *fleet.others} - without))


def listed_accounts(context: Mapping[str, Any]) -> list[str]:
    """The ids in a context, given as a list or as text."""
    return re.findall(r"\d{12}", json.dumps(context.get("accounts")))


def make_readers(endpoint: str, accounts: Iterable[str], parameters: Mapping[str, str]) -> None:
    """Deploy the template to accounts that do not have it yet. Raises SandboxError."""
    template = TEMPLATE.read_text("utf-8")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]

    def make(account_id: str) -> None:
        cloudformation = client("cloudformation", endpoint, account_id=account_id)
        stacks = cloudformation.list_stacks()["StackSummaries"]
        if any(stack["StackName"] == STACK for stack in stacks):
            return
        cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=template,
            Parameters=given,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _wait(cloudformation, account_id)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        list(pool.map(make, accounts))


def _wait(cloudformation: Any, account_id: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    status = ""
    while time.monotonic() < deadline:
        status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        if status == _DONE:
            return
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(0.05)
    raise SandboxError(f"The reader role of account {account_id} was not created: {status}.")


def reader_parameters(context: Mapping[str, Any], collector_role_arn: str) -> dict[str, str]:
    """The template's parameters for a context that overrides cdk.json."""
    settings = json.loads((PROJECT / "cdk.json").read_text("utf-8"))["context"] | dict(context)
    return {
        "CollectorRoleArn": collector_role_arn,
        "ExternalId": settings["external_id"],
        "RoleName": settings["role_name"],
        "AsksForInstances": str(settings["stranded"]).lower(),
    }
