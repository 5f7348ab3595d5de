"""Answers to watches as the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from truffle.core.codec import Json
from truffle.core.market.answers import Answer
from truffle.core.market.finds import finds_of
from truffle.core.times import format_time

_OF_A_FIND: Final = (
    *("identity", "offering_id", "instance_type", "instance_count", "availability_zone"),
    *("zone_type", "ultraserver_type", "ultraserver_count", "start_date", "end_date"),
    *("duration_hours", "lead_hours", "currency_code", "price_per_instance_hour"),
    *("price_per_gpu_hour", "is_within_limit"),
)


def rows_of(answer: Answer) -> Iterator[Json]:
    """A row for each offering; a row without one for an answer without offerings."""
    limit = answer.question.max_accelerator_hour_price
    requested = {
        "watch": answer.watch,
        "account_id": answer.account_id,
        "region": answer.region,
        "observed_at": format_time(answer.observed_at),
        "outcome": answer.outcome.value,
        "code": answer.code,
        "requested_instance_type": answer.question.instance_type,
        "requested_count": answer.question.count,
        "requested_duration_hours": answer.question.duration_hours,
        "max_accelerator_hour_price": None if limit is None else float(limit),
    }
    for find in finds_of([answer]):
        data, fee = find.to_json(), find.offering.upfront_fee
        yield (
            requested
            | {name: data[name] for name in _OF_A_FIND}
            | {
                "upfront_fee": None if fee is None else float(fee),
                "segments": json.dumps(data["segments"]) if data["segments"] else None,
            }
        )
    if not answer.offerings:
        yield requested
