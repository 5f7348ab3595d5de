"""Live listings: credentials, and what the process itself has to do."""

from __future__ import annotations

import gc

import pytest

from sandbox.ec2.faults import FaultKind
from tests.ec2.sts import STS
from tests.sandbox.worlds import World
from tests.sources.worlds import IRELAND, OHIO, PARIS, RESERVATIONS, python
from truffle.core.model import FailureKind
from truffle.errors import (
    AccessDeniedError,
    ExpiredCredentialsError,
    InvalidCredentialsError,
    MissingCredentialsError,
    UnknownProfileError,
    UnreachableError,
)
from truffle.sources.live import list_live, list_regions


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

    def test_cannot_be_checked_without_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
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
    def test_cannot_be_checked_at_an_endpoint_that_is_not_a_url(
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
            assert process.communicate(timeout=60) == ("set()\n", "")
