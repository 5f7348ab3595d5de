"""What every snippet needs of a reservation."""

from __future__ import annotations

import re

from truffle.core.model import Reservation, is_block


def instances(row: Reservation) -> int:
    """What can be launched: the free ones of an active reservation, else all of it."""
    free = row.available_capacity if row.state == "active" else row.size
    return free or row.size or 1


def zone(row: Reservation) -> str:
    return row.availability_zone or row.region


LINUX = "Linux/UNIX"
WINDOWS = "Windows"


def platform(row: Reservation) -> str:
    """What the image has to be of: an instance of another platform does not match."""
    return row.platform or LINUX


def placement(row: Reservation) -> dict[str, str]:
    """Where instances have to be placed to match, as EC2's Placement says it."""
    group = placement_group(row)
    return {
        **({"GroupName": group} if group else {}),
        **({"Tenancy": row.tenancy} if row.tenancy == "dedicated" else {}),
    }


def placement_group(row: Reservation) -> str | None:
    """The name of the cluster placement group that an ODCR is in."""
    arn = getattr(row, "placement_group_arn", None)
    return arn.rpartition("/")[2] if arn else None


def label(row: Reservation) -> str:
    """``p5-48xlarge``: a name that every tool takes."""
    return re.sub(r"[^a-z0-9]+", "-", row.instance_type.lower()).strip("-")


def says(row: Reservation) -> str:
    """``16 x p5.48xlarge in us-east-2a, a capacity block, scheduled``."""
    kind = "a capacity block" if is_block(row) else "an ODCR"
    return f"{row.size or '?'} x {row.instance_type} in {zone(row)}, {kind}, {row.state}"
