"""The simulator's control API: JSON under ``/_sim/``, in addition to EC2's protocol.

| call | does |
|---|---|
| ``GET /_sim/health`` | responds if the simulator runs |
| ``GET, PUT /_sim/fleet`` | the present fleet as a fleet file; replaces it |
| ``POST /_sim/reservations`` | adds ``{"region": …, "reservation": {…}}`` as in a fleet file |
| ``GET, PATCH, DELETE /_sim/reservations/<id>`` | one reservation; null removes a field |
| ``PUT /_sim/billing-requests/<id>`` | its last billing request; ``{}`` removes it |
| ``PATCH /_sim/blocks/<region>/<id>`` | fields of a block's status, ``InterconnectStatus`` … |
| ``PUT /_sim/market/<region>`` | ``{"Market": […]}`` of a fleet file: its offers |
| ``PATCH, DELETE /_sim/training-plans/<name>``, and ``db-capacity-reservations`` | fields of one |
| ``GET, PUT /_sim/clock`` | the simulated time; ``{"now": …}`` or ``{"advance_seconds": …}`` |
| ``GET, POST, DELETE /_sim/faults`` | lists active faults; adds one; removes all |
| ``DELETE /_sim/faults/<region>`` | removes the faults of this region |
| ``PUT /_sim/latency`` | ``{"milliseconds": …, "region": … or null}`` |
| ``GET, DELETE /_sim/calls`` | ``[{"region", "operation", "count"}]`` so far; resets them |
| ``POST /_sim/reset`` | restores the initial state |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from sandbox.ec2.billing_requests import request_from_json
from sandbox.ec2.dates import format_date
from sandbox.ec2.faults import fault_from_json, fault_to_json
from sandbox.ec2.fleet_file import (
    dump_fleet,
    fields_from_json,
    load_fleet,
    market_from_json,
    reservation_from_json,
    reservation_to_json,
)
from sandbox.ec2.others import Form
from sandbox.ec2.services import FORMS
from sandbox.ec2.shapes import date_from_json, described, from_json, to_json
from sandbox.ec2.simulator import Simulator

PREFIX = "/_sim/"

Action = Callable[[Simulator, list[str], Any], Any]


@dataclass(frozen=True, slots=True)
class Response:
    status: HTTPStatus
    content: Any


def control(simulator: Simulator, method: str, path: str, body: bytes) -> Response:
    """One call of the control API; ``error`` has its problem."""
    name, *rest = path.removeprefix(PREFIX).split("/")
    action = _ACTIONS.get((method, name, len(rest)))
    if action is None:
        return Response(HTTPStatus.NOT_FOUND, {"error": f"there is no {method} {path}"})
    try:
        return Response(HTTPStatus.OK, action(simulator, rest, json.loads(body or b"{}")))
    except KeyError as error:
        return Response(HTTPStatus.NOT_FOUND, {"error": f"there is no {error.args[0]}"})
    except (TypeError, ValueError) as error:
        return Response(HTTPStatus.BAD_REQUEST, {"error": str(error)})


def _health(simulator: Simulator, rest: list[str], body: Any) -> Any:
    return {"account": simulator.fleet.account, "now": format_date(simulator.now())}


def _get_fleet(simulator: Simulator, rest: list[str], body: Any) -> Any:
    return dump_fleet(simulator.fleet, simulator.now())


def _put_fleet(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.replace_fleet(load_fleet(json.dumps(body), simulator.now()))
    return {"regions": len(simulator.fleet.regions)}


def _post_reservation(simulator: Simulator, rest: list[str], body: Any) -> Any:
    region, now = body["region"], simulator.now()
    account = simulator.fleet.account
    reservation = reservation_from_json(body["reservation"], region, account, now, "reservation")
    simulator.put(region, reservation)
    return reservation_to_json(reservation, now)


def _get_reservation(simulator: Simulator, rest: list[str], body: Any) -> Any:
    region = simulator.fleet.region_of(rest[0])
    shown = reservation_to_json(region.reservations[rest[0]], simulator.now())
    if shown is None:
        raise KeyError(rest[0])
    return shown


def _patch_reservation(simulator: Simulator, rest: list[str], body: Any) -> Any:
    now = simulator.now()
    changed = simulator.patch(rest[0], fields_from_json(body, now, rest[0]))
    return reservation_to_json(changed, now)


def _delete_reservation(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.remove(rest[0])
    return {}


def _put_billing_request(simulator: Simulator, rest: list[str], body: Any) -> Any:
    request = request_from_json(body, simulator.now(), rest[0]) if body else None
    simulator.set_billing_request(rest[0], request)
    return {}


def _patch_block(simulator: Simulator, rest: list[str], body: Any) -> Any:
    region, block_id = rest
    shape = described("DescribeCapacityBlockStatus", "CapacityBlockStatuses")
    simulator.set_status(region, block_id, from_json(shape, body, simulator.now(), block_id))
    return {}


def _put_market(simulator: Simulator, rest: list[str], body: Any) -> Any:
    (region,) = rest
    simulator.set_market(region, market_from_json(body, simulator.now(), region))
    return {}


def _patch_held(form: Form) -> Action:
    def patch(simulator: Simulator, rest: list[str], body: Any) -> Any:
        return to_json(simulator.patch_held(form, rest[0], body))

    return patch


def _delete_held(form: Form) -> Action:
    def delete(simulator: Simulator, rest: list[str], body: Any) -> Any:
        simulator.remove_held(form, rest[0])
        return {}

    return delete


def _clock(simulator: Simulator) -> Any:
    return {"now": format_date(simulator.now())}


def _get_clock(simulator: Simulator, rest: list[str], body: Any) -> Any:
    return _clock(simulator)


def _put_clock(simulator: Simulator, rest: list[str], body: Any) -> Any:
    if "now" in body:
        simulator.set_clock(date_from_json(body["now"], simulator.now(), "now"))
    else:
        simulator.advance(timedelta(seconds=float(body["advance_seconds"])))
    return _clock(simulator)


def _get_faults(simulator: Simulator, rest: list[str], body: Any) -> Any:
    return [fault_to_json(fault) for fault in simulator.faults()]


def _post_fault(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.add_fault(fault_from_json(body))
    return {}


def _delete_faults(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.set_faults([])
    return {}


def _delete_faults_of(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.end_faults(rest[0])
    return {}


def _put_latency(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.set_latency(float(body["milliseconds"]), body.get("region"))
    return {}


def _get_calls(simulator: Simulator, rest: list[str], body: Any) -> Any:
    return [
        {"region": region, "operation": operation, "count": count}
        for (region, operation), count in sorted(simulator.calls().items())
    ]


def _delete_calls(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.forget_calls()
    return {}


def _post_reset(simulator: Simulator, rest: list[str], body: Any) -> Any:
    simulator.reset()
    return {}


_ACTIONS: Mapping[tuple[str, str, int], Action] = {
    ("GET", "health", 0): _health,
    ("GET", "fleet", 0): _get_fleet,
    ("PUT", "fleet", 0): _put_fleet,
    ("POST", "reservations", 0): _post_reservation,
    ("GET", "reservations", 1): _get_reservation,
    ("PATCH", "reservations", 1): _patch_reservation,
    ("DELETE", "reservations", 1): _delete_reservation,
    ("PUT", "billing-requests", 1): _put_billing_request,
    ("PATCH", "blocks", 2): _patch_block,
    ("PUT", "market", 1): _put_market,
    **{("PATCH", path, 1): _patch_held(form) for path, form in FORMS.items()},
    **{("DELETE", path, 1): _delete_held(form) for path, form in FORMS.items()},
    ("GET", "clock", 0): _get_clock,
    ("PUT", "clock", 0): _put_clock,
    ("GET", "faults", 0): _get_faults,
    ("POST", "faults", 0): _post_fault,
    ("DELETE", "faults", 0): _delete_faults,
    ("DELETE", "faults", 1): _delete_faults_of,
    ("PUT", "latency", 0): _put_latency,
    ("GET", "calls", 0): _get_calls,
    ("DELETE", "calls", 0): _delete_calls,
    ("POST", "reset", 0): _post_reset,
}
