"""The coverage of a run: accounts, the regions of each, and when those are requested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time

Coverage = Mapping[str, tuple[str, ...]]
"""The regions to collect, sorted, by account id."""

ASKED_EVERY = timedelta(days=1)
RETRIED_AFTER = timedelta(hours=1)
"""When the regions of an account are requested again: after a success, and after a failure."""

MOST_ASKED = 100
"""Accounts that one run asks: enough for an hourly schedule to ask a thousand once a day, with room
to spare, without delaying the opening of a run."""

_NEVER = datetime.min.replace(tzinfo=UTC)

_EARLY = timedelta(minutes=5)
"""Runs do not start exactly on time, so an account that is due a moment later counts as due."""


@dataclass(frozen=True, slots=True)
class AccountRegions:
    """The regions enabled for an account, as of its last response; None before its first one.
    ``error`` is AWS's code if the last attempt failed."""

    regions: tuple[str, ...] | None
    asked_at: datetime
    error: str | None = None


def due(known: Mapping[str, AccountRegions], accounts: Iterable[str], now: datetime) -> list[str]:
    """The accounts to ask now, at most ``MOST_ASKED``: new ones first, then those that have waited
    longest."""

    def waits_since(account_id: str) -> datetime | None:
        one = known.get(account_id)
        if one is None:
            return None
        pause = RETRIED_AFTER if one.error else ASKED_EVERY
        return one.asked_at + pause - _EARLY

    waiting = {name: waits_since(name) for name in accounts}
    found = [name for name, since in waiting.items() if since is None or since <= now]
    return sorted(found, key=lambda name: (waiting[name] or _NEVER, name))[:MOST_ASKED]


def coverage_of(
    accounts: Iterable[str],
    known: Mapping[str, AccountRegions],
    default: Sequence[str],
    held: Iterable[Scope],
) -> Coverage:
    """The regions of each account: its own if known, else ``default``; and those of ``held`` scopes
    with reservations, which AWS bills even while the region is disabled."""
    kept: dict[str, set[str]] = {}
    for scope in held:
        kept.setdefault(scope.account_id, set()).add(scope.region)

    def regions_of(account_id: str) -> tuple[str, ...]:
        one = known.get(account_id)
        own = default if one is None or one.regions is None else one.regions
        return tuple(sorted(kept.get(account_id, set()).union(own)))

    return {account_id: regions_of(account_id) for account_id in sorted(accounts)}


def scopes_of(coverage: Coverage) -> frozenset[Scope]:
    return frozenset(
        Scope(account_id, region) for account_id, regions in coverage.items() for region in regions
    )


def regions_to_json(known: Mapping[str, AccountRegions]) -> dict[str, Any]:
    """The known regions of each account as JSON. Most accounts have the same regions, so each list
    is written once, and the accounts refer to it by index."""
    lists: dict[tuple[str, ...], int] = {}
    accounts = {}
    for name, one in sorted(known.items()):
        index = None if one.regions is None else lists.setdefault(one.regions, len(lists))
        accounts[name] = [index, format_time(one.asked_at), one.error]
    return {"lists": [list(regions) for regions in lists], "accounts": accounts}


def regions_from_json(plain: Mapping[str, Any]) -> dict[str, AccountRegions]:
    lists = [tuple(regions) for regions in plain["lists"]]
    return {
        name: AccountRegions(None if index is None else lists[index], parse_time(asked_at), error)
        for name, (index, asked_at, error) in plain["accounts"].items()
    }
