"""EC2's wire protocol, driven by botocore's service model: Query in, XML out.

Names on the wire are the model's (``queryName`` or ``locationName``), lists in a request are
numbered and flat, lists in a response are ``<item>`` elements, as in botocore's EC2 serializer and
parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel

from sandbox.ec2.dates import format_date, parse_absolute
from sandbox.ec2.errors import EC2Error, invalid_value, not_credible

Shape = Any
"""A shape of botocore's model, which has no static types."""

Render = Callable[[Any], str]

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9]+)/aws4_request")


@cache
def service_model() -> ServiceModel:
    """botocore's EC2 model; reading it takes a few tenths of a second."""
    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential of a call: SigV4's access key and the region of its scope."""

    access_key: str
    region: str


def credential_of(authorization: str, service: str = "ec2") -> Credential:
    """Parse the Authorization header; signatures are not verified. Raises EC2Error."""
    found = _CREDENTIAL.search(authorization)
    if found is None or found[3] != service:
        raise not_credible()
    return Credential(found[1], found[2])


def signed_service(authorization: str) -> str:
    """The service that an Authorization header is for; empty if unknown."""
    found = _CREDENTIAL.search(authorization)
    return found[3] if found else ""


# Requests


def parse_parameters(action: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a call by their names in the model. Raises EC2Error."""
    tree: dict[str, Any] = {}
    for name, value in query.items():
        if name not in ("Action", "Version"):
            _plant(tree, name, value)
    return _to_structure(service_model().operation_model(action).input_shape, tree, "")


def _plant(tree: dict[str, Any], name: str, value: str) -> None:
    *branches, leaf = name.split(".")
    for branch in branches:
        tree = tree.setdefault(branch, {})
        if not isinstance(tree, dict):
            raise _unknown(name)
    tree[leaf] = value


def _unknown(name: str) -> EC2Error:
    return EC2Error("UnknownParameter", f"The parameter {name} is not recognized")


def _to_structure(shape: Shape, tree: Any, path: str) -> dict[str, Any]:
    names = {_query_name(name, member): name for name, member in shape.members.items()}
    if not isinstance(tree, dict):
        raise _unknown(path)
    values = {}
    for wire_name, node in tree.items():
        if wire_name not in names:
            raise _unknown(f"{path}{wire_name}")
        name = names[wire_name]
        values[name] = _to_value(shape.members[name], node, f"{path}{wire_name}")
    return values


def _query_name(name: str, member: Shape) -> str:
    given = member.serialization.get("name")
    capital = given[:1].upper() + given[1:] if given else name
    return str(member.serialization.get("queryName", capital))


def _to_value(shape: Shape, node: Any, path: str) -> Any:
    if shape.type_name == "structure":
        return _to_structure(shape, node, f"{path}.")
    if shape.type_name == "list":
        return _to_list(shape, node, path)
    if not isinstance(node, str):
        raise _unknown(path)
    return _to_scalar(shape, node, path)


def _to_list(shape: Shape, node: Any, path: str) -> list[Any]:
    if not isinstance(node, dict) or not all(index.isdecimal() for index in node):
        raise _unknown(path)
    return [
        _to_value(shape.member, node[index], f"{path}.{index}") for index in sorted(node, key=int)
    ]


def _to_scalar(shape: Shape, text: str, path: str) -> Any:
    try:
        return _SCALARS.get(shape.type_name, str)(text)
    except ValueError:
        raise invalid_value(path, text, f"It must be of type {shape.type_name}.") from None


def _to_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_SCALARS: dict[str, Callable[[str], Any]] = {
    "boolean": _to_boolean,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "timestamp": parse_absolute,
}


# Answers


@cache
def renderer(action: str, member: str) -> Render:
    """A function that renders one item of a response's list."""
    shape: Shape = service_model().operation_model(action).output_shape
    return _content(shape.members[member].member)


def _content(shape: Shape) -> Render:
    if shape.type_name == "structure":
        return _structure_content(shape)
    if shape.type_name == "list":
        return _list_content(_content(shape.member))
    if shape.type_name == "boolean":
        return lambda value: "true" if value else "false"
    if shape.type_name == "timestamp":
        return format_date
    return lambda value: escape(str(value))


def _structure_content(shape: Shape) -> Render:
    members = {
        name: (member.serialization.get("name", name), _content(member))
        for name, member in shape.members.items()
    }

    def content(value: Mapping[str, Any]) -> str:
        parts = []
        for name, item in value.items():
            tag, render = members[name]
            parts.append(f"<{tag}>{render(item)}</{tag}>")
        return "".join(parts)

    return content


def _list_content(render: Render) -> Render:
    return lambda values: "".join(f"<item>{render(value)}</item>" for value in values)


def answer_xml(
    action: str,
    member: str,
    items: Iterable[str],
    next_token: str | None,
    request_id: str,
    facts: Mapping[str, Any] | None = None,
) -> bytes:
    """A whole response from rendered items, with ``facts`` beside them."""
    shape: Shape = service_model().operation_model(action).output_shape
    tag = shape.members[member].serialization["name"]
    content = "</item><item>".join(items)
    listed = f"<item>{content}</item>" if content else ""
    token = f"<nextToken>{escape(next_token)}</nextToken>" if next_token else ""
    return (
        f'{_HEADER}<{action}Response xmlns="{NAMESPACE}"><requestId>{request_id}</requestId>'
        f"{_structure_content(shape)(facts or {})}<{tag}>{listed}</{tag}>{token}</{action}Response>"
    ).encode()


def error_xml(error: EC2Error, request_id: str) -> bytes:
    return (
        f"{_HEADER}<Response><Errors><Error><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    ).encode()
