"""The network nodes of a few reservations of one scope, for a validation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from truffle.core.model import Reservation
from truffle.core.topology import Placement, from_json
from truffle.ec2.topology import PAGE_SIZE, PLACED_STATES, list_placements
from truffle.errors import TruffleError
from truffle.sources.api import Api
from truffle.sources.deployed import list_items
from truffle.sources.regional import Everywhere, list_everywhere


def placements_of(
    caller: Any, api: Api | None, rows: Sequence[Reservation], timeout: float
) -> tuple[Sequence[Placement] | None, str | None]:
    """The placements of these reservations, None if one of them is unknown; and the reason if the
    call failed, which must not fail the validation."""
    if any(row.state not in PLACED_STATES for row in rows):
        return None, None
    row, names = rows[0], [each.reservation_id for each in rows][:PAGE_SIZE]
    try:
        if api is not None:
            found = _deployed(api, row)
        else:
            ask = partial(list_placements, ids=names)
            found = list_everywhere(caller, ask, [row.region], timeout)
    except TruffleError as error:
        return None, str(error)
    by_id = {it.reservation_id: it for it in found.items}
    if by_id.keys() >= set(names):
        return [by_id[name] for name in names], None
    return None, next((f"{it.code}: {it.message}" for it in found.failures), None)


def _deployed(api: Api, row: Reservation) -> Everywhere[Placement]:
    scope = [("account", row.account_id)] if row.account_id else []
    requested = [*scope, ("region", row.region)]
    return list_items(
        api, "/topology", from_json, requested, [("instance_type", row.instance_type)]
    )
