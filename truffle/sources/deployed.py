"""Fleets and network nodes, as the deployed stack knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from truffle.core.parameters import MAX_LIMIT
from truffle.core.status import State
from truffle.core.times import parse_time
from truffle.ec2.errors import kind_of
from truffle.scopes import FAILING, read_status
from truffle.sources.api import Api, Parameters, failures_of
from truffle.sources.listing import ScopeFailure
from truffle.sources.regional import Everywhere

Item = TypeVar("Item")


def list_deployed(
    api: Api,
    path: str,
    read: Callable[[Mapping[str, Any]], Item],
    scopes: Parameters,
    parameters: Parameters = (),
) -> Everywhere[Item]:
    """The items of a route, of the scopes that are asked for. Scopes that could not be asked are
    failures, beside those that fail; what was last known of them is among the items.

    Raises ApiError.
    """
    asked = [*scopes, *parameters, ("limit", str(MAX_LIMIT))]
    pages = list(api.pages(path, asked))
    status = read_status(api, [FAILING, *scopes])
    with api.understood():
        items = [read(item) for page in pages for item in page["items"]]
        failed = failures_of(status["scopes"])
        names = {(it.account_id, it.region) for it in failed}
        silent = [_failure(path, it) for it in pages[-1]["unanswered"]["scopes"]]
        failed += [it for it in silent if (it.account_id, it.region) not in names]
        totals = status["totals"]
        count = totals["scopes"] - totals["by_state"][State.CLOSED]
    return Everywhere(items, failed, count)


def _failure(path: str, scope: Mapping[str, Any]) -> ScopeFailure:
    seen = scope["last_success"]
    return ScopeFailure(
        scope["account_id"],
        scope["region"],
        scope["error"],
        f"Its {path.strip('/')} could not be listed.",
        kind_of(scope["error"]),
        parse_time(seen) if seen else None,
        scope.get("account_name"),
    )
