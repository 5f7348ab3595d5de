"""The control surface through its client, and the demo's story."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox.ec2.accounts import KeyOwners
from sandbox.ec2.control import ControlError
from sandbox.ec2.errors import EC2Error
from sandbox.ec2.faults import FaultKind
from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.organization import cb, cr, organization, text_of
from sandbox.story import STORY, Break, Mend, Step
from tests.sandbox.worlds import NOW, Raw, World, a_block, an_odcr, ids

ID = an_odcr(1)["CapacityReservationId"]


class TestReservations:
    def test_patching_is_seen_at_once(self, world: World) -> None:
        world.has(an_odcr(1))
        assert world.one()["State"] == "active"
        world.control.patch(ID, State="cancelled", TotalInstanceCount=7)
        assert (world.one()["State"], world.one()["TotalInstanceCount"]) == ("cancelled", 7)

    def test_counts_follow_each_other(self, world: World) -> None:
        world.has(an_odcr(1, TotalInstanceCount=4, AvailableInstanceCount=1))
        world.control.patch(ID, AvailableInstanceCount=3)
        assert world.one()["CapacityAllocations"] == [{"AllocationType": "used", "Count": 1}]
        world.control.patch(ID, TotalInstanceCount=2)
        assert world.one()["AvailableInstanceCount"] == 2

    def test_null_takes_a_field_away(self, world: World) -> None:
        world.has(an_odcr(1, EndDate="+1d"))
        shown = world.control.patch(ID, EndDate=None)
        assert "EndDate" not in shown
        assert "EndDate" not in world.one()

    def test_what_is_patched_goes_on_from_there(self, world: World) -> None:
        world.has(a_block(1))
        world.control.patch(ID, StartDate="+10m")
        world.control.set_clock(NOW.replace(hour=9, minute=10))
        assert world.one()["State"] == "active"

    def test_adding_and_removing(self, world: World) -> None:
        shown = world.control.add("us-east-2", an_odcr(5))
        assert shown["OwnerId"] == "123456789012"
        assert ids(world.listed()) == [5]
        assert world.control.reservation(shown["CapacityReservationId"]) == shown
        world.control.remove(shown["CapacityReservationId"])
        assert world.listed() == []

    def test_a_missing_file_is_reported(self, world: World) -> None:
        with pytest.raises(ControlError, match="there is no cr-9"):
            world.control.remove("cr-9")
        with pytest.raises(ControlError, match="there is no mars-1"):
            world.control.add("mars-1", an_odcr(1))

    def test_an_invalid_field_is_reported(self, world: World) -> None:
        world.has(an_odcr(1))
        with pytest.raises(ControlError, match="Stat is not a field"):
            world.control.patch(ID, Stat="active")

    def test_a_blocks_health(self, world: World) -> None:
        world.has(a_block(1, State="active", TotalInstanceCount=8))
        block_id = a_block(1)["CapacityBlockId"]
        world.control.set_block_status("us-east-2", block_id, InterconnectStatus="impaired")
        (status,) = world.ec2().describe_capacity_block_status()["CapacityBlockStatuses"]
        assert (status["InterconnectStatus"], status["TotalCapacity"]) == ("impaired", 8)


class TestWorld:
    def test_a_fleet_goes_out_and_in(self, world: World) -> None:
        world.has(an_odcr(1), a_block(2))
        fleet = world.control.fleet()
        world.control.remove(ID)
        world.control.replace_fleet(fleet)
        assert ids(world.listed()) == [1, 2]
        assert ids(world.control.reservations("us-east-2")) == [1, 2]
        assert ids(world.control.reservations()) == [1, 2]

    def test_calls_are_counted_by_region_and_operation(self, world: World) -> None:
        world.control.break_calls(FaultKind.INTERNAL, times=1)
        world.refusal()
        world.listed()
        world.ec2("eu-west-1").describe_regions()
        assert world.control.calls() == {
            ("us-east-2", "DescribeCapacityReservations"): 2,
            ("eu-west-1", "DescribeRegions"): 1,
        }
        world.control.forget_calls()
        assert world.control.calls() == {}

    def test_reset_is_as_at_the_start(self, world: World) -> None:
        world.has(an_odcr(1))
        world.control.break_calls(FaultKind.INTERNAL)
        world.control.set_latency(10)
        world.control.reset()
        assert world.control.faults() == []
        assert world.control.calls() == {}
        assert world.control.fleet()["regions"] == {}

    def test_health(self, world: World) -> None:
        assert world.control.health()["account"] == "123456789012"

    def test_an_unknown_path_is_reported(self, world: World) -> None:
        with pytest.raises(ControlError, match="there is no GET /_sim/weather"):
            world.control.request("GET", "weather")


class TestKeyOwners:
    def test_twelve_digits_are_an_account(self) -> None:
        assert KeyOwners(None).account_of("210987654321") == "210987654321"

    @pytest.mark.parametrize("key", ["test", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
    def test_with_no_one_to_ask_nothing_is_known(self, key: str) -> None:
        assert KeyOwners(None).account_of(key) is None

    def test_without_an_answer_from_sts_no_other_account_answers(self) -> None:
        owners = KeyOwners("http://127.0.0.1:9")
        with pytest.raises(EC2Error, match="Unavailable"):
            owners.account_of("ASIAIOSFODNN7EXAMPLE")


class TestStory:
    def test_each_step_does_what_it_announces(self, world: World) -> None:
        world.simulator.replace_fleet(load_fleet(text_of(organization()), NOW))
        found = {step.title: _apply(world, step) for step in STORY}
        block_starts, payment_fails, network, cancelled, breaks, mended = found.values()
        assert block_starts["State"] == "active"
        assert block_starts["TotalInstanceCount"] == 8
        assert payment_fails["State"] == "payment-failed"
        assert network["State"] == "active"
        assert cancelled == {}
        assert breaks == {"error": "InternalError"}
        assert mended == {}

    def test_the_network_is_impaired_by_its_step(self, world: World) -> None:
        world.simulator.replace_fleet(load_fleet(text_of(organization()), NOW))
        health = world.ec2("us-east-1").describe_capacity_block_status
        asked = [cb("llm-pretrain-07")]
        before = health(CapacityBlockIds=asked)["CapacityBlockStatuses"][0]
        STORY[2].apply(world.control)
        after = health(CapacityBlockIds=asked)["CapacityBlockStatuses"][0]
        assert before["InterconnectStatus"] == "ok"
        assert after["InterconnectStatus"] == "impaired"
        assert after["TotalUnavailableCapacity"] == 2

    def test_whatever_breaks_is_mended(self) -> None:
        broken = [step.region for step in STORY if isinstance(step.action, Break)]
        mended = [step.region for step in STORY if isinstance(step.action, Mend)]
        assert broken == mended != []

    def test_every_account_of_the_story_is_in_the_organization(self) -> None:
        fleet = load_fleet(text_of(organization()), NOW)
        found = [step for step in STORY if step.reservation_id is not None]
        assert found
        for step in found:
            assert step.reservation_id in fleet.regions[step.region].reservations
        assert found[0].reservation_id == cr("llm-pretrain-08")


def _apply(world: World, step: Step) -> Raw:
    """EC2's response after a step: the reservation, or the region's error."""
    step.apply(world.control)
    try:
        listed = world.ec2(step.region).describe_capacity_reservations()["CapacityReservations"]
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}
    wanted = step.reservation_id
    return next((item for item in listed if item["CapacityReservationId"] == wanted), {})
