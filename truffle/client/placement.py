"""Methods of the client: fleets, and the network nodes of reservations."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from truffle.client.connection import Connection

if TYPE_CHECKING:
    from truffle.core.fleets import CapacityFleet
    from truffle.core.topology import Placement
    from truffle.core.validation import Validation
    from truffle.query import ListQuery, Several
    from truffle.sources.listing import Progress
    from truffle.sources.regional import Everywhere, ListRegion, RegionalResults

Held = TypeVar("Held")


class PlacementClient(Connection):
    """Lists fleets and network nodes."""

    def fleets(
        self, regions: Several | None = None, accounts: Several | None = None
    ) -> RegionalResults[CapacityFleet]:
        """Capacity Reservation Fleets, by region and id. ``accounts`` (ids, names,
        organizational units, globs) need a deployed stack."""
        from truffle.query import list_query
        from truffle.sources.regional import RegionalResults

        return RegionalResults(self.every_fleet(list_query(regions=regions, accounts=accounts)))

    def topology(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        accounts: Several | None = None,
    ) -> RegionalResults[Placement]:
        """The network nodes of reservations and blocks. ``accounts`` (ids, names,
        organizational units, globs) need a deployed stack.

        ``truffle.core.topology`` builds trees of them. Regions that do not support the call have
        none.
        """
        from truffle.query import list_query
        from truffle.sources.regional import RegionalResults

        query = list_query(regions=regions, instance_types=instance_types, accounts=accounts)
        return RegionalResults(self.every_placement(query))

    def every_fleet(
        self, query: ListQuery, progress: Progress | None = None
    ) -> Everywhere[CapacityFleet]:
        """The fleets of the regions and accounts, with the result of each region or scope."""
        from truffle.core.fleets import by_name, from_json

        if self.api_url is not None:
            from truffle.sources.deployed import list_items
            from truffle.sources.status import scopes_of

            found = list_items(self.api(), "/fleets", from_json, scopes_of(query))
        else:
            from truffle.ec2.fleets import list_fleets

            found = self._live(query, list_fleets, progress)
        found.items.sort(key=by_name)
        return found

    def every_placement(
        self, query: ListQuery, progress: Progress | None = None
    ) -> Everywhere[Placement]:
        """The network nodes of the reservations of the regions and accounts, with the result of
        each region or scope."""
        instance_types = sorted(query.filter.instance_types)
        if self.api_url is not None:
            from truffle.core.topology import from_json
            from truffle.sources.deployed import list_items
            from truffle.sources.status import scopes_of

            types = [("instance_type", ",".join(instance_types))] if instance_types else []
            return list_items(self.api(), "/topology", from_json, scopes_of(query), types)
        from functools import partial

        from truffle.ec2.topology import list_placements

        return self._live(query, partial(list_placements, instance_types=instance_types), progress)

    def _live(
        self,
        query: ListQuery,
        listing: ListRegion[Held],
        progress: Progress | None,
    ) -> Everywhere[Held]:
        """List with the caller's credentials. Raises BadArgument if accounts are chosen."""
        from truffle.query import BadArgument
        from truffle.sources.regional import list_everywhere

        for account in sorted(query.filter.accounts):
            allowed = "EC2 lists only your own account: use a deployed stack (--api-url)."
            raise BadArgument("account", account, allowed)
        found = list_everywhere(self._caller, listing, query.regions, self.timeout, progress)
        return found.without_denied() if self.ignore_denied else found

    def placed(self, validation: Validation) -> tuple[Validation, str | None]:
        """Add the network nodes of the reservations found to a validation, or the reason why they
        are unknown; makes one more call."""
        from dataclasses import replace

        from truffle.sources.placements import placements_of

        if validation.found is None:
            return validation, None
        api = self.api() if self.api_url is not None else None
        rows = validation.found.rows
        found, reason = placements_of(self._caller, api, rows, self.timeout)
        return replace(validation, placements=found), reason
