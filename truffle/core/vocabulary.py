"""Vocabularies that AWS extends: states, regions, zones, instance types and accelerators.

Each has a function that returns the known word that another one resembles, and None for a word that
is known or may be new (``truffle.core.suggest``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from truffle.core.accelerators import bundled
from truffle.core.model import STATES
from truffle.core.regions import KNOWN_REGIONS, is_glob, misspelt_region
from truffle.core.suggest import misspelt, nearest

Meant = Callable[[str], str | None]

_SIZE = re.compile(r"nano|micro|small|medium|large|[0-9]*xlarge|metal(-[0-9]+xl)?")
_SERVICE = re.compile(r"(ml|db)\.(?=[^.]+\.)")
"""The prefixes of SageMaker and RDS before EC2's type: ``ml.p5.48xlarge``, ``db.r7g.large``."""
_FAMILY = re.compile(r"([a-z]+)(-[a-z0-9-]+|[0-9][a-z0-9-]*)?")
_ZONE_REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]+")


def is_type_name(name: str) -> bool:
    """Whether a name has the form of an instance type: ``p5.48xlarge``, ``u-6tb1.112xlarge``."""
    family, _, size = name.partition(".")
    return bool(_FAMILY.fullmatch(family) and _SIZE.fullmatch(size))


def is_type_glob(name: str) -> bool:
    return is_glob(name) or "[" in name


def misspelt_state(name: str) -> str | None:
    return misspelt(name, STATES)


def misspelt_accelerator(name: str) -> str | None:
    """Case-insensitive. Only words are checked: a code such as GB300 naturally resembles others."""
    known = {each.casefold() for each in accelerator_names()}
    if name.casefold() in known or not re.match("[A-Za-z]{4}", name):
        return None
    return misspelt(name, accelerator_names())


def misspelt_type(name: str) -> str | None:
    """AWS adds generations, attributes and sizes (``p5``, ``p5en``, ``p6-b200``), so only the
    letters at the start of a family can be misspelt."""
    if name in bundled() or is_type_glob(name):
        return None
    if service := _SERVICE.match(name):
        near = misspelt_type(name.removeprefix(service[0]))
        return near and service[0] + near
    if types_of_family(name):
        return f"{name}.*"
    if not is_type_name(name):
        return nearest(name, bundled())
    family, _, size = name.partition(".")
    if _prefix(family) in _prefixes():
        return None
    near = nearest(family, _families())
    if near is None:
        return None
    return nearest(f"{near}.{size}", types_of_family(near)) or f"{near}.*"


def misspelt_zone(name: str) -> str | None:
    """A zone of a misspelt region."""
    region = zone_region(name)
    near = misspelt_region(region)
    return near and name.replace(region, near)


def zone_region(zone: str) -> str:
    """``us-east-1`` of ``us-east-1a``, and of ``us-east-1-bos-1a``, a local zone."""
    match = _ZONE_REGION.match(zone)
    return match[0] if match else zone


def types_of_family(name: str) -> list[str]:
    """The known instance types of a family such as ``p5``."""
    return sorted(known for known in bundled() if known.partition(".")[0] == name)


def accelerator_names() -> tuple[str, ...]:
    """``A100``, ``H100``, ``Trainium2``: the names in the bundled table, sorted."""
    return tuple(sorted({carried.name for carried in bundled().values() if carried}))


def types_with(accelerator: str) -> list[str]:
    """The known instance types with an accelerator; case-insensitive."""
    wanted = accelerator.casefold()
    return sorted(
        name for name, carried in bundled().items() if carried and carried.name.casefold() == wanted
    )


@cache
def _families() -> tuple[str, ...]:
    return tuple(sorted({name.partition(".")[0] for name in bundled()}))


@cache
def _prefixes() -> frozenset[str]:
    return frozenset(_prefix(family) for family in _families())


def _prefix(family: str) -> str:
    match = _FAMILY.fullmatch(family)
    return match[1] if match else family


MISSPELT: Mapping[str, Meant] = {
    "state": misspelt_state,
    "region": lambda name: None if is_glob(name) else misspelt_region(name),
    "availability_zone": misspelt_zone,
    "instance_type": misspelt_type,
    "accelerator": misspelt_accelerator,
}
"""The function that finds misspelt values, by the API's parameter."""

_WORDS: Mapping[str, Callable[[], Iterable[str]]] = {
    "state": lambda: STATES,
    "region": lambda: KNOWN_REGIONS,
    "instance_type": bundled,
    "accelerator": accelerator_names,
}


def unknown_word(parameter: str, value: str) -> str | None:
    """A warning about a value that this release does not know and that may be new."""
    if parameter == "availability_zone":
        parameter, value = "region", zone_region(value)
    if parameter not in _WORDS or is_type_glob(value):
        return None
    words = _WORDS[parameter]()
    if value.casefold() in {word.casefold() for word in words}:
        return None
    near = nearest(value, words)
    hint = f"; the closest that it knows is {near}" if near else ""
    return f"This release does not know the {parameter.replace('_', ' ')} {value}{hint}."
