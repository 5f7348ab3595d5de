"""Whole reservations, snapshots and hostile texts for property-based tests.

Fields that filters and comparisons look at come from small pools, so that values meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.builders import HOME, HOUR, NOON, OTHER, a_snapshot
from truffle.core.accelerators import bundled
from truffle.core.codec import FIELD_NAMES
from truffle.core.model import (
    Accelerator,
    Adjustment,
    BillingRequest,
    CapacityBlock,
    Commitment,
    Consumer,
    Health,
    InterruptibleAllocation,
    Odcr,
    Reservation,
    Snapshot,
)

REGIONS = ("us-east-1", "us-east-2", "eu-west-1")
ZONES = ("us-east-1a", "us-east-2b", "us-east-1-dfw-2a")
ACCOUNTS = (HOME, OTHER, "333333333333")
INSTANCE_TYPES = ("p5.48xlarge", "p5e.48xlarge", "p4d.24xlarge", "g6f.large", "m7i.8xlarge", "")
STATES = (
    *("active", "scheduled", "payment-pending", "payment-failed", "pending", "assessing"),
    *("delayed", "unsupported", "cancelling", "cancelled", "failed", "expired", "unavailable"),
    "teleporting",
)
TAG_KEYS = ("Team", "Name", "aws:ec2:size", "a:b")
TAG_VALUES = ("research", "ops", "a:b,c", "")

randoms = st.integers(0, 2**32 - 1).map(Random)
"""Generators of a seed. ``st.randoms`` draws, and would shrink, each of their numbers, which takes
most of the time of a test that asks for hundreds."""

names = st.text(max_size=12)
counts = st.integers(0, 20)
grid_moments = st.integers(-30, 30).map(lambda hours: NOON + hours * HOUR)
moments = grid_moments | st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis wants it without a zone
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ids = st.integers(0, 25).map(lambda number: f"cr-{number:02}")
accelerators = st.builds(
    Accelerator,
    name=names,
    manufacturer=names,
    count=st.sampled_from((1, 8, 0.125)),
    total_count=st.none() | counts | st.sampled_from((0.5, 2.25)),
)
healths = st.builds(
    Health,
    st.sampled_from((None, "ok", "impaired", "insufficient-data")),
    st.sampled_from((None, 0, 1, 2)),
)
commitments = st.builds(
    Commitment,
    committed_instance_count=st.none() | counts,
    commitment_end_date=st.none() | moments,
    commitment_duration_seconds=st.none() | counts,
)
consumers = st.builds(Consumer, st.sampled_from(ACCOUNTS), st.none() | counts)


_COMMON: dict[str, SearchStrategy[Any]] = {
    "reservation_id": ids,
    "owner_id": st.none() | st.sampled_from(ACCOUNTS),
    "region": st.sampled_from(REGIONS),
    "availability_zone": st.none() | st.sampled_from(ZONES),
    "instance_type": st.sampled_from(INSTANCE_TYPES),
    "state": st.sampled_from(STATES),
    "available_capacity": st.none() | counts,
    "start_date": st.none() | grid_moments,
    "end_date": st.none() | grid_moments,
    "accelerator": st.none() | accelerators,
    "tags": st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES), max_size=2),
    "seen_by": st.lists(st.sampled_from(ACCOUNTS), unique=True, max_size=2).map(tuple),
}

_REST_OF_COMMON: dict[str, SearchStrategy[Any]] = {
    "account_id": st.none() | st.sampled_from(ACCOUNTS),
    "availability_zone_id": st.none() | names,
    "platform": st.none() | names,
    "tenancy": st.none() | names,
    "total_capacity": st.none() | counts,
    "used_capacity": st.none() | counts,
    "utilization": st.none() | st.floats(0, 1),
    "start_date": st.none() | moments,
    "end_date": st.none() | moments,
    "create_date": st.none() | moments,
    "tags": st.dictionaries(names, names, max_size=3),
    "observed_at": st.none() | moments,
    "consumers": st.none() | st.lists(consumers, max_size=2).map(tuple),
}

_REST_OF_ODCRS: dict[str, SearchStrategy[Any]] = {
    "reservation_arn": st.none() | names,
    "ebs_optimized": st.none() | st.booleans(),
    "match_criteria": st.none() | names,
    "end_date_type": st.none() | names,
    "fleet_id": st.none() | names,
    "placement_group_arn": st.none() | names,
    "outpost_arn": st.none() | names,
    "interruptible": st.none() | st.booleans(),
    "commitment": st.none() | commitments,
    "delivery_preference": st.none() | names,
    "unused_billing_owner_id": st.none() | names,
    "original_start_date": st.none() | moments,
    "adjustment": st.none() | st.builds(Adjustment, st.none() | names, st.none() | moments),
    "interruptible_allocation": st.none()
    | st.builds(InterruptibleAllocation, st.none() | ids, st.none() | counts),
    "source_reservation_id": st.none() | ids,
    "billing_request": st.none()
    | st.builds(BillingRequest, ids, ids, names, st.none() | moments, st.none() | moments),
}

_REST_OF_BLOCKS: dict[str, SearchStrategy[Any]] = {
    "capacity_block_id": names,
    "reservation_ids": st.lists(ids, max_size=2, unique=True).map(tuple),
    "duration_hours": st.none() | st.sampled_from((24, 167.5, 4368)),
    "effective_end": st.none() | moments,
    "ultra_cluster_placement": st.none() | st.booleans(),
    "ultraserver_type": st.none() | names,
    "health": st.none() | healths,
}


def odcrs(**more: SearchStrategy[Any]) -> SearchStrategy[Odcr]:
    """ODCRs: what filters and orders look at, and the fields that are named."""
    return st.builds(Odcr, **{**_COMMON, "total_capacity": st.none() | counts, **more})


def blocks(**more: SearchStrategy[Any]) -> SearchStrategy[CapacityBlock]:
    """Capacity blocks: what filters and orders look at, and the fields that are named."""
    own = {"capacity_block_id": ids, "instance_count": st.none() | counts}
    return st.builds(CapacityBlock, **{**_COMMON, **own, **more})


whole_reservations: SearchStrategy[Reservation] = st.one_of(
    odcrs(**_REST_OF_COMMON, **_REST_OF_ODCRS), blocks(**_REST_OF_COMMON, **_REST_OF_BLOCKS)
)
"""Reservations of which every field is anything that its type allows."""

inventories: SearchStrategy[list[Reservation]] = st.lists(
    st.one_of(odcrs(), blocks()), unique_by=lambda row: row.reservation_id, max_size=6
)


_FACETS: dict[str, SearchStrategy[Any]] = {
    "state": st.sampled_from(STATES),
    "size": st.none() | counts,
    "start_date": st.none() | grid_moments,
    "end_date": st.none() | grid_moments,
    "health": st.none() | healths,
}
"""The compared fields, except the creation date and the effective end."""

_optional_moments = st.none() | grid_moments


def _with(row: Reservation, facets: dict[str, Any]) -> Reservation:
    """The row with other facets, as far as its type has them."""
    size = "instance_count" if isinstance(row, CapacityBlock) else "total_capacity"
    named = {size if name == "size" else name: value for name, value in facets.items()}
    known = FIELD_NAMES[type(row).__name__]
    return replace(row, **{name: value for name, value in named.items() if name in known})


@st.composite
def _newcomers(draw: st.DrawFn, number: int) -> Reservation:
    """A row of one id; its type follows from the id, as EC2 never changes it."""
    name, created = f"cr-{number}", draw(_optional_moments)
    row: Reservation = Odcr(reservation_id=name, create_date=created)
    if number % 2:
        end = draw(_optional_moments)
        row = CapacityBlock(
            capacity_block_id=name, reservation_id=name, create_date=created, effective_end=end
        )
    return _with(row, draw(st.fixed_dictionaries(_FACETS)))


def _moves(row: Reservation) -> SearchStrategy[Reservation]:
    """The same reservation, at most some of whose facets have moved."""
    return st.fixed_dictionaries({}, optional=_FACETS).map(lambda facets: _with(row, facets))


@st.composite
def histories(draw: st.DrawFn, length: int = 2) -> Sequence[Snapshot]:
    """Successive complete listings of one scope: rows come, stay, move and go."""
    rows: dict[int, Reservation] = {}
    snapshots = []
    for step in range(length):
        for number in range(3):
            fate = draw(st.sampled_from(("stay", "move", "move", "move", "go")))
            if fate == "go":
                rows.pop(number, None)
            elif number not in rows:
                rows[number] = draw(_newcomers(number))
            elif fate == "move":
                rows[number] = draw(_moves(rows[number]))
        snapshots.append(a_snapshot(*rows.values(), at=NOON + timedelta(hours=step)))
    return snapshots


HOSTILE = (
    *("<!channel>", "<@U012ABCDEF>", "<https://evil.example|click>", "&lt;!here&gt;", "@channel"),
    *("&", "<", ">", "&amp", "\n", "\r\n", "\x00", "\u2028", "😀", "×→", "*bold*", "`", '"', "\\"),
)
hostile_texts = (
    st.lists(
        st.sampled_from(HOSTILE)
        | st.tuples(st.sampled_from("&<>ab😀"), st.integers(1, 4000)).map(
            lambda pair: pair[0] * pair[1]
        )
        | st.text(max_size=20),
        min_size=1,
        max_size=6,
    )
    .map("".join)
    .filter(bool)
)

accelerated_types = st.sampled_from(sorted(name for name, it in bundled().items() if it))
