"""The Python client: its names, its types, its errors, and the client for asyncio."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import truffle
from sandbox.ec2.faults import FaultKind
from tests.builders import HOME, OHIO, a_block, an_event, an_odcr
from tests.cli.conftest import (
    api_url,
    deployed,
    environment,
    models,
    running_server,
    running_world,
    world,
)
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, running_now
from tests.sandbox.worlds import a_block as raw_block
from tests.sandbox.worlds import an_odcr as raw_odcr
from truffle import (
    AsyncTruffle,
    BadArgument,
    CapacityBlock,
    Odcr,
    ReservationType,
    Truffle,
    TruffleError,
    TruffleNotFoundError,
    check_gpu_capacity,
)
from truffle.core.model import Scope

__all__ = [
    "api_url",
    "deployed",
    "environment",
    "models",
    "running_server",
    "running_world",
    "world",
]


@pytest.fixture
def fleet(world: World) -> World:
    world.has(
        raw_odcr(1, InstanceType="g6.xlarge", TotalInstanceCount=20, AvailableInstanceCount=12),
        raw_odcr(2, InstanceType="m7i.4xlarge"),
        raw_block(3, 8),
    )
    return world


class TestNames:
    def test_every_public_name_is_there(self) -> None:
        assert len(truffle.__all__) > 10
        assert all(getattr(truffle, name) is not None for name in truffle.__all__)
        assert dir(truffle) == sorted(truffle.__all__)

    def test_another_name_is_not(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'Truffel'"):
            truffle.Truffel  # noqa: B018


class TestCapacity:
    def test_objects_carry_the_names_of_the_json(self, fleet: World) -> None:
        (odcr, plain) = Truffle().capacity()
        assert isinstance(odcr, Odcr)
        assert (odcr.available_capacity, odcr.total_capacity, odcr.used_capacity) == (12, 20, 8)
        assert odcr.start_date is None or odcr.start_date.tzinfo is not None
        assert plain.accelerator is None
        (block,) = Truffle().capacity(reservation_type=ReservationType.CAPACITY_BLOCKS)
        assert isinstance(block, CapacityBlock)
        assert block.instance_count == 8
        assert block.start_date is not None
        assert block.start_date.tzinfo is not None

    def test_the_result_is_a_list_with_its_failures(self, fleet: World) -> None:
        complete = Truffle().capacity()
        assert (len(complete), complete.failures, complete.is_complete) == (2, [], True)
        assert complete.summary().total.available_capacity == 13
        fleet.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
        partial = Truffle().capacity(limit=1)
        assert (len(partial), partial.matches, partial.is_complete) == (1, 2, False)
        assert [failure.code for failure in partial.failures] == ["UnauthorizedOperation"]

    def test_where_no_region_answers_it_raises(self, fleet: World) -> None:
        fleet.control.break_calls(FaultKind.ERROR, code="InvalidParameterValue")
        with pytest.raises(TruffleError, match=r"us-east-2.*InvalidParameterValue") as result:
            Truffle().capacity(regions=["us-east-2"])
        assert len(result.value.failures) == 1

    def test_the_deployed_stack(self, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO, an_odcr("cr-1"), a_block("cr-2"))
        deployed.failed(Scope(HOME, "eu-west-1"), "AuthFailure", an_odcr("cr-3"))
        rows = Truffle(api_url=api_url).capacity(reservation_type=list(ReservationType))
        assert [row.reservation_id for row in rows] == ["cr-1", "cr-3", "cr-2"]
        assert [failure.region for failure in rows.failures] == ["eu-west-1"]
        assert Truffle(api_url=api_url).list_regions() == ["eu-west-1", "us-east-2"]

    def test_gpu_capacity_in_short(self, fleet: World) -> None:
        assert [row.instance_type for row in check_gpu_capacity(min_capacity=10)] == ["g6.xlarge"]

    def test_one_reservation(self, fleet: World) -> None:
        assert Truffle().reservation("cr-00000000000000002").instance_type == "m7i.4xlarge"
        with pytest.raises(TruffleNotFoundError, match="check the id"):
            Truffle().reservation("cr-0000000000000dead")
        with pytest.raises(BadArgument, match="such as cr-0123456789abcdef0"):
            Truffle().reservation("cr-123")


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "result"),
        [
            ({"regions": ["us-esat-1"]}, "Did you mean us-east-1"),
            ({"instance_types": ["p5"]}, r"Did you mean p5\.\*"),
            ({"sort": "availability"}, "sort"),
            ({"limit": 0}, "from 1 to 1000"),
            ({"reservation_type": "spot"}, "capacity-block"),
        ],
    )
    def test_a_bad_argument_says_what_is_allowed(
        self, fleet: World, arguments: dict[str, object], result: str
    ) -> None:
        before = fleet.control.calls()
        with pytest.raises(BadArgument, match=result):
            Truffle().capacity(**arguments)  # type: ignore[call-overload]
        assert fleet.control.calls() == before

    def test_a_missing_credential_says_what_to_do(
        self, fleet: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(TruffleError, match="aws configure"):
            Truffle().capacity()
        with pytest.raises(TruffleError, match="aws configure"):
            Truffle(api_url="http://127.0.0.1:9").status()

    def test_an_unknown_profile(self, fleet: World) -> None:
        with pytest.raises(TruffleError, match="list-profiles"):
            Truffle(profile="nobody").capacity()
        with pytest.raises(TruffleError, match="list-profiles"):
            Truffle(profile="nobody", api_url="http://127.0.0.1:9").status()

    def test_what_needs_the_stack_says_so(self) -> None:
        with pytest.raises(BadArgument, match="api_url"):
            Truffle().events()

    def test_the_most_events_are_a_number_above_none(self) -> None:
        with pytest.raises(BadArgument, match="limit: invalid value '-5'"):
            Truffle(api_url="http://127.0.0.1:9").events(limit=-5)

    def test_a_url_and_a_timeout_are_checked_at_once(self) -> None:
        with pytest.raises(BadArgument, match="api_url"):
            Truffle(api_url="example.com")
        with pytest.raises(BadArgument, match="timeout"):
            Truffle(timeout=0)
        with pytest.raises(BadArgument, match="timeout: invalid value 'soon'"):
            Truffle(timeout="soon")  # type: ignore[arg-type]


class TestStack:
    def test_events_history_and_status(self, deployed: Deployed, api_url: str) -> None:
        now = running_now()
        row = a_block("cr-0abc", state="active")
        deployed.collected(OHIO, row)
        deployed.events = [an_event(row, observed_at=now - timedelta(hours=1))]
        client = Truffle(api_url=api_url)
        (event,) = client.events(severities=["critical"])
        assert event.reservation == row
        history = client.history("cr-0abc")
        assert (history.reservation, history.events, history.vanished_at) == (row, [event], None)
        assert client.status()["scopes"][0]["region"] == "us-east-2"
        with pytest.raises(TruffleNotFoundError):
            client.history("cr-0nope")


class TestAdvice:
    def test_validation(self, fleet: World) -> None:
        client = Truffle()
        assert client.validate("g6.xlarge", 12, 30).ok
        assert not client.validate("g6.xlarge", 13, 30).ok
        fleet.control.break_calls(FaultKind.ERROR, "eu-west-1", code="InvalidParameterValue")
        assert client.validate("g6.xlarge", 12, 30).ok
        with pytest.raises(TruffleError, match="incomplete"):
            client.validate("g6.xlarge", 13, 30)

    def test_offerings(self, world: World) -> None:
        offer = {
            "InstanceType": "p5.48xlarge",
            "AvailabilityZone": "us-east-2a",
            "Count": 8,
            "FirstStart": "+1d@11:30",
            "HourlyPrice": "31.464",
        }
        world.has(Market=[offer])
        found = Truffle().offerings("p5.48xlarge", count=4, days=15)
        assert found.duration_hours == 504
        assert [offering.region for offering in found] == ["us-east-2"] * 3
        assert dict(found.outcomes) == {"eu-west-1": "answered", "us-east-2": "answered"}

    def test_offerings_with_training_plans(self, world: World) -> None:
        offer = {
            "InstanceType": "ml.p5.48xlarge",
            "AvailabilityZone": "us-east-2a",
            "Count": 8,
            "FirstStart": "+1d@11:30",
            "HourlyPrice": "31.464",
        }
        world.has(TrainingPlanMarket=[offer])
        assert Truffle().offerings("p5.48xlarge", days=1) == []
        found = Truffle().offerings("p5.48xlarge", days=1, include="training-plans")
        assert {offering.instance_type for offering in found} == {"ml.p5.48xlarge"}
        with pytest.raises(BadArgument, match="must be training-plans"):
            Truffle().offerings("p5.48xlarge", days=1, include="odcrs")

    def test_recommendation(self) -> None:
        assert Truffle().recommend("inference").choice == "odcr"
        with pytest.raises(BadArgument, match="Did you mean training"):
            Truffle().recommend("trainig")


def test_asyncio_callers_have_the_same(fleet: World) -> None:
    async def both() -> tuple[list[Odcr], list[CapacityBlock]]:
        client = AsyncTruffle()
        odcrs = client.capacity()
        blocks = client.capacity(reservation_type=ReservationType.CAPACITY_BLOCKS)
        return await odcrs, await blocks

    odcrs, blocks = asyncio.run(both())
    assert (len(odcrs), len(blocks)) == (2, 1)


def test_asyncio_has_every_method_of_the_client() -> None:
    inner = {"inventory", "market", "every_fleet", "every_placement", "placed", "api"}
    methods = {name for name in dir(Truffle) if callable(getattr(Truffle, name)) and name[0] != "_"}
    assert len(methods) > 8
    assert methods - inner <= set(vars(AsyncTruffle()))


def test_the_types_of_the_guide_s_objects_are_known_to_type_checkers(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from truffle import Truffle, ReservationType\n"
        "tf = Truffle()\n"
        "for block in tf.capacity(reservation_type=ReservationType.CAPACITY_BLOCKS):\n"
        "    reveal_type(block)\n"
        "for odcr in tf.capacity(instance_types=['g6.xlarge']):\n"
        "    reveal_type(odcr)\n"
    )
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert 'Revealed type is "truffle.core.kinds.capacity_block.CapacityBlock"' in found.stdout
    assert 'Revealed type is "truffle.core.kinds.odcr.Odcr"' in found.stdout
