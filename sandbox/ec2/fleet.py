"""The fleet: what an organization holds in EC2, region by region. Data, and nothing but data.

A fleet changes by making a new one; time changes a reservation in ``lifecycle``.
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
"""Where the stack asks which regions there are."""

ENABLED = ("opt-in-not-required", "opted-in")


@dataclass(frozen=True, slots=True)
class Change:
    """Fields that take new values at a moment; None takes a field away."""

    at: datetime
    fields: Fields


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as it was written at ``since``; its later changes follow from that.

    ``shared_with`` are the accounts that see it beside its owner, ``timeline`` what the file says
    will happen to it, ``used_at_start`` how many instances run in it as soon as it starts, and
    ``used_by`` how many of those in use are other accounts'. ``billing_request`` is the last
    request to bill another account for what is unused.
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
    """Capacity that is for sale as capacity blocks; price in USD per instance and hour.

    ``kind`` is an instance type or an UltraServer type, and ``count`` the most that one block gets.
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
    joined by slashes, None at the root; ``has_role`` says whether it has the reader's role."""

    account_id: str
    name: str
    status: str = "ACTIVE"
    unit: str | None = None
    has_role: bool = True


@dataclass(frozen=True, slots=True)
class Region:
    """One region. ``blocks``, ``statuses`` and ``topologies`` hold only what reservations do not
    tell, by id; ``fleets`` are Capacity Reservation Fleets; ``others`` is what
    other services reserve, by ARN; ``plan_market`` are SageMaker's offers; ``instances`` are groups
    of one instance as DescribeInstances has them. ``opt_in_by`` are accounts with another status
    than ``opt_in_status``."""

    name: str
    opt_in_status: str = "opt-in-not-required"
    opt_in_by: Mapping[str, str] = field(default_factory=dict, kw_only=True)
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
        """The region with a reservation added, or put in place of the one with its id."""
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
        """The region with fields of a block's status set, over what its reservations tell."""
        status = {**self.statuses.get(block_id, {"CapacityBlockId": block_id}), **fields}
        return replace(self, statuses={**self.statuses, block_id: status})


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything, and the faults that are there from the start.

    ``account`` is the caller's where an access key tells nothing, and the one to whom the regions'
    own status belongs. ``organization`` are the accounts that Organizations lists, ``others`` those
    that the file gives regions of their own.
    """

    account: str = DEFAULT_ACCOUNT
    regions: Mapping[str, Region] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    organization: tuple[OrganizationAccount, ...] = ()
    others: tuple[str, ...] = ()

    def opt_in_status(self, region: Region, account: str) -> str:
        """OptInStatus of a region for an account: opting in is each account's own."""
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
        """The fleet with its home region, an empty one where the file names none."""
        known = self.regions.get(HOME_REGION, Region(HOME_REGION))
        return self.with_regions([known])

    def region_of_held(self, form: Form, name: str) -> Region:
        """The region that has one of a kind, by a name or the ARN. Raises KeyError."""
        for region in self.regions.values():
            if any(it.is_named(name) for it in region.held(form)):
                return region
        raise KeyError(name)

    def region_of(self, reservation_id: str) -> Region:
        """The region that has a reservation. Raises KeyError."""
        for region in self.regions.values():
            if reservation_id in region.reservations:
                return region
        raise KeyError(reservation_id)
