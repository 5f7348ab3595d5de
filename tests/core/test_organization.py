"""Accounts of an organization: who is collected, what they are called, how sure that is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOUR, NOON
from tests.hostile import texts
from truffle.core.organization import (
    ACTIVE,
    Account,
    AccountSettings,
    Directory,
    DiscoveryError,
    Labels,
    Selection,
    accepted,
    directory_from_json,
    directory_to_json,
    discovery_to_json,
    error_from_json,
    error_to_json,
)

ROOT, TEAMS, ML = "r-abcd", "ou-abcd-teams000", "ou-abcd-ml000000"


def a_directory(*accounts: Account, hours: int = 0) -> Directory:
    return Directory(accounts, {TEAMS: "Teams", ML: "ML"}, NOON + hours * HOUR, NOON)


def some(count: int, first: int = 0) -> list[Account]:
    return [Account(f"{number:012}") for number in range(first, first + count)]


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", None, "PARKED"])
def test_only_active_accounts_are_collected(state: str | None) -> None:
    directory = a_directory(Account("1"), Account("2", state=state))
    assert Selection().of(directory) == ("1",)


def test_a_unit_selects_whatever_lies_below_it() -> None:
    directory = a_directory(
        Account("1", parents=(ROOT,)),
        Account("2", parents=(ROOT, TEAMS)),
        Account("3", parents=(ROOT, TEAMS, ML)),
        Account("4"),
    )
    assert Selection(frozenset({TEAMS})).of(directory) == ("2", "3")
    assert Selection(frozenset({ROOT})).of(directory) == ("1", "2", "3")
    assert Selection(frozenset({TEAMS}), frozenset({"3"})).of(directory) == ("2",)


def test_labels_are_names_below_the_root() -> None:
    directory = a_directory(
        Account("1", "root-only", parents=(ROOT,)),
        Account("2", "trainer", parents=(ROOT, TEAMS, ML)),
        Account("3"),
    )
    assert directory.labels() == {
        "1": Labels("root-only", None),
        "2": Labels("trainer", "Teams/ML"),
        "3": Labels(None, None),
    }


@pytest.mark.parametrize(
    ("known", "gone", "is_believed"),
    [(10, 5, True), (10, 6, False), (100, 10, True), (100, 11, False), (1000, 100, True)],
)
def test_more_than_a_tenth_and_more_than_five_are_doubted(
    known: int, gone: int, is_believed: bool
) -> None:
    before = a_directory(*some(known))
    found = a_directory(*some(known - gone, first=gone), hours=1)
    after = accepted(before, found, Selection())
    assert after.is_complete is is_believed
    assert len(Selection().of(after)) == (known - gone if is_believed else known)


def test_a_first_answer_is_believed() -> None:
    found = a_directory(*some(3))
    assert accepted(Directory(), found, Selection()) == found


def test_another_failure_begins_anew() -> None:
    first = Directory().failed("AccessDenied", "no", NOON)
    again = first.failed("AccessDenied", "no", NOON + HOUR)
    other = again.failed("ServiceException", "oh", NOON + 2 * HOUR)
    assert [it.error and it.error.since for it in (first, again, other)] == [
        NOON,
        NOON,
        NOON + 2 * HOUR,
    ]


def test_discovery_in_json() -> None:
    assert discovery_to_json(a_directory(*some(1))) == {
        "complete": True,
        "error": None,
        "observed_at": "2026-11-24T12:00:00Z",
    }
    assert discovery_to_json(Directory().failed("AccessDenied", "no", NOON)) == {
        "complete": False,
        "error": {"code": "AccessDenied", "message": "no"},
        "observed_at": None,
    }


accounts = st.builds(
    Account,
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.none() | texts,
    st.sampled_from([ACTIVE, "SUSPENDED", None]),
    st.lists(st.sampled_from([ROOT, TEAMS, ML])).map(tuple),
)


@given(st.lists(accounts).map(tuple), st.dictionaries(st.just(TEAMS), texts))
def test_a_directory_survives_json(held: tuple[Account, ...], units: dict[str, str]) -> None:
    directory = Directory(held, units)
    assert directory_from_json(directory_to_json(directory)) == directory


def test_an_error_survives_json() -> None:
    error = DiscoveryError("AccessDenied", "no", NOON + timedelta(milliseconds=7))
    assert error_from_json(error_to_json(error)) == error


@pytest.mark.parametrize(
    "settings",
    [
        AccountSettings(),
        AccountSettings(("2", "1")),
        AccountSettings((), True, Selection(frozenset({ROOT}), frozenset({"1", "2"}))),
    ],
)
def test_settings_survive_json(settings: AccountSettings) -> None:
    assert AccountSettings.from_json(settings.to_json()) == settings


def test_without_a_list_the_own_account_is_collected() -> None:
    assert AccountSettings().own_or_listed("7") == ("7",)
    excluded = Selection(excluded=frozenset({"2"}))
    assert AccountSettings(("3", "2", "1"), False, excluded).own_or_listed("7") == ("1", "3")
