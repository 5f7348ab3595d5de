"""The events of a watch and their texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from truffle.core.events import Event, EventType, Facts, Price, Severity, event_id
from truffle.core.market.answers import Answer
from truffle.core.market.states import PastPrices
from truffle.core.offerings import Offering, Segment
from truffle.core.times import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingChange:
    """A change of an offering, without the answer that showed it. ``predicate`` is its summary
    without the subject."""

    type: EventType
    severity: Severity
    offering: Offering
    predicate: str
    reason: str
    before: Facts | None = None
    after: Facts | None = None


def appeared(offering: Offering) -> OfferingChange:
    return OfferingChange(
        type=EventType.OFFERING_APPEARED,
        severity=Severity.GOOD,
        offering=offering,
        predicate=f"is for sale{_at(offering)}",
        reason="not offered → offered",
        after=Facts(price=price_facts(offering)),
    )


def dropped(offering: Offering, base: Decimal) -> OfferingChange:
    """A price drop; ``base`` is the higher price, in the unit of the offering's own."""
    price, unit = price_of(offering) or base, unit_of(offering)
    percent = (base - price) / base * 100
    known = offering.price_per_gpu_hour is not None
    before = Price(
        upfront_fee=None,
        currency_code=offering.currency_code,
        per_accelerator_hour=_rounded(base) if known else None,
        per_instance_hour=None if known else _rounded(base),
    )
    currency = offering.currency_code or "USD"
    return OfferingChange(
        type=EventType.PRICE_DROPPED,
        severity=Severity.GOOD,
        offering=offering,
        predicate=f"costs {percent:.0f} % less: {price:,.2f} instead of {base:,.2f} {currency} per "
        f"{unit}",
        reason=f"{base:,.2f} → {price:,.2f} {currency} per {unit}",
        before=Facts(price=before),
        after=Facts(price=price_facts(offering)),
    )


def gone(offering: Offering, is_above_limit: bool) -> OfferingChange:
    """An offering that was sold, withdrawn, or has exceeded the price limit of the watch."""
    predicate = "now costs more than the price limit" if is_above_limit else "is no longer for sale"
    reason = "within the price limit → above it" if is_above_limit else "offered → not offered"
    return OfferingChange(
        type=EventType.OFFERING_GONE,
        severity=Severity.INFO,
        offering=offering,
        predicate=predicate,
        reason=reason,
        before=Facts(price=price_facts(offering)),
    )


def market_event(
    finding: OfferingChange, answer: Answer, previous: datetime, past: PastPrices | None
) -> Event:
    """The event of a finding in an answer. Its id is derived from the watch, the offering, the type
    of event, and the previous answer."""
    offering, after = finding.offering, finding.after
    subject = f"{answer.watch}/{answer.question.digest}/{offering.identity}"
    compared = _compared(offering, past) if after else ""
    return Event(
        event_id=event_id(subject, finding.type, finding.before, after, previous),
        type=finding.type,
        severity=finding.severity,
        summary=f"{describe_offering(offering)} {finding.predicate}{compared} "
        f"(watch {answer.watch}).",
        reason=finding.reason,
        observed_at=answer.observed_at,
        previous_observed_at=previous,
        account_id=answer.account_id,
        region=answer.region,
        before=finding.before,
        after=after and Facts(price=after["price"], past=past.to_facts() if past else None),
        watch=answer.watch,
        offering=offering,
    )


def describe_offering(offering: Offering) -> str:
    """``A block of 8 × p5.48xlarge in us-east-2a (24 h from 2026-11-25T11:30:00Z)``."""
    parts = " + ".join(_part(it) for it in offering.parts)
    if offering.ultraserver_type:
        parts = f"{offering.ultraserver_count} × {offering.ultraserver_type} ({parts})"
    where = offering.availability_zone or offering.region
    hours = "?" if offering.duration_hours is None else f"{offering.duration_hours:.4g}"
    start = format_time(offering.start_date) if offering.start_date else "an unknown start"
    return f"A block of {parts} in {where} ({hours} h from {start})"


def _part(part: Segment) -> str:
    count = "?" if part.instance_count is None else part.instance_count
    return f"{count} × {part.instance_type or 'unknown type'}"


def price_of(offering: Offering) -> Decimal | None:
    """The price for comparisons: of an accelerator-hour, or of an instance-hour if the number of
    accelerators is unknown."""
    price = offering.price_per_gpu_hour
    return offering.price_per_instance_hour if price is None else price


def unit_of(offering: Offering) -> str:
    """The unit of ``price_of``."""
    known = offering.price_per_gpu_hour is not None
    return "accelerator-hour" if known else "instance-hour"


def price_facts(offering: Offering) -> Price:
    return Price(
        upfront_fee=offering.upfront_fee,
        currency_code=offering.currency_code,
        per_accelerator_hour=_rounded(offering.price_per_gpu_hour),
        per_instance_hour=_rounded(offering.price_per_instance_hour),
    )


def _rounded(price: Decimal | None) -> float | None:
    return None if price is None else round(float(price), 4)


def _at(offering: Offering) -> str:
    price = price_of(offering)
    if price is None:
        return " at an unknown price"
    return f" at {price:,.2f} {offering.currency_code or 'USD'} per {unit_of(offering)}"


def _compared(offering: Offering, past: PastPrices | None) -> str:
    price = price_of(offering)
    if price is None or past is None:
        return ""
    if price <= past.least:
        return ", the lowest price of 30 days"
    side = "below" if price < past.median else "above" if price > past.median else "at"
    return f", {side} the median of 30 days ({past.median:,.2f})"
