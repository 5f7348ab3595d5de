"""Prices of instances by the hour, each with its source."""

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
"""Per dollar. Costs are added as whole millionths, so parts add up to the whole."""


_ROUNDING = 1 / 3600
"""Hours: sums of fractions differ by less."""


class PriceSource(StrEnum):
    """Where a price is from, the first that knows one counts."""

    SETTINGS = "settings"
    PRICE_LIST = "price-list"
    BLOCK_FEE = "capacity-block-fee"
    COST_EXPLORER = "cost-explorer"
    EXTENDED_FEE = "extended-block-fee"
    UPFRONT_FEE = "upfront-fee"


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
    """The upfront fee of a capacity block, for all its ``instances`` and ``hours``.

    Without ``instances`` it is only known what one of a block with a single reservation costs.
    Without ``hours`` the fee is for the whole time of a reservation, however long. ``extensions``
    is the part of the amount that extensions cost.
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
    """A request for fees that AWS refused with ``error``, AWS's code. ``account_id`` and ``region``
    are None where it was not about one scope."""

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
    """All that is known of prices.

    ``settings`` are US dollars per instance-hour by instance type or glob, as the alerts file has
    them. ``listed`` is AWS's price list; it has no price of a capacity block. ``fees`` are by
    capacity block id; ``unanswered`` are the requests for them that failed last,
    and ``bill`` is what was billed, whichever block it was for.
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
        """The price of one instance of a reservation for an hour; None where none is known."""
        if row.kind.is_prepaid:
            return self._of_settings(row.instance_type) or self._share_of_fee(row)
        product = Product(row.instance_type, row.region, row.platform or "", row.tenancy or "")
        return self.on_demand(product)

    def on_demand(self, product: Product) -> Rate | None:
        """The price of an instance for an hour, in a reservation or not."""
        return self._of_settings(product.instance_type) or self.listed.get(product)

    def idle_micro_usd(self, row: Reservation) -> int | None:
        """Millionths of a US dollar that the unused instances cost an hour.

        None where their price or number is unknown, or the price is in another currency.
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
        """The fee of a block or a training plan over its instances and hours.

        Each hour of an extended block costs the same, also those before it was extended. A block
        that is longer than its known fee covers has no rate.
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
        """The fee that is known here, else the one that AWS returns with the row."""
        known = self.fees.get(row.block_id or row.reservation_id)
        if known is not None or row.fee is None:
            return known
        amount, currency = row.fee
        return Fee(Decimal(str(amount)), currency, source=PriceSource.UPFRONT_FEE)


NO_PRICES = PriceBook()


def own_fees(fees: Mapping[str, float]) -> dict[str, Fee]:
    """The fees of the alerts file, in US dollars by block id."""
    return {
        name: Fee(Decimal(str(amount)), USD, source=PriceSource.SETTINGS)
        for name, amount in fees.items()
    }


def price_of(instance_type: str, prices: Mapping[str, float]) -> float | None:
    """US dollars per instance-hour: the type's own price, else that of the most specific glob; None
    if no price is known."""
    if instance_type in prices:
        return prices[instance_type]
    globs = [glob for glob in prices if matches_globs(instance_type, [glob])]
    best = max(globs, key=lambda glob: (len(glob.strip("*")), glob), default=None)
    return None if best is None else prices[best]
