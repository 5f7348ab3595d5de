"""Every region is asked at once, and whatever one of them does, the others are listed in time."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from sandbox.ec2.faults import FaultKind
from sandbox.ec2.fleet import Fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from tests.ec2.sts import STS
from tests.sandbox.worlds import FOR_GOOD, HOME, NOW, World, a_block, an_odcr
from truffle.core.filters import Filter
from truffle.core.model import FailureKind
from truffle.errors import (
    AccessDeniedError,
    DeadlineError,
    ExpiredCredentialsError,
    InvalidCredentialsError,
    MissingCredentialsError,
    UnknownProfileError,
    UnreachableError,
)
from truffle.sources.listing import Listing, ScopeFailure
from truffle.sources.live import list_live, list_regions

RESERVATIONS = "DescribeCapacityReservations"
OHIO, IRELAND, PARIS = "us-east-2", "eu-west-1", "eu-west-3"


@pytest.fixture(scope="module")
def _world() -> Iterator[World]:
    simulator = Simulator(Fleet(), clock=lambda: NOW)
    with RunningServer(simulator) as server:
        yield World(simulator, server.url)


@pytest.fixture
def world(_world: World) -> World:
    """One reservation in Ohio, one in Ireland, none in Paris; Milan is not enabled."""
    _world.simulator.reset()
    _world.has_regions(
        {
            OHIO: {"CapacityReservations": [an_odcr(1)]},
            IRELAND: {"CapacityReservations": [an_odcr(2)]},
            PARIS: {},
            "eu-south-1": {"OptInStatus": "not-opted-in", "CapacityReservations": [an_odcr(3)]},
        }
    )
    return _world


@pytest.fixture(scope="module")
def _sts() -> Iterator[STS]:
    with STS() as sts:
        yield sts


@pytest.fixture
def sts(_sts: STS) -> STS:
    _sts.identifies(HOME)
    _sts.calls = 0
    return _sts


@pytest.fixture(autouse=True)
def environment(world: World, sts: STS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own AWS; EC2 and STS are the simulated ones."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = {
        "AWS_ENDPOINT_URL_EC2": world.url,
        "AWS_ENDPOINT_URL_STS": sts.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": OHIO,
        "NO_PROXY": "*",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def numbers(inventory: Listing) -> list[int]:
    """The reservations of an inventory by the numbers that they were made with."""
    return sorted(int(row.reservation_id.removeprefix("cr-"), 16) for row in inventory.reservations)


def failed(inventory: Listing) -> dict[str, str]:
    return {failure.region: failure.code for failure in inventory.failures}


def python(program: str) -> subprocess.Popen[str]:
    """A process of its own; the environment is this one's."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestWhatIsListed:
    def test_all_regions_that_are_enabled_for_the_account(self) -> None:
        inventory = list_live()

        assert numbers(inventory) == [1, 2]
        assert (inventory.failures, inventory.scopes, inventory.warnings) == ([], 3, [])

    def test_only_the_regions_that_are_named_each_once(self, world: World) -> None:
        inventory = list_live(regions=[IRELAND, IRELAND])

        assert (numbers(inventory), inventory.scopes) == ([2], 1)
        assert world.control.calls() == {(IRELAND, RESERVATIONS): 1}

    def test_nothing_where_no_region_is_named(self, world: World) -> None:
        assert list_live(regions=[]) == Listing([], [], 0, None)

    def test_the_row_says_where_and_whose_it_is(self) -> None:
        (row,) = list_live(regions=[IRELAND]).reservations

        assert (row.region, row.account_id, row.seen_by) == (IRELAND, HOME, (HOME,))

    def test_all_pages_of_a_region(self, world: World) -> None:
        world.has(*(an_odcr(number) for number in range(1, 2502)))

        assert numbers(list_live(regions=[OHIO])) == list(range(1, 2502))

    def test_blocks_with_what_other_calls_add(self, world: World) -> None:
        status = {"CapacityBlockId": f"cb-{7:017x}", "InterconnectStatus": "impaired"}
        world.has(a_block(7), CapacityBlockStatuses=[status])

        (row,) = list_live(regions=[OHIO]).reservations

        assert row.type == "capacity-block"
        assert getattr(row, "health").is_bad  # noqa: B009

    def test_with_a_filter_only_the_rows_that_it_keeps(self) -> None:
        kept = Filter(regions=frozenset({IRELAND}))

        assert numbers(list_live(filter=kept)) == [2]

    def test_it_is_as_old_as_its_oldest_answer(self) -> None:
        inventory = list_live()

        assert inventory.observed_at == min(
            row.observed_at for row in inventory.reservations if row.observed_at
        )

    def test_the_caller_is_told_of_every_region_in_its_own_thread(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, IRELAND)
        told: list[tuple[str, bool, int]] = []

        list_live(
            progress=lambda region, succeeded: told.append(
                (region, succeeded, threading.get_ident())
            )
        )

        here = threading.get_ident()
        assert sorted(told) == [(IRELAND, False, here), (PARIS, True, here), (OHIO, True, here)]

    def test_the_regions_alone(self) -> None:
        assert list_regions() == [IRELAND, PARIS, OHIO]


class TestWhoseItIs:
    def test_credentials_that_name_their_account_are_believed(
        self, sts: STS, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCOUNT_ID", "210987654321")

        rows = list_live().reservations

        assert {row.account_id for row in rows} == {"210987654321"}
        assert sts.calls == 0

    def test_without_an_answer_of_sts_it_is_unknown_and_the_rows_are_there(self, sts: STS) -> None:
        sts.refuses("AccessDenied")

        inventory = list_live()

        assert numbers(inventory) == [1, 2]
        assert {(row.account_id, row.seen_by) for row in inventory.reservations} == {(None, ())}
        assert inventory.warnings == [
            "STS did not say whose these credentials are (AccessDenied): account_id and seen_by "
            "are empty."
        ]

    def test_a_filter_by_account_is_not_answered_without_knowing_it(self, sts: STS) -> None:
        sts.refuses("AccessDenied")
        with pytest.raises(UnreachableError, match=r"AccessDenied.*leave --accounts out"):
            list_live(filter=Filter(accounts=frozenset({HOME})))

    def test_without_rows_nobody_is_warned_of_what_they_lack(self, sts: STS, world: World) -> None:
        sts.refuses("AccessDenied")
        world.control.break_calls(FaultKind.UNSUPPORTED)

        inventory = list_live(regions=[OHIO])

        assert (len(inventory.failures), inventory.warnings) == (1, [])

    def test_a_session_of_the_callers_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        session = boto3.Session("own", "own", region_name=OHIO, aws_account_id="210987654321")

        rows = list_live(session).reservations

        assert {row.account_id for row in rows} == {"210987654321"}


class TestRegionsThatFail:
    def test_are_named_and_the_others_are_listed(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, OHIO, RESERVATIONS)
        world.control.break_calls(FaultKind.OPT_IN, PARIS, RESERVATIONS)

        inventory = list_live()

        assert (numbers(inventory), inventory.scopes) == ([2], 3)
        assert inventory.failures == [
            ScopeFailure(
                HOME, PARIS, "OptInRequired", "You are not subscribed to this service.",
                FailureKind.DISABLED,
            ),
            ScopeFailure(
                HOME, OHIO, "UnauthorizedOperation",
                "You are not authorized to perform this operation.", FailureKind.DENIED,
            ),
        ]  # fmt: skip

    def test_later_than_on_the_first_page_show_none_of_their_rows(self, world: World) -> None:
        world.has(*(an_odcr(number) for number in range(1, 1002)))
        world.control.break_calls(FaultKind.UNAUTHORIZED, OHIO, RESERVATIONS, page=2)

        inventory = list_live()

        assert (numbers(inventory), failed(inventory)) == ([], {OHIO: "UnauthorizedOperation"})

    def test_with_an_answer_that_is_cut_short_have_failed(self, world: World) -> None:
        world.control.break_calls(FaultKind.MALFORMED, OHIO, RESERVATIONS)

        inventory = list_live()

        assert (numbers(inventory), failed(inventory)) == ([2], {OHIO: "ResponseParserError"})

    def test_for_a_moment_are_asked_again(self, world: World) -> None:
        world.control.break_calls(FaultKind.THROTTLED, OHIO, RESERVATIONS, times=1)

        assert numbers(list_live()) == [1, 2]

    def test_all_of_them_for_reasons_of_their_own_are_data(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNSUPPORTED, operation=RESERVATIONS)

        inventory = list_live()

        assert inventory.observed_at is None
        assert failed(inventory) == dict.fromkeys([IRELAND, PARIS, OHIO], "UnsupportedOperation")

    def test_to_answer_an_enrichment_are_listed_with_a_warning(self, world: World) -> None:
        world.has(a_block(7))
        world.control.break_calls(FaultKind.UNAUTHORIZED, operation="DescribeCapacityBlockStatus")

        inventory = list_live()

        assert (numbers(inventory), inventory.failures) == ([7], [])
        assert inventory.warnings == [
            "DescribeCapacityBlockStatus was refused (UnauthorizedOperation) in us-east-2: health "
            "of blocks is empty."
        ]


class TestTheDeadline:
    def test_regions_that_hang_have_failed_by_then_and_the_others_are_listed(
        self, world: World
    ) -> None:
        world.control.break_calls(FaultKind.HANG, PARIS, RESERVATIONS, seconds=FOR_GOOD)
        told: list[tuple[str, bool]] = []

        inventory = list_live(deadline=3, progress=lambda *news: told.append(news))

        assert (numbers(inventory), inventory.scopes) == ([1, 2], 3)
        assert inventory.failures == [
            ScopeFailure(
                HOME, PARIS, "DeadlineExceeded", "There was no complete answer within 3 s.",
                FailureKind.ERROR,
            )
        ]  # fmt: skip
        assert told[-1] == (PARIS, False)

    def test_without_knowing_the_regions_there_is_nothing_to_list(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, operation="DescribeRegions", seconds=FOR_GOOD)

        with pytest.raises(DeadlineError, match="within 2 s which regions"):
            list_live(deadline=2)

    @pytest.mark.parametrize("deadline", [20, 2.5])
    def test_a_slow_sts_is_not_waited_for(self, sts: STS, deadline: float) -> None:
        sts.keeps_waiting()

        inventory = list_live(deadline=deadline)

        assert numbers(inventory) == [1, 2]
        assert "no answer in time" in inventory.warnings[0]

    def test_a_process_ends_although_a_region_still_hangs(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, PARIS, RESERVATIONS, seconds=FOR_GOOD)

        with python(
            "from truffle.sources.live import list_live; print(list_live(deadline=3).failures)"
        ) as (process):
            out, err = process.communicate(timeout=60)

        assert (process.returncode, err) == (0, "")
        assert "DeadlineExceeded" in out

    def test_an_interrupt_ends_it_while_regions_hang(self, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, operation=RESERVATIONS, seconds=FOR_GOOD)
        program = "from truffle.sources.live import list_live; print(1, flush=True); list_live()"
        with python(program) as process:
            assert process.stdout is not None
            process.stdout.readline()
            while (OHIO, RESERVATIONS) not in world.control.calls():
                time.sleep(0.05)

            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)

        assert "KeyboardInterrupt" in err


class TestCredentials:
    def test_none_are_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")

        with pytest.raises(MissingCredentialsError, match="AWS_PROFILE"):
            list_live()

    def test_the_profile_does_not_exist(self) -> None:
        with pytest.raises(UnknownProfileError, match="nobody"):
            list_live("nobody")

    def test_have_expired(self, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, code="RequestExpired")

        with pytest.raises(ExpiredCredentialsError, match="aws sso login"):
            list_live()

    def test_have_expired_in_every_region(self, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, operation=RESERVATIONS, code="ExpiredToken")

        with pytest.raises(ExpiredCredentialsError) as caught:
            list_live()

        assert [failure.region for failure in caught.value.failures] == [IRELAND, PARIS, OHIO]

    def test_are_not_accepted(self, world: World) -> None:
        world.control.break_calls(FaultKind.DISABLED)

        with pytest.raises(InvalidCredentialsError, match="get-caller-identity"):
            list_live()

    def test_are_not_accepted_anywhere(self, world: World, sts: STS) -> None:
        world.control.break_calls(FaultKind.DISABLED)
        sts.refuses("InvalidClientTokenId")

        with pytest.raises(InvalidCredentialsError):
            list_live(regions=[OHIO, PARIS])

    def test_that_sts_accepts_are_not_to_blame_for_regions_that_are_not_enabled(self) -> None:
        inventory = list_live(regions=["eu-south-1"])

        assert [failure.kind for failure in inventory.failures] == [FailureKind.DISABLED]

    def test_may_not_list_the_regions(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, operation="DescribeRegions")

        with pytest.raises(AccessDeniedError, match="ec2:DescribeRegions"):
            list_live()

    def test_may_not_list_reservations_anywhere(self, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, operation=RESERVATIONS)

        with pytest.raises(AccessDeniedError, match="ec2:DescribeCapacityReservations"):
            list_live()

    def test_cannot_be_checked_where_nobody_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")

        with pytest.raises(UnreachableError, match="AWS_ENDPOINT_URL"):
            list_live()

    def test_are_not_to_blame_where_no_region_can_be_reached(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")

        with pytest.raises(UnreachableError, match="the network") as caught:
            list_live(regions=[OHIO, PARIS])

        assert [failure.region for failure in caught.value.failures] == [PARIS, OHIO]

    @pytest.mark.parametrize("service", ["EC2", "STS"])
    def test_cannot_be_checked_at_an_endpoint_that_is_no_url(
        self, service: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "nonsense")

        with pytest.raises(UnreachableError, match="Invalid endpoint: nonsense"):
            list_live()

    def test_are_not_to_blame_where_aws_is_asked_too_often(self, world: World) -> None:
        world.control.break_calls(FaultKind.THROTTLED, operation="DescribeRegions")

        with pytest.raises(UnreachableError, match=r"RequestLimitExceeded.*Try again"):
            list_live()

    def test_of_which_there_are_none_for_listing_regions(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")

        with pytest.raises(MissingCredentialsError):
            list_regions(deadline=9)


class TestTheProcess:
    def test_a_fault_of_truffles_own_is_raised_to_the_caller(self) -> None:
        with pytest.raises(AttributeError):
            list_live(object())

    @pytest.mark.parametrize("is_on", [True, False])
    def test_has_its_collector_as_before(self, is_on: bool, world: World) -> None:
        try:
            gc.enable() if is_on else gc.disable()
            world.control.break_calls(FaultKind.UNAUTHORIZED, operation=RESERVATIONS)
            with pytest.raises(AccessDeniedError):
                list_live()

            assert gc.isenabled() is is_on
        finally:
            gc.enable()

    def test_has_no_botocore_until_something_is_listed(self) -> None:
        program = "import sys, truffle.sources.live; print({'boto3', 'botocore'} & {*sys.modules})"

        with python(program) as process:
            assert process.communicate(timeout=15) == ("set()\n", "")
