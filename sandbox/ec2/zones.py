"""Names of regions and zones."""

from __future__ import annotations

import re

_ZONE = re.compile(r"([a-z]{2})-([a-z]+)-(\d)(?:-([a-z]+)-(\d))?([a-z])")
_DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")


def zone_id(zone: str) -> str | None:
    """``us-east-2b`` → ``use2-az2``, ``us-east-1-dfw-2a`` → ``use1-dfw2-az1``.

    AWS shuffles the letters for each account; the simulator does not.
    """
    found = _ZONE.fullmatch(zone)
    if found is None or found[2] not in _DIRECTIONS:
        return None
    country, direction, number, city, local, letter = found.groups()
    middle = f"-{city}{local}" if city else ""
    index = ord(letter) - ord("a") + 1
    return f"{country}{_DIRECTIONS[direction]}{number}{middle}-az{index}"


def region_of_zone(zone: str) -> str | None:
    found = REGION.match(zone)
    return found[0] if found else None


def zone_type(zone: str) -> str:
    """``availability-zone`` or ``local-zone``, as in an offering."""
    found = _ZONE.fullmatch(zone)
    return "local-zone" if found and found[4] else "availability-zone"
