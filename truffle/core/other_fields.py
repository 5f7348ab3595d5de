"""Fields of stored rows that this version does not know, kept beside the decoded rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truffle.core.codec import FIELD_NAMES, Json
from truffle.core.model import Reservation
from truffle.core.validity import digest_of

_KNOWN = {name: frozenset(names) for name, names in FIELD_NAMES.items()}


class OtherFields:
    """The fields of reservations that a newer version wrote, by their known fields."""

    def __init__(self) -> None:
        self._found: dict[str, Json] = {}

    def note(self, data: Mapping[str, Any], row: Reservation) -> None:
        """Keep the unknown fields of the object from which ``row`` was decoded."""
        unknown = data.keys() - _KNOWN[type(row).__name__]
        if unknown:
            self._found[digest_of(row)] = {name: data[name] for name in sorted(unknown)}

    def of(self, row: Reservation) -> Json:
        """The unknown fields of a reservation, as last noted."""
        return self._found.get(digest_of(row), {}) if self._found else {}


NO_OTHER_FIELDS = OtherFields()
