"""A usage query as SQL over the table ``usage``, for results that are too large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from truffle.core.usage import Period
from truffle.core.usage_axes import TAG, Interval

_COLUMNS: Mapping[str, str] = {
    "reservation": "reservation_id",
    "account": "account_id",
    "owner": "owner_id",
    "accelerator": "accelerator.name",
}
"""The columns of keys with another name."""

_DAY = "CAST(dt AS date)"

_BEGINNINGS: Mapping[Interval, tuple[str, ...]] = {
    Interval.HOUR: (_DAY,),
    Interval.DAY: (_DAY,),
    Interval.WEEK: (f"date_trunc('week', {_DAY})",),
    Interval.MONTH: (f"date_trunc('month', {_DAY})",),
    Interval.TOTAL: (),
}
"""The starts of intervals; the table has days, but no hours."""


def usage_query(period: Period, by: Sequence[str]) -> str:
    """The hours of a period's days by interval and group, in Athena's dialect and DuckDB's.

    A day that is partly in the period counts as a whole. Filters are not included.
    """
    last = period.until - timedelta(microseconds=1)
    groups = [*_BEGINNINGS[period.interval], *map(_column, by)]
    hours = ", ".join(f"sum({name}_hours) AS {name}_hours" for name in ("reserved", "used", "idle"))
    places = ", ".join(str(number + 1) for number in range(len(groups)))
    return (
        f"SELECT {', '.join([*groups, hours])} FROM usage "
        f"WHERE dt BETWEEN '{period.since:%Y-%m-%d}' AND '{last:%Y-%m-%d}'"
        + (f" GROUP BY {places} ORDER BY {places}" if groups else "")
    )


def _column(name: str) -> str:
    if name.startswith(TAG):
        key = name.removeprefix(TAG).replace("'", "''")
        return f"try(tags['{key}'])"
    return _COLUMNS.get(name, name)
