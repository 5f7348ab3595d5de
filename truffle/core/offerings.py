"""Offerings of capacity blocks, their possible durations, and their prices.

An offering is for sale at one moment: it is not reserved until it is purchased.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from truffle.core.codec import plain_fields
from truffle.core.model import Accelerator
from truffle.core.times import format_time, parse_time, whole

DAY_STEPS: Final = 14
"""Blocks are sold in steps of a day up to 14 days (EC2 User Guide, capacity-blocks-purchase)."""

MAX_DAYS: Final = 182
"""Then in steps of 7 days up to 182 days, 4368 hours (the same page)."""

MAX_COUNT: Final = 64
"""The maximum number of instances of one block (botocore, DescribeCapacityBlockOfferings,
InstanceCount)."""

MOST_TYPES: Final = 10
"""The maximum number of instance types in one search (botocore, DescribeCapacityBlockOfferings,
InstanceTypePreferences)."""

MOST_OFFERINGS: Final = 6
"""The maximum number of offerings that a search returns (EC2 User Guide,
capacity-blocks-purchase)."""

BOOKING_AHEAD: Final = timedelta(weeks=8)
"""How far ahead a block can start (EC2 User Guide, ec2-capacity-blocks)."""


@dataclass(frozen=True, slots=True)
class UltraServer:
    """Instances of one type that are sold together as one machine."""

    instance_type: str
    instances: int


ULTRASERVERS: Final[Mapping[str, UltraServer]] = {
    "u-p6e-gb200x72": UltraServer("p6e-gb200.36xlarge", 18),
    "u-p6e-gb200x36": UltraServer("p6e-gb200.36xlarge", 9),
    "u-trn2x64": UltraServer("trn2u.48xlarge", 4),
}
"""Types of UltraServers (EC2 User Guide, UltraServers; AWS Neuron documentation, Trn2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The block to buy. ``duration_hours`` is one that AWS sells; ``count`` counts UltraServers if
    ``instance_type`` names one (``u-…``).

    ``start_by`` is the latest start; ``shorter_hours`` has shorter durations that also suffice, the
    longest first; ``other_types`` other sufficient instance types.
    """

    instance_type: str
    count: int
    duration_hours: int
    start_after: datetime | None = None
    end_by: datetime | None = None
    start_by: datetime | None = None
    shorter_hours: tuple[int, ...] = ()
    other_types: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """All sufficient types."""
        return (self.instance_type, *self.other_types)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The durations to search for, in hours, the longest first."""
        return (self.duration_hours, *self.shorter_hours)

    @property
    def is_flexible(self) -> bool:
        """Whether several lengths or several starts suffice."""
        return bool(self.shorter_hours) or self.start_by is not None

    @property
    def is_ultraserver(self) -> bool:
        return self.instance_type.startswith("u-") and "." not in self.instance_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of an offering with its own instances, zone and dates (EC2 API,
    CapacityBlockOfferingSegment); hours as in ``Offering``."""

    instance_type: str
    instance_count: int | None
    availability_zone: str | None
    start_date: datetime | None
    end_date: datetime | None
    duration_hours: float | None
    accelerator: Accelerator | None = None

    @property
    def instance_hours(self) -> Decimal | None:
        if self.instance_count is None or self.duration_hours is None:
            return None
        return self.instance_count * Decimal(str(self.duration_hours))

    @property
    def accelerator_hours(self) -> Decimal | None:
        hours = self.instance_hours
        if hours is None or self.accelerator is None or not self.accelerator.count:
            return None
        return hours * Decimal(str(self.accelerator.count))

    def to_json(self) -> dict[str, Any]:
        return {
            "instance_type": self.instance_type,
            "instance_count": self.instance_count,
            "availability_zone": self.availability_zone,
            "start_date": self.start_date and format_time(self.start_date),
            "end_date": self.end_date and format_time(self.end_date),
            "duration_hours": self.duration_hours and whole(self.duration_hours),
            "accelerator": plain_fields(self.accelerator) if self.accelerator else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """One block for sale. ``upfront_fee`` is the price of the whole block, as AWS formats it;
    ``duration_hours`` its actual length, which can differ from the requested one.

    An offering of several ``segments`` has their common instance type, zone and length, None if
    they differ.
    """

    offering_id: str
    instance_type: str | None
    instance_count: int | None
    region: str
    availability_zone: str | None
    start_date: datetime | None
    end_date: datetime | None
    duration_hours: float | None
    upfront_fee: str | None
    currency_code: str | None
    tenancy: str | None = None
    ultraserver_type: str | None = None
    ultraserver_count: int | None = None
    zone_type: str | None = None
    accelerator: Accelerator | None = None
    observed_at: datetime | None = None
    segments: tuple[Segment, ...] = ()

    @property
    def parts(self) -> tuple[Segment, ...]:
        """The segments; the offering itself as a segment if it has none."""
        if self.segments:
            return self.segments
        whole_block = Segment(
            instance_type=self.instance_type or "",
            instance_count=self.instance_count,
            availability_zone=self.availability_zone,
            start_date=self.start_date,
            end_date=self.end_date,
            duration_hours=self.duration_hours,
            accelerator=self.accelerator,
        )
        return (whole_block,)

    @property
    def identity(self) -> str:
        """The fields that identify a block for sale in every listing.

        Offering ids are opaque and not documented as stable. The start of a block that can start at
        once moves with the clock, while its end is fixed (EC2 User Guide, Capacity Blocks: 11:30
        UTC), so the identity includes the end but not the start.
        """
        sold = "+".join(
            f"{part.instance_count}x{part.instance_type}@{part.availability_zone}"
            for part in self.parts
        )
        servers = f"{self.ultraserver_count}x{self.ultraserver_type}:"
        end = self.end_date and format_time(self.end_date)
        return f"{self.region}/{servers if self.ultraserver_type else ''}{sold}/{end}"

    @property
    def price_per_instance_hour(self) -> Decimal | None:
        return self._price_per([part.instance_hours for part in self.parts])

    @property
    def price_per_gpu_hour(self) -> Decimal | None:
        return self._price_per([part.accelerator_hours for part in self.parts])

    def _price_per(self, hours: list[Decimal | None]) -> Decimal | None:
        """The fee divided by the sum of these; None if one of them is unknown."""
        known = [each for each in hours if each]
        if self.upfront_fee is None or not known or len(known) < len(hours):
            return None
        return Decimal(self.upfront_fee) / sum(known)

    def to_json(self) -> dict[str, Any]:
        return {
            "offering_id": self.offering_id,
            "instance_type": self.instance_type,
            "instance_count": self.instance_count,
            "region": self.region,
            "availability_zone": self.availability_zone,
            "start_date": self.start_date and format_time(self.start_date),
            "end_date": self.end_date and format_time(self.end_date),
            "duration_hours": self.duration_hours and whole(self.duration_hours),
            "upfront_fee": self.upfront_fee,
            "currency_code": self.currency_code,
            "price_per_instance_hour": _price(self.price_per_instance_hour),
            "price_per_gpu_hour": _price(self.price_per_gpu_hour),
            "tenancy": self.tenancy,
            "ultraserver_type": self.ultraserver_type,
            "ultraserver_count": self.ultraserver_count,
            "zone_type": self.zone_type,
            "accelerator": plain_fields(self.accelerator) if self.accelerator else None,
            "observed_at": self.observed_at and format_time(self.observed_at),
            "segments": [segment.to_json() for segment in self.segments],
        }


def offering_from_json(data: Mapping[str, Any]) -> Offering:
    """The inverse of ``Offering.to_json``. Raises KeyError, TypeError or ValueError for any other
    object."""
    plain = {name: data[name] for name in _PLAIN_FIELDS}
    segments = tuple(
        Segment(
            **{name: part[name] for name in _PLAIN_SEGMENT_FIELDS},
            start_date=_time(part["start_date"]),
            end_date=_time(part["end_date"]),
            accelerator=_accelerator(part["accelerator"]),
        )
        for part in data["segments"]
    )
    return Offering(
        **plain,
        start_date=_time(data["start_date"]),
        end_date=_time(data["end_date"]),
        observed_at=_time(data["observed_at"]),
        accelerator=_accelerator(data["accelerator"]),
        segments=segments,
    )


_PLAIN_SEGMENT_FIELDS = ("instance_type", "instance_count", "availability_zone", "duration_hours")
_PLAIN_FIELDS = (
    *("offering_id", "region", "upfront_fee", "currency_code", "tenancy", "zone_type"),
    *("ultraserver_type", "ultraserver_count"),
    *_PLAIN_SEGMENT_FIELDS,
)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _accelerator(data: Mapping[str, Any] | None) -> Accelerator | None:
    return Accelerator(**data) if data else None


def sold_hours(hours: float) -> int:
    """The shortest duration that AWS sells and that is at least this long, in hours.

    Raises ValueError unless the hours are positive and at most 182 days.
    """
    if not 0 < hours <= MAX_DAYS * 24:
        raise ValueError(f"{hours:g} hours are not between 0 and {MAX_DAYS * 24}")
    days = -(-hours // 24)
    if days > DAY_STEPS:
        days = -(-days // 7) * 7
    return int(days) * 24


def sorted_offerings(offerings: Iterable[Offering], sort: str) -> list[Offering]:
    """Sort by the price of the whole block or of an instance-hour, or by the start; start or price
    and the id break ties."""

    def key(offering: Offering) -> tuple[Any, ...]:
        fee: Decimal | str | None = offering.upfront_fee
        if sort == "hourly":
            fee = offering.price_per_instance_hour
        price = (fee is None, Decimal(fee or 0))
        start = (
            offering.start_date is None,
            offering.start_date and offering.start_date.timestamp(),
        )
        first, second = (start, price) if sort == "start" else (price, start)
        return (*first, *second, offering.region, offering.offering_id)

    return sorted(offerings, key=key)


def _price(price: Decimal | None) -> float | None:
    return None if price is None else round(float(price), 4)
