"""The scopes of the deployed stack: its ``GET /status``, and the failures that responses name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from truffle.core.codec import Json
from truffle.core.parameters import MAX_LIMIT
from truffle.core.status import FAILING_STATES, State
from truffle.core.times import parse_time
from truffle.query import ListQuery
from truffle.sources.api import Api, Parameters
from truffle.sources.listing import ScopeFailure

FAILING = ("state", ",".join(sorted(FAILING_STATES)))
OTHERS = ("state", ",".join(state for state in State if state not in FAILING_STATES))


def read_status(api: Api, parameters: Parameters = ()) -> Json:
    """The status with the scopes of all pages. Raises ApiError."""
    pages = list(api.pages("/status", [*parameters, ("limit", str(MAX_LIMIT))], "scopes"))
    return {**pages[-1], "scopes": [scope for page in pages for scope in page["scopes"]]}


def worst_status(api: Api, most: int, parameters: Parameters = ()) -> Json:
    """The status with ``most`` scopes, the longest failing first. Raises ApiError."""
    status = read_status(api, [FAILING, *parameters])
    with api.understood():
        scopes = sorted(status["scopes"], key=lambda scope: str(scope["failing_since"]))
    if len(scopes) < most:
        rest = [OTHERS, *parameters, ("limit", str(most))]
        scopes += api.get("/status", "scopes", rest)["scopes"]
    return {**status, "scopes": scopes[:most]}


def scopes_of(query: ListQuery) -> list[tuple[str, str]]:
    """The parameters for the scopes of a query."""
    requested = {"region": query.regions or (), "account": sorted(query.filter.accounts)}
    return [(name, ",".join(values)) for name, values in requested.items() if values]


def failures_of(scopes: Iterable[Mapping[str, Any]]) -> list[ScopeFailure]:
    """The failures of scopes of ``GET /status``; their kind follows from EC2's code."""
    from truffle.ec2.errors import kind_of

    return [
        ScopeFailure(
            account_id=scope["account_id"],
            region=scope["region"],
            code=scope["error"],
            message=scope.get("error_message") or "",
            kind=kind_of(scope["error"]),
            last_success=parse_time(scope["last_success"]) if scope["last_success"] else None,
            account_name=scope.get("account_name"),
        )
        for scope in scopes
    ]


def collection_failures(collection: Mapping[str, Any]) -> list[ScopeFailure]:
    """The scopes that a response's ``collection`` names as failed."""
    return failures_of(
        {**scope, "error_message": scope["message"]} for scope in collection["failed_scopes"]
    )
