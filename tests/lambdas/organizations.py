"""AWS Organizations over its own wire protocol, page by page, with the faults that it may have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

PAGE = 20
"""The most accounts of a page (AWS Organizations API Reference, ListAccounts, MaxResults)."""

Raw = dict[str, Any]


def account_id(number: int) -> str:
    return f"{number:012}"


@dataclass
class Organization:
    """Accounts by id and units by id, each with its parent.

    ``has_paths`` is whether accounts come with their place, as they do since 2026;
    ``empty_pages`` are the numbers of pages of ListAccounts that are empty and not the last;
    ``faults`` are error codes by operation and page.
    """

    root: str = "r-root"
    accounts: dict[str, Raw] = field(default_factory=dict)
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    has_paths: bool = True
    empty_pages: tuple[int, ...] = ()
    faults: dict[tuple[str, int], str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def has(
        self, number: int, name: str = "", state: str = "ACTIVE", unit: str | None = None
    ) -> str:
        """An account; its id."""
        known = account_id(number)
        self.accounts[known] = {
            "Id": known,
            "Name": name or f"account-{number}",
            "State": state,
            "Parent": unit or self.root,
        }
        return known

    def unit(self, unit_id: str, name: str, parent: str | None = None) -> str:
        self.units[unit_id] = (name, parent or self.root)
        return unit_id

    def client(self) -> Any:
        """A boto3 client of this organization."""
        made = _session().client("organizations")
        made.meta.events.register("before-send.organizations", self._answer)
        return made

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        asked = json.loads(request.body or "{}")
        page = int(asked.get("NextToken") or 0)
        self.calls.append(operation)
        fault = self.faults.get((operation, page))
        if fault is not None:
            body = {"__type": fault, "Message": f"{fault} it is"}
            return _response(request.url, 400, body)
        return _response(request.url, 200, self._page(operation, asked, page))

    def _page(self, operation: str, asked: Raw, page: int) -> Raw:
        name, found = self._listed(operation, asked)
        pages = list(self._pages(found))
        more = {"NextToken": str(page + 1)} if page + 1 < len(pages) else {}
        return {name: pages[page], **more}

    def _pages(self, found: list[Raw]) -> Iterator[list[Raw]]:
        parts = [found[it : it + PAGE] for it in range(0, len(found), PAGE)] or [[]]
        for number in self.empty_pages:
            parts.insert(number, [])
        yield from parts

    def _listed(self, operation: str, asked: Raw) -> tuple[str, list[Raw]]:
        parent = asked.get("ParentId")
        if operation == "ListRoots":
            return "Roots", [{"Id": self.root, "Name": "Root"}]
        if operation == "ListOrganizationalUnitsForParent":
            units = self.units.items()
            return "OrganizationalUnits", [
                {"Id": unit_id, "Name": name} for unit_id, (name, above) in units if above == parent
            ]
        accounts = [
            self._public(raw)
            for raw in self.accounts.values()
            if operation == "ListAccounts" or raw["Parent"] == parent
        ]
        return "Accounts", accounts

    def _public(self, raw: Raw) -> Raw:
        shown = {name: value for name, value in raw.items() if name != "Parent"}
        if not self.has_paths:
            return shown
        above, place = raw["Parent"], ""
        while above != self.root:
            place = f"{above}/{place}"
            above = self.units[above][1]
        return {**shown, "Paths": [f"o-exampleorg/{self.root}/{place}{raw['Id']}/"]}


@cache
def _session() -> boto3.Session:
    """One, since it keeps the service's model."""
    return boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1"
    )


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _response(url: str, status: int, body: Raw) -> AWSResponse:
    return AWSResponse(url, status, {}, _Raw(json.dumps(body).encode()))
