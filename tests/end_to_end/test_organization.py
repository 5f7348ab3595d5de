"""An organization on the sandbox: who is collected, where, under which name, and what fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lambdas.clients import wall_clock
from sandbox.box import Sandbox
from tests.end_to_end.conftest import quiet_night, rows, stop_schedules
from truffle.core.times import parse_time

HOME = "123456789012"
ONE, TWO = "111122223333", "222233334444"
HALF_A_DAY = timedelta(hours=12)
SUSPENDED, EXCLUDED, WITHOUT_ROLE = "333344445555", "444455556666", "555566667777"


def holding(*names: str) -> dict[str, Any]:
    return {
        "CapacityReservations": [
            {
                "CapacityReservationId": f"cr-{name}",
                "InstanceType": "p5.48xlarge",
                "TotalInstanceCount": 2,
                "AvailableInstanceCount": 2,
            }
            for name in names
        ]
    }


SHORT_FLEET = {
    "CapacityReservationFleetId": "crf-short",
    "State": "partially_fulfilled",
    "TotalTargetCapacity": 4,
    "TotalFulfilledCapacity": 2.0,
    "InstanceTypeSpecifications": [],
}

FLEET = {
    "account": HOME,
    "regions": {
        "us-east-1": {**holding("home"), "CapacityReservationFleets": [SHORT_FLEET]},
        "eu-west-1": {},
        "ap-east-1": {"OptInStatus": "opted-in"},
    },
    "accounts": {
        ONE: {
            "regions": {
                "us-east-1": holding("one"),
                "il-central-1": {"OptInStatus": "opted-in", **holding("far")},
            }
        },
        TWO: {"regions": {"eu-west-1": holding("two")}},
        SUSPENDED: {"regions": {"eu-west-1": holding("suspended")}},
        EXCLUDED: {"regions": {"eu-west-1": holding("excluded")}},
        WITHOUT_ROLE: {"regions": {"eu-west-1": holding("hidden")}},
    },
    "organization": {
        "accounts": [
            {"id": ONE, "name": "research-one", "unit": "Research"},
            {"id": TWO, "name": "research-two", "unit": "Research/Training"},
            {"id": SUSPENDED, "name": "old", "status": "SUSPENDED"},
            {"id": EXCLUDED, "name": "secret"},
            {"id": WITHOUT_ROLE, "name": "roleless", "role": False},
        ]
    },
}

EVERYWHERE = {"eu-west-1", "us-east-1"}


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with an organization and a first collection."""
    folder = tmp_path_factory.mktemp("organization")
    fleet = folder / "fleet.json"
    fleet.write_text(json.dumps(FLEET))
    context = {"accounts": "organization", "excluded_accounts": EXCLUDED}
    night = quiet_night(wall_clock())
    sandbox = Sandbox.up(folder / "box", fleet=fleet, context=context, environment={}, at=night)
    try:
        stop_schedules(sandbox)
        sandbox.collect()
        yield sandbox
    finally:
        sandbox.down()


@pytest.fixture(autouse=True)
def healthy() -> None:
    """The tests of this file go on from each other's end."""


def scopes(box: Sandbox, **asked: Any) -> list[dict[str, Any]]:
    status, answer = box.get("/status", limit=1000, **asked)
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["scopes"]
    return found


def regions(box: Sandbox, account: str) -> set[str]:
    return {scope["region"] for scope in scopes(box, account=account)}


def test_the_active_accounts_are_collected_each_in_its_own_regions(box: Sandbox) -> None:
    assert {scope["account_id"] for scope in scopes(box)} == {HOME, ONE, TWO, WITHOUT_ROLE}
    assert regions(box, HOME) == {*EVERYWHERE, "ap-east-1"}
    assert regions(box, ONE) == {*EVERYWHERE, "il-central-1"}
    assert regions(box, TWO) == EVERYWHERE


def test_what_they_hold_is_answered_with_their_names(box: Sandbox) -> None:
    found = {row["reservation_id"]: row["account_name"] for row in rows(box)}
    assert found == {
        "cr-home": "Management",
        "cr-one": "research-one",
        "cr-far": "research-one",
        "cr-two": "research-two",
    }


@pytest.mark.parametrize(
    ("account", "found"),
    [
        ("research-*", {"cr-one", "cr-far", "cr-two"}),
        ("Research/Training", {"cr-two"}),
        (ONE, {"cr-one", "cr-far"}),
    ],
)
def test_they_are_found_by_name_and_by_unit(box: Sandbox, account: str, found: set[str]) -> None:
    assert {row["reservation_id"] for row in rows(box, account=account)} == found


def test_an_account_without_the_role_is_denied_and_delays_no_other(box: Sandbox) -> None:
    denied = scopes(box, account="roleless")
    assert {(scope["state"], scope["error"]) for scope in denied} == {("failed", "AccessDenied")}
    assert all("sts:AssumeRole" in scope["error_message"] for scope in denied)
    (step,) = {scope["next_step"] for scope in denied}
    assert step.startswith(f"Deploy roles/truffle-read.yaml in account {WITHOUT_ROLE}")
    others = [scope for scope in scopes(box) if scope["account_id"] != WITHOUT_ROLE]
    assert {scope["state"] for scope in others} == {"current"}


def test_a_manifest_counts_what_the_functions_sent(box: Sandbox) -> None:
    manifest = box.collect()
    listed = [scope for scope in manifest["scopes"] if scope["account_id"] != WITHOUT_ROLE]
    regions_asked, units = 1, len({scope["region"] for scope in manifest["scopes"]})
    holding_odcrs = len([scope for scope in listed if scope["reservations"]])
    of_fleets_and_billing_requests = 2 * holding_odcrs
    asked = len(listed) + regions_asked + of_fleets_and_billing_requests
    assert manifest["calls"]["ec2"] == asked
    assert manifest["calls"]["rds"] == manifest["calls"]["sagemaker"] == len(listed)
    assert manifest["calls"]["sqs"] == units + 1  # latest/
    assert manifest["dynamodb_items"]["written"] >= units


def test_a_fleet_that_stays_below_its_target_is_one_event(box: Sandbox) -> None:
    assert rows(box, "/events", type="fleet_short") == []
    box.advance(timedelta(hours=1, minutes=5))
    for _ in range(2):
        box.collect()
    (event,) = rows(box, "/events", type="fleet_short")
    assert (event["account_id"], event["region"]) == (HOME, "us-east-1")
    assert event["after"]["fleet_id"] == "crf-short"
    assert (event["after"]["fulfilled_capacity"], event["after"]["target_capacity"]) == (2, 4)
    assert [it["fleet_id"] for it in rows(box, "/fleets", account="Management")] == ["crf-short"]
    assert rows(box, "/fleets", account="research-*") == []
    assert rows(box, "/events", type="fleet_short", account="research-*") == []


def test_who_uses_a_shared_reservation_and_who_is_asked_to_pay_is_known(box: Sandbox) -> None:
    (shared,) = holding("shared")["CapacityReservations"]
    asked = {"UnusedReservationBillingOwnerId": ONE}
    sharing = {"SharedWith": [ONE], "UsedBy": {ONE: 1}, "BillingRequest": asked}
    box.ec2.add("us-east-1", {**shared, "AvailableInstanceCount": 1, "Simulator": sharing})
    box.collect()

    found = {row["reservation_id"]: row for row in rows(box)}
    row = found["cr-shared"]
    assert (row["account_id"], row["seen_by"]) == (HOME, [ONE, HOME])
    used = {it["account_id"]: it["used_capacity"] for it in row["consumers"]}
    assert used == {HOME: 0, ONE: 1}
    assert {found[name]["consumers"] for name in ("cr-home", "cr-one")} == {None}
    request = row["billing_request"]
    assert (request["requested_by"], request["unused_billing_owner_id"]) == (HOME, ONE)
    assert parse_time(request["expires_at"]) - parse_time(request["updated_at"]) == HALF_A_DAY

    box.ec2.set_billing_request("cr-shared", {**asked, "Status": "accepted"})
    for _ in range(2):
        box.collect()
    events = rows(box, "/events", type="billing_request")
    assert sorted(it["reason"] for it in events) == ["no request → pending", "pending → accepted"]


def test_an_account_that_joins_is_collected_and_one_that_is_suspended_leaves(
    box: Sandbox, tmp_path: Any
) -> None:
    accounts = [dict(account) for account in FLEET["organization"]["accounts"]]  # type: ignore[index]
    accounts[1]["status"] = "SUSPENDED"
    accounts[2]["status"] = "ACTIVE"
    fleet = tmp_path / "fleet.json"
    fleet.write_text(json.dumps({**FLEET, "organization": {"accounts": accounts}}))
    box.replace_fleet(fleet)
    box.collect()
    assert {row["reservation_id"] for row in rows(box)} == {
        *("cr-home", "cr-one", "cr-far", "cr-suspended")
    }


def test_where_organizations_is_denied_the_last_accounts_are_collected(box: Sandbox) -> None:
    role = box.outputs["FanOutRoleArn"].rpartition("/")[2]
    denial = {"Effect": "Deny", "Action": "organizations:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    before = {(it["account_id"], it["region"]) for it in scopes(box)}
    iam = box.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="denial", PolicyDocument=document)
    try:
        box.collect()
        discovery = box.get("/status")[1]["discovery"]
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denial")
    assert {(it["account_id"], it["region"]) for it in scopes(box)} == before
    assert discovery["complete"] is False
    assert discovery["error"]["code"] == "AccessDeniedException"
