"""``truffle capacity``: what it lists, in what order, in what form, and how it ends."""

from __future__ import annotations

import csv
import io
import random
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
import yaml

from sandbox.ec2.faults import FaultKind
from tests.builders import HOME, OHIO
from tests.builders import a_block as block_row
from tests.builders import an_odcr as odcr_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.ec2.sts import STS
from tests.sandbox.worlds import NOW, PARTNER, World, a_block, an_odcr
from truffle.client import Truffle
from truffle.core.codec import FIELD_NAMES
from truffle.core.model import Scope
from truffle.core.times import format_time
from truffle.sources.live import list_live

Raw = dict[str, Any]


@contextmanager
def dripping() -> Iterator[str]:
    """The URL of a server whose answers never end: a byte after the other, each in time."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with suppress(ConnectionError):
                while not ended.wait(0.1):
                    self.wfile.write(b" ")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        ended.set()
        server.shutdown()


class TestTypes:
    @pytest.fixture(autouse=True)
    def fleet(self, world: World) -> None:
        world.has(an_odcr(1), a_block(2), an_odcr(3, State="pending"), a_block(4, State="failed"))

    def test_odcrs_are_the_default_and_active(self, truffle: Run) -> None:
        assert [row[-1] for row in truffle("capacity", "-o", "json").ids] == ["1"]
        assert (
            truffle("capacity", "--odcr", "-o", "json").ids == truffle("capacity", "-o", "json").ids
        )

    def test_blocks_are_shown_in_every_state(self, truffle: Run) -> None:
        found = truffle("capacity", "--blocks", "-o", "json")
        assert [row[-1] for row in found.ids] == ["2", "4"]

    def test_both_flags_are_both_types(self, truffle: Run) -> None:
        found = truffle("capacity", "--odcr", "--blocks", "-o", "json")
        assert [row[-1] for row in found.ids] == ["1", "2", "4"]

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (["--no-active-only"], ["1", "3"]),
            (["--active-only"], ["1"]),
            (["--states", "pending"], ["3"]),
            (["--states", "pending", "--active-only"], []),
            (["--blocks", "--active-only"], ["2"]),
            (["--blocks", "--states", "failed,payment-failed"], ["4"]),
        ],
    )
    def test_activity_and_states(self, truffle: Run, flags: list[str], expected: list[str]) -> None:
        assert [row[-1] for row in truffle("capacity", *flags, "-o", "json").ids] == expected


class TestOutput:
    @pytest.fixture(autouse=True)
    def fleet(self, world: World) -> None:
        world.has(
            an_odcr(1, InstanceType="g6.xlarge", TotalInstanceCount=8, AvailableInstanceCount=2),
            an_odcr(2, InstanceType="p4d.24xlarge", Tags=[{"Key": "team", "Value": "röd, ok"}]),
            a_block(3, 16),
        )

    def test_json_is_the_reservations_and_nothing_else(self, truffle: Run) -> None:
        found = truffle("capacity", "-o", "json")
        assert [list(row) for row in found.json] == [list(FIELD_NAMES["Odcr"])] * 2
        assert found.err == ""
        assert "röd" in found.out

    def test_an_empty_answer_is_an_empty_array(self, truffle: Run) -> None:
        found = truffle("capacity", "-o", "json", "--min-capacity", "100")
        assert (found.status, found.out) == (0, "[]\n")

    def test_yaml_is_the_same(self, truffle: Run) -> None:
        loaded = yaml.safe_load(truffle("capacity", "--odcr", "--blocks", "-o", "yaml").out)
        again = truffle("capacity", "--odcr", "--blocks", "-o", "json").json
        for row in (*loaded, *again):
            row.pop("observed_at")
        assert loaded == again

    def test_csv_has_the_fields_as_columns(self, truffle: Run) -> None:
        lines = list(csv.DictReader(io.StringIO(truffle("capacity", "-o", "csv").out)))
        assert list(lines[0]) == list(FIELD_NAMES["Odcr"])
        assert [line["available_capacity"] for line in lines] == ["2", "1"]
        assert lines[1]["tags"] == '{"team":"röd, ok"}'
        assert lines[0]["end_date"] == ""

    def test_csv_has_the_columns_that_are_named_in_their_order(self, truffle: Run) -> None:
        told = truffle("capacity", "-o", "csv", "--columns", "region,available_capacity").out
        assert told.splitlines()[0] == "region,available_capacity"
        assert [line.split(",")[1] for line in told.splitlines()[1:]] == ["2", "1"]

    def test_csv_of_nothing_has_its_columns(self, truffle: Run) -> None:
        told = truffle("capacity", "-o", "csv", "--min-capacity", "100").out
        assert told == ",".join(FIELD_NAMES["Odcr"]) + "\n"

    def test_the_tables_have_a_summary_a_border_and_a_note(self, truffle: Run) -> None:
        lines = truffle("capacity", "--odcr", "--blocks").out.splitlines()
        assert lines[0] == "📊 Capacity Reservation Summary (ODCRs):"
        assert lines[1:6] == [
            "   Total Reservations: 2",
            "   Instance Types: 2 (g6.xlarge, p4d.24xlarge)",
            "   Total Capacity: 12 instances",
            "   Available: 3 instances (25.0% free)",
            "   Used: 9 instances (75.0% used)",
        ]
        assert lines[6] == "   GPUs: 40 in total (L4 8, A100 32), 10 idle"
        assert "No fixed end date - can use indefinitely" in lines
        assert "   Total Blocks: 1" in lines
        assert "   Duration Range: 24 hours (1 day)" in lines
        assert (
            "UltraCluster Placement: Yes (optimized networking for distributed training)" in lines
        )

    def test_a_pipe_gets_every_column_and_no_colour(self, truffle: Run) -> None:
        told = truffle("capacity").out
        head = next(line for line in told.splitlines() if line.startswith("| Instance"))
        names = [name.strip() for name in head.strip("|").split("|")]
        assert names == [
            "Instance Type",
            "Region",
            "AZ",
            "Total",
            "Available",
            "Used",
            "State",
            "GPUs",
            "Idle GPUs",
            "Reservation ID",
        ]
        assert "6 (75.0%)" in told
        assert "cr-00000000000000001" in told
        assert "\x1b" not in told

    def test_terraform_imports_odcrs_and_reads_blocks(self, truffle: Run) -> None:
        told = truffle("capacity", "--odcr", "--blocks", "-o", "terraform").out
        assert "  to = aws_ec2_capacity_reservation.cr_00000000000000001" in told
        assert '  id = "cr-00000000000000001@us-east-2"' in told
        assert 'data "aws_ec2_capacity_block_reservation" "cr_00000000000000003"' in told

    def test_a_limit_shows_the_first_and_counts_all(self, truffle: Run) -> None:
        assert len(truffle("capacity", "--limit", "1", "-o", "json").json) == 1
        told = truffle("capacity", "--limit", "1").out
        assert "   Total Reservations: 2" in told
        assert "   Shown: the first 1 of 2" in told


class TestFailures:
    def test_some_regions_fail(self, truffle: Run, world: World) -> None:
        world.has(an_odcr(1))
        world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
        found = truffle("capacity", "-o", "json")
        assert found.status == 3
        assert len(found.json) == 1
        assert "eu-west-1: UnauthorizedOperation" in found.err

    def test_all_regions_fail(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, code="InvalidParameterValue")
        found = truffle("capacity", "-o", "json", "-r", "us-east-2,eu-west-1")
        assert (found.status, found.json) == (1, [])
        assert "us-east-2: InvalidParameterValue" in found.err
        assert "eu-west-1: InvalidParameterValue" in found.err

    def test_a_table_of_failed_regions_does_not_say_that_there_is_nothing(
        self, truffle: Run, world: World
    ) -> None:
        world.control.break_calls(FaultKind.ERROR, code="InvalidParameterValue")
        assert truffle("capacity", "-r", "us-east-2").out == ""

    def test_refused_credentials_are_one_sentence(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, code="ExpiredToken")
        found = truffle("capacity")
        assert (found.status, found.out) == (1, "")
        assert "expired" in found.err
        assert len(found.err.splitlines()) == 1

    def test_regions_that_all_refuse_are_an_array_still(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, "*", "DescribeCapacityReservations")
        found = truffle("capacity", "-o", "json")
        assert (found.status, found.json) == (1, [])
        assert "ec2:DescribeCapacityReservations" in found.err

    def test_regions_that_are_not_enabled_are_told_to_be_so(
        self, truffle: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with STS() as sts:
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
            monkeypatch.delenv("AWS_ACCOUNT_ID")
            found = truffle("capacity", "-o", "json", "-r", "eu-south-1")
        assert (found.status, found.json) == (1, [])
        assert "not enabled for the account" in found.err.splitlines()[-1]

    def test_no_credentials(self, truffle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        found = truffle("capacity")
        assert (found.status, found.out) == (1, "")
        assert "AWS_ACCESS_KEY_ID" in found.err
        assert "Traceback" not in found.err

    def test_debug_shows_the_traceback(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, code="ExpiredToken")
        assert "Traceback" in truffle("capacity", "--debug").err

    def test_a_region_that_hangs_meets_the_deadline(self, truffle: Run, world: World) -> None:
        world.has(an_odcr(1))
        world.control.break_calls(
            FaultKind.HANG, "eu-west-1", "DescribeCapacityReservations", seconds=60
        )
        found = truffle("capacity", "--timeout", "5", "-o", "json")
        assert (found.status, len(found.json)) == (3, 1)
        assert "eu-west-1: DeadlineExceeded" in found.err

    def test_only_an_empty_answer_of_odcrs_says_that_active_ones_were_looked_for(
        self, truffle: Run
    ) -> None:
        assert "only active ODCRs" in truffle("capacity", "-r", "us-east-2").err
        assert "only active ODCRs" not in truffle("capacity", "--blocks", "-r", "us-east-2").err

    def test_a_value_that_nobody_knows_passes_with_a_warning(self, truffle: Run) -> None:
        found = truffle("capacity", "--instance-types", "g6.49xlarge", "--states", "delivering")

        assert (found.status, "No capacity reservations" in found.out) == (0, True)
        assert "does not know the state delivering." in found.err
        assert "does not know the instance type g6.49xlarge; the nearest" in found.err

    def test_a_region_that_is_newer_than_the_release_can_be_named(
        self, truffle: Run, world: World
    ) -> None:
        world.has_regions(
            {"us-east-2": {}, "ap-southeast-9": {"CapacityReservations": [an_odcr(1)]}}
        )

        found = truffle("capacity", "-r", "ap-southeast-9", "-o", "json")

        assert (found.status, len(found.ids), found.err) == (0, 1, "")

    def test_a_region_that_nobody_knows_is_asked_with_a_warning(self, truffle: Run) -> None:
        found = truffle("capacity", "-r", "ap-southeast-9,us-east-2", "-o", "json")

        assert found.status == 3
        assert "ap-southeast-9 is not known to this release" in found.err


class TestGlobsOfRegions:
    def test_stand_for_the_regions_that_are_enabled(self, truffle: Run, world: World) -> None:
        told = truffle("capacity", "-r", "us-*", "--blocks", "-v", "-o", "json").err

        assert told == "us-east-2: answered\n"
        assert {region for region, _ in world.control.calls()} == {"us-east-2"}

    def test_that_match_none_are_refused_with_those_that_are(self, truffle: Run) -> None:
        found = truffle("capacity", "-r", "sa-*")

        assert (found.status, found.out) == (2, "")
        assert "eu-west-1, us-east-2" in found.err

    def test_select_among_what_the_stack_collects(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.collected(Scope(HOME, "eu-west-1"), odcr_row("cr-2", region="eu-west-1"))

        found = truffle("capacity", "-r", "eu-*", "--api-url", api_url, "-o", "json")

        assert (found.status, found.ids) == (0, ["cr-2"])
        assert truffle("capacity", "-r", "sa-*", "--api-url", api_url).status == 2


class TestGpu:
    def test_selects_by_the_accelerator_in_any_case(self, truffle: Run, world: World) -> None:
        world.has(
            an_odcr(1, InstanceType="p5.48xlarge"),
            an_odcr(2, InstanceType="p5.4xlarge"),
            an_odcr(3, InstanceType="g6.xlarge"),
            an_odcr(4, InstanceType="m5.large"),
        )

        found = truffle("capacity", "--gpu", "h100", "-o", "json")

        assert {row["instance_type"] for row in found.json} == {"p5.48xlarge", "p5.4xlarge"}

    def test_selects_in_the_stack(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))

        found = truffle("capacity", "--gpu", "H100", "--api-url", api_url, "-o", "json")

        assert (found.status, found.ids) == (0, [])
        assert any("accelerator=H100" in call for call in deployed.requests)


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "said"),
        [("24h", "2026-11-25 09:"), ("tomorrow", "2026-11-25"), ("fri", "2026-11-27")],
    )
    def test_relative_ones_are_said_back(self, text: str, said: str, truffle: Run) -> None:
        found = truffle("capacity", "--ends-before", text)

        assert found.status == 0
        assert f"Note: --ends-before {text} is {said}" in found.err
        assert " in UTC." in found.err

    def test_absolute_ones_are_not(self, truffle: Run) -> None:
        assert "Note: --ends" not in truffle("capacity", "--ends-before", "2026-12-01").err


class TestApi:
    def test_a_url_makes_the_api_the_source(
        self, truffle: Run, deployed: Deployed, api_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        assert truffle("capacity", "--api-url", api_url, "-o", "json").ids == ["cr-1"]
        monkeypatch.setenv("TRUFFLE_API_URL", api_url)
        assert truffle("capacity", "-o", "json").ids == ["cr-1"]
        assert truffle("capacity", "--source", "live", "-o", "json").ids == []

    def test_pages_are_read_to_the_end(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        rows = [odcr_row(f"cr-{number:05}") for number in range(2001)]
        deployed.collected(OHIO, *rows)
        found = truffle("capacity", "--api-url", api_url, "-o", "json")
        assert found.ids == [row.reservation_id for row in rows]

    def test_old_data_is_shown_and_named(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.failed(Scope(HOME, "eu-west-1"), "AuthFailure", odcr_row("cr-2"))
        found = truffle("capacity", "--api-url", api_url, "-o", "json")
        assert (found.status, found.ids) == (3, ["cr-1", "cr-2"])
        assert f"{HOME}/eu-west-1: AuthFailure" in found.err
        assert "as last seen, 3 h ago" in found.err

    def test_only_the_scopes_that_were_asked_for_count(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.failed(Scope(HOME, "eu-west-1"), "AuthFailure")
        arguments = ("capacity", "--api-url", api_url, "-o", "json", "-r")
        assert truffle(*arguments, "us-east-2").status == 0
        assert truffle(*arguments, "eu-west-1").status == 1
        nowhere = truffle(*arguments, "us-east-2,eu-north-1")
        assert nowhere.status == 3
        assert "eu-north-1: NotCollected" in nowhere.err

    def test_a_stack_without_a_run_knows_nothing(self, truffle: Run, api_url: str) -> None:
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "has not collected anything yet" in found.err

    def test_a_refusal_is_one_sentence(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.broken = [(403, {"message": "Forbidden"})] * 2
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "execute-api:Invoke" in found.err

    def test_a_passing_fault_is_tried_again(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, odcr_row("cr-1"))
        deployed.broken = [(503, {"message": "Service Unavailable"})] * 2
        assert truffle("capacity", "--api-url", api_url, "-o", "json").ids == ["cr-1"]

    def test_nobody_at_the_url(self, truffle: Run) -> None:
        found = truffle("capacity", "--api-url", "http://127.0.0.1:9/", "--timeout", "1")
        assert (found.status, found.out) == (1, "")
        assert "http://127.0.0.1:9/ cannot be reached" in found.err

    def test_a_url_that_never_answers_meets_the_deadline(self, truffle: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            found = truffle("capacity", "--api-url", url, "--timeout", "1")
        assert (found.status, found.out) == (1, "")
        assert "before the deadline: allow more with --timeout" in found.err

    def test_a_url_that_answers_byte_by_byte_meets_the_deadline(self, truffle: Run) -> None:
        with dripping() as url:
            found = truffle("capacity", "--api-url", url, "--timeout", "1")
        assert (found.status, found.out) == (1, "")
        assert "before the deadline: allow more with --timeout" in found.err

    @pytest.mark.parametrize(
        "body", [b"<html>", b"null", b"[]", b"{}", b'{"scopes": [{}], "items": []}'], ids=repr
    )
    def test_something_else_at_the_url(
        self, truffle: Run, deployed: Deployed, api_url: str, body: bytes
    ) -> None:
        # More than two: a request of the case before may still be on its way.
        deployed.broken = [(200, body)] * 4
        found = truffle("capacity", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "does not answer as a truffle API" in found.err


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
    """What a question gets, decided from the JSON of everything alone."""
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
    """In the zones that were asked for, and within the times."""
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


def test_random_questions_get_the_oracle_s_answer_from_both_sources(
    truffle: Run, world: World, deployed: Deployed, api_url: str
) -> None:
    rng = random.Random(0)
    world.has_regions(a_fleet(rng))
    everything = truffle("capacity", "--odcr", "--blocks", "--no-active-only", "-o", "json").json
    assert len(everything) == 40
    collect(deployed)
    answered = 0
    for _ in range(24):
        flags = some_flags(rng)
        expected = oracle(everything, flags)
        answered += bool(expected)
        live = truffle("capacity", *arguments_of(flags), "-o", "json")
        api = truffle("capacity", *arguments_of(flags), "-o", "json", "--api-url", api_url)
        assert (live.status, live.ids) == (0, expected), flags
        assert (api.status, api.ids) == (0, expected), flags
    assert answered > 8


def collect(deployed: Deployed) -> None:
    """What a run of the stack would know of the simulated EC2."""
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


def test_regions_are_those_that_are_enabled(world: World) -> None:
    world.has_regions({"us-east-2": {}, "me-south-1": {"OptInStatus": "not-opted-in"}})
    assert Truffle().list_regions() == ["us-east-2"]


def test_the_rows_of_a_block(truffle: Run, deployed: Deployed, api_url: str) -> None:
    deployed.collected(OHIO, block_row("cr-1"))
    (row,) = truffle("capacity", "--blocks", "--api-url", api_url, "-o", "json").json
    assert list(row) == list(FIELD_NAMES["CapacityBlock"])
    assert row["duration_hours"] == 168
