"""The facts of an event as text; their selection depends on the event's type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from truffle.core.deadlines import payment_deadline
from truffle.core.events import SCOPE_TYPES, Event, EventType
from truffle.core.model import Accelerator, Reservation
from truffle.core.offerings import Offering, Segment
from truffle.core.times import parse_time
from truffle.core.wording import named_account
from truffle.messages.wording import moment, moment_from, of_instances, span, usd


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str


def facts_of(event: Event, now: datetime) -> tuple[Fact, ...]:
    """The facts of an event as published at ``now``, the most informative first."""
    return tuple(Fact(name, value) for name, value in _facts(event, now) if value)


_Pairs = Iterator[tuple[str, str | None]]


def _facts(event: Event, now: datetime) -> _Pairs:
    row = event.reservation
    after = event.after or {}
    yield from _cause(event, after)
    yield from _own_facts(event, after, now)
    if row is not None:
        yield from _reservation_facts(event, row, now)
    if event.offering is not None:
        yield from _offering_facts(event, event.offering, now)
    yield "Account", named_account(event.account_id, event.account_name)
    yield "Organizational unit", event.organizational_unit
    about = row or event.offering
    if about is None or not about.availability_zone:
        yield "Region", event.region


def _cause(event: Event, after: Mapping[str, Any]) -> _Pairs:
    """The cause of the event: a change, a crossed threshold, or its reason."""
    counted = _COUNTED.get(event.type)
    threshold = _threshold(after.get("threshold"))
    if counted and threshold:
        yield "Threshold", counted.format(threshold)
    elif event.type in _CHANGES:
        yield "Change", _TIME.sub(lambda found: moment(parse_time(found[0])), event.reason)
    elif event.type not in SCOPE_TYPES or not after.get("error"):
        yield "Reason", event.reason


_TIME = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")

_COUNTED = {
    EventType.STARTING_SOON: "{} before the start",
    EventType.ENDING_SOON: "{} before the end",
    EventType.LATE_DELIVERY: "{} after the start",
    EventType.IDLE: "idle for {}",
    EventType.FLEET_SHORT: "below its target for {}",
}
_CHANGES = frozenset(EventType) - _COUNTED.keys() - {*SCOPE_TYPES, EventType.PAYMENT_DUE}
_ABOUT_THE_STATE = frozenset({EventType.DISCOVERED, EventType.STATE_CHANGED})


def _own_facts(event: Event, after: Mapping[str, Any], now: datetime) -> _Pairs:
    row = event.reservation
    match event.type:
        case EventType.ENDING_SOON:
            yield "Extension", _extension(after.get("extension"), now)
        case EventType.PAYMENT_DUE:
            yield "Payment deadline", _when(payment_deadline(row), now) if row else None
        case EventType.LATE_DELIVERY if row and row.start_date:
            yield "Late by", span(max(event.observed_at - row.start_date, timedelta()))
        case EventType.IDLE:
            yield "Unused", _unused(after, row)
            yield "Idle since", _when(_time(after.get("idle_since")), now)
            yield "Cost", _cost(after)
        case EventType.FLEET_SHORT:
            yield "Fulfilled", _fulfilled(after)
            yield "Below target since", _when(_time(after.get("short_since")), now)
            for name, key in (("Fleet", "fleet_id"), ("State", "fleet_state")):
                yield name, after.get(key) and str(after[key])
        case EventType.BILLING_REQUEST if row and row.billing_request:
            yield "Requested by", row.billing_request.requested_by
            yield "Asked to pay", row.billing_request.unused_billing_owner_id
            yield "Decide by", _when(row.billing_request.expires_at, now)
        case EventType.CHANGE_REJECTED if row and row.adjustment:
            yield "Requested start", _when(row.adjustment.start_date, now)
            yield "Requested end", _when(row.adjustment.end_date, now)
        case EventType.SCOPE_FAILING:
            yield from _scope_facts(after, now)
        case EventType.SCOPE_RECOVERED:
            before = event.before or {}
            yield "Previous error", before.get("error") and str(before["error"])
            yield "Failing since", _when(_time(before.get("since")), now)
        case EventType.OFFERING_APPEARED | EventType.PRICE_DROPPED:
            yield "Price", _price(after.get("price"))
            yield "Last 30 days", _past(after.get("past"))


def _threshold(value: object) -> str | None:
    """``24 h`` of ``24h``, ``40 min`` of ``40m``."""
    if not value:
        return None
    return re.sub(r"^(\d+) ?m$", r"\1 min", re.sub(r"^(\d+)([a-z]+)$", r"\1 \2", str(value)))


def _extension(extension: object, now: datetime) -> str | None:
    if not isinstance(extension, Mapping):
        return None
    deadline = _time(extension.get("deadline"))
    if deadline is not None and deadline <= now:
        return f"the extension window closed {moment_from(deadline, now)}"
    closes = moment_from(deadline, now) if deadline else "an hour before the end"
    match extension.get("on_offer"):
        case True:
            return f"offered; the window closes {closes}"
        case False:
            return f"not offered now; the window closes {closes}"
    error = extension.get("error")
    return f"unknown whether offered{f' ({error})' if error else ''}; the window closes {closes}"


def _unused(after: Mapping[str, Any], row: Reservation | None) -> str | None:
    unused = after.get("unused")
    if unused is None:
        return None
    return of_instances(unused, row.size if row else None)


def _fulfilled(after: Mapping[str, Any]) -> str | None:
    """``12 of 20 (60%)``."""
    has, wants = _number(after.get("fulfilled_capacity")), _number(after.get("target_capacity"))
    if has is None or wants is None:
        return None
    return f"{has:,g} of {wants:,g}" + (f" ({has / wants:.0%})" if wants else "")


def _cost(after: Mapping[str, Any]) -> str:
    """``≈ 440 USD so far at 55.04 USD/h``, or a text for an idle reservation without a price."""
    so_far, per_hour = _number(after.get("usd_so_far")), _number(after.get("usd_per_hour"))
    if per_hour is None:
        return "price unknown"
    rate = f"{per_hour:,.2f} USD/h"
    return f"≈ {usd(so_far)} so far at {rate}" if so_far is not None else rate


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return value if is_number else None  # type: ignore[return-value]


def _scope_facts(after: Mapping[str, Any], now: datetime) -> _Pairs:
    for name, key in (("Error", "error"), ("Message", "message")):
        yield name, after.get(key) and str(after[key])
    runs = after.get("failed_runs")
    in_a_row = "" if runs == 1 else " in a row"
    yield "Failed runs", f"{runs}{in_a_row}" if runs is not None else None
    for name, key in (("Failing since", "since"), ("Last success", "last_success")):
        yield name, _when(_time(after.get(key)), now)


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _when(at: datetime | None, now: datetime) -> str | None:
    return moment_from(at, now) if at else None


def _reservation_facts(event: Event, row: Reservation, now: datetime) -> _Pairs:
    yield "Instances", instances(row)
    if event.type not in _ABOUT_THE_STATE:
        yield "State", row.state
    yield "Start", _when(row.start_date, now)
    if row.kind.end_field != "end_date":
        yield "Usable until", _when(row.effective_end, now)
    else:
        yield "End", _when(row.end_date, now)
    yield "Commitment ends", _when(row.commitment_end, now)
    yield "Name", row.name
    yield "Reservation", row.reservation_id
    if row.block_id and row.block_id != row.reservation_id:
        yield "Block", row.block_id
    yield "Zone", row.availability_zone


def _price(price: object) -> str | None:
    """``3.93 USD per accelerator-hour, 31.46 USD per instance-hour, 755.14 USD in total``."""
    if not isinstance(price, Mapping):
        return None
    currency = str(price.get("currency_code") or "USD")
    accelerator, instance = (
        _number(price.get(name)) for name in ("per_accelerator_hour", "per_instance_hour")
    )
    parts = [
        f"{amount:,.2f} {currency} per {unit}"
        for amount, unit in ((accelerator, "accelerator-hour"), (instance, "instance-hour"))
        if amount is not None
    ]
    fee = price.get("upfront_fee")
    return ", ".join([*parts, *([f"{fee} {currency} in total"] if fee else [])]) or "unknown"


def _past(past: object) -> str:
    """``lowest 3.10, median 3.93 (of 12 days)``."""
    if not isinstance(past, Mapping):
        return "no price known"
    days = past.get("days")
    seen = "1 day" if days == 1 else f"{days} days"
    return f"lowest {past.get('least'):,.2f}, median {past.get('median'):,.2f} (of {seen})"


def _offering_facts(event: Event, offering: Offering, now: datetime) -> _Pairs:
    for number, part in enumerate(offering.segments, start=1):
        when = _when(part.start_date, now) or "unknown start"
        zone = part.availability_zone or "unknown zone"
        yield f"Part {number}", f"{_sold(part)} in {zone}, {when}"
    if not offering.segments:
        yield "Instances", _sold(offering.parts[0])
    if offering.ultraserver_type:
        yield "UltraServers", f"{offering.ultraserver_count} × {offering.ultraserver_type}"
    yield "Start", _when(offering.start_date, now)
    yield "End", _when(offering.end_date, now)
    yield "Zone", offering.availability_zone
    yield "Watch", event.watch


def _sold(part: Segment) -> str:
    count = "?" if part.instance_count is None else part.instance_count
    return _with_accelerators(f"{count} × {part.instance_type or 'unknown type'}", part.accelerator)


def instances(row: Reservation) -> str:
    """``8 × p5.48xlarge (64 × H100)``."""
    line = f"{row.size if row.size is not None else '?'} × {row.instance_type or 'unknown type'}"
    return _with_accelerators(line, row.accelerator)


def _with_accelerators(line: str, carried: Accelerator | None) -> str:
    if carried is None or carried.total_count is None:
        return line
    return f"{line} ({carried.total_count:,} × {carried.name})"
