"""Flexible windows: a block of any length in a range, starting on any day in a range."""

from __future__ import annotations

from collections.abc import Iterable

from truffle.core.offerings import Offering, sold_hours

MOST_LENGTHS = 8
"""The maximum number of lengths in one search: EC2 allows 10 calls at once in a region, and 2 are
left for people."""


def lengths_between(fewest_days: float, most_days: float) -> tuple[int, ...]:
    """The lengths in hours that AWS sells between two numbers of days, the longest first.

    At most ``MOST_LENGTHS``, evenly spread, including both ends. Raises ValueError for days that
    AWS does not sell.
    """
    shortest, longest = sold_hours(fewest_days * 24), sold_hours(most_days * 24)
    sold = [shortest]
    while sold[-1] < longest:
        sold.append(sold_hours(sold[-1] + 24))
    last = len(sold) - 1
    if last < MOST_LENGTHS:
        return tuple(reversed(sold))
    steps = {round(number * last / (MOST_LENGTHS - 1)) for number in range(MOST_LENGTHS)}
    return tuple(sold[step] for step in sorted(steps, reverse=True))


def best_window(offerings: Iterable[Offering]) -> Offering | None:
    """The offering with the lowest price per instance-hour; of several, the longest, then the
    earliest. None if no offering has a known price."""
    priced = [it for it in offerings if it.price_per_instance_hour is not None]
    return min(priced, key=_cost, default=None)


def _cost(offering: Offering) -> tuple[object, ...]:
    start = offering.start_date
    return (
        offering.price_per_instance_hour,
        -(offering.duration_hours or 0),
        start is None,
        start and start.timestamp(),
        offering.region,
        offering.offering_id,
    )
