"""Fleets as the deployed stack knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from truffle.core.fleets import CapacityFleet, by_name, from_json
from truffle.core.parameters import MAX_LIMIT
from truffle.core.status import State
from truffle.core.times import parse_time
from truffle.ec2.errors import kind_of
from truffle.scopes import FAILING, read_status
from truffle.sources.api import Api, failures_of
from truffle.sources.listing import ScopeFailure
from truffle.sources.regional import Everywhere


def list_api_fleets(api: Api, regions: Sequence[str] | None) -> Everywhere[CapacityFleet]:
    """The fleets of the stack's scopes. Those whose fleets could not be asked are failures, beside
    the scopes that fail; what was last known of them is among the items. Raises ApiError."""
    asked = [("region", ",".join(regions))] if regions else []
    pages = list(api.pages("/fleets", [*asked, ("limit", str(MAX_LIMIT))]))
    status = read_status(api, [FAILING, *asked])
    with api.understood():
        items = [from_json(item) for page in pages for item in page["items"]]
        failed = failures_of(status["scopes"])
        names = {(it.account_id, it.region) for it in failed}
        silent = map(_failure, pages[-1]["unanswered"]["scopes"])
        failed += [it for it in silent if (it.account_id, it.region) not in names]
        totals = status["totals"]
        scopes = totals["scopes"] - totals["by_state"][State.CLOSED]
    return Everywhere(sorted(items, key=by_name), failed, scopes)


def _failure(scope: Mapping[str, Any]) -> ScopeFailure:
    seen = scope["last_success"]
    return ScopeFailure(
        scope["account_id"],
        scope["region"],
        scope["error"],
        "Its fleets could not be listed.",
        kind_of(scope["error"]),
        parse_time(seen) if seen else None,
        scope.get("account_name"),
    )
