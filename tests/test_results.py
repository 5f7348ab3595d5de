"""Lists of results keep their completeness, and their text is short."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta

from tests.builders import an_odcr
from truffle.core.model import Odcr
from truffle.core.quoting.terminal import visible_values
from truffle.results import Reservations
from truffle.sources.listing import Listing, ScopeFailure

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
DENIED = ScopeFailure(
    account_id=None, region="eu-west-1", code="UnauthorizedOperation", message="No."
)
THROTTLED = ScopeFailure(
    account_id=None, region="us-east-1", code="RequestLimitExceeded", message="Slow down."
)


def rows(
    count: int, *failures: ScopeFailure, observed_at: datetime | None = NOON
) -> Reservations[Odcr]:
    inventory = Listing([], list(failures), 17, observed_at, ["STS did not respond."])
    return Reservations([an_odcr(f"cr-{n}") for n in range(count)], inventory, count)


def test_a_part_keeps_the_failures() -> None:
    part = rows(5, DENIED)[:2]

    assert [row.reservation_id for row in part] == ["cr-0", "cr-1"]
    assert (part.failures, part.is_complete, part.matches) == ([DENIED], False, 5)
    assert (part.observed_at, part.warnings) == (NOON, ["STS did not respond."])


def test_one_row_is_a_row() -> None:
    assert rows(2)[1].reservation_id == "cr-1"
    assert rows(2)[-1].reservation_id == "cr-1"


def test_a_sum_has_the_failures_of_both_each_once() -> None:
    total = rows(1, DENIED) + rows(2, DENIED, THROTTLED, observed_at=NOON - timedelta(hours=1))

    assert (len(total), total.matches) == (3, 3)
    assert total.failures == [DENIED, THROTTLED]
    assert total.observed_at == NOON - timedelta(hours=1)
    assert total.warnings == ["STS did not respond."]


def test_a_sum_with_a_plain_list_keeps_them() -> None:
    plain = [an_odcr("cr-9")]

    assert (rows(1, DENIED) + plain).failures == [DENIED]
    assert (plain + rows(1, DENIED)).failures == [DENIED]


def test_adding_in_place_keeps_them() -> None:
    total = rows(1, DENIED)
    total += rows(2, THROTTLED)

    assert (len(total), total.failures) == (3, [DENIED, THROTTLED])


def test_a_copy_keeps_them() -> None:
    assert rows(1, DENIED).copy().failures == [DENIED]
    assert copy(rows(1, DENIED)).failures == [DENIED]


def test_a_part_is_not_tied_to_the_whole() -> None:
    whole = rows(3, DENIED)
    whole[:1].failures.append(THROTTLED)

    assert whole.failures == [DENIED]


def test_the_text_is_short() -> None:
    assert repr(rows(0)) == "<Reservations: 0>"
    assert repr(rows(2)) == "<Reservations: 2 (cr-0, cr-1)>"
    assert repr(rows(41, DENIED)) == (
        "<Reservations: 41 (cr-0, cr-1, cr-2, …); 1 failure (eu-west-1)>"
    )


def test_it_is_a_list() -> None:
    assert rows(2, DENIED) == [an_odcr("cr-0"), an_odcr("cr-1")]


def test_what_is_made_visible_is_of_the_same_kind_and_keeps_the_failures() -> None:
    hidden = ScopeFailure(account_id=None, region="eu-west-1", code="Denied", message="\x1b[2J")
    shown = visible_values(rows(2, hidden))

    assert isinstance(shown, Reservations)
    assert (list(shown), shown.matches) == (list(rows(2)), 2)
    assert [failure.message for failure in shown.failures] == [r"\x1b[2J"]
