"""The accounts that Organizations lists, and those used if it does not respond."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.collecting.discovery import discover, organizations_client, regions_of
from tests.builders import HOUR, NOON
from tests.lambdas.fakes import client_error
from tests.lambdas.organizations import Organization, account_id
from truffle.core.organization import Directory, Labels, Selection

RESEARCH = "ou-root-research"
TRAINING = "ou-root-training1"
SANDBOXES = "ou-root-sandboxes"
DAY = timedelta(days=1)


@pytest.fixture
def organization() -> Organization:
    """45 accounts: 001 is suspended, 002 to 011 lie in Research/Training, 012 in Sandboxes."""
    made = Organization(empty_pages=(1,))
    made.unit(RESEARCH, "Research")
    made.unit(TRAINING, "Training", RESEARCH)
    made.unit(SANDBOXES, "Sandboxes")
    for number in range(1, 46):
        unit = TRAINING if 2 <= number <= 11 else SANDBOXES if number == 12 else None
        made.has(number, state="SUSPENDED" if number == 1 else "ACTIVE", unit=unit)
    return made


def ask(
    organization: Organization,
    before: Directory | None = None,
    selection: Selection | None = None,
    at: datetime = NOON,
) -> Directory:
    return discover(organization.client, before or Directory(), selection or Selection(), at)


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(map(account_id, numbers))


EVERYWHERE = Selection()


@pytest.mark.parametrize("has_paths", [True, False])
def test_every_active_account_of_every_page_is_found(
    organization: Organization, has_paths: bool
) -> None:
    """Three pages with accounts and an empty one that is not the last."""
    organization.has_paths = has_paths
    found = ask(organization)
    assert organization.calls.count("ListAccounts") == 4
    assert found.is_complete
    assert found.observed_at == NOON
    assert EVERYWHERE.of(found) == ids(*range(2, 46))


@pytest.mark.parametrize("has_paths", [True, False])
@pytest.mark.parametrize(
    ("unit", "numbers"),
    [
        (RESEARCH, range(2, 12)),
        (TRAINING, range(2, 12)),
        (SANDBOXES, [12]),
        ("r-root", range(2, 46)),
    ],
)
def test_a_unit_stands_for_everything_below_it(
    organization: Organization, has_paths: bool, unit: str, numbers: Any
) -> None:
    organization.has_paths = has_paths
    selection = Selection(frozenset({unit}))
    assert selection.of(ask(organization, selection=selection)) == ids(*numbers)


@pytest.mark.parametrize("has_paths", [True, False])
def test_accounts_have_their_names_and_those_of_their_units(
    organization: Organization, has_paths: bool
) -> None:
    organization.has_paths = has_paths
    organization.has(13, "billing")
    labels = ask(organization).labels()
    assert labels[account_id(2)] == Labels("account-2", "Research/Training")
    assert labels[account_id(13)] == Labels("billing", None)


def test_names_of_units_are_asked_for_once_a_day(organization: Organization) -> None:
    first = ask(organization)
    organization.calls.clear()
    again = ask(organization, first, at=NOON + HOUR)
    assert set(organization.calls) == {"ListAccounts"}
    assert again.labels() == first.labels()
    ask(organization, again, at=NOON + DAY)
    assert "ListOrganizationalUnitsForParent" in organization.calls


def test_a_new_unit_is_named_at_once(organization: Organization) -> None:
    first = ask(organization)
    organization.unit("ou-root-newcomers", "Newcomers")
    organization.has(46, unit="ou-root-newcomers")
    found = ask(organization, first, at=NOON + HOUR)
    assert found.labels()[account_id(46)].organizational_unit == "Newcomers"


@pytest.mark.parametrize("has_paths", [True, False])
def test_an_account_that_moves_out_of_the_unit_leaves(
    organization: Organization, has_paths: bool
) -> None:
    organization.has_paths = has_paths
    selection = Selection(frozenset({RESEARCH}))
    first = ask(organization, selection=selection)
    organization.has(2)
    found = ask(organization, first, selection, NOON + HOUR)
    assert found.is_complete
    assert selection.of(found) == ids(*range(3, 12))


# --- if Organizations does not respond -----------------------------------------------------------


@pytest.mark.parametrize("page", [0, 1, 3])
@pytest.mark.parametrize("code", ["AccessDeniedException", "AWSOrganizationsNotInUseException"])
def test_the_last_list_serves_where_a_page_fails(
    organization: Organization, page: int, code: str
) -> None:
    first = ask(organization)
    organization.has(46)
    organization.faults["ListAccounts", page] = code
    found = ask(organization, first, at=NOON + HOUR)
    assert found.accounts == first.accounts
    assert found.observed_at == NOON
    assert not found.is_complete
    assert found.error is not None
    assert (found.error.code, found.error.since) == (code, NOON + HOUR)


def test_a_failure_says_since_when(organization: Organization) -> None:
    organization.faults["ListAccounts", 0] = "AccessDeniedException"
    first = ask(organization)
    again = ask(organization, first, at=NOON + HOUR)
    assert again.error is not None
    assert again.error.since == NOON


def test_a_role_that_cannot_be_assumed_is_a_failure(organization: Organization) -> None:
    first = ask(organization)

    def refuse() -> Any:
        raise client_error("AccessDenied", "AssumeRole")

    found = discover(refuse, first, EVERYWHERE, NOON + HOUR)
    assert found.error is not None
    assert (found.accounts, found.error.code) == (first.accounts, "AccessDenied")


def test_an_answer_without_any_active_account_is_none(organization: Organization) -> None:
    first = ask(organization)
    for raw in organization.accounts.values():
        raw["State"] = "SUSPENDED"
    found = ask(organization, first, at=NOON + HOUR)
    assert found.error is not None
    assert (found.accounts, found.error.code) == (first.accounts, "NoActiveAccount")


def test_a_unit_that_there_is_not_is_named_and_the_others_are_collected(
    organization: Organization,
) -> None:
    selection = Selection(frozenset({RESEARCH, "ou-root-misspelt1"}))
    found = ask(organization, selection=selection)
    assert found.error is not None
    assert found.error.code == "UnknownOrganizationalUnit"
    assert "ou-root-misspelt1" in found.error.message
    assert selection.of(found) == ids(*range(2, 12))


def test_without_names_of_units_new_accounts_are_collected_all_the_same(
    organization: Organization,
) -> None:
    first = ask(organization)
    organization.unit("ou-root-newcomers", "Newcomers")
    organization.has(46, "newcomer", unit="ou-root-newcomers")
    organization.faults["ListRoots", 0] = "AccessDeniedException"
    found = ask(organization, first, at=NOON + HOUR)
    assert account_id(46) in EVERYWHERE.of(found)
    assert found.labels()[account_id(46)] == Labels("newcomer", None)
    assert found.labels()[account_id(2)].organizational_unit == "Research/Training"


def test_where_accounts_lie_decides_and_cannot_be_asked_the_last_list_serves(
    organization: Organization,
) -> None:
    selection = Selection(frozenset({RESEARCH}))
    first = ask(organization, selection=selection)
    organization.has_paths = False
    organization.faults["ListAccountsForParent", 0] = "TooManyRequestsException"
    found = ask(organization, first, selection, NOON + HOUR)
    assert not found.is_complete
    assert selection.of(found) == selection.of(first)


# --- many that are gone at once ------------------------------------------------------------------


def test_many_accounts_that_are_gone_at_once_are_kept_for_a_day(
    organization: Organization,
) -> None:
    first = ask(organization)
    new = organization.has(46)
    for number in range(2, 8):
        organization.has(number, state="SUSPENDED")
    found = ask(organization, first, at=NOON + HOUR)
    assert found.error is not None
    assert found.error.code == "TooManyAccountsGone"
    assert EVERYWHERE.of(found) == (*EVERYWHERE.of(first), new)
    later = ask(organization, found, at=NOON + HOUR + timedelta(hours=23))
    assert EVERYWHERE.of(later) == (*EVERYWHERE.of(first), new)
    final = ask(organization, later, at=NOON + HOUR + DAY)
    assert final.is_complete
    assert EVERYWHERE.of(final) == ids(*range(8, 47))


def test_a_few_accounts_that_are_gone_are_believed(organization: Organization) -> None:
    first = ask(organization)
    for number in range(2, 7):
        del organization.accounts[account_id(number)]
    found = ask(organization, first, at=NOON + HOUR)
    assert found.is_complete
    assert EVERYWHERE.of(found) == ids(*range(7, 46))


def test_accounts_that_come_back_are_doubted_no_more(organization: Organization) -> None:
    first = ask(organization)
    gone = [organization.accounts.pop(account_id(number)) for number in range(2, 10)]
    doubted = ask(organization, first, at=NOON + HOUR)
    organization.accounts |= {raw["Id"]: raw for raw in gone}
    found = ask(organization, doubted, at=NOON + 2 * HOUR)
    assert found.is_complete
    assert EVERYWHERE.of(found) == EVERYWHERE.of(first)


def test_a_narrower_choice_of_ones_own_is_not_a_loss(organization: Organization) -> None:
    first = ask(organization)
    selection = Selection(frozenset({SANDBOXES}))
    found = ask(organization, first, selection, NOON + HOUR)
    assert found.is_complete
    assert selection.of(found) == ids(12)


# --- the client ----------------------------------------------------------------------------------


def test_another_accounts_role_is_assumed_with_the_external_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Sts:
        def assume_role(self, **call: str) -> dict[str, Any]:
            asked.append(call)
            keys = ("AccessKeyId", "SecretAccessKey", "SessionToken")
            return {"Credentials": {key: f"its-{key}" for key in keys}}

    monkeypatch.setattr("lambdas.collecting.discovery.service", lambda name: Sts())
    role = "arn:aws:iam::111122223333:role/organization-reader"
    client = organizations_client(role, "one-two")
    assert asked == [{"RoleArn": role, "RoleSessionName": "truffle", "ExternalId": "one-two"}]
    credentials = client._request_signer._credentials
    assert credentials.access_key == "its-AccessKeyId"
    assert credentials.token == "its-SessionToken"


# --- regions -------------------------------------------------------------------------------------


class Regions:
    """EC2 of an account."""

    def __init__(self, **regions: str) -> None:
        self._regions = regions

    def describe_regions(self) -> dict[str, Any]:
        return {
            "Regions": [
                {"RegionName": name.replace("_", "-"), "OptInStatus": status}
                for name, status in self._regions.items()
            ]
        }


def test_each_account_answers_for_its_own_regions() -> None:
    clients = {
        "1": Regions(us_east_1="opt-in-not-required", il_central_1="not-opted-in"),
        "2": Regions(us_east_1="opt-in-not-required", il_central_1="opted-in"),
    }

    def client_of(account: str) -> Any:
        if account == "3":
            raise client_error("AccessDenied", "AssumeRole")
        return clients[account]

    assert regions_of(["1", "2", "3"], client_of) == {
        "1": {"regions": ["us-east-1"]},
        "2": {"regions": ["il-central-1", "us-east-1"]},
        "3": {"error": "AccessDenied"},
    }
