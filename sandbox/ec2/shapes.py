"""Conversion between the AWS command line's JSON and boto3's fields, checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.ec2.dates import format_date, parse_date
from sandbox.ec2.wire import Shape, service_model
from truffle.core.suggest import nearest

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


class FleetError(ValueError):
    """A fleet file is invalid; the text has the location and what is allowed."""


def list_of(raw: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """The list under a key, empty if there is none. Raises FleetError."""
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise FleetError(f"{where}.{key} must be a list")
    return value


def count_of(raw: Mapping[str, Any], key: str, where: str) -> int:
    """The number of instances under a key, 0 if there is none. Raises FleetError."""
    value = raw.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FleetError(f"{where}.{key} = {value!r} must be a whole number of at least 0")
    return value


def described(operation: str, member: str) -> Shape:
    """The shape of one item of an operation's list."""
    output: Shape = service_model().operation_model(operation).output_shape
    return output.members[member].member


def from_json(shape: Shape, value: Any, now: datetime, where: str) -> Any:
    """The value with parsed dates, relative ones as of ``now``. Raises FleetError."""
    if shape.type_name == "structure":
        return _structure(shape, value, now, where)
    if shape.type_name == "list":
        if not isinstance(value, list):
            raise FleetError(f"{where} must be a list")
        return [
            from_json(shape.member, item, now, f"{where}[{index}]")
            for index, item in enumerate(value)
        ]
    if shape.type_name == "timestamp":
        return date_from_json(value, now, where)
    if not isinstance(value, _TYPES[shape.type_name]):
        raise FleetError(f"{where} = {value!r} must be of type {shape.type_name}")
    return value


def _structure(shape: Shape, value: Any, now: datetime, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise FleetError(f"{where} must be an object")
    for name in value:
        if name not in shape.members:
            near = nearest(name, shape.members)
            hint = f"; did you mean {near}?" if near else ""
            raise FleetError(f"{where}.{name} is not a field of EC2's {shape.name}{hint}")
    return {
        name: from_json(shape.members[name], item, now, f"{where}.{name}")
        for name, item in value.items()
        if item is not None
    }


def date_from_json(value: Any, now: datetime, where: str) -> datetime:
    if not isinstance(value, str):
        raise FleetError(f"{where} = {value!r} must be a date")
    try:
        return parse_date(value, now)
    except ValueError as error:
        raise FleetError(f"{where}: {error}") from None


def to_json(value: Any) -> Any:
    """The same with its dates as text."""
    if isinstance(value, datetime):
        return format_date(value)
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value
