"""One query parameter of the API: its allowed values, its parser, and its errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from truffle.core.suggest import misspelt, nearest
from truffle.core.times import TIME_FORMS, TIME_PATTERN, parse_time
from truffle.core.vocabulary import MISSPELT, Meant

Params = Mapping[str, Sequence[str]]
"""Each parameter's raw values, in order."""

Schema = Mapping[str, Any]


class BadParameter(ValueError):
    """An invalid parameter: its name, the value, what is allowed, the nearest match."""

    def __init__(self, name: str, value: str, allowed: str, near: str | None = None) -> None:
        hint = f"Did you mean {near}? " if near else ""
        super().__init__(f"{name}: invalid value {value!r}. {hint}{allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed
        self.nearest = near


def _nothing(text: str) -> None:
    """Never treat a value as a misspelling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter.

    ``read`` parses text, or raises ValueError; ``allowed`` describes valid values to people,
    ``schema`` to programs: every value of the schema can be read. A ``many`` parameter accepts
    several values, comma-separated or repeated; a comma inside a value is written ``\\,``. A value
    for which ``meant`` returns a word is a misspelling of that word.
    """

    name: str
    description: str
    allowed: str
    schema: Schema
    read: Callable[[str], Any]
    many: bool = False
    required: bool = False
    meant: Meant = _nothing

    def values(self, given: Sequence[str]) -> list[Any]:
        """Parse all texts. Raises BadParameter for the first invalid one."""
        texts = [part for text in given for part in self._parts(text)]
        if not texts or (len(texts) > 1 and not self.many):
            raise BadParameter(self.name, ",".join(given), f"{self.allowed} Give one value.")
        return [self.value(text) for text in texts]

    def value(self, text: str) -> Any:
        """Parse one value. Raises BadParameter."""
        near = self.meant(text.strip(" "))
        try:
            value = self.read(text)
        except ValueError:
            raise BadParameter(self.name, text, self.allowed, near) from None
        if near is not None:
            raise BadParameter(self.name, text, self.allowed, near)
        return value

    def _parts(self, text: str) -> list[str]:
        if not self.many:
            return [text]
        parts = [""]
        for token in re.findall(r",|\\.|[^\\,]+|\\", text, re.DOTALL):
            if token == ",":
                parts.append("")
            else:
                parts[-1] += token
        return parts


def matching(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    return matching("|".join(map(re.escape, choices)))


def spaced(pattern: str) -> Callable[[str], str]:
    """A pattern that allows spaces around a value, as after a comma."""
    read = matching(pattern)
    return lambda text: read(text.strip(" "))


def boolean(text: str) -> bool:
    return one_of(("true", "false"))(text.lower()) == "true"


def integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(matching("[0-9]{1,18}")(text))
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


_BOOLEAN: Schema = {"type": "boolean"}
TIME_ALLOWED = f"It must be {TIME_FORMS}; in a URL, + is written %2B."


def described(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^({pattern})$"}


def texts_parameter(name: str, description: str, allowed: str, pattern: str) -> Parameter:
    schema = described(f" *({pattern}) *")
    meant = MISSPELT.get(name, _nothing)
    return Parameter(
        name=name,
        description=description,
        allowed=allowed,
        schema=schema,
        read=spaced(pattern),
        many=True,
        meant=meant,
    )


def one_parameter(name: str, description: str, allowed: str, pattern: str) -> Parameter:
    """Parse one required text."""
    schema = described(pattern)
    return Parameter(
        name=name,
        description=description,
        allowed=allowed,
        schema=schema,
        read=matching(pattern),
        required=True,
    )


def choices_parameter(name: str, description: str, choices: Sequence[str]) -> Parameter:
    allowed = f"It must be {' or '.join(choices)}."
    schema = {"type": "string", "enum": list(choices)}
    read = spaced("|".join(map(re.escape, choices)))
    meant = partial(misspelt, known=choices)
    return Parameter(
        name=name,
        description=description,
        allowed=allowed,
        schema=schema,
        read=read,
        many=True,
        meant=meant,
    )


def flag_parameter(name: str, description: str) -> Parameter:
    return Parameter(
        name=name,
        description=description,
        allowed="It must be true or false.",
        schema=_BOOLEAN,
        read=boolean,
    )


def time_parameter(
    name: str, description: str, read: Callable[[str], datetime] = parse_time
) -> Parameter:
    return Parameter(
        name=name,
        description=description,
        allowed=TIME_ALLOWED,
        schema=described(TIME_PATTERN),
        read=read,
    )


def number_parameter(name: str, description: str, least: int, most: int) -> Parameter:
    allowed = f"It must be a whole number from {least} to {most}."
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(
        name=name,
        description=description,
        allowed=allowed,
        schema=schema,
        read=integer(least, most),
    )


def parse(given: Params, parameters: Iterable[Parameter]) -> dict[str, list[Any]]:
    """Parse the values by parameter. Raises BadParameter, also for an unknown name."""
    known = {parameter.name: parameter for parameter in parameters}
    for name, texts in given.items():
        if name not in known:
            raise BadParameter(name, ",".join(texts), _known_names(name, known))
    missing = [
        name for name, parameter in known.items() if parameter.required and name not in given
    ]
    if missing:
        raise BadParameter(missing[0], "", f"It is required. {known[missing[0]].allowed}")
    return {name: known[name].values(texts) for name, texts in given.items()}


def _known_names(name: str, known: Mapping[str, Parameter]) -> str:
    near = nearest(name, known)
    hint = f"Unknown parameter. Did you mean {near}? " if near else ""
    return f"{hint or 'Unknown parameter. '}The parameters are {', '.join(known)}."
