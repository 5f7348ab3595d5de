"""A price book as the JSON of ``GET /prices``, by source; the first source that knows a price
counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from truffle.core.billed import NO_BILL, Bill, place_of
from truffle.core.codec import Json
from truffle.core.model import Reservation
from truffle.core.pricing import Fee, PriceBook, PriceSource, Product, Rate, UnansweredCall


def to_json(book: PriceBook, rows: Iterable[Reservation]) -> Json:
    """The prices of these reservations, and all prices of the settings."""
    held = list(rows)
    products = {
        Product(row.instance_type, row.region, row.platform, row.tenancy)
        for row in held
        if row.platform and row.tenancy and not row.kind.is_prepaid
    }
    blocks = {row.block_id or row.reservation_id for row in held if row.kind.is_prepaid}
    return {
        "settings": dict(sorted(book.settings.items())),
        "price_list": [
            _listed(product, rate)
            for product in sorted(products)
            if (rate := book.listed.get(product))
        ],
        "fees": [_fee(name, fee) for name in sorted(blocks) if (fee := book.fees.get(name))],
        "unanswered": [it.to_json() for it in book.unanswered],
        "bill": book.bill.of_places({place_of(row) for row in held}).to_json(),
    }


def _listed(product: Product, rate: Rate) -> Json:
    return {
        "instance_type": product.instance_type,
        "region": product.region,
        "platform": product.platform,
        "tenancy": product.tenancy,
        "per_instance_hour": float(rate.amount),
        "currency": rate.currency,
        "as_of": rate.as_of and rate.as_of.isoformat(),
    }


def _fee(name: str, fee: Fee) -> Json:
    return {
        "capacity_block_id": name,
        "amount": float(fee.amount),
        "currency": fee.currency,
        "instances": fee.instances,
        "hours": fee.hours,
        "extension_amount": float(fee.extensions),
        "source": fee.source.value,
        "as_of": fee.as_of and fee.as_of.isoformat(),
    }


def from_json(data: Json) -> PriceBook:
    """The inverse of ``to_json``. Raises LookupError, TypeError or ValueError for anything else."""
    return PriceBook(
        {str(name): float(amount) for name, amount in data["settings"].items()},
        {
            Product(it["instance_type"], it["region"], it["platform"], it["tenancy"]): Rate(
                _amount(it["per_instance_hour"]),
                it["currency"],
                PriceSource.PRICE_LIST,
                _day(it["as_of"]),
            )
            for it in data["price_list"]
        },
        {
            it["capacity_block_id"]: Fee(
                amount=_amount(it["amount"]),
                currency=it["currency"],
                instances=it["instances"],
                as_of=_day(it["as_of"]),
                source=PriceSource(it["source"]),
                hours=it.get("hours"),
                extensions=_amount(it.get("extension_amount", 0)),
            )
            for it in data["fees"]
        },
        tuple(UnansweredCall(**it) for it in data.get("unanswered", ())),
        Bill.from_json(data["bill"]) if "bill" in data else NO_BILL,
    )


def _amount(number: float) -> Decimal:
    return Decimal(str(number))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
