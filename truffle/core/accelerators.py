"""Which instance types carry an accelerator: the bundled table, and what EC2 said of the rest.

An accelerator is a GPU, Trainium, Inferentia or another inference accelerator by EC2's own
description of the type; FPGA and media devices are none. Names and prefixes decide nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from truffle.core.model import Accelerator
from truffle.core.times import whole

Known = Mapping[str, Accelerator | None]
"""Instance type → its accelerator, or None for a type that is known to have none."""


@cache
def bundled() -> Known:
    """The table that comes with truffle; a type that it lacks is unknown, not plain."""
    table = json.loads(files("truffle.core").joinpath("accelerators.json").read_text())
    known: dict[str, Accelerator | None] = {
        instance_type: Accelerator(**entry) for instance_type, entry in table["accelerated"].items()
    }
    for family, sizes in table["unaccelerated"].items():
        known.update({f"{family}.{size}": None for size in sizes.split()})
    return known


def unknown_types(instance_types: Iterable[str], known: Known) -> list[str]:
    """The types among these that nobody has described yet, sorted."""
    table = bundled()
    return sorted({name for name in instance_types if name not in table and name not in known})


def accelerator_of(instance_type: str, known: Known) -> Accelerator | None:
    """What one instance of the type carries, by the bundled table first."""
    table = bundled()
    return table[instance_type] if instance_type in table else known.get(instance_type)


def accelerator(
    name: str,
    manufacturer: str,
    count: float,
    logical_count: int = 0,
    partition: float = 0,
) -> Accelerator:
    """An accelerator from EC2's numbers.

    Types with a partitioned GPU say ``Count`` 0 and give the logical GPUs and the partition's size
    instead (DescribeInstanceTypes, GpuInfo).
    """
    return Accelerator(name, manufacturer, whole(count or logical_count * partition))
