"""The market of capacity blocks in a report: the matrix of the finds of watches."""

from __future__ import annotations

from truffle.core.codec import Json
from truffle.core.market.days import days_to_json
from truffle.core.market.finds import Market
from truffle.core.market.matrix import Cell, matrix
from truffle.core.times import format_time


def market_content(market: Market) -> Json | None:
    """The cells by type and region; None without watches."""
    cells = matrix(market)
    if not cells:
        return None
    return {
        "types": sorted({cell.instance_type for cell in cells}),
        "regions": sorted({cell.region for cell in cells}),
        "cells": [_cell(cell) for cell in cells],
    }


def _cell(cell: Cell) -> Json:
    offering = cell.cheapest.offering if cell.cheapest else None
    return {
        "type": cell.instance_type,
        "region": cell.region,
        "outcome": cell.outcome,
        "price": None if cell.price is None else round(float(cell.price), 4),
        "currency": offering.currency_code if offering else None,
        "start": format_time(cell.start) if cell.start else None,
        "offerings": cell.offerings,
        "known_at": format_time(cell.known_at) if cell.known_at else None,
        "days": [
            [it["day"], it["price"] and round(float(it["price"]), 4), it["lead_hours"]]
            for it in days_to_json(cell.days)
        ],
        "unanswered": ", ".join(f"{name}: {why}" for name, why in cell.unanswered) or None,
    }
