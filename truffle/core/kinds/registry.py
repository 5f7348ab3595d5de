"""All kinds of capacity, in the order in which they are shown."""

from __future__ import annotations

from typing import Final, get_args

from truffle.core.kinds.capacity_block import CapacityBlock
from truffle.core.kinds.db_capacity_reservation import DbCapacityReservation
from truffle.core.kinds.kind import Kind, ReservationType
from truffle.core.kinds.odcr import Odcr
from truffle.core.kinds.training_plan import TrainingPlan

Reservation = Odcr | CapacityBlock | TrainingPlan | DbCapacityReservation

CLASSES: Final[dict[str, type[Reservation]]] = {cls.kind.type: cls for cls in get_args(Reservation)}
"""The rows of each kind, by its type."""

KINDS: Final[dict[str, Kind]] = {name: cls.kind for name, cls in CLASSES.items()}

OTHER_IDS: Final = "|".join(
    f"{kind.id_prefix}[0-9A-Za-z-]+" for kind in KINDS.values() if kind.listing is not None
)
"""A regular expression of the reservation ids of kinds that other services list."""

TYPES: Final = tuple(ReservationType)

PREPAID_TYPES: Final = tuple(cls.kind.type for cls in CLASSES.values() if cls.kind.is_prepaid)

DEFAULT_TYPE: Final = ReservationType.ODCR
"""The kinds that are listed if no type is named."""
