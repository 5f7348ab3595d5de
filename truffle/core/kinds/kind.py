"""The interface of a kind of capacity, and of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self

from truffle.core.severity import Severity

if TYPE_CHECKING:
    from truffle.core.kinds.parts import (
        Adjustment,
        BillingRequest,
        Consumer,
        Health,
        InterruptibleAllocation,
        MarketType,
        Raw,
        Scope,
    )

Verdict = tuple[Severity, str]
"""The severity of a state, and the predicate of a sentence about it."""


class ReservationType(StrEnum):
    """The types of capacity that AWS reserves: the values of the field ``type``."""

    ODCR = "odcr"
    CAPACITY_BLOCKS = "capacity-block"
    TRAINING_PLANS = "training-plan"
    DB_CAPACITY_RESERVATIONS = "db-capacity-reservation"


@dataclass(frozen=True, slots=True)
class ListOperation:
    """How a service other than EC2 lists a kind: botocore's name of the service, the operation, the
    member of its pages with the rows, and the maximum page size."""

    service: str
    operation: str
    member: str
    page_size: int


@dataclass(frozen=True, slots=True)
class Detail:
    """A request for more details of one row."""

    operation: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The facts of a kind.

    ``noun`` and ``short`` name one reservation, ``one`` with its article, ``plural`` several.
    ``title`` is the heading of its table, ``note`` the text below it, and ``about`` describes the
    kind in the API's document. ``option`` is the flag without its dashes, ``path`` the API's route.
    ``id_prefix`` is the prefix of its reservation ids. ``operations`` are the calls of the
    ``service`` that list it. ``tools`` are those of ``truffle use``, ``active_states`` those of
    ``active_only``. ``end_field`` is the field with the end of its use, ``at_its_end`` the sentence
    about what happens then. ``is_prepaid``: it is paid up front for fixed dates, so every unused
    instance is a loss. ``is_extendable``: AWS sells extensions. ``vanished`` is the verdict if it
    is no longer listed before its end, ``ended_early`` and ``extended`` are severities.
    ``size_field`` is the field of its size. ``verdicts`` and ``next_steps`` are by state.
    ``listing`` is None if EC2's own listing of a scope includes the kind; ``search`` is the
    operation that finds offerings. ``bills_unused``: unused capacity is billed, and another account
    may be asked to pay. ``meanings`` describe its own fields in the documentation of the tables.
    ``sample_type`` is the instance type of a sample reservation.
    """

    type: ReservationType
    noun: str
    short: str
    plural: str
    one: str
    title: str
    about: str
    option: str
    path: str
    id_prefix: str
    service: str
    operations: tuple[str, ...]
    tools: tuple[str, ...]
    active_states: frozenset[str]
    end_field: str
    is_prepaid: bool
    is_extendable: bool
    at_its_end: str
    vanished: Verdict
    ended_early: Severity
    extended: Severity
    size_field: str
    verdicts: Mapping[str, Verdict]
    next_steps: Mapping[str, str]
    note: str = ""
    terraform_data: str = ""
    terraform_resource: str | None = None
    listing: ListOperation | None = None
    search: str | None = None
    bills_unused: bool = False
    meanings: Mapping[str, str] = field(default_factory=dict)
    sample_type: str = "p5.48xlarge"


class CapacityRow:
    """The base of every kind's rows: a value that a kind does not have is None."""

    __slots__ = ()

    kind: ClassVar[Kind]
    tags: Mapping[str, str]

    @property
    def arn(self) -> str | None:
        return None

    @property
    def block_id(self) -> str | None:
        """The id of the purchase, if it differs from the reservation's."""
        return None

    @property
    def is_part(self) -> bool:
        """Whether the purchase includes other reservations."""
        return False

    @property
    def health(self) -> Health | None:
        return None

    @property
    def duration_hours(self) -> float | None:
        return None

    @property
    def effective_end(self) -> datetime | None:
        """When AWS starts to terminate instances, if that is before the end."""
        return None

    @property
    def ultraserver_type(self) -> str | None:
        return None

    @property
    def commitment_end(self) -> datetime | None:
        """When the commitment of a future-dated ODCR ends."""
        return None

    @property
    def adjustment(self) -> Adjustment | None:
        """The last requested change of dates of a future-dated ODCR."""
        return None

    @property
    def interruptible_allocation(self) -> InterruptibleAllocation | None:
        """The instances that an ODCR lends to an interruptible one."""
        return None

    @property
    def consumers(self) -> tuple[Consumer, ...] | None:
        """The accounts that use a shared reservation of EC2."""
        return None

    def with_consumers(self, consumers: tuple[Consumer, ...]) -> Self:
        """The row with its consumers; unchanged for a kind that cannot be shared."""
        return self

    @property
    def billing_request(self) -> BillingRequest | None:
        """The most recent request to bill another account for unused capacity."""
        return None

    def with_billing_request(self, request: BillingRequest) -> Self:
        """The row with its request; unchanged for a kind without one."""
        return self

    @property
    def platform(self) -> str | None:
        return None

    @property
    def tenancy(self) -> str | None:
        return None

    @property
    def placement_group_arn(self) -> str | None:
        return None

    @property
    def ultra_cluster_placement(self) -> bool | None:
        return None

    @property
    def market(self) -> MarketType | None:
        """The market type that a launch must name; None if none.

        EC2 User Guide: capacity-blocks-launch, and capacity-consumer-procedures for interruptible
        reservations.
        """
        return None

    @property
    def name(self) -> str | None:
        """The name for people: the tag Name, or the kind's own name."""
        return self.tags.get("Name")

    @property
    def fee(self) -> tuple[float, str] | None:
        """The amount paid up front and its currency, if the listing has them."""
        return None

    @property
    def detail(self) -> Detail | None:
        """The request for more details of this row; None if there is none."""
        return None

    def with_detail(self, raw: Raw) -> Self:
        """The row with the details of a response."""
        return self

    @classmethod
    def from_response(cls, raw: Raw, scope: Scope, observed_at: datetime) -> Self:
        """Map a row of the kind's own listing."""
        raise NotImplementedError(f"EC2's listing of a scope includes {cls.kind.plural}")

    @classmethod
    def sample_facts(
        cls, reservation_id: str, instances: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        """The kind's own fields of a sample reservation."""
        return {}

    def carried(self, before: CapacityRow, refused: AbstractSet[str]) -> Self:
        """The row with the last known values of refused enrichments."""
        return self

    def completed(self, before: CapacityRow) -> Self:
        """The row of a consumer with the last reported values that only the owner can know."""
        return self
