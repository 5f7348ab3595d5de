"""Methods of the client: capacity for sale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from truffle.client.connection import Connection

if TYPE_CHECKING:
    from datetime import datetime

    from truffle.core.offerings import Wanted
    from truffle.query import Several
    from truffle.sources.listing import Progress
    from truffle.sources.market import Finds, Points
    from truffle.sources.offerings import LiveOfferings, Offerings


class MarketClient(Connection):
    """Searches for capacity blocks to buy."""

    @overload
    def offerings(
        self,
        instance_type: Several,
        count: int = ...,
        days: float | str | None = ...,
        duration_hours: float | None = ...,
        start_after: datetime | str | None = ...,
        end_by: datetime | str | None = ...,
        regions: Several | None = ...,
        sort: str | None = ...,
        start: str | None = ...,
        *,
        source: Literal["live"] = ...,
        include: Several | None = ...,
    ) -> Offerings: ...

    @overload
    def offerings(
        self,
        instance_type: Several | None = ...,
        *,
        start_after: datetime | str | None = ...,
        regions: Several | None = ...,
        sort: str | None = ...,
        source: Literal["api"],
        watches: Several | None = ...,
        since: datetime | str | None = ...,
        until: datetime | str | None = ...,
    ) -> Finds: ...

    def offerings(
        self,
        instance_type: Several | None = None,
        count: int | None = None,
        days: float | str | None = None,
        duration_hours: float | None = None,
        start_after: datetime | str | None = None,
        end_by: datetime | str | None = None,
        regions: Several | None = None,
        sort: str | None = None,
        start: str | None = None,
        *,
        source: str = "live",
        watches: Several | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        include: Several | None = None,
    ) -> Offerings | Finds:
        """Find capacity blocks for sale now, by price or start; queries EC2 itself.

        The duration is rounded up to one that AWS sells: days up to 14, then weeks up to 182 days.
        ``days`` and ``start`` may be ranges (``5..10``, ``2026-12-05..2026-12-20``); the best
        window then comes first. Any of several types suffices; one request asks EC2 for all of
        them. ``include="training-plans"`` also searches SageMaker's training plans. The result's
        ``outcomes`` distinguish a region that sells none now from one that never does.

        With ``source="api"``, a deployed stack returns what its watches found: the present state,
        or everything found between ``since`` and ``until``. Types may then be globs, and ``sort``
        is a field of the JSON.
        """
        from truffle.arguments import included
        from truffle.sources.offerings import Offerings

        if source == "api":
            needs: dict[str, Any] = {"count": count, "days": days, "include": include}
            needs["duration_hours"] = duration_hours
            return self._finds(
                {**needs, "end_by": end_by, "start": start},
                instance_types=instance_type,
                regions=regions,
                watches=watches,
                sort=sort,
                starts_after=start_after,
                period=(since, until),
            )
        wanted = _wanted(instance_type, count, days, duration_hours, start_after, end_by, start)
        market = self.market(wanted, regions, include=included(include))
        return Offerings(market, sort or ("hourly" if wanted.is_flexible else "price"))

    def _finds(
        self,
        of_a_watch: Mapping[str, Any],
        period: tuple[datetime | str | None, datetime | str | None],
        starts_after: datetime | str | None,
        **chosen: Several | None,
    ) -> Finds:
        from truffle.arguments import check_of_a_watch, moment, past_period
        from truffle.sources.market import finds_query, read_finds

        check_of_a_watch(**of_a_watch)
        since, until = past_period(*period)
        start = moment("start_after", starts_after)
        query = finds_query(**chosen, starts_after=start, since=since, until=until)
        return read_finds(self.api(), query)

    def offering_history(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        watches: Several | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> Points:
        """Return the price and the lead time of each answer to a watch; of the last 7 days if
        ``since`` is None. Needs a deployed stack."""
        from truffle.arguments import past_period
        from truffle.sources.market import history_query, read_points

        start, end = past_period(since, until)
        query = history_query(
            instance_types=instance_types, regions=regions, watches=watches, since=start, until=end
        )
        return read_points(self.api(), query)

    def market(
        self,
        wanted: Wanted,
        regions: Several | None = None,
        progress: Progress | None = None,
        include: Sequence[str] = (),
    ) -> LiveOfferings:
        """Return the offerings of every region for a wanted block
        (``truffle.core.offerings.Wanted``)."""
        from truffle.query import list_query
        from truffle.sources.offerings import list_market

        named = list_query(regions=regions).regions
        market = list_market(self._caller, wanted, named, self.timeout, progress, include)
        return market.without_denied() if self.ignore_denied else market


def _wanted(instance_type: Several | None, count: int | None, *others: Any) -> Wanted:
    """The block to search for. Raises BadArgument."""
    from truffle.arguments import wanted_block

    name = instance_type if isinstance(instance_type, str) else ",".join(instance_type or ())
    return wanted_block(name, 1 if count is None else count, *others)
