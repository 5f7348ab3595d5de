"""EC2's answers as it writes them, from values and botocore's model; any shape of the model."""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import strategies as st

Shape = Any
"""A shape of botocore's model, which has no static types."""

NAMESPACE = ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'


@cache
def model() -> Any:
    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


def output_of(operation: str) -> Shape:
    return model().operation_model(operation).output_shape


def answer(shape: Shape, value: dict[str, Any], namespace: str = NAMESPACE) -> bytes:
    """A whole answer with these values; a timestamp or a number is given as its text."""
    content = f"<requestId>0a1b</requestId>{content_of(shape, value)}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{shape.name}Response{namespace}>{content}'
        f"</{shape.name}Response>"
    ).encode()


def content_of(shape: Shape, value: Any) -> str:
    """The content of an element of this shape."""
    if shape.type_name == "structure":
        return "".join(
            element(shape.members[name].serialization.get("name", name), shape.members[name], item)
            for name, item in value.items()
        )
    if shape.type_name == "list":
        return "".join(element("item", shape.member, item) for item in value)
    return escape(str(value))


def element(tag: str, shape: Shape, value: Any) -> str:
    return f"<{tag}>{content_of(shape, value)}</{tag}>"


def everything(shape: Shape, depth: int = 0) -> Any:
    """A value with every member of a shape and two items in every list, down to some depth."""
    if shape.type_name == "structure":
        members = shape.members.items() if depth < 12 else ()
        return {name: everything(member, depth + 1) for name, member in members}
    if shape.type_name == "list":
        return [everything(shape.member, depth + 1) for _ in range(2 if depth < 6 else 1)]
    return _EXAMPLES.get(shape.type_name, f"{shape.name} & <co>")


_EXAMPLES = {
    "boolean": "true",
    "integer": "-17",
    "long": "9007199254740993",
    "float": "0.25",
    "double": "1e3",
    "timestamp": "2026-11-24T11:30:00.000Z",
    "blob": "aGVsbG8=",
}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that EC2 may give for a shape: any members, also none, texts of every kind."""
    if shape.type_name == "structure":
        members = {name: values(member) for name, member in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if shape.type_name == "list":
        return st.lists(values(shape.member), max_size=3)
    if shape.type_name == "string" and shape.enum:
        return st.sampled_from(shape.enum) | WORDS
    return _TEXTS.get(shape.type_name, WORDS)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)

TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z") | (
    st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "Z")
)

_TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.sampled_from(["true", "false"]),
    "integer": st.integers(-(2**31), 2**31),
    "long": st.integers(-(2**63), 2**63),
    "float": st.floats(allow_nan=False, width=32),
    "double": st.floats(allow_nan=False),
    "timestamp": TIMES,
}
