"""The accelerators of instance types: EC2's description of a type, and the bundled table.

An accelerator is a GPU, Trainium, Inferentia or another inference accelerator by EC2's own
description of the type; FPGAs and media devices do not count. Names and prefixes of types are not
considered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from truffle.core.kinds.parts import Accelerator
from truffle.core.times import whole

Known = Mapping[str, Accelerator | None]
"""Instance type → its accelerator, or None if it has no known accelerator."""


@cache
def bundled() -> Known:
    """Every type of the bundled table; a type that is not in it is unknown, not one without
    accelerators."""
    return {**recorded(), **_accelerators("documented")}


@cache
def recorded() -> Known:
    """The types whose description by EC2 is bundled, so it need not be requested.

    The others of ``bundled`` come from AWS's guides.
    """
    plain: dict[str, Accelerator | None] = {
        f"{family}.{size}": None
        for family, sizes in _table()["unaccelerated"].items()
        for size in sizes.split()
    }
    return {**_accelerators("accelerated"), **plain}


def unknown_types(instance_types: Iterable[str], known: Known) -> list[str]:
    """The types among these that EC2 has not described yet, sorted."""
    table = recorded()
    return sorted({name for name in instance_types if name not in table and name not in known})


def accelerator_of(instance_type: str, known: Known) -> Accelerator | None:
    """The accelerators of one instance of the type: from EC2's description if known, else from the
    table.

    A description without any device does not override the table: EC2 describes trn2u.48xlarge
    without its 16 Trainium2 chips (EC2 Instance Types guide; AWS Neuron documentation, Trn2).
    """
    return known.get(instance_type) or bundled().get(instance_type)


def accelerator(
    name: str,
    manufacturer: str,
    count: float | None,
    logical_count: int | None = None,
    partition: float | None = None,
) -> Accelerator:
    """Build an accelerator from EC2's numbers.

    Types with a partitioned GPU have ``Count`` 0, and the logical GPUs and the partition's size
    instead (DescribeInstanceTypes, GpuInfo). A missing count is unknown.
    """
    if count:
        return Accelerator(name, manufacturer, count)
    if logical_count is None or partition is None:
        return Accelerator(name, manufacturer, None)
    return Accelerator(name, manufacturer, whole(logical_count * partition))


def _accelerators(section: str) -> Mapping[str, Accelerator]:
    return {name: Accelerator(**entry) for name, entry in _table()[section].items()}


@cache
def _table() -> Mapping[str, Any]:
    text = files("truffle.core").joinpath("accelerators.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]
