"""When a unit that was only throttled is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, NOON, OHIO
from truffle.core.model import Failure, FailureKind
from truffle.core.throttling import Postponed, is_throttled, postpone

MINUTE = timedelta(minutes=1)
THROTTLED = Failure(
    scope=OHIO,
    failed_at=NOON,
    kind=FailureKind.THROTTLED,
    code="RequestLimitExceeded",
    message="too fast",
)
BROKEN = replace(THROTTLED, kind=FailureKind.ERROR, code="InternalError")
LATE = replace(THROTTLED, kind=FailureKind.ERROR, code="DeadlineExceeded")
DENIED = replace(THROTTLED, kind=FailureKind.DENIED, code="UnauthorizedOperation")


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([], False),
        ([THROTTLED], True),
        ([THROTTLED, DENIED], True),
        ([THROTTLED, LATE], True),
        ([THROTTLED, BROKEN], False),
        ([LATE], False),
        ([BROKEN], False),
        ([DENIED], False),
    ],
)
def test_throttling_is_distinguished_from_other_failures(
    failures: list[Failure], expected: bool
) -> None:
    assert is_throttled(failures) is expected


def postponements(period: timedelta) -> list[timedelta]:
    """The pauses of a unit that is throttled every time."""
    pauses, now, last = [], NOON, None
    while (last := postpone("m-1", last, now, period)) is not None:
        pauses.append(last.pause)
        now += last.pause
    return pauses


def test_each_pause_is_at_most_twice_the_one_before_and_15_minutes() -> None:
    limits = [MINUTE / 2, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 15 * MINUTE, 15 * MINUTE]
    for pause, limit in zip(postponements(HOUR), limits, strict=False):
        assert limit / 2 <= pause <= limit


@pytest.mark.parametrize("period", [5 * MINUTE, HOUR, 24 * HOUR])
def test_a_unit_is_tried_until_its_period_is_over(period: timedelta) -> None:
    tried = sum(postponements(period), timedelta())
    assert period - 15 * MINUTE <= tried < period


def test_a_unit_that_cannot_return_within_the_period_is_left_to_the_next_run() -> None:
    assert postpone("m-1", None, NOON, timedelta(seconds=1)) is None


def test_the_first_message_and_its_time_are_kept() -> None:
    first = postpone("m-1", None, NOON, HOUR)
    assert first == Postponed("m-1", NOON, 1)
    assert postpone("m-2", first, NOON + MINUTE, HOUR) == Postponed("m-1", NOON, 2)


def test_units_that_are_throttled_together_return_apart() -> None:
    pauses = {Postponed(f"m-{number}", NOON, 1).pause for number in range(20)}
    assert len(pauses) == 20
