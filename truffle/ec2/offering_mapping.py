"""An offering of DescribeCapacityBlockOfferings → the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from truffle.core.accelerators import Known, accelerator_of
from truffle.core.offerings import ULTRASERVERS, Offering, Segment
from truffle.core.times import whole
from truffle.ec2.mapping import Raw


def parts_of(raw: Raw) -> list[Raw]:
    """The offering itself and its segments."""
    return [raw, *(raw.get("CapacityBlockOfferingSegments") or ())]


def to_offering(raw: Raw, region: str, observed_at: datetime, known: Known) -> Offering:
    """Map one offering; its hours and minutes form one duration. Raises ValueError for a fee that
    is not a number."""
    raw = {**_paid(raw), **raw}
    parts = tuple(_segment(item, known) for item in raw.get("CapacityBlockOfferingSegments") or ())
    segments = parts if len(parts) > 1 else ()
    block = _segment({**_only(raw), **raw}, known)
    if segments:
        block = _in_common(segments, block)
    return Offering(
        offering_id=raw.get("CapacityBlockOfferingId", ""),
        instance_type=block.instance_type or None if segments else block.instance_type,
        instance_count=block.instance_count,
        region=region,
        availability_zone=block.availability_zone,
        start_date=block.start_date,
        end_date=block.end_date,
        duration_hours=block.duration_hours,
        upfront_fee=_fee(raw.get("UpfrontFee")),
        currency_code=raw.get("CurrencyCode"),
        tenancy=raw.get("Tenancy"),
        ultraserver_type=raw.get("UltraserverType"),
        ultraserver_count=raw.get("UltraserverCount"),
        zone_type=raw.get("ZoneType"),
        accelerator=block.accelerator,
        observed_at=observed_at,
        segments=segments,
    )


def _only(raw: Raw) -> Raw:
    """The only segment of an offering, with the fields that the offering itself lacks."""
    segments: Sequence[Raw] = raw.get("CapacityBlockOfferingSegments") or ()
    return segments[0] if len(segments) == 1 else {}


def _paid(raw: Raw) -> Raw:
    """The fee of all segments, if they share a currency and the offering itself has no fee."""
    segments: Sequence[Raw] = raw.get("CapacityBlockOfferingSegments") or ()
    fees = [fee for it in segments if (fee := _fee(it.get("UpfrontFee"))) is not None]
    currencies = {it.get("CurrencyCode") for it in segments}
    if not fees or len(fees) < len(segments) or len(currencies) != 1:
        return {}
    return {"UpfrontFee": str(sum(map(Decimal, fees))), "CurrencyCode": currencies.pop()}


def _segment(raw: Raw, known: Known) -> Segment:
    instance_type = raw.get("InstanceType", "")
    count = raw.get("InstanceCount") or _instances(raw)
    hours, minutes = raw.get("CapacityBlockDurationHours"), raw.get("CapacityBlockDurationMinutes")
    carried = accelerator_of(instance_type, known)
    return Segment(
        instance_type=instance_type,
        instance_count=count,
        availability_zone=raw.get("AvailabilityZone"),
        start_date=raw.get("StartDate"),
        end_date=raw.get("EndDate"),
        duration_hours=None if hours is None else whole(hours + (minutes or 0) / 60),
        accelerator=carried.times(count) if carried else None,
    )


def _in_common(segments: Sequence[Segment], block: Segment) -> Segment:
    """Several segments as one block; a field that differs between them is None."""
    types, zones, lengths = (
        {getattr(segment, name) for segment in segments}
        for name in ("instance_type", "availability_zone", "duration_hours")
    )
    counts = [it.instance_count for it in segments if it.instance_count is not None]
    count = sum(counts) if len(counts) == len(segments) else None
    starts = [it.start_date for it in segments if it.start_date]
    ends = [it.end_date for it in segments if it.end_date]
    carried = segments[0].accelerator if len(types) == 1 else None
    return Segment(
        instance_type=types.pop() if len(types) == 1 else "",
        instance_count=count,
        availability_zone=zones.pop() if len(zones) == 1 else None,
        start_date=block.start_date or min(starts, default=None),
        end_date=block.end_date or max(ends, default=None),
        duration_hours=lengths.pop() if len(lengths) == 1 else None,
        accelerator=carried.times(count) if carried else None,
    )


def _fee(text: str | None) -> str | None:
    """EC2's own text of an amount. Raises ValueError."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"the upfront fee {text!r} is not an amount")
    return text


def _instances(raw: Raw) -> int | None:
    each = ULTRASERVERS.get(raw.get("UltraserverType", ""))
    servers = raw.get("UltraserverCount")
    return each.instances * servers if each and servers else None
