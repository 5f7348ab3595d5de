"""The fleet: an organization's capacity in EC2, by region, as pure data.

Fleets are immutable; ``lifecycle`` changes reservations over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from sandbox.ec2.faults import Fault
from sandbox.ec2.filters import Fields
from sandbox.ec2.others import Form, Held

DEFAULT_ACCOUNT = "123456789012"
HOME_REGION = "us-east-1"
"""The region in which the stack lists regions."""

ENABLED = ("opt-in-not-required", "opted-in")


@dataclass(frozen=True, slots=True)
class Change:
    """Fields that take new values at a moment; None removes a field."""

    at: datetime
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation as defined at ``since``; its later changes follow from that.

    ``shared_with`` are the accounts that see it besides its owner, ``timeline`` has the planned
    changes in the file, ``used_at_start`` is the number of instances that run in it from its start,
    and ``used_by`` how many of those in use belong to other accounts. ``billing_request`` is the
    last request to bill another account for unused capacity.
    """

    fields: Fields
    since: datetime
    shared_with: frozenset[str] = frozenset()
    timeline: tuple[Change, ...] = ()
    used_at_start: int = 0
    used_by: Mapping[str, int] = field(default_factory=dict)
    billing_request: Fields | None = None

    @property
    def reservation_id(self) -> str:
        return str(self.fields["CapacityReservationId"])


@dataclass(frozen=True, slots=True)
class Offer:
    """Capacity for sale as capacity blocks; the price is in USD per instance and hour.

    ``kind`` is an instance type or an UltraServer type, ``count`` the maximum for one block.
    """

    kind: str
    instance_type: str
    zone: str
    count: int
    first_start: datetime
    hourly_price: Decimal


@dataclass(frozen=True, slots=True)
class OrganizationAccount:
    """An account of the organization. ``unit`` is the name of its organizational unit, or names
    joined by slashes, None at the root; ``has_role`` is whether it has the reader's role."""

    account_id: str
    name: str
    status: str = "ACTIVE"
    unit: str | None = None
    has_role: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region. ``blocks``, ``statuses`` and ``topologies`` have only data that is not in
    reservations, by id; ``fleets`` has Capacity Reservation Fleets; ``others`` the reservations of
    other services, by ARN; ``plan_market`` SageMaker's offers; ``instances`` DescribeInstances'
    groups, of one instance each. ``opt_in_by`` has accounts with another status than
    ``opt_in_status``."""

    name: str
    opt_in_status: str = "opt-in-not-required"
    opt_in_by: Mapping[str, str] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    blocks: Mapping[str, Fields] = field(default_factory=dict)
    statuses: Mapping[str, Fields] = field(default_factory=dict)
    extensions: tuple[Fields, ...] = ()
    market: tuple[Offer, ...] = ()
    fleets: tuple[Fields, ...] = ()
    topologies: Mapping[str, Fields] = field(default_factory=dict)
    others: Mapping[str, Held] = field(default_factory=dict)
    plan_market: tuple[Offer, ...] = ()
    instances: tuple[Fields, ...] = ()

    def with_reservation(self, reservation: Reservation) -> Region:
        """The region with a reservation added, or replacing the one with its id."""
        changed = {**self.reservations, reservation.reservation_id: reservation}
        return replace(self, reservations=changed)

    def without_reservation(self, reservation_id: str) -> Region:
        """Raises KeyError."""
        kept = dict(self.reservations)
        del kept[reservation_id]
        return replace(self, reservations=kept)

    def held(self, form: Form) -> list[Held]:
        """The reservations of one kind in another service."""
        return [it for it in self.others.values() if it.form is form]

    def with_status(self, block_id: str, fields: Fields) -> Region:
        """The region with fields of a block's status that override those from its reservations."""
        status = {**self.statuses.get(block_id, {"CapacityBlockId": block_id}), **fields}
        return replace(self, statuses={**self.statuses, block_id: status})


@dataclass(frozen=True, slots=True)
class Fleet:
    """All regions, and the initial faults.

    ``account`` is the caller's if an access key is unknown, and the one to which the regions' own
    status applies. ``organization`` has the accounts that Organizations lists, ``others`` those
    with their own regions in the file.
    """

    account: str = DEFAULT_ACCOUNT
    regions: Mapping[str, Region] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    organization: tuple[OrganizationAccount, ...] = ()
    others: tuple[str, ...] = ()

    def opt_in_status(self, region: Region, account: str) -> str:
        """OptInStatus of a region for an account: each account opts in separately."""
        status = region.opt_in_by.get(account)
        if status is not None:
            return status
        is_others = account != self.account and region.opt_in_status == "opted-in"
        return "not-opted-in" if is_others else region.opt_in_status

    def is_enabled(self, region: Region, account: str) -> bool:
        return self.opt_in_status(region, account) in ENABLED

    def with_regions(self, regions: Iterable[Region]) -> Fleet:
        changed = {**self.regions, **{region.name: region for region in regions}}
        return replace(self, regions=changed)

    def with_home_region(self) -> Fleet:
        """The fleet with its home region, which is empty if the file has none."""
        known = self.regions.get(HOME_REGION, Region(name=HOME_REGION))
        return self.with_regions([known])

    def region_of_held(self, form: Form, name: str) -> Region:
        """The region with a reservation of a kind, by a name or the ARN. Raises KeyError."""
        for region in self.regions.values():
            if any(it.is_named(name) for it in region.held(form)):
                return region
        raise KeyError(name)

    def region_of(self, reservation_id: str) -> Region:
        """The region with a reservation. Raises KeyError."""
        for region in self.regions.values():
            if reservation_id in region.reservations:
                return region
        raise KeyError(reservation_id)
