"""Prices of instances by the hour, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from truffle.core.idle import price_of
from truffle.core.model import Reservation

USD = "USD"


class PriceSource(StrEnum):
    """Where a price is from, the first that knows one counts."""

    SETTINGS = "settings"
    PRICE_LIST = "price-list"
    BLOCK_FEE = "capacity-block-fee"


@dataclass(frozen=True, slots=True)
class Rate:
    """A price per instance and hour, its source, and the day from which that has it."""

    amount: Decimal
    currency: str
    source: PriceSource
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class UsedPrice:
    """The price of an instance of a kind for an hour; ``rate`` is None where no source knows it."""

    type: str
    instance_type: str
    region: str
    platform: str | None
    tenancy: str | None
    rate: Rate | None

    def to_json(self) -> dict[str, object]:
        rate = self.rate
        return {
            "type": self.type,
            "instance_type": self.instance_type,
            "region": self.region,
            "platform": self.platform,
            "tenancy": self.tenancy,
            "per_instance_hour": None if rate is None else float(rate.amount),
            "currency": rate and rate.currency,
            "source": rate and rate.source.value,
            "as_of": rate.as_of.isoformat() if rate and rate.as_of else None,
        }


@dataclass(frozen=True, slots=True, order=True)
class Product:
    """The key of one On-Demand price in AWS's price list."""

    instance_type: str
    region: str
    platform: str
    tenancy: str


@dataclass(frozen=True, slots=True)
class Fee:
    """The upfront fee of a capacity block, for all its instances and hours."""

    amount: Decimal
    currency: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All that is known of prices.

    ``settings`` are US dollars per instance-hour by instance type or glob, as the alerts file has
    them. ``listed`` is AWS's price list; it has no price of a capacity block. ``fees`` are by
    capacity block id.
    """

    settings: Mapping[str, float] = field(default_factory=dict)
    listed: Mapping[Product, Rate] = field(default_factory=dict)
    fees: Mapping[str, Fee] = field(default_factory=dict)

    def rate(self, row: Reservation) -> Rate | None:
        """The price of one instance of a reservation for an hour; None where none is known."""
        own = price_of(row.instance_type, self.settings)
        if own is not None:
            return Rate(Decimal(str(own)), USD, PriceSource.SETTINGS)
        if row.kind.is_prepaid:
            return self._share_of_fee(row)
        if not row.platform or not row.tenancy:
            return None
        return self.listed.get(Product(row.instance_type, row.region, row.platform, row.tenancy))

    def _share_of_fee(self, row: Reservation) -> Rate | None:
        """A block's fee over its instances and hours."""
        fee = self.fees.get(row.block_id or row.reservation_id)
        if fee is None or not row.size or not row.duration_hours:
            return None
        hours = Decimal(str(row.duration_hours)) * row.size
        return Rate(fee.amount / hours, fee.currency, PriceSource.BLOCK_FEE, fee.as_of)
