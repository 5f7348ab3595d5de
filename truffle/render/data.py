"""Results for programs: the JSON object of a reservation as JSON, YAML and CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from truffle.core.codec import FIELD_NAMES, Json
from truffle.core.kinds.registry import CLASSES
from truffle.core.quoting import csv_text, json_text, yaml_text
from truffle.core.quoting.terminal import visible

if TYPE_CHECKING:
    import yaml

_FIELDS: Mapping[str, tuple[str, ...]] = {
    name: FIELD_NAMES[cls.__name__] for name, cls in CLASSES.items()
}


def to_json(value: Any, ascii_only: bool = False) -> str:
    """JSON with an indentation of two, and unescaped letters if the output can encode them."""
    return json_text.escape_hidden(json.dumps(value, indent=2, ensure_ascii=ascii_only))


def to_yaml(value: Any) -> str:
    """The same as the JSON, as YAML. A string is a string in YAML 1.1 and 1.2."""
    import yaml

    text: str = yaml.dump(
        value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=_NEVER_FOLDED
    )
    return yaml_text.escape_hidden(text.rstrip("\n"))


_NEVER_FOLDED = 2**31 - 1


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """The YAML dumper, in C if available, with this project's quoting."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = None if yaml_text.is_plain(text) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Dumper


def to_csv(items: Iterable[Json], names: Sequence[str], is_shown: bool = False) -> str:
    """CSV with one line per item below a line of names. Null is empty, objects and arrays are JSON.

    ``is_shown`` makes hidden characters visible, for a terminal; otherwise every field is exact.
    """
    rows = [names, *([cell_text(item.get(name)) for name in names] for item in items)]
    if is_shown:
        rows = [[visible(field) for field in row] for row in rows]
    return "\n".join(map(csv_text.line, rows))


def field_names(types: Iterable[str]) -> list[str]:
    """The fields of these types, each once, in the order of the JSON."""
    return list(dict.fromkeys(name for kind in types for name in _FIELDS[kind]))


def cell_text(value: Any) -> str:
    """A value in a cell: empty for None, text unchanged, JSON for everything else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
