"""AWS Organizations in the embedded AWS: the accounts of the fleet file, and IAM's condition keys.

The embedded AWS generates the ids of created accounts, and does not evaluate policy variables;
given ids and policy variables are added before it serves.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import organizations

from sandbox.environment import ORGANIZATION_FILE

_VARIABLE = re.compile(r"\$\{(aws:[A-Za-z]+)\}")
_ORGANIZATION_KEYS = {
    "aws:principalorgid": lambda context: context.principal_account,
    "aws:resourceorgid": lambda context: iam_evaluator._account_from_arn(context.resource_arn),
}

_ensure_org = organizations._ensure_org
_public_account = organizations._public_account
_conditions_met = iam_evaluator._conditions_met
_resolve_condition_key = iam_evaluator._resolve_condition_key


def add_organization() -> None:
    """Add the organization."""
    organizations._ensure_org = _ensure_org_of_file
    organizations._public_account = _account_as_shown
    iam_evaluator._conditions_met = _conditions_met_with_variables
    iam_evaluator._resolve_condition_key = _resolve_key


def _accounts_of_file() -> list[dict[str, Any]]:
    """The accounts of the present file; the first is the management account."""
    path = Path(os.environ[ORGANIZATION_FILE])
    return list(json.loads(path.read_text())) if path.exists() else []


def _ensure_org_of_file() -> None:
    """The organization of the management account, as described by the present file."""
    _ensure_org()
    accounts = _accounts_of_file()
    if not accounts or accounts[0]["id"] != organizations.get_account_id():
        return
    (root,) = organizations._roots
    units = {"": root}
    for account in accounts:
        _put(account, _unit(account["unit"] or "", units))
    for known in set(organizations._accounts) - {account["id"] for account in accounts}:
        del organizations._accounts[known]


def _put(account: Mapping[str, Any], parent: str) -> None:
    organization = organizations._orgs["self"]
    master, account_id = organization["MasterAccountId"], account["id"]
    before = organizations._accounts.get(account_id, {})
    organizations._accounts[account_id] = {
        "Id": account_id,
        "Arn": f"arn:aws:organizations::{master}:account/{organization['Id']}/{account_id}",
        "Email": f"{account_id}@sandbox.example",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": organizations.time.time(),
        **before,
        "Name": account["name"],
        "Status": account["status"],
        "_ParentId": parent,
    }


def _unit(path: str, known: dict[str, str]) -> str:
    """The id of a unit by the names in its path, created if missing."""
    if path not in known:
        above, _, name = path.rpartition("/")
        parent = _unit(above, known)
        units = organizations._ous.items()
        there = [it for it, unit in units if (unit["Name"], unit["_ParentId"]) == (name, parent)]
        known[path] = there[0] if there else _new_unit(parent, name)
    return known[path]


def _new_unit(parent: str, name: str) -> str:
    organization = organizations._orgs["self"]
    unit_id = f"ou-{parent.split('-')[1][:4]}-{organizations.new_uuid().replace('-', '')[:10]}"
    master = organization["MasterAccountId"]
    organizations._ous[unit_id] = {
        "Id": unit_id,
        "Arn": f"arn:aws:organizations::{master}:ou/{organization['Id']}/{unit_id}",
        "Name": name,
        "_ParentId": parent,
    }
    return unit_id


def _account_as_shown(account: Mapping[str, Any]) -> dict[str, Any]:
    """The account with its state and its path, as in AWS (API Reference, Account)."""
    shown: dict[str, Any] = _public_account(account)
    place, parent = "", account["_ParentId"]
    while parent in organizations._ous:
        place = f"{parent}/{place}"
        parent = organizations._ous[parent]["_ParentId"]
    organization = organizations._orgs["self"]["Id"]
    path = f"{organization}/{parent}/{place}{account['Id']}/"
    return {**shown, "State": account["Status"], "Paths": [path]}


def _conditions_met_with_variables(conditions: Any, context: Any) -> bool:
    """Evaluate conditions after replacing IAM's policy variables in their values."""

    def value_of(found: re.Match[str]) -> str:
        return str(iam_evaluator._resolve_condition_key(found[1], context))

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(value_of, value)
        return [replaced(each) for each in value] if isinstance(value, list) else value

    plain = {
        operator: {key: replaced(value) for key, value in keys.items()}
        for operator, keys in (conditions or {}).items()
    }
    return bool(_conditions_met(plain, context))


def _resolve_key(key: str, context: Any) -> Any:
    """The value of a condition key; an account in the file belongs to the file's organization."""
    whose = _ORGANIZATION_KEYS.get(key.lower())
    if whose is None:
        return _resolve_condition_key(key, context)
    accounts = _accounts_of_file()
    if whose(context) not in {account["id"] for account in accounts}:
        return None
    own = organizations._orgs.get_scoped(accounts[0]["id"], None, "self")
    return own and own["Id"]
