"""``python -m sandbox.ec2``: the simulator of EC2 by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.access import client
from sandbox.ec2.__main__ import main as serve
from sandbox.ec2.fleet_file import load_fleet
from tests.builders import HOME
from tests.sandbox.worlds import NOW, an_odcr

PASTED = {
    **an_odcr(8),
    "CapacityReservationArn": f"arn:aws:ec2:us-west-2:{HOME}:capacity-reservation/{8:017x}",
}


class TestSimulator:
    def test_a_fleet_without_the_home_region_gets_an_empty_one(self, tmp_path: Path) -> None:
        fleet = load_fleet(json.dumps({"CapacityReservations": [PASTED]}), NOW).with_home_region()
        assert sorted(fleet.regions) == ["us-east-1", "us-west-2"]
        assert fleet.is_enabled(fleet.regions["us-east-1"], fleet.account)
        assert not fleet.regions["us-east-1"].reservations

    def test_the_home_region_answers_whatever_the_file_holds(self, tmp_path: Path) -> None:
        fleet = tmp_path / "fleet.json"
        fleet.write_text(json.dumps({"CapacityReservations": [PASTED]}))
        command = [sys.executable, "-m", "sandbox.ec2", "--fleet", str(fleet)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                ec2 = client("ec2", process.stdout.readline().strip())
                names = [region["RegionName"] for region in ec2.describe_regions()["Regions"]]
            finally:
                process.terminate()
        assert sorted(names) == ["us-east-1", "us-west-2"]

    def test_a_home_region_of_the_files_own_stays(self) -> None:
        fleet = load_fleet(json.dumps({"regions": {"us-east-1": {"OptInStatus": "opted-in"}}}), NOW)
        assert fleet.with_home_region() == fleet

    def test_an_invalid_fleet_is_reported_in_one_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fleet = tmp_path / "fleet.json"
        fleet.write_text('{"regions": {"moon": {}}}')
        assert serve(["--fleet", str(fleet)]) == 1
        assert capsys.readouterr().err == f"error: {fleet}: regions.moon: 'moon' is not a region\n"

    def test_so_is_a_fleet_that_is_not_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert serve(["--fleet", str(tmp_path / "fleet.json")]) == 1
        assert "No such file" in capsys.readouterr().err

    def test_a_fleet_must_be_given(self) -> None:
        with pytest.raises(SystemExit) as ended:
            serve([])
        assert ended.value.code == 2
