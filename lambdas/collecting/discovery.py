"""The accounts of the organization and the regions of each, from Organizations and EC2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.clients import SERVICE_CONFIG, service, session
from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from truffle.core.organization import (
    Account,
    Directory,
    Selection,
    accepted,
    in_order,
    missing_units,
)
from truffle.ec2.errors import FAILURES, error_code, error_message
from truffle.ec2.regions import enabled_regions

if TYPE_CHECKING:
    from types_boto3_organizations.client import OrganizationsClient

UNITS_ASKED_EVERY = timedelta(days=1)
"""Names of organizational units change rarely, and each unit takes one call."""

UNKNOWN_UNIT = "UnknownOrganizationalUnit"
NO_ACTIVE_ACCOUNT = "NoActiveAccount"


@dataclass(frozen=True, slots=True)
class _Tree:
    """The roots and organizational units: the names of units, and the path to each from the root,
    by id."""

    names: Mapping[str, str]
    places: Mapping[str, tuple[str, ...]]


def discover(
    connect: Callable[[], Any], before: Directory, selection: Selection, at: datetime
) -> Directory:
    """List the accounts of the organization; if that fails, return the last known ones with the
    reason.

    ``connect`` returns a boto3 client of Organizations. Only the management account and delegated
    administrators may call it (AWS Organizations API Reference, ListAccounts).
    """
    try:
        client = connect()
        listed = _accounts(client)
    except FAILURES as error:
        return before.failed(error_code(error), error_message(error), at)
    found = replace(before, accounts=listed, observed_at=at, error=None)
    try:
        found = _with_units(client, found, before, selection)
    except FAILURES as error:
        code, message = error_code(error), error_message(error)
        if selection.units and not _are_placed(listed):
            return before.failed(code, message, at)
        # The names of units do not decide which accounts are collected.
        logger.warning("organizational units not read", extra={"code": code, "error": message})
        found = _as_placed(found, before)
    if not selection.of(found):
        message = "Organizations lists no active account to collect."
        return before.failed(NO_ACTIVE_ACCOUNT, message, at)
    missing = missing_units(selection.units, found)
    if missing:
        message = f"Organizations has no root or organizational unit {', '.join(missing)}."
        return replace(found, error=before.error).failed(UNKNOWN_UNIT, message, at)
    return accepted(before, found, selection)


def organizations_client(role_arn: str, external_id: str) -> OrganizationsClient:
    """Create a boto3 client of Organizations with the function's own role, or with one that it
    assumes if ``role_arn`` is not empty. Raises what AssumeRole does."""
    keys: dict[str, str] = {}
    if role_arn:
        more: dict[str, Any] = {"ExternalId": external_id} if external_id else {}
        assumed = service("sts").assume_role(RoleArn=role_arn, RoleSessionName="truffle", **more)
        credentials = assumed["Credentials"]
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
    client: OrganizationsClient = session().client("organizations", config=SERVICE_CONFIG, **keys)
    return client


def _pages(
    client: Any, operation: str, name: str, **parameters: str
) -> Iterator[Mapping[str, Any]]:
    """All items of a list, page after page: an empty page need not be the last (AWS Organizations
    API Reference, the notes on List operations)."""
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page.get(name) or ()


def _accounts(client: OrganizationsClient) -> tuple[Account, ...]:
    """Every account. ``State`` replaced ``Status`` on 2026-09-09 (AWS Organizations API Reference,
    Account); an account is in one place, although ``Paths`` is a list."""
    return in_order(
        Account(
            raw["Id"],
            raw.get("Name"),
            raw.get("State") or raw.get("Status"),
            _parents(next(iter(raw.get("Paths") or ()), "")),
        )
        for raw in _pages(client, "list_accounts", "Accounts")
    )


def _parents(path: str) -> tuple[str, ...]:
    """The root and the units of a path such as ``o-…/r-…/ou-…/111122223333/``."""
    return tuple(part for part in path.split("/") if part.startswith(("r-", "ou-")))


def _are_placed(accounts: Sequence[Account]) -> bool:
    return all(account.parents for account in accounts)


def _with_units(
    client: OrganizationsClient, found: Directory, before: Directory, selection: Selection
) -> Directory:
    """The accounts with their places, and the names of the units, requested if necessary.

    If Organizations returns no paths, each unit is asked for its accounts.
    """
    assert found.observed_at is not None
    is_placed, seen = _are_placed(found.accounts), before.units_observed_at
    is_fresh = seen is not None and found.observed_at - seen < UNITS_ASKED_EVERY
    named = {it for account in found.accounts for it in account.parents if it.startswith("ou-")}
    is_known = named <= set(before.units) and not missing_units(selection.units, found)
    if is_fresh and is_known and (is_placed or not selection.units):
        return found if is_placed else _as_placed(found, before)
    tree = _tree(client)
    known = replace(found, units=tree.names, units_observed_at=found.observed_at)
    if is_placed:
        return known
    places = dict(_members(client, tree))
    placed = (replace(it, parents=places.get(it.account_id, it.parents)) for it in found.accounts)
    return replace(known, accounts=tuple(placed))


def _as_placed(found: Directory, before: Directory) -> Directory:
    """Put accounts without a path in their last known places."""
    places = {account.account_id: account.parents for account in before.accounts}
    placed = (
        replace(it, parents=it.parents or places.get(it.account_id, ())) for it in found.accounts
    )
    return replace(found, accounts=tuple(placed))


def _tree(client: OrganizationsClient) -> _Tree:
    names: dict[str, str] = {}
    places: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, ...]] = [
        (root["Id"],) for root in _pages(client, "list_roots", "Roots")
    ]
    while waiting:
        place = waiting.pop()
        places[place[-1]] = place
        units = _pages(
            client,
            "list_organizational_units_for_parent",
            "OrganizationalUnits",
            ParentId=place[-1],
        )
        for unit in units:
            names[unit["Id"]] = unit["Name"]
            waiting.append((*place, unit["Id"]))
    return _Tree(names, places)


def _members(client: OrganizationsClient, tree: _Tree) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The place of each account, from a request to every root and unit for its accounts."""
    for parent, place in tree.places.items():
        listed = _pages(client, "list_accounts_for_parent", "Accounts", ParentId=parent)
        yield from ((raw["Id"], place) for raw in listed)


RegionsAnswer = Mapping[str, Any]
"""The response of an account: ``{"regions": […]}`` or ``{"error": code}``."""


def regions_of(
    accounts: Sequence[str], client_of: Callable[[str], Any]
) -> dict[str, RegionsAnswer]:
    """Ask each account which regions are enabled for it.

    ``client_of`` returns a boto3 EC2 client of an account, in any region, and raises what
    AssumeRole does.
    """

    def ask(account_id: str) -> RegionsAnswer:
        try:
            return {"regions": enabled_regions(client_of(account_id))}
        except FAILURES as error:
            logger.warning(
                "regions not read",
                extra={"account_id": account_id, "error": error_message(error)},
            )
            return {"error": error_code(error)}

    if not accounts:
        return {}
    with ThreadPoolExecutor(min(PARALLEL_REQUESTS, len(accounts))) as pool:
        return dict(zip(accounts, pool.map(ask, accounts), strict=True))
