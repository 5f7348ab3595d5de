"""``truffle capacity``: what it lists, in what order, in what form, and how it ends."""

from __future__ import annotations

import csv
import io

import pytest
import yaml

from sandbox.ec2.faults import FaultKind
from tests.builders import HOME, OHIO
from tests.builders import a_block as block_row
from tests.builders import an_odcr as odcr_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.ec2.sts import STS
from tests.sandbox.worlds import FOR_GOOD, World, a_block, an_odcr
from truffle.client import Truffle
from truffle.core.codec import FIELD_NAMES
from truffle.core.model import Scope


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
        output = truffle("capacity", "-o", "csv", "--columns", "region,available_capacity").out
        assert output.splitlines()[0] == "region,available_capacity"
        assert [line.split(",")[1] for line in output.splitlines()[1:]] == ["2", "1"]

    def test_csv_of_nothing_has_its_columns(self, truffle: Run) -> None:
        output = truffle("capacity", "-o", "csv", "--min-capacity", "100").out
        assert output == ",".join(FIELD_NAMES["Odcr"]) + "\n"

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
        output = truffle("capacity").out
        head = next(line for line in output.splitlines() if line.startswith("| Instance"))
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
        assert "6 (75.0%)" in output
        assert "cr-00000000000000001" in output
        assert "\x1b" not in output

    def test_terraform_imports_odcrs_and_reads_blocks(self, truffle: Run) -> None:
        output = truffle("capacity", "--odcr", "--blocks", "-o", "terraform").out
        assert "  to = aws_ec2_capacity_reservation.cr_00000000000000001" in output
        assert '  id = "cr-00000000000000001@us-east-2"' in output
        assert 'data "aws_ec2_capacity_block_reservation" "cr_00000000000000003"' in output

    def test_a_limit_shows_the_first_and_counts_all(self, truffle: Run) -> None:
        assert len(truffle("capacity", "--limit", "1", "-o", "json").json) == 1
        output = truffle("capacity", "--limit", "1").out
        assert "   Total Reservations: 2" in output
        assert "   Shown: the first 1 of 2" in output


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

    def test_regions_that_are_not_enabled_are_reported_as_such(
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
            FaultKind.HANG, "eu-west-1", "DescribeCapacityReservations", seconds=FOR_GOOD
        )
        found = truffle("capacity", "--timeout", "10", "-o", "json")
        assert (found.status, len(found.json)) == (3, 1)
        assert "eu-west-1: DeadlineExceeded" in found.err

    def test_only_an_empty_answer_of_odcrs_says_that_active_ones_were_looked_for(
        self, truffle: Run
    ) -> None:
        assert "only active ODCRs" in truffle("capacity", "-r", "us-east-2").err
        assert "only active ODCRs" not in truffle("capacity", "--blocks", "-r", "us-east-2").err

    def test_an_unknown_value_passes_with_a_warning(self, truffle: Run) -> None:
        found = truffle("capacity", "--instance-types", "g6.49xlarge", "--states", "delivering")

        assert (found.status, "No capacity reservations" in found.out) == (0, True)
        assert "does not know the state delivering." in found.err
        assert "does not know the instance type g6.49xlarge; the closest" in found.err

    def test_a_region_that_is_newer_than_the_release_can_be_named(
        self, truffle: Run, world: World
    ) -> None:
        world.has_regions(
            {"us-east-2": {}, "ap-southeast-9": {"CapacityReservations": [an_odcr(1)]}}
        )

        found = truffle("capacity", "-r", "ap-southeast-9", "-o", "json")

        assert (found.status, len(found.ids), found.err) == (0, 1, "")

    def test_an_unknown_region_is_asked_with_a_warning(self, truffle: Run) -> None:
        found = truffle("capacity", "-r", "ap-southeast-9,us-east-2", "-o", "json")

        assert found.status == 3
        assert "ap-southeast-9 is unknown to this release" in found.err


class TestGlobsOfRegions:
    def test_stand_for_the_regions_that_are_enabled(self, truffle: Run, world: World) -> None:
        output = truffle("capacity", "-r", "us-*", "--blocks", "-v", "-o", "json").err

        assert output == "us-east-2: responded\n"
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
    def test_relative_times_are_echoed(self, text: str, said: str, truffle: Run) -> None:
        found = truffle("capacity", "--ends-before", text)

        assert found.status == 0
        assert f"Note: --ends-before {text} is {said}" in found.err
        assert " in UTC." in found.err

    def test_absolute_ones_are_not(self, truffle: Run) -> None:
        assert "Note: --ends" not in truffle("capacity", "--ends-before", "2026-12-01").err


def test_regions_are_those_that_are_enabled(world: World) -> None:
    world.has_regions({"us-east-2": {}, "me-south-1": {"OptInStatus": "not-opted-in"}})
    assert Truffle().list_regions() == ["us-east-2"]


def test_the_rows_of_a_block(truffle: Run, deployed: Deployed, api_url: str) -> None:
    deployed.collected(OHIO, block_row("cr-1"))
    (row,) = truffle("capacity", "--blocks", "--api-url", api_url, "-o", "json").json
    assert list(row) == list(FIELD_NAMES["CapacityBlock"])
    assert row["duration_hours"] == 168
