"""The accounts of an organization: which are collected, and how reliable the list is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final, Self

from truffle.core.model import Reservation
from truffle.core.times import format_time, parse_time

ORGANIZATION: Final = "organization"
"""The value of the setting ``accounts`` for every active account of the organization."""

ACTIVE: Final = "ACTIVE"
"""The only state in which an account can be used (AWS Organizations User Guide, "Monitor the state
of your AWS accounts")."""

GONE_SHARE = 0.1
GONE_AT_LEAST = 5
"""An answer in which more accounts than both limits are gone at once is doubted."""

TOO_MANY_GONE: Final = "TooManyAccountsGone"

DOUBTED_FOR = timedelta(days=1)
"""How long such an answer is doubted. Afterwards it is accepted."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organization.

    ``state`` is Organizations' own (``ACTIVE``, ``SUSPENDED``, …). ``parents`` has the ids of the
    root and of the organizational units above the account, from the root down; empty if unknown.
    """

    account_id: str
    name: str | None = None
    state: str | None = ACTIVE
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscoveryError:
    """Why a list of accounts may be old or incomplete, and since when."""

    code: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Labels:
    """The label of an account: its name, and the names of its organizational units below the root,
    joined by slashes. Both are None if unknown."""

    account_name: str | None = None
    organizational_unit: str | None = None


NO_LABELS: Final = Labels()

AllLabels = Mapping[str, Labels]
"""The label of each account, by its id."""


def labels_of(account_id: str | None, labels: AllLabels) -> Labels:
    return labels.get(account_id or "", NO_LABELS)


def labelled(row: Reservation, labels: AllLabels) -> Reservation:
    """A reservation with the names of its account and of the organizational unit."""
    found = labels_of(row.account_id, labels)
    return replace(
        row,
        account_name=found.account_name,
        organizational_unit=found.organizational_unit,
    )


def with_labels(plain: Mapping[str, Any], labels: AllLabels) -> dict[str, Any]:
    """A JSON object with an ``account_id``, with the label of the account."""
    found = labels_of(plain["account_id"], labels)
    names = {
        "account_name": found.account_name,
        "organizational_unit": found.organizational_unit,
    }
    return {**plain, **names}


def event_with_labels(message: Mapping[str, Any], labels: AllLabels) -> dict[str, Any]:
    """An event's message, and the reservation in it, with the labels of their accounts."""
    row = message["reservation"]
    return {**with_labels(message, labels), "reservation": row and with_labels(row, labels)}


def ids_called(text: str, labels: AllLabels) -> frozenset[str]:
    """The accounts matched by an id, a name or a glob; a unit matches all accounts in and below it.
    Names are case-insensitive."""
    wanted = text.lower()

    def is_called(name: str | None) -> bool:
        return name is not None and fnmatchcase(name.lower(), wanted)

    return frozenset(
        account_id
        for account_id, found in labels.items()
        if account_id == text
        or is_called(found.account_name)
        or any(map(is_called, _places(found.organizational_unit)))
    )


def _places(unit: str | None) -> list[str]:
    """A unit and those above it, each with and without the names above: ``a``, ``a/b``, ``b``."""
    names = unit.split("/") if unit else []
    return ["/".join(names[: depth + 1]) for depth in range(len(names))] + names


@dataclass(frozen=True, slots=True)
class Directory:
    """The accounts as Organizations listed them at ``observed_at``, in the order of their ids.

    ``units`` has the names of organizational units by id, which were requested at
    ``units_observed_at``. ``error`` is None if the last request was complete.
    """

    accounts: tuple[Account, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    units_observed_at: datetime | None = None
    error: DiscoveryError | None = None

    @property
    def is_complete(self) -> bool:
        return self.error is None and self.observed_at is not None

    def failed(self, code: str, message: str, at: datetime) -> Directory:
        """The same accounts, with the reason why they could not be updated."""
        known = self.error
        since = known.since if known is not None and known.code == code else at
        return replace(self, error=DiscoveryError(code, message, since))

    def labels(self) -> dict[str, Labels]:
        """The label of each account."""
        return {it.account_id: Labels(it.name, self._unit_of(it)) for it in self.accounts}

    def _unit_of(self, account: Account) -> str | None:
        return "/".join(self.units[it] for it in account.parents if it in self.units) or None


def discovery_to_json(directory: Directory) -> dict[str, Any]:
    """``discovery`` of ``GET /status`` and of a run's manifest."""
    error, seen = directory.error, directory.observed_at
    return {
        "complete": directory.is_complete,
        "error": error and {"code": error.code, "message": error.message},
        "observed_at": seen and format_time(seen),
    }


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects accounts: those in ``units`` (ids of roots or organizational units, however deep;
    empty means everywhere), without ``excluded`` ids."""

    units: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def of(self, directory: Directory) -> tuple[str, ...]:
        """The ids of the accounts that can be collected, sorted."""
        return tuple(sorted(it.account_id for it in directory.accounts if self._takes(it)))

    def _takes(self, account: Account) -> bool:
        is_inside = not self.units or not self.units.isdisjoint(account.parents)
        return account.state == ACTIVE and is_inside and account.account_id not in self.excluded


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The accounts whose reservations are collected.

    ``listed`` has account ids; empty means the stack's own account. ``is_organization`` means every
    active account of the organization instead. ``selection`` narrows either.
    """

    listed: tuple[str, ...] = ()
    is_organization: bool = False
    selection: Selection = Selection()

    def to_json(self) -> dict[str, Any]:
        return {
            "accounts": ORGANIZATION if self.is_organization else list(self.listed),
            "organizational_units": sorted(self.selection.units),
            "excluded_accounts": sorted(self.selection.excluded),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        is_organization = plain["accounts"] == ORGANIZATION
        return cls(
            () if is_organization else tuple(plain["accounts"]),
            is_organization,
            Selection(
                frozenset(plain["organizational_units"]), frozenset(plain["excluded_accounts"])
            ),
        )

    def own_or_listed(self, own: str) -> tuple[str, ...]:
        """The ids of a deployment that does not use Organizations, sorted."""
        return tuple(sorted(set(self.listed or [own]) - self.selection.excluded))


def accepted(before: Directory, found: Directory, selection: Selection) -> Directory:
    """The accounts to collect after a complete answer.

    An answer that lacks more than ``GONE_SHARE`` of the collected accounts is doubted for
    ``DOUBTED_FOR``: gone accounts are kept, new ones are added, and the error states this.
    """
    assert found.observed_at is not None
    known, present = selection.of(before), frozenset(selection.of(found))
    gone = [it for it in known if it not in present]
    if len(gone) <= max(GONE_AT_LEAST, GONE_SHARE * len(known)):
        return found
    message = (
        f"Organizations no longer lists {len(gone)} of {len(known)} accounts as active. truffle "
        f"collects them for another {DOUBTED_FOR.days * 24} hours, or on if they are listed again."
    )
    doubted = replace(found, error=before.error).failed(TOO_MANY_GONE, message, found.observed_at)
    assert doubted.error is not None
    if found.observed_at - doubted.error.since >= DOUBTED_FOR:
        return found
    kept = [it for it in before.accounts if it.account_id in set(gone)]
    others = [it for it in found.accounts if it.account_id not in set(gone)]
    return replace(doubted, accounts=in_order([*others, *kept]))


def in_order(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Accounts by id, each once."""
    by_id = {account.account_id: account for account in accounts}
    return tuple(by_id[name] for name in sorted(by_id))


def missing_units(units: Collection[str], directory: Directory) -> list[str]:
    """The ids among these that are not roots or units in Organizations."""
    known = {parent for account in directory.accounts for parent in account.parents}
    return sorted(set(units) - known - set(directory.units))


def directory_to_json(directory: Directory) -> dict[str, Any]:
    """A directory without its times and its error, which change independently."""
    return {
        "accounts": [
            [it.account_id, it.name, it.state, list(it.parents)] for it in directory.accounts
        ],
        "units": dict(directory.units),
    }


def directory_from_json(plain: Mapping[str, Any]) -> Directory:
    """The inverse; without its times and its error."""
    accounts = tuple(
        Account(account_id, name, state, tuple(parents))
        for account_id, name, state, parents in plain["accounts"]
    )
    return Directory(accounts, dict(plain["units"]))


def error_to_json(error: DiscoveryError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "since": format_time(error.since)}


def error_from_json(plain: Mapping[str, str]) -> DiscoveryError:
    return DiscoveryError(plain["code"], plain["message"], parse_time(plain["since"]))
