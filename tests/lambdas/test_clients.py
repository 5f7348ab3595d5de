"""EC2 clients: the function's own role at home, the reader role everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas import clients
from lambdas.clients import EC2Clients
from tests.builders import HOME, OTHER
from tests.lambdas.fakes import Wire, client_error
from truffle.core.model import Scope

HOME_OHIO = Scope(HOME, "us-east-2")
OTHER_OHIO = Scope(OTHER, "us-east-2")
OTHER_IRELAND = Scope(OTHER, "eu-west-1")

WireTo = Callable[[str], Wire]


@pytest.fixture
def ec2() -> EC2Clients:
    return EC2Clients(HOME, "truffle-read")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """It is so much later than now."""
    started = clients.wall_clock()

    def pass_time(passed: timedelta) -> None:
        def later() -> datetime:
            return started + passed

        monkeypatch.setattr(clients, "wall_clock", later)

    return pass_time


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[timedelta], None]:
    """The sandbox's time is so much ahead."""

    def put(distance: timedelta) -> None:
        (tmp_path / "clock").write_text(str(distance.total_seconds()))
        monkeypatch.setenv(clients.SANDBOX_CLOCK, str(tmp_path / "clock"))

    return put


def key_of(client: Any) -> str:
    """The access key that a client signs with."""
    key: str = client._request_signer._credentials.access_key
    return key


def own_key() -> str:
    """The access key of the function's own role."""
    key: str = clients.session().get_credentials().access_key
    return key


def test_at_home_no_role_is_assumed(ec2: EC2Clients, wire: WireTo) -> None:
    line = wire("sts")
    client: Any = ec2.of(HOME_OHIO)
    assert (key_of(client), client.meta.region_name) == (own_key(), "us-east-2")
    assert line.calls == []


def test_in_another_account_the_reader_role_is_assumed(ec2: EC2Clients, wire: WireTo) -> None:
    line = wire("sts")
    client: Any = ec2.of(OTHER_IRELAND)
    (call,) = line.parameters("AssumeRole")
    assert call["RoleArn"] == f"arn:aws:iam::{OTHER}:role/truffle-read"
    assert client.meta.region_name == "eu-west-1"
    assert key_of(client) != own_key()


def test_a_role_is_assumed_once_for_all_regions_of_its_account(
    ec2: EC2Clients, wire: WireTo
) -> None:
    line = wire("sts")
    assert key_of(ec2.of(OTHER_OHIO)) == key_of(ec2.of(OTHER_IRELAND))
    assert line.count("AssumeRole") == 1


def test_a_scopes_client_is_made_once(ec2: EC2Clients) -> None:
    assert ec2.of(HOME_OHIO) is ec2.of(HOME_OHIO)
    assert ec2.of(OTHER_OHIO) is ec2.of(OTHER_OHIO)


@pytest.mark.parametrize(("minutes", "times"), [(49, 1), (51, 2)])
def test_a_role_is_assumed_again_ten_minutes_before_its_hour_is_over(
    ec2: EC2Clients, wire: WireTo, at: Callable[[timedelta], None], minutes: int, times: int
) -> None:
    line = wire("sts")
    before = ec2.of(OTHER_OHIO)
    at(timedelta(minutes=minutes))
    assert (ec2.of(OTHER_OHIO) is before) == (times == 1)
    assert line.count("AssumeRole") == times


def test_the_sandboxs_time_expires_no_credentials(
    ec2: EC2Clients, wire: WireTo, ahead: Callable[[timedelta], None]
) -> None:
    line = wire("sts")
    ec2.of(OTHER_OHIO)
    ahead(timedelta(days=14))
    ec2.of(OTHER_OHIO)
    assert line.count("AssumeRole") == 1


def test_a_role_that_may_not_be_assumed_says_so(ec2: EC2Clients, wire: WireTo) -> None:
    wire("sts").fails_before(client_error("AccessDenied", "AssumeRole"), "AssumeRole")
    with pytest.raises(ClientError, match="AccessDenied"):
        ec2.of(OTHER_OHIO)


def test_many_accounts_at_once_each_get_a_client_of_their_own(
    ec2: EC2Clients, wire: WireTo
) -> None:
    line = wire("sts")
    scopes = [Scope(f"{number:012}", "us-east-2") for number in range(32)]
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(ec2.of, scopes))
    assert len({key_of(client) for client in made}) == 32
    assert line.count("AssumeRole") == 32


def test_the_time_is_in_utc_and_whole_milliseconds() -> None:
    moment = clients.now()
    assert moment.utcoffset() == timedelta(0)
    assert moment.microsecond % 1000 == 0


@pytest.mark.parametrize("ahead_by", [timedelta(), timedelta(minutes=40), timedelta(days=14)])
def test_in_the_sandbox_the_time_is_ahead(
    ahead: Callable[[timedelta], None], ahead_by: timedelta
) -> None:
    ahead(ahead_by)
    before = clients.wall_clock()
    told = clients.now()
    assert before <= told - ahead_by <= clients.wall_clock()
