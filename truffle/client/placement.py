"""Methods of the client: fleets, and the network nodes of reservations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from truffle.client.connection import Connection

if TYPE_CHECKING:
    from truffle.core.fleets import CapacityFleet
    from truffle.core.topology import Placement
    from truffle.core.validation import Validation
    from truffle.query import Several
    from truffle.sources.listing import Progress
    from truffle.sources.regional import Everywhere, RegionalResults


class PlacementClient(Connection):
    """Lists fleets and network nodes."""

    def fleets(self, regions: Several | None = None) -> RegionalResults[CapacityFleet]:
        """Capacity Reservation Fleets, by region and id."""
        from truffle.query import ask
        from truffle.sources.regional import RegionalResults

        return RegionalResults(self.every_fleet(ask(regions=regions).regions))

    def topology(
        self, instance_types: Several | None = None, regions: Several | None = None
    ) -> RegionalResults[Placement]:
        """The network nodes of reservations and blocks.

        ``truffle.core.topology`` makes trees of them. Regions without the call have none.
        """
        from truffle.query import ask
        from truffle.sources.regional import RegionalResults

        question = ask(regions=regions, instance_types=instance_types)
        types = sorted(question.filter.instance_types)
        return RegionalResults(self.every_placement(question.regions, types))

    def every_fleet(
        self, regions: Sequence[str] | None, progress: Progress | None = None
    ) -> Everywhere[CapacityFleet]:
        """The fleets of every region, and how each region or scope answered."""
        if self.api_url is not None:
            return self._deployed_fleets(regions)
        from truffle.core.fleets import by_name
        from truffle.ec2.fleets import list_fleets
        from truffle.sources.regional import list_everywhere

        found = list_everywhere(self._caller, list_fleets, regions, self.timeout, progress)
        found.items.sort(key=by_name)
        return found.without_denied() if self.ignore_denied else found

    def _deployed_fleets(self, regions: Sequence[str] | None) -> Everywhere[CapacityFleet]:
        from truffle.core.fleets import by_name, from_json
        from truffle.sources.deployed import list_deployed

        found = list_deployed(self.api(), "/fleets", from_json, _of_regions(regions))
        found.items.sort(key=by_name)
        return found

    def every_placement(
        self,
        regions: Sequence[str] | None,
        instance_types: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Everywhere[Placement]:
        """The network nodes of every region's reservations, and how each region or scope
        answered."""
        if self.api_url is not None:
            from truffle.core.topology import from_json
            from truffle.sources.deployed import list_deployed

            types = [("instance_type", ",".join(instance_types))] if instance_types else []
            return list_deployed(self.api(), "/topology", from_json, _of_regions(regions), types)
        from functools import partial

        from truffle.ec2.topology import list_placements
        from truffle.sources.regional import list_everywhere

        listing = partial(list_placements, instance_types=instance_types)
        found = list_everywhere(self._caller, listing, regions, self.timeout, progress)
        return found.without_denied() if self.ignore_denied else found

    def placed(self, validation: Validation) -> tuple[Validation, str | None]:
        """A validation with the network nodes of what was found, and why they are not known where
        that failed: one call more."""
        from dataclasses import replace

        from truffle.sources.placements import placements_of

        if validation.found is None:
            return validation, None
        api = self.api() if self.api_url is not None else None
        rows = validation.found.rows
        found, reason = placements_of(self._caller, api, rows, self.timeout)
        return replace(validation, placements=found), reason


def _of_regions(regions: Sequence[str] | None) -> list[tuple[str, str]]:
    return [("region", ",".join(regions))] if regions else []
