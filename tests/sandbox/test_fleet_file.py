"""Fleet files: what may stand in one, and what the bundled one holds."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox.ec2.fleet import Fleet
from sandbox.ec2.fleet_file import dump_fleet, load_fleet, read_fleet
from sandbox.ec2.listings import instance_types
from sandbox.ec2.organization import ACCOUNT, DENIED, PARTNER, organization, text_of
from sandbox.ec2.shapes import FleetError, described, from_json
from sandbox.ec2.wire import service_model
from tests.ec2.stubbed import SAMPLES
from tests.sandbox.worlds import HOME, NOW, Raw, World, a_block, an_odcr

BUNDLED = Path(sandbox.__file__).with_name("fleet.json")


def loaded(content: Any, account: str | None = None) -> Fleet:
    return load_fleet(json.dumps(content), NOW, account)


def fields(fleet: Fleet, region: str = "us-east-2") -> list[Any]:
    return [item.fields for item in fleet.regions[region].reservations.values()]


MISSING = object()
"""Stands for a key or item that is left out."""


def a_whole_file() -> Raw:
    """A fleet file with everything that one can have."""
    hints = {
        "SharedWith": [PARTNER],
        "UsedAtStart": 3,
        "Timeline": [{"At": "+2h", "Set": {"State": "scheduled"}}],
    }
    region = {
        "OptInStatus": "opted-in",
        "CapacityReservations": [a_block(1, Simulator=hints)],
        "CapacityBlocks": [{"CapacityBlockId": "cb-1"}],
        "CapacityBlockStatuses": [{"CapacityBlockId": "cb-1", "InterconnectStatus": "ok"}],
        "CapacityBlockExtensions": [{"CapacityReservationId": "cr-1"}],
        "Market": [
            {
                "InstanceType": "p5.48xlarge",
                "AvailabilityZone": "us-east-2a",
                "Count": 4,
                "FirstStart": "+1d",
                "HourlyPrice": "3.5",
            }
        ],
    }
    fault = {"kind": "internal", "region": "us-east-2", "page": 1, "times": 2, "seconds": 3}
    return {"account": HOME, "regions": {"us-east-2": region}, "faults": [fault]}


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a value but the whole."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield (*here, key)
        if isinstance(part, dict | list):
            yield from places(part, (*here, key))


def with_value(whole: Raw, place: tuple[Any, ...], value: Any) -> Raw:
    """A copy with another value in one place."""
    copy: Raw = json.loads(json.dumps(whole))
    part: Any = copy
    for key in place[:-1]:
        part = part[key]
    if value is MISSING:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return copy


class TestReading:
    def test_fields_left_out_are_as_in_ec2(self) -> None:
        region = {"CapacityReservations": [an_odcr(1, AvailabilityZone="us-east-2c")]}
        (item,) = fields(loaded({"regions": {"us-east-2": region}}))
        assert item["OwnerId"] == HOME
        assert item["AvailabilityZoneId"] == "use2-az3"
        assert item["CapacityReservationArn"] == (
            f"arn:aws:ec2:us-east-2:{HOME}:capacity-reservation/{item['CapacityReservationId']}"
        )
        assert item["EndDateType"] == "unlimited"
        assert item["CapacityAllocations"] == [{"AllocationType": "used", "Count": 3}]

    def test_what_the_aws_command_line_prints_is_a_fleet(self) -> None:
        text = (SAMPLES / "describe_capacity_reservations.json").read_text()
        fleet = load_fleet(text, NOW)
        assert fleet.regions.keys() == {"us-east-2"}
        assert len(fields(fleet)) == 9

    def test_the_files_account_can_become_another(self) -> None:
        mine, other = an_odcr(1), an_odcr(2, OwnerId=PARTNER, Simulator={"SharedWith": [HOME]})
        region = {"CapacityReservations": [mine, other]}
        fleet = loaded({"account": HOME, "regions": {"us-east-2": region}}, "999988887777")
        assert [item["OwnerId"] for item in fields(fleet)] == ["999988887777", PARTNER]
        shared = [item.shared_with for item in fleet.regions["us-east-2"].reservations.values()]
        assert shared == [frozenset(), {"999988887777"}]

    def test_a_dumped_fleet_loads_as_the_same(self) -> None:
        fleet = loaded(organization())
        again = loaded(dump_fleet(fleet, NOW))
        assert again == fleet

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ([], "must hold a JSON object"),
            ({"region": {}}, "has no region"),
            ({"regions": {"moon": {}}}, "'moon' is not a region"),
            ({"regions": {"us-east-2": {"Reserved": []}}}, "has no Reserved"),
            (
                {"regions": {"us-east-2": {"CapacityReservations": [{"InstanceType": "x"}]}}},
                r"CapacityReservations\[0\] lacks CapacityReservationId",
            ),
            ({"CapacityReservations": [an_odcr(1)]}, "has no region"),
            ({"regions": {}, "faults": [{"kind": "sleepy"}]}, r"faults\[0\].*sleepy"),
        ],
    )
    def test_each_problem_is_reported(self, content: Any, text: str) -> None:
        with pytest.raises(FleetError, match=text):
            loaded(content)

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"Tag": []}, r"Tag is not a field .*; did you mean Tags\?"),
            ({"StartDate": "soon"}, "'soon' is not a date"),
            ({"TotalInstanceCount": "4"}, "must be of type integer"),
            ({"Tags": {}}, "must be a list"),
            ({"Simulator": {"Shared": []}}, "has no Shared"),
            ({"Simulator": {"Timeline": [{"At": "+1h", "Do": {}}]}}, "has no Do"),
        ],
    )
    def test_an_invalid_field_is_reported_with_its_location(self, changes: Any, text: str) -> None:
        region = {"CapacityReservations": [an_odcr(1), an_odcr(2, **changes)]}
        with pytest.raises(FleetError, match=rf"CapacityReservations\[1\].*{text}"):
            loaded({"regions": {"us-east-2": region}})

    def test_every_wrong_value_anywhere_is_a_fleet_error(self) -> None:
        whole = a_whole_file()
        for place in places(whole):
            for wrong in (None, -1, True, "x", "", "NaN", [], [1], {}, {"a": 1}, MISSING):
                changed = with_value(whole, place, wrong)
                with contextlib.suppress(FleetError):
                    dump_fleet(load_fleet(json.dumps(changed), NOW, PARTNER), NOW)

    def test_a_file_is_named_with_what_is_wrong_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "fleet.json").write_bytes(b"\xff\xfe")
        for name in ("fleet.json", "nowhere.json"):
            with pytest.raises(FleetError, match=name):
                read_fleet(tmp_path / name, NOW)

    def test_invalid_json_is_reported(self) -> None:
        with pytest.raises(FleetError, match="is not JSON"):
            load_fleet("{", NOW)


@pytest.fixture(scope="module")
def bundled() -> Fleet:
    return load_fleet(BUNDLED.read_text(), NOW)


def everything(fleet: Fleet) -> list[Any]:
    return [item for region in fleet.regions for item in fields(fleet, region)]


class TestBundled:
    def test_it_is_what_the_organization_writes(self) -> None:
        assert BUNDLED.read_text() == text_of(organization()) + "\n"

    def test_seventeen_regions_are_enabled_and_one_of_them_is_denied(self, bundled: Fleet) -> None:
        enabled = {
            name
            for name, region in bundled.regions.items()
            if bundled.is_enabled(region, bundled.account)
        }
        assert len(enabled) == 17
        assert [(fault.kind, fault.region) for fault in bundled.faults] == [
            ("unauthorized", DENIED)
        ]
        assert DENIED in enabled
        assert bundled.regions.keys() - enabled

    def test_every_state_occurs(self, bundled: Fleet) -> None:
        states = service_model().shape_for("CapacityReservationState").enum
        assert len(states) == 13
        assert {item["State"] for item in everything(bundled)} == set(states)

    def test_it_is_a_realistic_size(self, bundled: Fleet) -> None:
        types = Counter(item["ReservationType"] for item in everything(bundled))
        assert 300 <= types.total() <= 420
        assert types["capacity-block"] >= 25

    def test_ids_are_unique(self, bundled: Fleet) -> None:
        names = [item["CapacityReservationId"] for item in everything(bundled)]
        assert len(set(names)) == len(names)

    def test_blocks_that_have_not_started_have_no_counts_and_a_tag(self, bundled: Fleet) -> None:
        waiting = [
            item
            for item in everything(bundled)
            if item["ReservationType"] == "capacity-block"
            and item["State"] in ("scheduled", "payment-pending", "payment-failed")
        ]
        assert len(waiting) >= 8
        for item in waiting:
            assert item["TotalInstanceCount"] == 0
            tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            assert int(tags["aws:ec2capacityreservation:incrementalRequestedQuantity"]) > 0

    @pytest.mark.parametrize(
        "field",
        [
            "PlacementGroupArn",
            "OutpostArn",
            "CapacityReservationFleetId",
            "CommitmentInfo",
            "Interruptible",
            "InterruptionInfo",
            "InterruptibleCapacityAllocation",
            "UnusedReservationBillingOwnerId",
            "AdjustmentStatus",
            "LaunchStatus",
        ],
    )
    def test_rare_fields_occur(self, bundled: Fleet, field: str) -> None:
        assert any(field in item for item in everything(bundled))

    def test_an_ultraserver_block_has_two_reservations(self, bundled: Fleet) -> None:
        blocks = Counter(item.get("CapacityBlockId") for item in everything(bundled))
        del blocks[None]
        assert [count for count in blocks.values() if count > 1] == [2]

    def test_the_partner_shares_some_of_its_capacity(self, bundled: Fleet) -> None:
        of_partner = [
            item
            for region in bundled.regions.values()
            for item in region.reservations.values()
            if item.fields["OwnerId"] == PARTNER
        ]
        shared = [item for item in of_partner if ACCOUNT in item.shared_with]
        assert 0 < len(shared) < len(of_partner)

    def test_types_are_fractional_undescribed_and_plain(self, bundled: Fleet) -> None:
        types = {item["InstanceType"] for item in everything(bundled)}
        described_types = {item["InstanceType"] for item in instance_types()}
        assert any(name.startswith("g6f.") for name in types)
        assert "m7i.4xlarge" in types
        assert types - described_types == {"trn3.48xlarge"}

    def test_values_are_ec2s_own(self, bundled: Fleet) -> None:
        shape: Any = described("DescribeCapacityReservations", "CapacityReservations")
        for item in everything(bundled):
            for name, value in item.items():
                allowed = getattr(shape.members[name], "enum", None)
                assert not allowed or value in allowed, (name, value)

    def test_it_is_served(self, world: World, bundled: Fleet) -> None:
        world.simulator.replace_fleet(bundled)
        here = world.ec2("us-east-1").describe_capacity_reservations()["CapacityReservations"]
        assert len(here) > 60
        assert world.error(region=DENIED) == ("UnauthorizedOperation", 403)


def test_instance_types_are_in_the_shape_of_the_model() -> None:
    shape = described("DescribeInstanceTypes", "InstanceTypes")
    assert len(instance_types()) > 100
    for item in instance_types():
        from_json(shape, item, NOW, item["InstanceType"])


def test_a_block_is_not_described_by_hand_twice() -> None:
    """Data of a block that its reservations have need not be in the file."""
    fleet = loaded({"regions": {"us-east-2": {"CapacityReservations": [a_block(1)]}}})
    assert fleet.regions["us-east-2"].blocks == {}
