"""The names of accounts in responses and requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lambdas.api.inventory import View
from lambdas.store.directory import DirectoryCache
from truffle.core.declared_filters import ACCOUNT_ALLOWED
from truffle.core.model import Reservation
from truffle.core.organization import AllLabels, Directory, ids_called, labelled
from truffle.core.parameters import BadParameter

_GLOB = frozenset("*?[")


@dataclass(slots=True)
class Names:
    """Labels of accounts, from the directory; without one, accounts have only ids."""

    cache: DirectoryCache | None
    _named: View = field(default_factory=lambda: View([], [], {}))
    _unnamed: list[Reservation] | None = None
    _used: AllLabels | None = None

    @property
    def directory(self) -> Directory | None:
        """The present directory. Raises what DynamoDB does, and Incomplete."""
        return self.cache.directory() if self.cache is not None else None

    @property
    def last_labels(self) -> AllLabels:
        """The labels of accounts as of the last read of the directory."""
        return self.cache.last_labels if self.cache is not None else {}

    def of(self, view: View) -> View:
        """The view with the last names in its rows; it is the same object while both are
        unchanged."""
        labels = self.last_labels
        if not labels:
            return view
        if view.rows is self._unnamed and labels is self._used:
            self._named = self._named.as_of(view.statuses)
            return self._named
        rows = [labelled(row, labels) for row in view.rows]
        self._named = View(view.statuses, rows, {row.reservation_id: row for row in rows})
        self._unnamed, self._used = view.rows, labels
        return self._named

    def ids(self, accounts: Iterable[str]) -> frozenset[str]:
        """The ids of these ids, names and globs.

        Raises BadParameter for an unknown name; a glob may match nothing.
        """
        requested = list(accounts)
        if not requested:
            return frozenset()
        labels = self.cache.labels() if self.cache is not None else {}
        return frozenset(found for text in requested for found in _ids(text, labels))


def _ids(text: str, labels: AllLabels) -> list[str]:
    if text.isdecimal():
        return [text]
    found = ids_called(text, labels)
    if not found and _GLOB.isdisjoint(text):
        allowed = f"{ACCOUNT_ALLOWED} No account or unit has this name."
        raise BadParameter("account", text, allowed)
    # A glob without a match must match nothing, instead of being dropped from the filter.
    return sorted(found) or [text]
