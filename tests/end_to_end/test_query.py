"""The API over HTTP: signed or refused, and equal to an oracle for any filter."""

from __future__ import annotations

import random
from fnmatch import fnmatch
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from sandbox.box import Sandbox
from tests.effort import some
from tests.end_to_end.conftest import known, restore, rows


@pytest.fixture(autouse=True, scope="module")
def healthy(box: Sandbox) -> None:
    """Once for all tests here: they ask, and change nothing."""
    restore(box)


def test_an_unsigned_request_is_refused(box: Sandbox) -> None:
    assert box.get("/reservations", signed=False)[0] == 403


@pytest.mark.parametrize("header", ["", "anyone", "Basic dGVzdDp0ZXN0", "AWS4-HMAC-SHA256 nothing"])
def test_an_authorization_that_is_not_a_signature_is_refused(box: Sandbox, header: str) -> None:
    request = Request(f"{box.api_url}/reservations", headers={"Authorization": header})
    with pytest.raises(HTTPError, match="403"):
        build_opener(ProxyHandler({})).open(request)


def test_an_unknown_id_is_not_found(box: Sandbox) -> None:
    status, answer = box.get("/reservations/cr-0123456789abcdef0")
    assert (status, answer["status"]) == (404, 404)


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "1001"), ("type", "spot"), ("regoin", "us-east-1")],
)
def test_a_bad_parameter_is_named_with_its_value(box: Sandbox, name: str, value: str) -> None:
    bad: dict[str, Any] = {name: value}
    status, answer = box.get("/reservations", **bad)
    assert (status, answer["parameter"], answer["value"]) == (400, name, value)


def test_a_route_that_does_not_exist_is_not_found(box: Sandbox) -> None:
    assert box.get("/nothing")[0] == 404


def test_the_status_has_every_scope_and_the_last_runs(box: Sandbox) -> None:
    status, answer = box.get("/status")
    assert status == 200
    assert len(answer["scopes"]) == 11
    assert {scope["error"] for scope in answer["scopes"]} == {None}
    assert answer["runs"][0]["failed"] == 0


def test_the_description_is_served(box: Sandbox) -> None:
    status, answer = box.get("/openapi.json")
    assert (status, answer["openapi"]) == (200, "3.1.0")


def test_a_training_run_is_validated(box: Sandbox) -> None:
    status, answer = box.get("/validate", instance_type="p5.48xlarge", count=1, days=1)
    assert status == 200
    assert isinstance(answer["ok"], bool)
    assert answer["reason"]


def _oracle(row: dict[str, Any], asked: dict[str, list[str]]) -> bool:
    """Whether a row matches, decided from its JSON alone."""
    for name, values in asked.items():
        if name == "instance_type":
            kept = any(fnmatch(row["instance_type"], value) for value in values)
        elif name == "tag":
            kept = any(
                row["tags"].get(value.split(":")[0]) == value.split(":")[1] for value in values
            )
        elif name == "gpu_only":
            kept = row["accelerator"] is not None
        elif name == "available_only":
            kept = row["available_capacity"] > 0
        elif name == "min_capacity":
            prepaid = ("capacity-block", "training-plan")
            own = "instance_count" if row["type"] in prepaid else "available_capacity"
            kept = row[own] >= int(values[0])
        else:
            kept = row[name] in values
        if not kept:
            return False
    return True


def _question(dice: random.Random, everything: list[dict[str, Any]]) -> dict[str, Any]:
    """Random filters with values that occur."""
    sample = dice.sample(everything, 3)
    teams = [row["tags"]["Team"] for row in everything if "Team" in row["tags"]]
    choices: dict[str, list[str]] = {
        "type": [dice.choice(["odcr", "capacity-block", "training-plan", sample[0]["type"]])],
        "region": [row["region"] for row in sample],
        "state": [row["state"] for row in sample],
        "instance_type": [sample[0]["instance_type"], f"{sample[1]['instance_type'][:2]}*"],
        "availability_zone": [row["availability_zone"] or "us-east-1a" for row in sample],
        "tag": [f"Team:{dice.choice(teams)}"],
        "gpu_only": ["true"],
        "available_only": ["true"],
        "min_capacity": [str(dice.randint(0, 8))],
    }
    names = dice.sample(sorted(choices), dice.randint(0, 3))
    return {name: sorted(set(choices[name])) for name in names}


@pytest.mark.parametrize("seed", some(3, range(24)))
def test_any_filter_gives_what_an_oracle_gives(box: Sandbox, seed: int) -> None:
    dice = random.Random(seed)
    everything = rows(box, limit=1000)
    asked = _question(dice, everything)

    answered = rows(box, limit=dice.choice([7, 50, 1000]), **asked)

    assert known(answered) == known([row for row in everything if _oracle(row, asked)])
