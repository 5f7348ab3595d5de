"""Results as a pandas DataFrame (extra ``truffle[pandas]``), with a type for every column.

A column with missing values keeps its type: integers are pandas' nullable ``Int64``, never floats;
times are aware and UTC.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from truffle.extras import extra

if TYPE_CHECKING:
    from pandas import DataFrame

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "Int64",
    float: "Float64",
    bool: "boolean",
    datetime: "datetime64[us, UTC]",
}
"""pandas' types by those of the model; anything else is ``object``."""


def to_dataframe(rows: Sequence[Any], classes: Sequence[type]) -> DataFrame:
    """Build a row for each result and a column for each field, with the names of the classes.

    An object field becomes a column for each of its own fields: ``accelerator.name``. Tags and
    lists are not changed. Raises TruffleError if pandas is not installed.
    """
    with extra("pandas"):
        import pandas
    columns = {name: kind for cls in classes for name, kind in _columns(cls)}
    series = {
        name: pandas.Series([_value(row, name) for row in rows], dtype=kind)
        for name, kind in columns.items()
    }
    return pandas.DataFrame(series)


def _columns(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The columns of a dataclass and their types, in the order of its fields."""
    hints = get_type_hints(cls)
    for field in fields(cls):
        kind = _without_none(hints[field.name])
        if is_dataclass(kind) and isinstance(kind, type):
            yield from _columns(kind, f"{prefix}{field.name}.")
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield f"{prefix}{field.name}", "string"
        else:
            yield f"{prefix}{field.name}", _TYPES.get(kind, "object")


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    members = [member for member in get_args(hint) if member is not type(None)]
    return members[0] if len(members) == 1 else hint


def _value(row: Any, name: str) -> Any:
    """A field by its path; None if a row of another class does not have it."""
    value = row
    for part in name.split("."):
        value = getattr(value, part, None)
    return value
