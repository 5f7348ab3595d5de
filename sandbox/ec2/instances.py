"""Running instances of a fleet file, in the form of ``aws ec2 describe-instances``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.ec2.filters import Fields
from sandbox.ec2.shapes import FleetError, described, from_json, list_of

KEY = "Reservations"

_DEFAULTS: Fields = {
    "State": {"Code": 16, "Name": "running"},
    "PlatformDetails": "Linux/UNIX",
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
}


def instances_from_json(
    raw: Mapping[str, Any], account: str, now: datetime, where: str
) -> Iterable[Fields]:
    """A group for each instance, so that filters choose among instances. Raises FleetError."""
    shape = described("DescribeInstances", KEY)
    for index, item in enumerate(list_of(raw, KEY, where)):
        here = f"{where}.{KEY}[{index}]"
        group = {"OwnerId": account, **from_json(shape, item, now, here)}
        for fields in group.pop("Instances", ()):
            if not {"InstanceId", "InstanceType"} <= fields.keys():
                raise FleetError(f"{here}: an instance lacks InstanceId or InstanceType")
            placed = {"Tenancy": "default", **fields.get("Placement", {})}
            yield {**group, "Instances": [{**_DEFAULTS, **fields, "Placement": placed}]}
