"""``truffle capacity``: random questions, against an oracle and from both sources."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.builders import HOME
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.effort import examples
from tests.sandbox.worlds import NOW, PARTNER, World, a_block, an_odcr
from truffle.core.model import Scope
from truffle.core.times import format_time
from truffle.sources.live import list_live

Raw = dict[str, Any]


TYPES = ["p5.48xlarge", "p4d.24xlarge", "g6.xlarge", "g6e.12xlarge", "m7i.4xlarge", "inf2.xlarge"]
REGIONS = ["us-east-1", "us-east-2", "eu-west-1"]
STATES = ["active", "pending", "expired", "cancelled", "scheduled"]
BLOCK_STATES = ["active", "scheduled", "payment-pending", "payment-failed", "expired"]


def date_in(days: int) -> str:
    return f"{NOW + timedelta(days=days):%Y-%m-%d}"


def time_in(days: int, hours: int = 0) -> str:
    return format_time(NOW + timedelta(days=days, hours=hours))


def a_fleet(rng: random.Random) -> dict[str, Any]:
    """Three regions with forty reservations of every kind."""
    regions: dict[str, Any] = {name: {"CapacityReservations": []} for name in REGIONS}
    for number in range(1, 41):
        zone = rng.choice(REGIONS)
        total = rng.randrange(0, 9)
        tags = [
            {"Key": key, "Value": rng.choice("ab")} for key in ("team", "a:b") if rng.random() < 0.5
        ]
        shared: Raw = {
            "InstanceType": rng.choice(TYPES),
            "AvailabilityZone": zone + rng.choice("ab"),
            "TotalInstanceCount": total,
            "AvailableInstanceCount": rng.randrange(0, total + 1),
        }
        if rng.random() < 0.6:
            made = an_odcr(number, State=rng.choice(STATES), Tags=tags, **shared)
            if rng.random() < 0.3:
                made |= {"OwnerId": PARTNER, "Simulator": {"SharedWith": [HOME]}}
            made |= rng.choice([{}, {"EndDate": "+2d", "EndDateType": "limited"}])
        else:
            made = a_block(number, **{**shared, "State": rng.choice(BLOCK_STATES)})
            made["Tags"] = [*made["Tags"], *tags]
            made["StartDate"], made["EndDate"] = rng.choice(
                [("+1d", "+3d"), ("-1d@11:30", "+2d@11:30"), ("+2h", "+26h")]
            )
        regions[zone]["CapacityReservations"].append(made)
    return regions


def some_flags(rng: random.Random) -> dict[str, Any]:
    """A random question, by the names of the flags; at most three filters in it."""
    flags = {**NO_FLAGS, "kinds": rng.choice([["--odcr"], ["--blocks"], ["--odcr", "--blocks"]])}
    choices: dict[str, list[Any]] = {
        "instance-types": [["p5.48xlarge"], ["g6*", "p4d.24xlarge"], ["*.xlarge"]],
        "regions": [["us-east-2"], ["us-east-1", "eu-west-1"]],
        "states": [["active"], ["scheduled", "expired"]],
        "tags": [["team=a"], ["team=a", "team=b"], ["a:b=a", "team=b"]],
        "active": [True, False],
        "gpu-only": [True],
        "available-only": [True],
        "min-capacity": [0, 2, 5],
        "availability-zones": [["us-east-2a"], ["us-east-1a", "eu-west-1b"]],
        "owners": [[HOME], [PARTNER], [HOME, PARTNER]],
        "starts-after": [time_in(days=0), time_in(days=0, hours=-30)],
        "starts-before": [time_in(days=0), date_in(days=1)],
        "ends-after": [time_in(days=2), date_in(days=2)],
        "ends-before": [time_in(days=2), date_in(days=4)],
        "sort": ["instance_type", "-available_capacity", "end_date"],
        "limit": [1, 7],
    }
    for name in rng.sample(list(choices), rng.randrange(4)):
        flags[name] = rng.choice(choices[name])
    return flags


LISTS = ("instance-types", "regions", "states", "availability-zones", "owners")
TIMES = ("starts-after", "starts-before", "ends-after", "ends-before")


NO_FLAGS: dict[str, Any] = {
    "kinds": [],
    "availability-zones": [],
    "owners": [],
    **dict.fromkeys(TIMES),
    "instance-types": [],
    "regions": [],
    "states": [],
    "tags": [],
    "active": None,
    "gpu-only": False,
    "available-only": False,
    "min-capacity": None,
    "sort": None,
    "limit": None,
}


def arguments_of(flags: dict[str, Any]) -> list[str]:
    arguments = [*flags["kinds"]]
    for name in LISTS:
        arguments += [f"--{name}", ",".join(flags[name])] if flags[name] else []
    arguments += [part for tag in flags["tags"] for part in ("--tags", tag)]
    if flags["active"] is not None:
        arguments.append("--active-only" if flags["active"] else "--no-active-only")
    arguments += [f"--{name}" for name in ("gpu-only", "available-only") if flags[name]]
    for name in (*TIMES, "min-capacity", "sort", "limit"):
        arguments += [] if flags[name] is None else [f"--{name}", str(flags[name])]
    return arguments


def oracle(rows: list[Raw], flags: dict[str, Any]) -> list[str]:
    """The expected result of a query, computed only from the JSON of everything."""
    kept = sorted(
        (row for row in rows if is_kept(row, flags)), key=lambda row: str(row["reservation_id"])
    )
    name = flags["sort"]
    if name is None:
        kept.sort(key=default_key)
    else:
        field = name.removeprefix("-")
        full = [row for row in kept if row.get(field) is not None]
        empty = [row for row in kept if row.get(field) is None]
        kept = sorted(full, key=lambda row: row[field], reverse=name.startswith("-")) + empty
    return [row["reservation_id"] for row in kept][: flags["limit"]]


def default_key(row: Raw) -> tuple[Any, ...]:
    if row["type"] == "capacity-block":
        return (1, row["start_date"], row["instance_type"], row["reservation_id"])
    return (
        0,
        -row["available_capacity"],
        row["instance_type"],
        row["region"],
        row["reservation_id"],
    )


def is_kept(row: Raw, flags: dict[str, Any]) -> bool:
    is_block = row["type"] == "capacity-block"
    kinds = flags["kinds"] or ["--odcr"]
    living = ["active", "scheduled"] if is_block else ["active"]
    active = flags["active"]
    if active is None:
        active = not is_block and not flags["states"]
    wanted: dict[str, set[str]] = {}
    for tag in flags["tags"]:
        key, _, value = tag.partition("=")
        wanted.setdefault(key, set()).add(value)
    size = row["instance_count"] if is_block else row["available_capacity"]
    types = flags["instance-types"]
    return (
        ("--blocks" if is_block else "--odcr") in kinds
        and (not types or any(fnmatchcase(row["instance_type"], glob) for glob in types))
        and (not flags["regions"] or row["region"] in flags["regions"])
        and (not flags["states"] or row["state"] in flags["states"])
        and (not active or row["state"] in living)
        and (not flags["gpu-only"] or row["accelerator"] is not None)
        and (not flags["available-only"] or row["available_capacity"] > 0)
        and (flags["min-capacity"] is None or size >= flags["min-capacity"])
        and all(row["tags"].get(key) in values for key, values in wanted.items())
        and (not flags["owners"] or row["owner_id"] in flags["owners"])
        and is_there_then(row, flags)
    )


def is_there_then(row: Raw, flags: dict[str, Any]) -> bool:
    """In the requested zones, and within the times."""
    zones = flags["availability-zones"]
    start, end = row["start_date"] or "", row["end_date"] or "9"
    bounds = {name: flags[name] for name in TIMES}
    return (
        (not zones or row["availability_zone"] in zones)
        and (bounds["starts-after"] is None or start >= bounds["starts-after"])
        and (bounds["starts-before"] is None or "" < start < bounds["starts-before"])
        and (bounds["ends-after"] is None or end >= bounds["ends-after"])
        and (bounds["ends-before"] is None or end < bounds["ends-before"])
    )


@pytest.mark.seeded
def test_random_questions_get_the_oracle_s_answer_from_both_sources(
    truffle: Run, world: World, deployed: Deployed, api_url: str
) -> None:
    rng = random.Random(0)
    world.has_regions(a_fleet(rng))
    everything = truffle("capacity", "--odcr", "--blocks", "--no-active-only", "-o", "json").json
    assert len(everything) == 40
    collect(deployed)
    answered = 0
    for _ in range(examples(12)):
        flags = some_flags(rng)
        expected = oracle(everything, flags)
        answered += bool(expected)
        live = truffle("capacity", *arguments_of(flags), "-o", "json")
        api = truffle("capacity", *arguments_of(flags), "-o", "json", "--api-url", api_url)
        assert (live.status, live.ids) == (0, expected), flags
        assert (api.status, api.ids) == (0, expected), flags
    assert answered > 4


def collect(deployed: Deployed) -> None:
    """The data that a run of the stack would collect from the simulated EC2."""
    inventory = list_live(None, REGIONS)
    assert not inventory.failures
    for region in REGIONS:
        rows = [row for row in inventory.reservations if row.region == region]
        deployed.collected(Scope(HOME, region), *rows)


@pytest.mark.parametrize("output", ["table", "json", "yaml", "csv", "terraform"])
def test_both_sources_print_the_same(
    truffle: Run, world: World, deployed: Deployed, api_url: str, output: str
) -> None:
    world.has_regions(a_fleet(random.Random(7)))
    collect(deployed)
    live = truffle("capacity", "--odcr", "--blocks", "-o", output)
    api = truffle("capacity", "--odcr", "--blocks", "-o", output, "--api-url", api_url)
    assert without_times(api.out) == without_times(live.out)
    assert len(live.out) > 500
    age = r"Note: as of .* UTC, .* ago\.\n" if output == "table" else ""
    assert (api.status, re.sub(age, "", api.err)) == (live.status, live.err)


def without_times(text: str) -> str:
    """Without the moment of the listing, which no two listings share."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "…", text)
