"""RDS for the sandbox: DB capacity reservations over its own protocol, Query in and XML out.

Sources: botocore's service model of RDS (1.44); Amazon RDS API Reference,
DescribeDBCapacityReservations and Common Errors.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session

from sandbox.ec2.dates import format_date
from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields
from sandbox.ec2.others import Form
from sandbox.ec2.protocol import Request, Service, ServiceCall
from sandbox.ec2.wire import Shape

OPERATION = "DescribeDBCapacityReservations"
NAMESPACE = "http://rds.amazonaws.com/doc/2014-10-31/"
FEWEST, PAGE = 20, 100
"""The bounds of MaxRecords, the second of which is its default."""

CODES: Mapping[str, tuple[str, int]] = {
    "AuthFailure": ("InvalidClientTokenId", 403),
    "UnauthorizedOperation": ("AccessDenied", 403),
    "RequestLimitExceeded": ("Throttling", 400),
    "InternalError": ("InternalFailure", 500),
    "Unavailable": ("ServiceUnavailable", 503),
    "UnsupportedOperation": ("InvalidAction", 400),
}
"""EC2's codes of a fault, and RDS's codes for them."""

_PARAMETERS = {"Action", "Version", "DBCapacityReservationIdentifier", "Marker", "MaxRecords"}


@cache
def rds_model() -> Any:
    return botocore.session.get_session().get_service_model("rds")


def _shape() -> Shape:
    return rds_model().shape_for("DBCapacityReservation")


def _completed(fields: Fields, region: str, account: str, now: datetime) -> Fields:
    """A reservation with RDS's defaults for omitted fields."""
    name = fields["DBCapacityReservationName"]
    made = sha256(f"{account} {region} {name}".encode()).hexdigest()[:17]
    identifier = fields.get("DBCapacityReservationIdentifier", f"dbcr-{made}")
    start = fields.get("StartDate")
    arn = f"arn:aws:rds:{region}:{account}:db-capacity-reservation:{identifier}"
    return {
        "DBCapacityReservationIdentifier": identifier,
        "DBCapacityReservationArn": arn,
        "State": "active" if start is None or start <= now else "scheduled",
        "CreateDate": now,
        "TagList": [],
        **fields,
    }


DB_CAPACITY_RESERVATIONS = Form(
    key="DBCapacityReservations",
    path="db-capacity-reservations",
    shape=_shape,
    arn="DBCapacityReservationArn",
    names=("DBCapacityReservationName", "DBCapacityReservationIdentifier"),
    state="State",
    steps={"scheduled": ("StartDate", "active"), "active": ("EndDate", "expired")},
    complete=_completed,
)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def _operation(request: Request) -> str:
    return _query(request).get("Action", "")


def _read(request: Request) -> tuple[Mapping[str, Any], int]:
    query = _query(request)
    if query.get("Action") != OPERATION:
        raise EC2Error("InvalidAction", f"Could not find operation {query.get('Action')}")
    unknown = sorted(set(query) - _PARAMETERS)
    if unknown:
        raise EC2Error("InvalidParameterCombination", f"The sandbox does not know {unknown[0]}")
    size, start = query.get("MaxRecords", str(PAGE)), _start(query.get("Marker"))
    if not size.isdecimal() or not FEWEST <= int(size) <= PAGE:
        message = f"Invalid value {size} for MaxRecords. Must be between {FEWEST} and {PAGE}"
        raise EC2Error("InvalidParameterValue", message)
    return {**query, "start": start, "size": int(size)}, 1 + start // int(size)


def _start(marker: str | None) -> int:
    try:
        text = base64.b64decode(marker or "").decode()
        return int(text.removeprefix("dbcr-")) if marker else 0
    except ValueError:
        raise EC2Error("InvalidParameterValue", "The request token is not valid.") from None


def _answer(operation: str, call: ServiceCall) -> bytes:
    request = call.parameters
    start, end = request["start"], request["start"] + request["size"]
    listed, shape = _wanted(call), rds_model().operation_model(operation).output_shape
    marker = base64.b64encode(f"dbcr-{end}".encode()).decode()
    content = {
        "DBCapacityReservations": [_at(it) for it in listed[start:end]],
        **({"Marker": marker} if end < len(listed) else {}),
    }
    return (
        f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{_xml(shape, content)}'
        f"</{operation}Result><ResponseMetadata><RequestId>{call.request_id}</RequestId>"
        f"</ResponseMetadata></{operation}Response>"
    ).encode()


def _wanted(call: ServiceCall) -> list[Fields]:
    listed, name = call.held(DB_CAPACITY_RESERVATIONS), "DBCapacityReservationIdentifier"
    wanted = call.parameters.get(name)
    if wanted is None:
        return listed
    found = [it for it in listed if wanted in (it[name], it["DBCapacityReservationName"])]
    if not found:
        message = f"DB capacity reservation {wanted} not found."
        raise EC2Error("DBCapacityReservationNotFound", message, 404)
    return found


def _at(fields: Fields) -> Fields:
    """A reservation at a moment: it reports free capacity while it is active, and 0 before and
    after."""
    if fields["State"] == "active":
        return fields
    key = "AvailableCapacityPerAvailabilityZoneList"
    return {**fields, key: [{**zone, "AvailableCapacity": 0} for zone in fields.get(key, ())]}


def _xml(shape: Shape, value: Any) -> str:
    if shape.type_name == "structure":
        parts = ((name, _xml(shape.members[name], item)) for name, item in value.items())
        return "".join(f"<{name}>{text}</{name}>" for name, text in parts)
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        return "".join(f"<{tag}>{_xml(shape.member, item)}</{tag}>" for item in value)
    return escape(format_date(value) if shape.type_name == "timestamp" else str(value))


def _error(error: EC2Error, request_id: str) -> tuple[int, bytes]:
    code, status = CODES.get(error.code, (error.code, error.status))
    kind = "Sender" if status < 500 else "Receiver"
    return status, (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    ).encode()


RDS = Service("rds", "text/xml", _operation, _read, _answer, _error)
