"""Other accounts in a fleet file: what they hold, which regions they have, their organization."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.ec2.fleet import Fleet
from sandbox.ec2.fleet_file import dump_fleet, load_fleet
from sandbox.ec2.shapes import FleetError
from sandbox.readers import listed_accounts, reader_parameters, readers_of, write_organization
from tests.sandbox.worlds import HOME, NOW, an_odcr

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"


def loaded(**content: Any) -> Fleet:
    return load_fleet(json.dumps({"account": HOME, "regions": {}, **content}), NOW)


def enabled(fleet: Fleet, account: str) -> list[str]:
    return [name for name, it in fleet.regions.items() if fleet.is_enabled(it, account)]


def test_an_account_owns_what_stands_in_its_regions() -> None:
    fleet = loaded(
        regions={"us-east-2": {"CapacityReservations": [an_odcr(1)]}},
        accounts={ONE: {"regions": {"us-east-2": {"CapacityReservations": [an_odcr(2)]}}}},
    )
    owners = [row.fields["OwnerId"] for row in fleet.regions["us-east-2"].reservations.values()]
    assert owners == [HOME, ONE]


def test_opting_in_is_each_account_s_own() -> None:
    fleet = loaded(
        regions={"us-east-1": {}, "ap-east-1": {"OptInStatus": "opted-in"}},
        accounts={
            ONE: {"regions": {"il-central-1": {"OptInStatus": "opted-in"}}},
            TWO: {"regions": {"us-east-1": {"OptInStatus": "not-opted-in"}, "eu-west-1": {}}},
        },
    )
    assert enabled(fleet, HOME) == ["us-east-1", "ap-east-1", "eu-west-1"]
    assert enabled(fleet, ONE) == ["us-east-1", "il-central-1", "eu-west-1"]
    assert enabled(fleet, TWO) == ["eu-west-1"]
    assert enabled(fleet, THREE) == ["us-east-1", "eu-west-1"]


def test_a_fleet_with_accounts_survives_its_file() -> None:
    fleet = loaded(
        regions={"us-east-1": {}},
        accounts={
            ONE: {"regions": {"il-central-1": {"OptInStatus": "opted-in"}}},
            TWO: {"regions": {"us-east-1": {"CapacityReservations": [an_odcr(1)]}}},
            THREE: {},
        },
        organization={"accounts": [{"id": ONE, "name": "one", "unit": "A/B", "role": False}]},
    )
    again = load_fleet(json.dumps(dump_fleet(fleet, NOW)), NOW)
    assert again.organization == fleet.organization
    assert again.others == fleet.others == (ONE, TWO, THREE)
    for account in (HOME, ONE, TWO):
        assert enabled(again, account) == enabled(fleet, account)
    assert dump_fleet(again, NOW) == dump_fleet(fleet, NOW)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"accounts": []}, "accounts must be an object"),
        ({"accounts": {"me": {}}}, "accounts.me = 'me' must be an account"),
        ({"accounts": {HOME: {}}}, "is the file's own account"),
        ({"accounts": {ONE: {"region": {}}}}, f"accounts.{ONE} has no region"),
        ({"accounts": {ONE: {"regions": []}}}, "must be an object: region name"),
        (
            {"accounts": {ONE: {"regions": {"us-east-1": {"OptInStatus": "yes"}}}}},
            f"accounts.{ONE}.regions.us-east-1.OptInStatus = 'yes'",
        ),
        ({"organization": {"account": []}}, "organization has no account"),
        ({"organization": {"accounts": [{"id": "1"}]}}, "organization.accounts[0].id = '1'"),
        (
            {"organization": {"accounts": [{"id": ONE, "status": "GONE"}]}},
            "organization.accounts[0].status = 'GONE' must be one of ACTIVE",
        ),
        (
            {"organization": {"accounts": [{"id": ONE, "unit": "a//b"}]}},
            "organization.accounts[0].unit = 'a//b'",
        ),
        (
            {"organization": {"accounts": [{"id": ONE, "name": 7}]}},
            "organization.accounts[0].name = 7",
        ),
        (
            {"organization": {"accounts": [{"id": ONE, "role": "no"}]}},
            "organization.accounts[0].role = 'no'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(content: dict[str, Any], problem: str) -> None:
    with pytest.raises(FleetError) as raised:
        loaded(**content)
    assert problem in str(raised.value)


# --- the embedded AWS's part ---------------------------------------------------------------------


def test_every_account_of_the_file_has_a_reader_but_those_without_a_role() -> None:
    fleet = loaded(
        accounts={THREE: {}},
        organization={"accounts": [{"id": ONE}, {"id": TWO, "role": False}]},
    )
    assert readers_of(fleet) == (ONE, THREE)


def test_the_own_account_manages_the_organization(tmp_path: Any) -> None:
    write_organization(tmp_path, loaded(organization={"accounts": [{"id": ONE, "name": "one"}]}))
    result = json.loads((tmp_path / "organization.json").read_text())
    assert [(it["id"], it["name"]) for it in result] == [(HOME, "Management"), (ONE, "one")]


def test_without_an_organization_there_is_none(tmp_path: Any) -> None:
    write_organization(tmp_path, loaded(accounts={ONE: {}}))
    assert json.loads((tmp_path / "organization.json").read_text()) == []


@pytest.mark.parametrize(
    ("accounts", "found"),
    [([ONE, TWO], [ONE, TWO]), (f"{ONE},{TWO}", [ONE, TWO]), ("organization", []), (None, [])],
)
def test_accounts_of_the_context_are_a_list_or_text(accounts: Any, found: list[str]) -> None:
    assert listed_accounts({"accounts": accounts}) == found


def test_the_readers_trust_the_role_of_the_context() -> None:
    role = "arn:aws:iam::123456789012:role/collect"
    assert reader_parameters({}, role) == {
        "CollectorRoleArn": role,
        "ExternalId": "truffle-reader",
        "RoleName": "truffle-read",
        "AsksForInstances": "false",
    }
    assert reader_parameters({"external_id": "other"}, role)["ExternalId"] == "other"
