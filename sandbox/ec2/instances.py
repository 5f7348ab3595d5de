"""Running instances of a fleet file, in the form of ``aws ec2 describe-instances``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.ec2.filters import Fields
from sandbox.ec2.shapes import FleetError, described, from_json, list_of

KEY = "Instances"

_DEFAULTS: Fields = {
    "State": {"Code": 16, "Name": "running"},
    "PlatformDetails": "Linux/UNIX",
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
}


def instances_from_json(
    raw: Mapping[str, Any], account: str, now: datetime, where: str
) -> Iterable[Fields]:
    """A group for each instance, so that filters select instances. Raises FleetError."""
    shape = described("DescribeInstances", "Reservations").members[KEY].member
    for index, item in enumerate(list_of(raw, KEY, where)):
        here = f"{where}.{KEY}[{index}]"
        fields = from_json(shape, item, now, here)
        if not {"InstanceId", "InstanceType"} <= fields.keys():
            raise FleetError(f"{here} lacks InstanceId or InstanceType")
        placed = {"Tenancy": "default", **fields.get("Placement", {})}
        yield {"OwnerId": account, KEY: [{**_DEFAULTS, **fields, "Placement": placed}]}


def instances_to_json(groups: Iterable[Fields]) -> list[Fields]:
    """The inverse of ``instances_from_json``, before dates are formatted."""
    return [fields for group in groups for fields in group[KEY]]
