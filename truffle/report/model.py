"""The content of a report, as JSON for its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from truffle.core.codec import Json
from truffle.core.events import Event
from truffle.core.idle import is_idle
from truffle.core.model import Reservation
from truffle.core.organization import labels_of
from truffle.core.timeline import (
    PAST,
    Phase,
    TimelineSpan,
    extensions_on_offer,
    gaps,
    gone,
    in_order,
    span_of,
    window,
)
from truffle.core.times import format_time
from truffle.messages.advice import reservation_url
from truffle.report.decisions import Decision, decisions
from truffle.report.inputs import FailedScope, Inputs, Use
from truffle.report.market import market_content
from truffle.report.quantities import quantities_of, sums_by_accelerator

VERSION = 1
MOST_EVENTS = 500
"""The maximum number of events on a page, the newest."""

MOST_FAILED = 500
"""The maximum number of failed scopes that a page names, the longest failing first; it counts
all."""


def spans_of(inputs: Inputs) -> list[TimelineSpan]:
    """The spans of the listed reservations and of those that vanished."""
    on_offer = extensions_on_offer(inputs.events)
    listed = [span_of(row, on_offer.get(row.reservation_id)) for row in inputs.rows]
    lost = gone(inputs.events, (row.reservation_id for row in inputs.rows))
    return in_order([*listed, *(span_of(row, is_gone=True) for row in lost)])


def content(inputs: Inputs) -> Json:
    """Build the content; the same for the same inputs, in any order."""
    spans = spans_of(inputs)
    blocks = [span for span in spans if span.row.kind.is_prepaid]
    since, until = window(blocks, inputs.now, inputs.since)
    until = inputs.until or until
    since = since if since < until else until - PAST
    everything = [span for span in spans if not span.is_gone or span.overlaps(since, until)]
    needed = decisions(everything, inputs)
    shown, left_out = _parted(everything, needed, inputs.most_rows)
    newest = sorted(inputs.events, key=lambda event: (event.observed_at, event.event_id))[::-1]
    return {
        "version": VERSION,
        "now": format_time(inputs.now),
        "since": format_time(since),
        "until": format_time(until),
        "observed_at": _time(inputs.observed_at),
        "source": inputs.source,
        "scopes": inputs.scopes,
        "closed": inputs.closed,
        "failed": [_failed(scope, inputs) for scope in _worst_first(inputs.failed)[:MOST_FAILED]],
        "all_failed": len(inputs.failed),
        "warnings": sorted(inputs.warnings),
        "team_tag": inputs.team_tag,
        "idle_usd_per_hour": inputs.idle_usd_per_hour if inputs.prices else None,
        "refresh_seconds": inputs.refresh_seconds,
        "decisions": _decisions(needed, shown),
        "rows": [_row(span, inputs) for span in shown],
        "left_out": _left_out(left_out),
        "gaps": [
            {"group": gap.group, "start": format_time(gap.start), "end": format_time(gap.end)}
            for gap in gaps(blocks, lambda row: team_of(row, inputs.team_tag))
        ],
        "market": market_content(inputs.market),
        "events": [_event(event) for event in newest[:MOST_EVENTS]],
        "all_events": len(newest),
        "events_note": inputs.events_note,
    }


def _parted(
    spans: Sequence[TimelineSpan], needed: Iterable[Decision], most: int | None
) -> tuple[Sequence[TimelineSpan], list[TimelineSpan]]:
    """The spans that a page shows, and those that it omits, both in order."""
    if most is None or len(spans) <= most:
        return spans, []
    decided = {decision.reservation_id for decision in needed}
    ranked = sorted(spans, key=lambda span: (span.row.reservation_id not in decided, _rank(span)))
    kept = {span.row.reservation_id for span in ranked[:most]}
    return (
        [span for span in spans if span.row.reservation_id in kept],
        [span for span in spans if span.row.reservation_id not in kept],
    )


def _rank(span: TimelineSpan) -> int:
    """The priority of rows: blocks that are not over, idle capacity, other held capacity."""
    is_over = span.is_gone or span.phase in (Phase.OVER, Phase.FAILED)
    if is_over:
        return 3
    if span.row.kind.is_prepaid:
        return 0
    return 1 if is_idle(span.row) else 2


def _left_out(spans: Sequence[TimelineSpan]) -> Json | None:
    """The number of reservations that a page omits, and their accelerators; None if it has all."""
    if not spans:
        return None
    sums = sums_by_accelerator(span.row for span in spans if not span.is_gone)
    amounts = {name: [of.held, of.used, of.idle, of.coming] for name, of in sums.items()}
    return {"reservations": len(spans), "accelerators": amounts}


def team_of(row: Reservation, tag: str) -> str | None:
    """The value of the team's tag, whose key is case-insensitive."""
    if tag in row.tags:
        return row.tags[tag]
    keys = sorted(key for key in row.tags if key.casefold() == tag.casefold())
    return row.tags[keys[0]] if keys else None


def _worst_first(failed: Iterable[FailedScope]) -> list[FailedScope]:
    return sorted(
        failed,
        key=lambda scope: (_time(scope.last_success) or "", scope.account_id or "", scope.region),
    )


def _row(span: TimelineSpan, inputs: Inputs) -> Json:
    row, amounts = span.row, quantities_of(span.row)
    return {
        "id": row.reservation_id,
        "block_id": row.block_id,
        "type": row.type,
        "name": row.name,
        "team": team_of(row, inputs.team_tag),
        "account": row.account_id,
        "account_name": row.account_name or _name_of(row.account_id, inputs),
        "owner": row.owner_id,
        "region": row.region,
        "zone": row.availability_zone,
        "instance_type": row.instance_type,
        "size": row.size,
        "used": None if span.is_gone else row.used_capacity,
        "available": row.available_capacity if span.phase is Phase.ACTIVE else None,
        "accelerator": row.accelerator.name if row.accelerator else None,
        "accelerators": row.accelerator.on(row.size) if row.accelerator else None,
        "amounts": None
        if row.accelerator is None or span.is_gone
        else [amounts.held, amounts.used, amounts.idle, amounts.coming],
        "state": row.state,
        "phase": span.phase,
        "gone": span.is_gone,
        "idle": is_idle(row) and not span.is_gone,
        "usd_per_hour": inputs.prices.idle_usd(row) if is_idle(row) else None,
        "start": _time(span.start),
        "end": _time(span.end),
        "effective_end": _time(span.effective_end),
        "deadline": _time(span.deadline),
        "on_offer": span.on_offer,
        "unhealthy": bool(row.health and row.health.is_bad),
        "observed_at": _time(row.observed_at),
        "tags": dict(sorted(row.tags.items())),
        "use": [_use(each) for each in inputs.use.get(row.reservation_id, ())],
        "url": reservation_url(row),
    }


def _decisions(needed: Iterable[Decision], shown: Iterable[TimelineSpan]) -> list[Json]:
    """The decisions about the reservations on the page."""
    ids = {span.row.reservation_id for span in shown}
    return [_decision(each) for each in needed if each.reservation_id in ids]


def _decision(decision: Decision) -> Json:
    return {
        "type": decision.type,
        "severity": decision.severity,
        "id": decision.reservation_id,
        "title": decision.title,
        "why": decision.why,
        "deadline": _time(decision.deadline),
        "step": decision.step,
        "url": decision.url,
        "usd_per_hour": decision.usd_per_hour,
    }


def _event(event: Event) -> Json:
    return {
        "id": event.event_id,
        "at": format_time(event.observed_at),
        "type": event.type,
        "severity": event.severity,
        "summary": event.summary,
        "account": event.account_id,
        "region": event.region,
        "reservation": event.reservation.reservation_id if event.reservation else None,
    }


def _failed(scope: FailedScope, inputs: Inputs) -> Json:
    return {
        "account": scope.account_id,
        "account_name": scope.account_name or _name_of(scope.account_id, inputs),
        "region": scope.region,
        "code": scope.code,
        "message": scope.message,
        "last_success": _time(scope.last_success),
    }


def _name_of(account_id: str | None, inputs: Inputs) -> str | None:
    return labels_of(account_id, inputs.labels).account_name


def _use(use: Use) -> list[Any]:
    return [format_time(use.at), use.used]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
