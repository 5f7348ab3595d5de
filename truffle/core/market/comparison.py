"""The comparison of a region's answer to a watch with the one before: state and events.

Only answers that show what is sold are compared. The first one is a baseline. An offering above the
watch's price limit is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from truffle.core.events import Event
from truffle.core.market.answers import Answer
from truffle.core.market.days import with_answer
from truffle.core.market.events import (
    OfferingChange,
    appeared,
    dropped,
    gone,
    market_event,
    price_of,
)
from truffle.core.market.finds import lead_hours
from truffle.core.market.states import Seen, WatchState, past_prices
from truffle.core.offerings import MOST_OFFERINGS, Offering

SHORTEST_NOTICE = timedelta(minutes=30)
"""The minimum time from a purchase to the start of a block (EC2 User Guide, Capacity Blocks)."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MarketRules:
    """``least_drop`` is in percent. While an offering is ``quiet`` after an event, no second event
    of that type is published about it; a change that still holds is published afterwards."""

    least_drop: Decimal = Decimal(2)
    quiet: timedelta = timedelta(hours=6)


def compare(
    state: WatchState | None, answer: Answer, rules: MarketRules
) -> tuple[WatchState, tuple[Event, ...]]:
    """Compute the state after an answer, and the events.

    The same state and answer give the same events with the same ids. An answer to a changed
    question is a new baseline; an answer that is not newer than the state changes nothing.
    """
    if state is None:
        state = WatchState(answer)
    elif state.last.question != answer.question:
        is_same_type = state.last.question.instance_type == answer.question.instance_type
        state = WatchState(answer, days=state.days if is_same_type else {})
    elif answer.observed_at <= state.last.observed_at:
        return state, ()
    if not answer.outcome.is_known:
        return replace(state, last=answer), ()
    present = _cheapest(it for it in answer.offerings if answer.question.is_within_limit(it))
    prices = [price for it in answer.offerings if (price := price_of(it)) is not None]
    leads = [lead_hours(it.start_date, answer.observed_at) for it in answer.offerings]
    known_leads = [it for it in leads if it is not None]
    days = with_answer(state.days, answer.observed_at, prices, known_leads)
    if state.known is None:
        seen = {
            name: Seen(offering=it, is_there=True, reference=price_of(it))
            for name, it in present.items()
        }
        return WatchState(answer, answer, seen, days), ()
    found = _found(state, answer, present, rules)
    past = past_prices(state.days, answer.observed_at)
    events = tuple(
        market_event(finding, answer, state.known.observed_at, past)
        for _, finding in found.values()
        if finding is not None
    )
    seen = {name: it for name, (it, _) in found.items() if it is not None}
    return WatchState(answer, answer, seen, days), events


_Found = tuple[Seen | None, OfferingChange | None]


def _found(
    state: WatchState, answer: Answer, present: Mapping[str, Offering], rules: MarketRules
) -> dict[str, _Found]:
    now = answer.observed_at
    seen = _rolled(state.seen, present, now, answer.question.duration_hours)
    excess = {it.identity for it in answer.offerings} - present.keys()
    left_out = {name for name, it in seen.items() if _may_be_left_out(it.offering, answer)}
    found: dict[str, _Found] = {}
    for name in sorted(seen.keys() | present.keys()):
        before, offering = seen.get(name), present.get(name)
        if offering is not None:
            found[name] = _there(before, offering, now, rules)
        elif before is not None and name in left_out - excess:
            found[name] = before, None
        elif before is not None:
            found[name] = _missing(before, now, rules, name in excess)
    return found


def _may_be_left_out(offering: Offering, answer: Answer) -> bool:
    """Whether a full answer may lack this offering only because EC2 limits the number and lists
    earlier starts first: it starts no earlier than all of them."""
    if len(answer.offerings) != MOST_OFFERINGS:
        return False
    starts = [it.start_date for it in answer.offerings if it.start_date is not None]
    return bool(starts and offering.start_date and offering.start_date >= max(starts))


def _cheapest(offerings: Iterable[Offering]) -> dict[str, Offering]:
    """The offerings by identity; of several with the same one, the cheapest."""
    ordered = sorted(offerings, key=_dearest_first, reverse=True)
    return {offering.identity: offering for offering in ordered}


def _dearest_first(offering: Offering) -> tuple[bool, Decimal]:
    price = price_of(offering)
    return price is None, price or Decimal()


# --- windows -------------------------------------------------------------------------------------


def _rolled(
    seen: Mapping[str, Seen], present: Mapping[str, Offering], now: datetime, hours: int
) -> dict[str, Seen]:
    """Drop the blocks that can no longer be sold because their time has passed.

    If the same capacity is now offered a day later, that block replaces them: time moved the
    window, and nothing appeared.
    """
    kept = dict(seen)
    fresh = sorted(
        (it for name, it in present.items() if name not in seen), key=lambda it: it.identity
    )
    for name in sorted(name for name in seen if name not in present):
        if not _has_lapsed(seen[name].offering, now, hours):
            continue
        lapsed = kept.pop(name)
        heir = next((it for it in fresh if _place(it) == _place(lapsed.offering)), None)
        if heir is not None and lapsed.is_there:
            fresh.remove(heir)
            kept[heir.identity] = lapsed
    return kept


def _has_lapsed(offering: Offering, now: datetime, hours: int) -> bool:
    """Whether no block of this length can still end with this offering: blocks end at a fixed time
    of day, so such a block starts within the day after its end minus its length."""
    if offering.start_date is None or offering.end_date is None:
        return False
    latest_start = offering.end_date - timedelta(hours=hours) + DAY
    return offering.start_date <= now and latest_start <= now + SHORTEST_NOTICE


def _place(offering: Offering) -> str:
    return replace(offering, end_date=None).identity


# --- rules ---------------------------------------------------------------------------------------


def _is_quiet(since: datetime | None, now: datetime, rules: MarketRules) -> bool:
    return since is not None and now < since + rules.quiet


def _there(before: Seen | None, offering: Offering, now: datetime, rules: MarketRules) -> _Found:
    price = price_of(offering)
    if before is None:
        return Seen(offering=offering, is_there=True, reference=price, appeared_at=now), appeared(
            offering
        )
    if not before.is_there:
        if _is_quiet(before.appeared_at, now, rules):
            return replace(before, offering=offering), None
        back = replace(before, offering=offering, is_there=True, reference=price, appeared_at=now)
        return back, appeared(offering)
    return _priced(before, offering, price, now, rules)


def _priced(
    before: Seen, offering: Offering, price: Decimal | None, now: datetime, rules: MarketRules
) -> _Found:
    """A drop counts from the highest price since the last event; while the offering is quiet, from
    the lowest published price."""
    same = replace(before, offering=offering)
    if price is None:
        return same, None
    if before.reference is None:
        return replace(same, reference=price), None
    base = before.reference
    if before.dropped_to is not None and _is_quiet(before.dropped_at, now, rules):
        base = min(base, before.dropped_to)
    if _percent_less(base, price) >= rules.least_drop:
        cheaper = replace(same, reference=price, dropped_at=now, dropped_to=price)
        return cheaper, dropped(offering, base)
    return replace(same, reference=max(before.reference, price)), None


def _percent_less(base: Decimal, price: Decimal) -> Decimal:
    """The drop in percent, rounded to two digits: fees are rounded to cents, so hourly prices are
    not exact."""
    return round((base - price) / base * 100, 2) if base else Decimal()


def _missing(before: Seen, now: datetime, rules: MarketRules, is_above_limit: bool) -> _Found:
    if not before.is_there:
        moments = [at for at in (before.appeared_at, before.gone_at) if at is not None]
        is_over = not any(_is_quiet(at, now, rules) for at in moments)
        return (None if is_over else before), None
    if _is_quiet(before.gone_at, now, rules):
        return before, None
    return replace(before, is_there=False, gone_at=now), gone(before.offering, is_above_limit)
