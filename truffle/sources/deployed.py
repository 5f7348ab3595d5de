"""Reservations, fleets and network nodes of the deployed stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from truffle.core.codec import Json, decode
from truffle.core.filters import Filter
from truffle.core.kinds.registry import KINDS
from truffle.core.model import TYPES, FailureKind
from truffle.core.parameters import MAX_LIMIT
from truffle.core.queries import to_values
from truffle.core.regions import expanded, is_glob
from truffle.core.status import STALE, State
from truffle.core.times import format_time, parse_time
from truffle.query import BadArgument, ListQuery
from truffle.sources.api import Api, ApiError, Parameters
from truffle.sources.listing import Listing, ScopeFailure
from truffle.sources.regional import Everywhere
from truffle.sources.status import FAILING, failures_of, read_status, scopes_of
from truffle.threads import start

Item = TypeVar("Item")

_LISTINGS = {kind.listing.operation for kind in KINDS.values() if kind.listing}
"""The first words of the API's warnings about a kind; warnings about values are created by the
client itself."""


def list_reservations(api: Api, query: ListQuery) -> Listing:
    """List the reservations of the deployed stack, in the form of the live source.

    The server also filters, to send less; the caller's own filter always decides.
    """
    types = [name for name in TYPES if not query.filter.types or name in query.filter.types]
    reading = start(partial(read_status, api, [FAILING, *scopes_of(query), *_time_of(query)]))
    lists = [start(partial(_pages_of_type, api, name, query)) for name in types]
    status = reading.result()
    pages = [page for future in lists for page in future.result()]
    items = [item for page in pages for item in page["items"]]
    warnings = dict.fromkeys(text for page in pages for text in page.get("warnings") or ())
    with api.understood():
        if status["regions"] == []:
            raise ApiError("The stack has not collected anything yet: wait for its first run.")
        totals = status["totals"]
        missing = _not_collected(status["regions"], query)
        _check_globs(status["regions"], query)
        return Listing(
            reservations=[decode(item) for item in items],
            failures=[*failures_of(status["scopes"]), *missing],
            scopes=totals["scopes"] - totals["by_state"][State.CLOSED] + len(missing),
            observed_at=totals["observed_at"] and parse_time(totals["observed_at"]),
            warnings=[text for text in warnings if text.partition(" ")[0] in _LISTINGS],
        )


def _pages_of_type(api: Api, name: str, query: ListQuery) -> list[Json]:
    return list(api.pages(KINDS[name].path, [*query_of(query.filter, name), *_time_of(query)]))


def _time_of(query: ListQuery) -> list[tuple[str, str]]:
    return [("as_of", format_time(query.as_of))] if query.as_of else []


def _not_collected(collected: Iterable[str], query: ListQuery) -> list[ScopeFailure]:
    """The requested regions that the stack does not collect, and does not know."""
    message = "The deployed stack does not collect this region."
    return [
        ScopeFailure(
            account_id=None,
            region=region,
            code=STALE,
            message=message,
            kind=FailureKind.DISABLED,
            last_success=None,
        )
        for region in query.regions or ()
        if region not in collected and not is_glob(region)
    ]


def _check_globs(collected: Sequence[str], query: ListQuery) -> None:
    """Raises BadArgument if only globs were requested, and they match nothing."""
    if query.regions and not expanded(query.regions, collected):
        allowed = f"The regions that the deployed stack collects are {', '.join(collected)}."
        raise BadArgument("regions", ", ".join(query.regions), allowed)


def query_of(chosen: Filter, name: str) -> list[tuple[str, str]]:
    """A filter as the API's parameters, for a list of one type."""
    return [*to_values(chosen, name), ("limit", str(MAX_LIMIT))]


def list_items(
    api: Api,
    path: str,
    read: Callable[[Mapping[str, Any]], Item],
    scopes: Parameters,
    parameters: Parameters = (),
) -> Everywhere[Item]:
    """List the items of a route for the requested scopes. Failures are the failed scopes and those
    whose request failed; the last known items of the latter are included.

    Raises ApiError.
    """
    requested = [*scopes, *parameters, ("limit", str(MAX_LIMIT))]
    pages = list(api.pages(path, requested))
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
    from truffle.ec2.errors import kind_of

    seen = scope["last_success"]
    return ScopeFailure(
        account_id=scope["account_id"],
        region=scope["region"],
        code=scope["error"],
        message=f"Its {path.strip('/')} could not be listed.",
        kind=kind_of(scope["error"]),
        last_success=parse_time(seen) if seen else None,
        account_name=scope.get("account_name"),
    )
