"""All kinds of capacity, in the order in which they are shown."""

from __future__ import annotations

from typing import Final, get_args

from truffle.core.kinds.capacity_block import CapacityBlock
from truffle.core.kinds.kind import Kind, ReservationType
from truffle.core.kinds.odcr import Odcr

Reservation = Odcr | CapacityBlock

CLASSES: Final[dict[str, type[Reservation]]] = {cls.kind.type: cls for cls in get_args(Reservation)}
"""The rows of each kind, by its type."""

KINDS: Final[dict[str, Kind]] = {name: cls.kind for name, cls in CLASSES.items()}

TYPES: Final = tuple(ReservationType)

DEFAULT_TYPE: Final = ReservationType.ODCR
"""The kinds that are listed where no type is named."""
