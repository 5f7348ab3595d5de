"""The extensions of each scope's capacity blocks, in one item: a copy that every listing
replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.store.beside import BesideStore, ItemKind
from lambdas.store.table import Item, number, packed_body, read_packed_body
from truffle.core.extensions import Extension, from_json, to_json
from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time

KEPT = timedelta(days=30)
"""How long the item of a scope without blocks is kept. By then, ``prices`` has read it."""


@dataclass(frozen=True, slots=True)
class ScopeExtensions:
    """EC2's response at ``asked_at``, and the ``blocks`` that the scope listed then, each with its
    end. ``error`` is the code of a later refusal; None if there was none."""

    blocks: frozenset[str]
    extensions: tuple[Extension, ...]
    asked_at: datetime | None
    error: str | None = None


def to_extensions(items: Mapping[Scope, Item]) -> dict[Scope, ScopeExtensions]:
    """The extensions of these items."""
    return {scope: _stored(item) for scope, item in items.items()}


@dataclass(frozen=True, slots=True)
class ExtensionStore:
    """The extensions in the table."""

    beside: BesideStore

    def write(self, scope: Scope, known: ScopeExtensions, now: datetime) -> None:
        data = {
            "blocks": sorted(known.blocks),
            "extensions": [to_json(it) for it in known.extensions],
            "asked_at": known.asked_at and format_time(known.asked_at),
            "error": known.error,
        }
        expires = number(int((now + KEPT).timestamp()))
        self.beside.put(scope, ItemKind.EXTENSIONS, body=packed_body(data), expires_at=expires)


def _stored(item: Item) -> ScopeExtensions:
    data = read_packed_body(item)
    return ScopeExtensions(
        frozenset(data["blocks"]),
        tuple(map(from_json, data["extensions"])),
        data["asked_at"] and parse_time(data["asked_at"]),
        data["error"],
    )
