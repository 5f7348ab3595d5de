"""Copies in the bucket of the items beside the listings, for a cold reader.

A unit's items are valid while they have been written equally often. A stale, missing or damaged
object only costs reads of the table.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from gzip import GzipFile
from io import BytesIO
from typing import Any

from lambdas.observability import logger
from lambdas.store.archive import DAMAGES, Archive, Unreadable
from lambdas.store.beside import ItemKind, UnitItems
from lambdas.store.table import Item
from truffle.core.model import Scope

SCHEMA_VERSION = 1
"""The schema version of an object; a reader rejects an unknown version."""


def beside_key(kind: ItemKind) -> str:
    return f"latest/beside/{kind.lower()}.json.gz"


@dataclass(frozen=True, slots=True)
class BesideCopy:
    """The copy of one kind: a line for each unit."""

    archive: Archive
    kind: ItemKind

    def read(self) -> dict[str, UnitItems]:
        """The items of each unit as of the last write; empty if they cannot be read."""
        name = beside_key(self.kind)
        try:
            packed = self.archive.read_packed(name)
            return {} if packed is None else dict(_unpacked(packed))
        except (Unreadable, *DAMAGES) as error:
            logger.warning("copy read from the table", extra={"object": name, "error": str(error)})
            return {}

    def write(self, units: Mapping[str, UnitItems]) -> None:
        """Replace the copy. Raises what S3 does."""
        head = {"schema_version": SCHEMA_VERSION}
        lines = [head, *(_to_json(unit, units[unit]) for unit in sorted(units))]
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        self.archive.write_gzipped(beside_key(self.kind), text.encode())


def _unpacked(packed: bytes) -> Iterator[tuple[str, UnitItems]]:
    """Raises DAMAGES."""
    with GzipFile(fileobj=BytesIO(packed)) as lines:
        head = json.loads(lines.readline())
        if head["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"its schema version is {head['schema_version']}")
        for line in lines:
            unit = json.loads(line)
            region = unit["unit"].partition("/")[0]
            items = {Scope(name, region): _item(it) for name, it in unit["items"].items()}
            yield unit["unit"], UnitItems(unit["version"], items)


def _to_json(unit: str, held: UnitItems) -> dict[str, Any]:
    items = {scope.account_id: _attributes(item) for scope, item in held.items.items()}
    return {"unit": unit, "version": held.version, "items": items}


def _attributes(item: Item) -> dict[str, Any]:
    """The attributes of an item other than its key, with bytes as base64."""
    return {
        name: {"B": b64encode(bytes(value["B"])).decode()} if "B" in value else value
        for name, value in item.items()
        if name not in ("pk", "sk")
    }


def _item(attributes: dict[str, Any]) -> Item:
    return {
        name: {"B": b64decode(value["B"])} if "B" in value else value
        for name, value in attributes.items()
    }
