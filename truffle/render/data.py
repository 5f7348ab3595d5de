"""Answers for programs: JSON, YAML and CSV of the one reservation object."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from truffle.core.codec import FIELD_NAMES
from truffle.core.model import CAPACITY_BLOCK, ODCR

Json = dict[str, Any]

_FIELDS = {ODCR: FIELD_NAMES["Odcr"], CAPACITY_BLOCK: FIELD_NAMES["CapacityBlock"]}


def to_json(value: Any, ascii_only: bool = False) -> str:
    """Indented by two, with letters as they are where the output can take them."""
    return json.dumps(value, indent=2, ensure_ascii=ascii_only)


def to_yaml(value: Any) -> str:
    """The same as the JSON, as YAML; times are texts."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text.rstrip("\n")


def to_csv(items: Iterable[Json], names: Sequence[str]) -> str:
    """One line per item under a line of names. Null is empty, objects and arrays are JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(item.get(name)) for name in names] for item in items)
    return text.getvalue().rstrip("\n")


def field_names(types: Iterable[str]) -> list[str]:
    """The fields of these types, those of both once, in the order of the JSON."""
    return list(dict.fromkeys(name for kind in types for name in _FIELDS[kind]))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
