"""The coverage of a run: each account's own regions, requested once a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders import HOUR, NOON
from truffle.core.coverage import (
    MOST_ASKED,
    AccountRegions,
    coverage_of,
    due,
    regions_from_json,
    regions_to_json,
    scopes_of,
)
from truffle.core.model import Scope

HOMES = ("eu-west-1", "us-east-1")


def test_an_account_has_its_own_regions_and_an_unknown_one_those_of_home() -> None:
    known = {
        "1": AccountRegions(("us-east-1", "il-central-1"), NOON),
        "2": AccountRegions((), NOON),
        "3": AccountRegions(None, NOON, "AccessDenied"),
    }
    assert coverage_of(["4", "3", "2", "1"], known, HOMES, []) == {
        "1": ("il-central-1", "us-east-1"),
        "2": (),
        "3": HOMES,
        "4": HOMES,
    }


def test_a_disabled_region_in_which_something_is_held_stays_for_that_account() -> None:
    held = [Scope("1", "af-south-1"), Scope("9", "us-west-2")]
    covered = coverage_of(["1", "2"], {}, HOMES, held)
    assert covered == {"1": ("af-south-1", *HOMES), "2": HOMES}
    assert Scope("1", "af-south-1") in scopes_of(covered)
    assert Scope("2", "af-south-1") not in scopes_of(covered)


@pytest.mark.parametrize(
    ("error", "hours", "is_due"),
    [
        (None, 23, False),
        (None, 24, True),
        ("AccessDenied", 0.5, False),
        ("AccessDenied", 1, True),
    ],
)
def test_an_answer_is_good_for_a_day_and_a_failure_for_an_hour(
    error: str | None, hours: float, is_due: bool
) -> None:
    known = {"1": AccountRegions(HOMES, NOON, error)}
    at = NOON + timedelta(hours=hours)
    assert due(known, ["1"], at) == (["1"] if is_due else [])


def test_a_run_that_starts_a_little_early_asks_all_the_same() -> None:
    known = {"1": AccountRegions(HOMES, NOON)}
    assert due(known, ["1"], NOON + timedelta(hours=23, minutes=57)) == ["1"]


def test_new_accounts_are_asked_first_and_the_longest_waiting_then() -> None:
    known = {
        "1": AccountRegions(HOMES, NOON - 30 * HOUR),
        "2": AccountRegions(HOMES, NOON - 40 * HOUR),
        "3": AccountRegions(HOMES, NOON - HOUR),
    }
    assert due(known, ["1", "2", "3", "4"], NOON) == ["4", "2", "1"]


def test_a_thousand_accounts_are_asked_within_a_day_and_each_once() -> None:
    accounts = [f"{number:012}" for number in range(1000)]
    known: dict[str, AccountRegions] = {}
    asked: list[str] = []
    for hour in range(24):
        at = NOON + hour * HOUR
        batch = due(known, accounts, at)
        assert len(batch) <= MOST_ASKED
        asked += batch
        known |= {name: AccountRegions(HOMES, at) for name in batch}
    assert sorted(asked) == accounts


def test_regions_survive_json() -> None:
    known = {
        "1": AccountRegions(HOMES, NOON),
        "2": AccountRegions(HOMES, NOON + HOUR),
        "3": AccountRegions(None, NOON, "AccessDenied"),
        "4": AccountRegions((), NOON),
    }
    plain = regions_to_json(known)
    assert plain["lists"] == [list(HOMES), []]
    assert regions_from_json(plain) == known
