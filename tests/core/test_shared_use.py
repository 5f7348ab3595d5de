"""Shared reservations are used once, whoever lists them: against a replay in steps of ten minutes.

The replay looks at each step for the account whose word counts, and knows nothing of spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings

from tests.builders import HOUR, NOON, an_odcr
from tests.effort import examples
from tests.strategies import randoms
from truffle.core.model import Consumer, Scope, Snapshot
from truffle.core.spans import Span, merged, spans_of
from truffle.core.usage import Period, UsageRow, usage
from truffle.core.usage_axes import Interval

OWNER, FRIEND, OTHER_FRIEND = "333333333333", "111111111111", "222222222222"
ACCOUNTS = (OWNER, FRIEND, OTHER_FRIEND)
REGION = "us-east-2"
DAY = timedelta(days=1)
STEP, STEPS = timedelta(minutes=10), 6 * 12
SIZE = 8


@dataclass(frozen=True)
class Look:
    """An account's observation at a step: the instances in use, by consumer if it is the owner."""

    account: str
    step: int
    used: int

    def snapshot(self) -> Snapshot:
        at = NOON + self.step * STEP
        row = an_odcr(
            "cr-shared",
            account_id=self.account,
            owner_id=OWNER,
            available_capacity=SIZE - self.used,
            seen_by=(self.account,),
        )
        if self.account == OWNER:
            row = row.with_consumers((Consumer(FRIEND, self.used),))
        return Snapshot(Scope(self.account, REGION), at, (row,))


def looks_of(random: Random) -> dict[str, list[Look]]:
    """Each account looks every hour at a minute of its own, and fails at times."""
    return {
        account: [
            Look(account, hour * 6 + place, random.randint(0, SIZE))
            for hour in range(12)
            if random.random() < 0.6
        ]
        for place, account in enumerate(ACCOUNTS)
    }


def replayed(looks: dict[str, list[Look]]) -> tuple[int, int, int]:
    """Reserved, used and unobserved instance-steps."""
    reserved = used = unobserved = 0
    for step in range(STEPS):
        words = []
        for account, own in looks.items():
            past = [it for it in own if it.step <= step]
            coming = [it.step for it in own if it.step > step]
            if past:
                gap = (coming[0] if coming else STEPS) - past[-1].step
                words.append((gap > 2 * 6, account != OWNER, account, past[-1].used))
        if not words:
            continue
        is_gap, _, _, seen = min(words)
        unobserved += SIZE if is_gap else 0
        reserved += 0 if is_gap else SIZE
        used += 0 if is_gap else seen
    return reserved, used, unobserved


def spans_of_all(looks: dict[str, list[Look]]) -> list[Span]:
    until = NOON + STEPS * STEP
    return merged(
        span
        for own in looks.values()
        for span in spans_of([it.snapshot() for it in own], until, HOUR)
    )


def total(rows: list[UsageRow]) -> tuple[float, float, float]:
    """The same numbers, of rows of any groups and intervals."""
    return (
        sum(row.reserved_hours for row in rows) * 6,
        sum(row.used_hours for row in rows) * 6,
        sum(row.unobserved_hours for row in rows) * 6,
    )


@settings(max_examples=examples(40))
@given(randoms)
def test_use_is_counted_once_by_any_group(random: Random) -> None:
    looks = looks_of(random)
    spans, period = spans_of_all(looks), Period(NOON, NOON + STEPS * STEP, Interval.HOUR)
    for by in (["type"], ["owner"], ["account"], ["account", "reservation"]):
        found = total(usage(spans, period, by, lambda row: None))
        assert found == pytest.approx(replayed(looks), abs=1e-3)


@settings(max_examples=examples(20))
@given(randoms)
def test_all_of_it_is_the_owners(random: Random) -> None:
    spans = spans_of_all(looks_of(random))
    rows = usage(spans, Period(NOON, NOON + DAY), ["owner"], lambda row: None)
    assert {row.group["owner"] for row in rows} <= {OWNER}
