"""truffle: the GPU capacity that an organization holds on AWS, from Python and the command line.

The public names are loaded on first use, which keeps ``import truffle`` fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from truffle.async_client import AsyncTruffle as AsyncTruffle
    from truffle.client import Truffle as Truffle
    from truffle.client import check_gpu_capacity as check_gpu_capacity
    from truffle.client.bill import BillExport as BillExport
    from truffle.core.events import Event as Event
    from truffle.core.kinds.db_capacity_reservation import (
        DbCapacityReservation as DbCapacityReservation,
    )
    from truffle.core.model import CapacityBlock as CapacityBlock
    from truffle.core.model import Odcr as CapacityReservation
    from truffle.core.model import Odcr as Odcr
    from truffle.core.model import ReservationType as ReservationType
    from truffle.core.model import TrainingPlan as TrainingPlan
    from truffle.core.offerings import Offering as Offering
    from truffle.core.pricing import PriceBook as PriceBook
    from truffle.core.validation import Validation as Validation
    from truffle.errors import TruffleError as TruffleError
    from truffle.errors import TruffleNotFoundError as TruffleNotFoundError
    from truffle.query import BadArgument as BadArgument
    from truffle.results import Reservations as Reservations
    from truffle.sources.history import History as History
    from truffle.sources.listing import ScopeFailure as ScopeFailure

_HOMES = {
    "AsyncTruffle": "truffle.async_client",
    "BadArgument": "truffle.query",
    "BillExport": "truffle.client.bill",
    "CapacityBlock": "truffle.core.model",
    "CapacityReservation": "truffle.core.model:Odcr",
    "DbCapacityReservation": "truffle.core.kinds.db_capacity_reservation",
    "Event": "truffle.core.events",
    "History": "truffle.sources.history",
    "Odcr": "truffle.core.model",
    "Offering": "truffle.core.offerings",
    "PriceBook": "truffle.core.pricing",
    "ReservationType": "truffle.core.model",
    "TrainingPlan": "truffle.core.model",
    "Reservations": "truffle.results",
    "ScopeFailure": "truffle.sources.listing",
    "Truffle": "truffle.client",
    "TruffleError": "truffle.errors",
    "TruffleNotFoundError": "truffle.errors",
    "Validation": "truffle.core.validation",
    "check_gpu_capacity": "truffle.client",
}

__all__ = [
    "AsyncTruffle",
    "BadArgument",
    "BillExport",
    "CapacityBlock",
    "CapacityReservation",
    "DbCapacityReservation",
    "Event",
    "History",
    "Odcr",
    "Offering",
    "PriceBook",
    "ReservationType",
    "Reservations",
    "ScopeFailure",
    "TrainingPlan",
    "Truffle",
    "TruffleError",
    "TruffleNotFoundError",
    "Validation",
    "check_gpu_capacity",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, renamed = _HOMES[name].partition(":")
    value = getattr(import_module(module), renamed or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
