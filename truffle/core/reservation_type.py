"""The two types of capacity, as the Python client names them."""

from __future__ import annotations

from enum import StrEnum


class ReservationType(StrEnum):
    """The two types of capacity that AWS reserves for machine learning."""

    ODCR = "odcr"
    CAPACITY_BLOCKS = "capacity-block"
