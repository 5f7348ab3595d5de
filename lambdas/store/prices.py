"""AWS's price list in the table: the prices of the types that the stack has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from lambdas.store.documents import DocumentStore, Head
from truffle.core import extensions
from truffle.core.billed import NO_BILL, Bill
from truffle.core.codec import Json
from truffle.core.fees import Extensions, with_extensions
from truffle.core.pricing import Fee, PriceSource, Product, Rate, UnansweredCall
from truffle.core.times import format_time, parse_time

GET_COST = "GetCostAndUsage"
NAME = "prices"
SCHEMA_VERSION = 1

Place = tuple[str, str]
"""An instance type and a region: the key of a request to the price list."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """The known prices, when each type was last requested in each region, the fees of blocks by id,
    without extensions, and the extensions that were paid for.

    ``unanswered`` has the scopes whose purchased extensions could not be listed. ``bill`` has the
    fees in Cost Explorer.
    """

    rates: Mapping[Product, Rate] = field(default_factory=dict)
    fetched: Mapping[Place, datetime] = field(default_factory=dict)
    fees: Mapping[str, Fee] = field(default_factory=dict)
    extensions: Extensions = field(default_factory=dict)
    unanswered: tuple[UnansweredCall, ...] = ()
    bill: Bill = NO_BILL

    def block_fees(self) -> dict[str, Fee]:
        """The fees of blocks including their extensions."""
        return with_extensions(self.fees, self.extensions)

    def unanswered_calls(self) -> tuple[UnansweredCall, ...]:
        """The requests for fees whose last attempt failed."""
        if self.bill.error is None:
            return self.unanswered
        return (*self.unanswered, UnansweredCall(GET_COST, self.bill.error))


NOTHING_KNOWN = PriceList()


@dataclass(slots=True)
class PriceStore:
    """Caches the list while the table has the same one."""

    documents: DocumentStore
    _head: Head | None = None
    _list: PriceList = NOTHING_KNOWN

    def read(self) -> PriceList:
        """Raises what reading a document raises, and ValueError for a newer schema."""
        head = self.documents.head(NAME)
        if head is None:
            return NOTHING_KNOWN
        if self._head is None or self._head.version != head.version:
            self._list = _from_json(self.documents.content(NAME, head))
            self._head = head
        return self._list

    def write(self, prices: PriceList, at: datetime) -> None:
        self.documents.write(NAME, _to_json(prices), {}, at)


def _to_json(prices: PriceList) -> Json:
    return {
        "schema_version": SCHEMA_VERSION,
        "rates": [
            {
                "instance_type": product.instance_type,
                "region": product.region,
                "platform": product.platform,
                "tenancy": product.tenancy,
                "amount": str(rate.amount),
                "currency": rate.currency,
                "as_of": rate.as_of and rate.as_of.isoformat(),
            }
            for product, rate in sorted(prices.rates.items())
        ],
        "fetched": [
            {"instance_type": name, "region": region, "at": format_time(at)}
            for (name, region), at in sorted(prices.fetched.items())
        ],
        "fees": [
            {
                "capacity_block_id": name,
                "amount": str(fee.amount),
                "currency": fee.currency,
                "instances": fee.instances,
                "hours": fee.hours,
                "source": fee.source.value,
                "as_of": fee.as_of and fee.as_of.isoformat(),
            }
            for name, fee in sorted(prices.fees.items())
        ],
        "extensions": {
            name: [extensions.to_json(it) for it in paid]
            for name, paid in sorted(prices.extensions.items())
        },
        "unanswered": [it.to_json() for it in prices.unanswered],
        "bill": prices.bill.to_json(),
    }


def _from_json(data: Json) -> PriceList:
    if data["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"the schema version of the prices is {data['schema_version']}")
    rates = {
        Product(it["instance_type"], it["region"], it["platform"], it["tenancy"]): Rate(
            Decimal(it["amount"]),
            it["currency"],
            PriceSource.PRICE_LIST,
            None if it["as_of"] is None else date.fromisoformat(it["as_of"]),
        )
        for it in data["rates"]
    }
    fetched = {(it["instance_type"], it["region"]): parse_time(it["at"]) for it in data["fetched"]}
    fees = {
        it["capacity_block_id"]: Fee(
            amount=Decimal(it["amount"]),
            currency=it["currency"],
            instances=it["instances"],
            as_of=None if it["as_of"] is None else date.fromisoformat(it["as_of"]),
            source=PriceSource(it.get("source", PriceSource.BLOCK_FEE)),
            hours=it.get("hours"),
        )
        for it in data.get("fees", ())
    }
    paid = {
        name: tuple(map(extensions.from_json, known))
        for name, known in data.get("extensions", {}).items()
    }
    unanswered = tuple(UnansweredCall(**it) for it in data.get("unanswered", ()))
    bill = Bill.from_json(data["bill"]) if "bill" in data else NO_BILL
    return PriceList(rates, fetched, fees, paid, unanswered, bill)
