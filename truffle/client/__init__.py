"""The Python client: capacity, offerings, validation and events, live or from the deployed API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truffle.client.connection import DEFAULT_TIMEOUT
from truffle.client.planning import PlanningClient
from truffle.client.stack import StackClient

if TYPE_CHECKING:
    from truffle.core.model import Odcr
    from truffle.results import Reservations

__all__ = ["DEFAULT_TIMEOUT", "Truffle", "check_gpu_capacity"]


class Truffle(PlanningClient, StackClient):
    """Capacity reservations of an account, or of all accounts that a deployed stack collects.

    ``Truffle()`` queries EC2 in all regions at once with the caller's credentials;
    ``Truffle(api_url=…)`` queries the deployed stack, signed with them. ``profile`` is a profile of
    the AWS configuration, ``timeout`` the seconds that one call may take once credentials are
    available. With ``ignore_denied``, regions that are denied or not enabled do not count as failed
    in a live listing; a deployed stack has the setting ``expected_denied`` instead. Every method
    raises a ``TruffleError`` whose text explains what to do.
    """


def check_gpu_capacity(
    available_only: bool = True, min_capacity: int | None = None
) -> Reservations[Odcr]:
    """The active ODCRs of GPU types, live; short for ``Truffle().capacity(gpu_only=True, …)``."""
    return Truffle().capacity(
        gpu_only=True, available_only=available_only, min_capacity=min_capacity
    )
