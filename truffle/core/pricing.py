"""Hourly prices of instances, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from truffle.core.billed import NO_BILL, Bill
from truffle.core.filters import matches_globs
from truffle.core.idle import unused
from truffle.core.model import Reservation

USD = "USD"

MICRO = 10**6
"""Millionths per dollar. Costs are added as whole millionths, so parts add up exactly."""


_ROUNDING = 1 / 3600
"""Hours; the rounding error of sums of fractions is smaller."""


class PriceSource(StrEnum):
    """The sources of prices; the first that knows a price counts."""

    SETTINGS = "settings"
    PRICE_LIST = "price-list"
    BLOCK_FEE = "capacity-block-fee"
    COST_EXPLORER = "cost-explorer"
    EXTENDED_FEE = "extended-block-fee"
    UPFRONT_FEE = "upfront-fee"


@dataclass(frozen=True, slots=True)
class Rate:
    """A price per instance and hour, its source, and the date of the source."""

    amount: Decimal
    currency: str
    source: PriceSource
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class UsedPrice:
    """The hourly price of an instance of a kind; ``rate`` is None if no source knows it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """The upfront fee of a capacity block, for all its ``instances`` and ``hours``.

    Without ``instances`` the price of an instance is known only for a block with a single
    reservation. Without ``hours`` the fee is for the whole time of a reservation, however long.
    ``extensions`` is the part of the amount for extensions.
    """

    amount: Decimal
    currency: str
    instances: int | None = None
    as_of: date | None = None
    source: PriceSource = PriceSource.BLOCK_FEE
    hours: float | None = None
    extensions: Decimal = Decimal()


@dataclass(frozen=True, slots=True)
class UnansweredCall:
    """A request for fees that AWS refused with the code ``error``. ``account_id`` and ``region``
    are None if it did not concern one scope."""

    operation: str
    error: str
    account_id: str | None = None
    region: str | None = None

    def to_json(self) -> dict[str, str | None]:
        return {
            "operation": self.operation,
            "error": self.error,
            "account_id": self.account_id,
            "region": self.region,
        }


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All known prices.

    ``settings`` are US dollars per instance-hour by instance type or glob, from the alerts file.
    ``listed`` is AWS's price list, which has no capacity blocks. ``fees`` are by capacity block id;
    ``unanswered`` has the requests for them whose last attempt failed, and ``bill`` the billed
    fees, for whichever block.
    """

    settings: Mapping[str, float] = field(default_factory=dict)
    listed: Mapping[Product, Rate] = field(default_factory=dict)
    fees: Mapping[str, Fee] = field(default_factory=dict)
    unanswered: tuple[UnansweredCall, ...] = ()
    bill: Bill = NO_BILL
    _own: dict[str, Rate | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __bool__(self) -> bool:
        """Whether any price is known."""
        return bool(self.settings or self.listed or self.fees)

    def rate(self, row: Reservation) -> Rate | None:
        """The hourly price of one instance of a reservation; None if unknown."""
        if row.kind.is_prepaid:
            return self._of_settings(row.instance_type) or self._share_of_fee(row)
        product = Product(row.instance_type, row.region, row.platform or "", row.tenancy or "")
        return self.on_demand(product)

    def on_demand(self, product: Product) -> Rate | None:
        """The hourly On-Demand price of an instance, in a reservation or not."""
        return self._of_settings(product.instance_type) or self.listed.get(product)

    def idle_micro_usd(self, row: Reservation) -> int | None:
        """The hourly cost of unused instances in millionths of a US dollar.

        None if their price or number is unknown, or the price is in another currency.
        """
        instances = unused(row)
        if not instances:
            return instances
        rate = self.rate(row)
        if rate is None or rate.currency != USD:
            return None
        return round(rate.amount * instances * MICRO)

    def idle_usd(self, row: Reservation) -> float | None:
        """The same in US dollars."""
        cost = self.idle_micro_usd(row)
        return None if cost is None else cost / MICRO

    def _of_settings(self, instance_type: str) -> Rate | None:
        if instance_type not in self._own:
            own = price_of(instance_type, self.settings)
            rate = None if own is None else Rate(Decimal(str(own)), USD, PriceSource.SETTINGS)
            self._own[instance_type] = rate
        return self._own[instance_type]

    def _share_of_fee(self, row: Reservation) -> Rate | None:
        """The fee of a block or a training plan divided by its instances and hours.

        Every hour of an extended block costs the same, including those before the extension. A
        block that is longer than its known fee covers has no rate.
        """
        fee = self._fee(row)
        if fee is None or not row.duration_hours:
            return None
        instances = fee.instances or (None if row.is_part else row.size)
        hours = fee.hours or row.duration_hours
        if not instances or row.duration_hours - hours > _ROUNDING:
            return None
        amount = fee.amount / (Decimal(str(hours)) * instances)
        return Rate(amount, fee.currency, fee.source, fee.as_of)

    def _fee(self, row: Reservation) -> Fee | None:
        """The fee in this book, else the one that AWS returns with the row."""
        known = self.fees.get(row.block_id or row.reservation_id)
        if known is not None or row.fee is None:
            return known
        amount, currency = row.fee
        return Fee(amount=Decimal(str(amount)), currency=currency, source=PriceSource.UPFRONT_FEE)


NO_PRICES = PriceBook()


def own_fees(fees: Mapping[str, float]) -> dict[str, Fee]:
    """The fees of the alerts file, in US dollars by block id."""
    return {
        name: Fee(amount=Decimal(str(amount)), currency=USD, source=PriceSource.SETTINGS)
        for name, amount in fees.items()
    }


def price_of(instance_type: str, prices: Mapping[str, float]) -> float | None:
    """US dollars per instance-hour: the type's own price, else that of the most specific glob; None
    if unknown."""
    if instance_type in prices:
        return prices[instance_type]
    globs = [glob for glob in prices if matches_globs(instance_type, [glob])]
    best = max(globs, key=lambda glob: (len(glob.strip("*")), glob), default=None)
    return None if best is None else prices[best]
