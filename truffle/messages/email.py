"""An event as an e-mail: a subject that says it all, and prose below."""

from __future__ import annotations

from collections.abc import Iterator

from truffle.core.events import Event
from truffle.core.model import CapacityBlock, Odcr, Reservation
from truffle.core.times import format_time
from truffle.messages.advice import console_url, next_step

SUBJECT_LENGTH = 99
"""SNS takes less than 100 characters without line breaks (SNS API Reference, Publish)."""


def subject(event: Event) -> str:
    """``[critical] Capacity block cr-0abc (8 x p5.48xlarge, us-east-1) payment failed: …``."""
    line = f"[{event.severity}] {event.summary}".replace("×", "x").replace("→", "->")
    plain = "".join(char if " " <= char <= "~" else "?" for char in line)
    return plain if len(plain) <= SUBJECT_LENGTH else plain[: SUBJECT_LENGTH - 3] + "..."


def text(event: Event) -> str:
    """The e-mail's text: what happened, what to do, and the facts."""
    paragraphs = [event.summary]
    step = next_step(event)
    if step:
        paragraphs.append(f"What to do: {step}")
    paragraphs.append("\n".join(_facts(event)))
    url = console_url(event)
    if url:
        paragraphs.append(f"In the EC2 console: {url}")
    return "\n\n".join(paragraphs) + "\n"


def _facts(event: Event) -> Iterator[str]:
    yield f"Change:      {event.reason}"
    yield f"Severity:    {event.severity}"
    yield f"Account:     {event.account_id}"
    yield f"Region:      {event.region}"
    if event.reservation is not None:
        yield from _reservation_facts(event.reservation)
    yield f"Observed:    {format_time(event.observed_at)}"
    if event.previous_observed_at:
        yield f"Seen before: {format_time(event.previous_observed_at)}"
    yield f"Event:       {event.event_id}"


def _reservation_facts(row: Reservation) -> Iterator[str]:
    yield f"Reservation: {row.reservation_id}"
    if isinstance(row, CapacityBlock) and row.capacity_block_id != row.reservation_id:
        yield f"Block:       {row.capacity_block_id}"
    if row.tags.get("Name"):
        yield f"Name:        {row.tags['Name']}"
    yield f"Instances:   {instances(row)}"
    if row.availability_zone:
        yield f"Zone:        {row.availability_zone}"
    if row.start_date:
        yield f"Start:       {format_time(row.start_date)}"
    if row.end_date:
        yield f"End:         {format_time(row.end_date)}"
    if isinstance(row, CapacityBlock) and row.effective_end:
        yield f"Usable to:   {format_time(row.effective_end)}"


def instances(row: Odcr | CapacityBlock) -> str:
    """``8 × p5.48xlarge (64 × H100)``."""
    line = f"{row.size if row.size is not None else '?'} × {row.instance_type}"
    carried = row.accelerator
    if carried is None or carried.total_count is None:
        return line
    return f"{line} ({carried.total_count:g} × {carried.name})"
