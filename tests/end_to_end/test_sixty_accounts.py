"""Sixty accounts in three regions, with reservations that units share: no event is published
twice."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from sandbox.box import Sandbox
from tests.end_to_end.conftest import rows

pytestmark = pytest.mark.long

HOME = "123456789012"
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
ACCOUNTS = [f"{700_000_000_000 + number}" for number in range(59)]
DENIED, SUSPENDED, EXCLUDED = ACCOUNTS[57], ACCOUNTS[58], ACCOUNTS[56]
COLLECTED = [HOME, *ACCOUNTS[:56]]
UNITS = 2 * len(REGIONS)
RANDOM = Random(10)


def an_odcr(number: int, owner: str) -> dict[str, Any]:
    """Two accounts beside its owner see every other one."""
    others = RANDOM.sample([it for it in ACCOUNTS[:56] if it != owner], 2)
    return {
        "CapacityReservationId": f"cr-{number:017x}",
        "InstanceType": "p5.48xlarge",
        "TotalInstanceCount": 4,
        "AvailableInstanceCount": 4,
        **({"Simulator": {"SharedWith": others}} if number % 2 == 0 else {}),
    }


def a_fleet() -> dict[str, Any]:
    """Each account holds one in one region. What the excluded one holds is seen by others."""
    accounts = {
        account: {
            "regions": {
                REGIONS[number % 3]: {"CapacityReservations": [an_odcr(2 * number, account)]},
                REGIONS[(number + 1) % 3]: {
                    "CapacityReservations": [an_odcr(2 * number + 1, account)]
                },
            }
        }
        for number, account in enumerate(ACCOUNTS)
    }
    listed: list[dict[str, Any]] = [
        {"id": account, "name": f"team-{number}", "unit": "Research"}
        for number, account in enumerate(ACCOUNTS)
    ]
    listed[57]["role"], listed[58]["status"] = False, "SUSPENDED"
    return {
        "account": HOME,
        "regions": {region: {} for region in REGIONS},
        "accounts": accounts,
        "organization": {"accounts": listed},
    }


FLEET = a_fleet()


def shown() -> dict[str, list[str]]:
    """Which collected accounts list each reservation, by the fleet file."""
    found: dict[str, list[str]] = {}
    for owner, account in FLEET["accounts"].items():
        for region in account["regions"].values():
            for raw in region["CapacityReservations"]:
                seen = {owner, *raw.get("Simulator", {}).get("SharedWith", ())}
                if seen_by := sorted(seen & set(COLLECTED)):
                    found[raw["CapacityReservationId"]] = seen_by
    return found


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sixty")
    fleet = folder / "fleet.json"
    fleet.write_text(json.dumps(FLEET))
    context = {"accounts": "organization", "excluded_accounts": EXCLUDED}
    sandbox = Sandbox.up(folder / "box", fleet=fleet, context=context, environment={})
    try:
        # The first run finds what is shared, the second who uses it.
        for _ in range(4):
            manifest = sandbox.collect()
            if manifest["counts"]["changed"] == 0 and manifest["counts"]["failed"] == len(REGIONS):
                break
        yield sandbox
    finally:
        sandbox.down()


@pytest.fixture(autouse=True)
def healthy() -> None:
    """The tests of this file go on from each other's end."""


def counted(events: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((it["type"], it["reservation_id"]) for it in events)


def test_each_reservation_is_one_row_with_all_who_see_it(box: Sandbox) -> None:
    found = {row["reservation_id"]: sorted(row["seen_by"]) for row in rows(box, limit=1000)}
    assert found == shown()
    assert len(rows(box, limit=1000)) == len(found)


def test_only_the_account_without_the_role_fails(box: Sandbox) -> None:
    _, answer = box.get("/status", limit=1000)
    scopes = {(it["account_id"], it["region"]): it["error"] for it in answer["scopes"]}
    every = {(account, region) for account in (*COLLECTED, DENIED) for region in REGIONS}
    assert set(scopes) == every
    assert {account for (account, _), error in scopes.items() if error} == {DENIED}


def test_an_unchanged_run_costs_a_few_calls_items_and_objects_for_each_unit(box: Sandbox) -> None:
    before = snapshots(box)
    manifest = box.collect()
    assert (manifest["counts"]["changed"], manifest["counts"]["events"]) == (0, 0)
    assert manifest["calls"]["sqs"] == UNITS + 1  # latest/
    of_the_run = 6  # opened with its units, claimed, closed, latest/ written
    assert manifest["dynamodb_items"]["written"] <= 3 * UNITS + of_the_run
    assert manifest["calls"]["s3"] <= 2 * UNITS + 10
    written = snapshots(box) - before
    assert len(written) == UNITS
    assert sum(len(accounts_of(box, key)) for key in written) == 3 * len([*COLLECTED, DENIED])


def snapshots(box: Sandbox) -> set[str]:
    """The keys of all snapshots."""
    pages = box.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=box.outputs["BucketName"], Prefix="snapshots/")
    return {item["Key"] for page in found for item in page.get("Contents", ())}


def accounts_of(box: Sandbox, key: str) -> set[str]:
    """The accounts whose scopes a snapshot has, failed ones included."""
    answer = box.client("s3").get_object(Bucket=box.outputs["BucketName"], Key=key)
    lines = map(json.loads, gzip.decompress(answer["Body"].read()).splitlines())
    return {line["account_id"] for line in lines if "outcome" in line}


def test_each_change_is_reported_once_however_many_units_see_it(box: Sandbox) -> None:
    seen = shown()
    of_a_region = [key for key in snapshots(box) if "/us-east-1-" in key]
    groups = {frozenset(accounts_of(box, key)) for key in of_a_region}
    assert any(sum(not it.isdisjoint(accounts) for it in groups) > 1 for accounts in seen.values())
    shared = [name for name, accounts in sorted(seen.items()) if len(accounts) > 1]
    shrunk, gone = shared[:12], shared[12:20]
    orphans = [
        raw["CapacityReservationId"]
        for region in FLEET["accounts"][EXCLUDED]["regions"].values()
        for raw in region["CapacityReservations"]
        if raw["CapacityReservationId"] in seen
    ]
    assert orphans
    shrunk = [*{*shrunk, *orphans} - set(gone)]
    for name in shrunk:
        box.ec2.patch(name, TotalInstanceCount=2, AvailableInstanceCount=2)
    for name in gone:
        box.ec2.remove(name)

    with box.alerts() as alerts:
        for _ in range(3):
            box.collect()
        delivered = alerts(5, at_least=len(shrunk) + len(gone))

    expected = Counter(
        {**{("resized", name): 1 for name in shrunk}, **{("vanished", name): 1 for name in gone}}
    )
    assert counted(delivered) == expected
    recorded = rows(box, "/events", type="resized,vanished", limit=1000)
    assert counted(recorded) == expected
