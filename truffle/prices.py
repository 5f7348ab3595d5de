"""The prices for costs: the caller's own, then those of the deployed stack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from truffle.core.pricing import PriceBook
from truffle.errors import TruffleError

if TYPE_CHECKING:
    from truffle.client import Truffle


def read_prices(client: Truffle, own: PriceBook) -> tuple[PriceBook, list[str]]:
    """The caller's own prices, then those of a deployed stack, and the reason if the latter cannot
    be read. EC2 itself has none."""
    if client.api_url is None:
        return own, []
    try:
        known = client.prices()
    except TruffleError as error:
        return own, [f"The prices of the stack could not be read: {error}"]
    return replace(known, settings={**known.settings, **own.settings}), []
