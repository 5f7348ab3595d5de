"""Requests to bill unused capacity to a consumer of a reservation, as EC2 lists them.

EC2 shows the most recent request of each reservation to its owner and to the requested account. It
expires 12 hours after it was sent; a cancelled, expired or revoked one is shown for another 24
hours (EC2 User Guide, "View billing assignment requests for shared EC2 Capacity Reservations").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Reservation
from sandbox.ec2.listings import Call, Listing, reservations
from sandbox.ec2.shapes import FleetError, described, from_json

KEY = "BillingRequest"
OPERATION = "DescribeCapacityReservationBillingRequests"
MEMBER = "CapacityReservationBillingRequests"

LIFETIME = timedelta(hours=12)
SHOWN_FOR = timedelta(hours=24)
_FLEETING = ("cancelled", "expired", "revoked")
_SIDES = {
    "odcr-owner": "RequestedBy",
    "unused-reservation-billing-owner": "UnusedReservationBillingOwnerId",
}
"""The member that names the caller, by role."""


def request_from_json(raw: Any, now: datetime, where: str) -> Fields:
    """Parse a request of a fleet file; by default pending and sent now. Raises FleetError."""
    fields = from_json(described(OPERATION, MEMBER), raw, now, where)
    if "UnusedReservationBillingOwnerId" not in fields:
        raise FleetError(f"{where} lacks UnusedReservationBillingOwnerId")
    return {"Status": "pending", "LastUpdateTime": now, **fields}


def request_at(reservation: Reservation, now: datetime) -> Fields | None:
    """The request as EC2 shows it at a moment; None if it shows none."""
    request = reservation.billing_request
    if request is None:
        return None
    if request["Status"] == "pending" and now >= request["LastUpdateTime"] + LIFETIME:
        ended = request["LastUpdateTime"] + LIFETIME
        request = {**request, "Status": "expired", "LastUpdateTime": ended}
    is_over = request["Status"] in _FLEETING and now >= request["LastUpdateTime"] + SHOWN_FOR
    return None if is_over else request


def billing_requests(call: Call) -> Listing:
    """The requests that the caller sent, or those that it received. Raises EC2Error."""
    role = call.parameters.get("Role")
    if role is None:
        raise EC2Error("MissingParameter", "The request must contain the parameter Role")
    if role not in _SIDES:
        raise EC2Error("InvalidParameterValue", f"Value ({role}) for parameter Role is invalid.")
    shown = (_shown(call, fields) for fields in reservations(call).items)
    own = (item for item in shown if item and item[_SIDES[role]] == call.account)
    return Listing(tuple(own))


def _shown(call: Call, fields: Fields) -> Mapping[str, Any] | None:
    name = fields["CapacityReservationId"]
    request = request_at(call.region.reservations[name], call.now)
    if request is None:
        return None
    shown = ("InstanceType", "AvailabilityZone", "Tenancy", "AvailabilityZoneId")
    return {
        "RequestedBy": fields["OwnerId"],
        **request,
        "CapacityReservationId": name,
        "CapacityReservationInfo": {key: fields[key] for key in shown if key in fields},
    }
