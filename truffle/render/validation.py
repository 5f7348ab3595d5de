"""The result of ``truffle validate`` for people."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from truffle.core.candidates import Candidate
from truffle.core.offerings import Offering
from truffle.core.quoting.terminal import visible_values
from truffle.core.validation import Validation
from truffle.render.offerings import offering_table
from truffle.render.style import Style
from truffle.render.words import duration, minute

SHOWN_MISSES = 10
"""The maximum number of near misses shown; the JSON has all."""


def render(validation: Validation, offerings: Sequence[Offering] | None, style: Style) -> str:
    """The capacity found and its network, or why each near miss fails."""
    validation = visible_values(validation)
    lines = [_verdict(validation, style)]
    if validation.found is not None:
        lines += _found(validation.found, validation.proximity)
    misses = [candidate for candidate in validation.candidates if not candidate.fits]
    if misses:
        lines += ["", "Does not fit:" if validation.ok else "Near misses:"]
        lines += [line for miss in misses[:SHOWN_MISSES] for line in _miss(miss)]
        if len(misses) > SHOWN_MISSES:
            lines.append(f"  and {len(misses) - SHOWN_MISSES} more (-o json has them all)")
    lines += [f"  {each.why_not}." for each in validation.together]
    if offerings is not None:
        lines += ["", *_for_sale(offerings, validation.ok, style)]
    return "\n".join(lines)


def _verdict(validation: Validation, style: Style) -> str:
    if validation.ok:
        sign, text, colour = "✅", "has capacity.", "green"
    elif validation.undecided:
        ids = ", ".join(_ids(each) for each in validation.undecided)
        sign, text, colour = "❔", f"may have capacity: too little is known about {ids}.", "yellow"
    elif validation.unknown_regions:
        regions = ", ".join(validation.unknown_regions)
        sign, text, colour = (
            "❔",
            f"has no known capacity: {regions} did not respond.",
            "yellow",
        )
    else:
        sign, text, colour = "❌", "has no capacity.", "red"
    return style.paint(
        f"{sign if style.is_unicode else ''} {validation.request} {text}".lstrip(), colour
    )


def _found(found: Candidate, proximity: str | None) -> list[str]:
    until = "no end"
    if found.usable_until is not None:
        until = f"{minute(found.usable_until)} UTC ({duration(found.usable_hours)} usable)"
    row = found.reservation
    return [
        f"   {'Capacity Block' if found.is_block else 'ODCR'}: {_ids(found)}",
        f"   Where: {row.availability_zone or row.region}",
        f"   Instances: {found.instances} x {row.instance_type}",
        f"   From: {minute(found.start)} UTC",
        f"   Until: {until}",
        f"   Network: {found.network}",
        *([f"   Proximity: {proximity}"] if proximity else []),
        *(f"   Note: {note}" for note in found.notes),
    ]


def _miss(candidate: Candidate) -> list[str]:
    noun = "block" if candidate.is_block else "ODCR"
    where = candidate.reservation.availability_zone or candidate.reservation.region
    text = f"{noun} {_ids(candidate)} in {where}: {'; '.join(candidate.obstacles)}"
    return wrap(text, 98, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def _ids(candidate: Candidate) -> str:
    return ", ".join(row.reservation_id for row in candidate.rows)


def _for_sale(offerings: Sequence[Offering], has_capacity: bool, style: Style) -> list[str]:
    if not offerings:
        return ["For sale: no suitable block now."]
    held = "" if has_capacity else " Nothing is reserved until you buy it."
    return [f"For sale now.{held}", *offering_table(offerings, style)]
