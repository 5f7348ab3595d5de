"""Methods of the client: held reservations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

from truffle.client.connection import Connection
from truffle.completeness import find, nothing_known
from truffle.core.kinds.registry import DEFAULT_TYPE
from truffle.core.model import TYPES, ReservationType
from truffle.results import Reservations

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from truffle.core.model import CapacityBlock, Odcr, Reservation
    from truffle.query import Filters, ListQuery, Several
    from truffle.sources.listing import Listing, Progress


class CapacityClient(Connection):
    """Lists reservations."""

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        reservation_type: Literal[ReservationType.ODCR] = ...,
        *,
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[Odcr]: ...

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        *,
        reservation_type: Literal[ReservationType.CAPACITY_BLOCKS],
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[CapacityBlock]: ...

    @overload
    def capacity(
        self,
        instance_types: Several | None = ...,
        regions: Several | None = ...,
        reservation_type: str | Iterable[str] = ...,
        *,
        sort: str | None = ...,
        limit: int | None = ...,
        as_of: datetime | str | None = ...,
        **filters: Unpack[Filters],
    ) -> Reservations[Any]: ...

    def capacity(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        reservation_type: str | Iterable[str] = DEFAULT_TYPE,
        *,
        sort: str | None = None,
        limit: int | None = None,
        as_of: datetime | str | None = None,
        **filters: Unpack[Filters],
    ) -> Reservations[Any]:
        """List the reservations that match, in the default order.

        ``instance_types`` accepts globs (``p5*``), ``reservation_type`` one or several types.
        ``min_capacity`` counts available instances of ODCRs, all instances of blocks.
        ``active_only`` None keeps active ODCRs and blocks in any state, and is off if ``states``
        are named. ``name`` accepts names or globs of the tag Name, ``tags`` a mapping or
        ``key=value`` texts, ``sort`` a field, ``-field`` descending. ``…_after`` includes its
        bound, ``…_before`` excludes it; times are datetimes, or texts such as ``2026-12-01``,
        ``tomorrow`` or ``36h`` (from now). ``as_of`` queries a deployed stack for a past time.

        Raises TruffleError if no scope responds; a scope that fails while others respond is in
        ``failures``.
        """
        from truffle.query import list_query

        query = list_query(
            instance_types=instance_types,
            regions=regions,
            reservation_type=reservation_type,
            sort=sort,
            limit=limit,
            as_of=as_of,
            **filters,
        )
        inventory = self.inventory(query)
        if inventory.failures and inventory.observed_at is None:
            raise nothing_known(inventory.failures)
        answer = query.answer(inventory.reservations)
        return Reservations(answer.rows, inventory, len(answer.matches), query.warnings)

    def reservation(
        self,
        reservation_id: str,
        regions: Several | None = None,
        *,
        as_of: datetime | str | None = None,
    ) -> Reservation:
        """Return the reservation with this id, now or at a past time. Raises
        TruffleNotFoundError."""
        from truffle.arguments import check_reservation_id
        from truffle.query import list_query

        check_reservation_id(reservation_id, is_of_ec2=self.api_url is None)
        everything = list_query(
            reservation_type=list(TYPES), regions=regions, active_only=False, as_of=as_of
        )
        inventory = self.inventory(everything)
        return find(inventory, reservation_id)

    def list_regions(self) -> list[str]:
        """List the queried regions: those enabled for the account, or those collected."""
        if self.api_url is not None:
            return list(self.api().get("/status", "regions", [("limit", "1")])["regions"])
        from truffle.sources.live import list_regions

        return list_regions(self._caller, self.timeout)

    def inventory(self, query: ListQuery, progress: Progress | None = None) -> Listing:
        """Return all results of a query, unordered, with the failures as data."""
        if self.api_url is not None:
            from truffle.sources.deployed import list_reservations

            return list_reservations(self.api(), query)
        from truffle.sources.live import list_live

        query.check_live()
        found = list_live(self._caller, query.regions, self.timeout, progress, query.filter)
        return found.without_denied() if self.ignore_denied else found
