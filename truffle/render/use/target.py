"""The facts of a reservation for every snippet."""

from __future__ import annotations

import re

from truffle.core.model import MarketType, Reservation
from truffle.core.quoting.shell import comment_word

LINUX = "Linux/UNIX"
WINDOWS = "Windows"


def instances(row: Reservation) -> int | None:
    """The number of instances to launch: the free ones of an active reservation; all if none is
    free or it is not active yet; None if unknown."""
    free = row.available_capacity if row.state == "active" else row.size
    return free or (None if free is None else row.size) or None


def zone(row: Reservation) -> str:
    return row.availability_zone or row.region


def zone_words(row: Reservation) -> str:
    """The zone in a comment."""
    return comment_word(zone(row))


def platform(row: Reservation) -> str:
    """The platform of the image; an instance with another platform does not match."""
    return row.platform or LINUX


def platform_words(row: Reservation) -> str:
    """The platform in a comment."""
    words = platform(row)
    return words if re.fullmatch(r"[A-Za-z/ ]+", words) else comment_word(words)


def placement(row: Reservation) -> dict[str, str]:
    """The required placement of instances, as EC2's Placement."""
    group = placement_group(row)
    return {
        **({"GroupName": group} if group else {}),
        **({"Tenancy": row.tenancy} if row.tenancy == "dedicated" else {}),
    }


def placement_group(row: Reservation) -> str | None:
    """The name of the cluster placement group of an ODCR."""
    arn = getattr(row, "placement_group_arn", None)
    return re.split(r":placement-group/", arn, maxsplit=1)[-1] if arn else None


def label(row: Reservation, most: int = 50) -> str:
    """``p5-48xlarge``: a name that every tool accepts, with a maximum length."""
    return name_of(row.instance_type)[:most].strip("-")


def name_of(text: str) -> str:
    """The text as a name: lower-case letters, digits and single hyphens, beginning with a
    letter."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name if re.match(r"[a-z]", name) else f"r-{name}".strip("-")


def described(row: Reservation) -> str:
    """``16 x p5.48xlarge in us-east-2a, a capacity block, scheduled``, for a comment."""
    size = "?" if row.size is None else row.size
    words = f"{size} x {comment_word(row.instance_type)} in {zone_words(row)}"
    kind = "an interruptible ODCR" if row.market is MarketType.INTERRUPTIBLE else row.kind.one
    return f"{words}, {kind}, {comment_word(row.state)}"


COUNT_WORDS = "COUNT: how many instances; the size of the reservation is not known here"
"""The placeholder for a number that only the user knows."""
