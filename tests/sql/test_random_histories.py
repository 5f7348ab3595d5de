"""Spans against a replay of the listings, on made-up histories that are read day by day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.builders import HOUR, NOON, an_odcr
from tests.effort import seeds
from tests.sql.buckets import failed_look, look
from truffle.core.times import parse_time
from truffle.sql.local import ask_folder

HOURS = 40
QUERY = "SELECT valid_from, coalesce(valid_to, known_until), used_capacity FROM spans"


def history(random: Random) -> list[int | None]:
    """The use at each hour; None where the listing failed."""
    uses: list[int | None] = []
    use = 0
    while len(uses) < HOURS:
        if random.random() < 0.1:
            uses += [None] * random.randrange(1, 5)
        if random.random() < 0.3:
            use = random.randrange(3)
        uses.append(use)
    return uses[:HOURS]


def held_at(uses: list[int | None], hours: float) -> int | None:
    """The rows of the last success before a moment, if the next one, or the end, is near enough."""
    seen = [hour for hour, use in enumerate(uses) if use is not None]
    before = [hour for hour in seen if hour <= hours]
    if not before:
        return None
    following = next((hour for hour in seen if hour > hours), len(uses) - 1)
    return uses[before[-1]] if following - before[-1] <= 2 else None


@pytest.mark.seeded
@pytest.mark.parametrize("seed", seeds(3))
def test_at_any_moment_the_spans_have_what_was_held(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    uses = history(random)
    for hour, use in enumerate(uses):
        at = NOON + hour * HOUR
        if use is None:
            failed_look(tmp_path, at)
        else:
            look(tmp_path, at, an_odcr(available_capacity=8 - use))
        if random.random() < 0.2:
            ask_folder(tmp_path, QUERY)
    spans = [
        (parse_time(start), parse_time(end), used)
        for start, end, used in ask_folder(tmp_path, QUERY).rows
    ]
    for minutes in range(7, (HOURS - 1) * 60, 13):
        moment = NOON + timedelta(minutes=minutes)
        found = [used for start, end, used in spans if start <= moment < end]
        expected = held_at(uses, minutes / 60)
        assert found == ([] if expected is None else [expected]), moment
