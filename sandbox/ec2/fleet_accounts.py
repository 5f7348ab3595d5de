"""Other accounts in a fleet file: their capacity, and their organization."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.ec2.fleet import OrganizationAccount, Region
from sandbox.ec2.shapes import FleetError, list_of

_ACCOUNT = re.compile(r"[0-9]{12}")
_NOT_OPTED_IN = "not-opted-in"
_OPTED_IN = "opted-in"

STATUSES = ("ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION", "CLOSED")
"""Organizations' AccountState (botocore 1.43)."""

ReadRegion = Callable[[str, Any, str, str], Region]
"""Reads a region from its name, its content, the account, and its location in the file."""


def account(raw: Any, where: str) -> str:
    """Raises FleetError."""
    if not isinstance(raw, str) or not _ACCOUNT.fullmatch(raw):
        raise FleetError(f"{where} = {raw!r} must be an account: 12 digits in quotes")
    return raw


def no_others(raw: Any, allowed: Iterable[str], where: str) -> None:
    """Raises FleetError for anything that is not an object, or has other keys."""
    if not isinstance(raw, Mapping):
        raise FleetError(f"{where} must be an object")
    if others := sorted(set(raw) - set(allowed)):
        raise FleetError(f"{where} has no {others[0]}; it may have {', '.join(sorted(allowed))}")


def with_accounts(
    regions: Mapping[str, Region], raw: Any, own: str, read: ReadRegion
) -> dict[str, Region]:
    """The regions with the capacity of other accounts. Raises FleetError."""
    if not isinstance(raw, Mapping):
        raise FleetError("accounts must be an object: account id → its regions")
    found = dict(regions)
    for name, content in raw.items():
        where = f"accounts.{name}"
        if account(name, where) == own:
            raise FleetError(f"{where} is the file's own account: its regions stand in regions")
        no_others(content, {"regions"}, where)
        held = content.get("regions", {})
        if not isinstance(held, Mapping):
            raise FleetError(f"{where}.regions must be an object: region name → what it holds")
        for region_name, region in held.items():
            part = read(region_name, region, name, f"{where}.regions.{region_name}")
            status = region.get("OptInStatus")
            found[region_name] = _joined(found.get(region_name), part, name, status)
    return found


def _joined(known: Region | None, own: Region, name: str, status: str | None) -> Region:
    """A region with the capacity of an account. A region that only such accounts have opted in to
    is not enabled for others."""
    if known is None:
        for_others = own.opt_in_status if status != _OPTED_IN else _NOT_OPTED_IN
        known = Region(name=own.name, opt_in_status=for_others)
    return replace(
        known,
        opt_in_by={**known.opt_in_by, **({name: status} if status else {})},
        reservations={**known.reservations, **own.reservations},
        blocks={**known.blocks, **own.blocks},
        statuses={**known.statuses, **own.statuses},
        extensions=(*known.extensions, *own.extensions),
        market=(*known.market, *own.market),
        others={**known.others, **own.others},
        plan_market=(*known.plan_market, *own.plan_market),
    )


def others_to_json(others: Iterable[str], regions: Mapping[str, Region]) -> dict[str, Any]:
    """``accounts`` of a fleet file in which each reservation already names its owner."""
    return {
        name: {
            "regions": {
                region.name: {"OptInStatus": region.opt_in_by[name]}
                for region in regions.values()
                if name in region.opt_in_by
            }
        }
        for name in others
    }


def organization_from_json(raw: Any) -> tuple[OrganizationAccount, ...]:
    """``organization`` of a fleet file. Raises FleetError."""
    no_others(raw, {"accounts"}, "organization")
    return tuple(
        _organization_account(item, f"organization.accounts[{index}]")
        for index, item in enumerate(list_of(raw, "accounts", "organization"))
    )


def _organization_account(raw: Any, where: str) -> OrganizationAccount:
    no_others(raw, {"id", "name", "status", "unit", "role"}, where)
    status, unit = raw.get("status", STATUSES[0]), raw.get("unit")
    if status not in STATUSES:
        raise FleetError(f"{where}.status = {status!r} must be one of {', '.join(STATUSES)}")
    if unit is not None and (not isinstance(unit, str) or not all(unit.split("/"))):
        raise FleetError(f"{where}.unit = {unit!r} must be the name of a unit, or null")
    if not isinstance(raw.get("name", ""), str):
        raise FleetError(f"{where}.name = {raw['name']!r} must be text")
    if not isinstance(raw.get("role", True), bool):
        raise FleetError(f"{where}.role = {raw['role']!r} must be true or false")
    known = account(raw.get("id"), f"{where}.id")
    return OrganizationAccount(known, raw.get("name", known), status, unit, raw.get("role", True))


def organization_to_json(accounts: Iterable[OrganizationAccount]) -> dict[str, Any]:
    return {
        "accounts": [
            {
                "id": it.account_id,
                "name": it.name,
                "status": it.status,
                "unit": it.unit,
                "role": it.has_role,
            }
            for it in accounts
        ]
    }
