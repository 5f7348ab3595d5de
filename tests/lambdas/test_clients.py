"""EC2 clients: the function's own role at home, the reader role everywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from lambdas import clients, scope_clients
from lambdas.scope_clients import ScopeClients
from tests.builders import HOME, OTHER
from tests.lambdas.fakes import Wire, client_error
from truffle.core.model import Scope
from truffle.ec2.listing import ListingEC2
from truffle.threads import start

HOME_OHIO = Scope(HOME, "us-east-2")
OTHER_OHIO = Scope(OTHER, "us-east-2")
OTHER_IRELAND = Scope(OTHER, "eu-west-1")
THIRD = "333344445555"


@pytest.fixture
def ec2() -> ScopeClients:
    return ScopeClients(HOME, "truffle-read")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """It is so much later than now."""
    started = clients.wall_clock()

    def pass_time(passed: timedelta) -> None:
        def later() -> datetime:
            return started + passed

        monkeypatch.setattr(scope_clients, "wall_clock", later)

    return pass_time


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[timedelta], None]:
    """The sandbox's time is so much ahead."""

    def put(distance: timedelta) -> None:
        (tmp_path / "clock").write_text(str(distance.total_seconds()))
        monkeypatch.setenv(clients.SANDBOX_CLOCK, str(tmp_path / "clock"))

    return put


@pytest.fixture
def sts() -> Iterator[Callable[[str | None], Wire]]:
    """The line to a region's STS endpoint; None for that of the function's own region."""
    made: list[Wire] = []

    def make(region: str | None) -> Wire:
        made.append(Wire(scope_clients.sts_client(region)))
        return made[-1]

    yield make
    for one in made:
        one.mends()


STS = Callable[[str | None], Wire]


def own_key() -> str:
    """The access key of the function's own role."""
    key: str = clients.session().get_credentials().access_key
    return key


def key_of(client: Any) -> str:
    """The access key that a scope's requests are signed with."""
    return str(client.credentials.access_key) if hasattr(client, "credentials") else own_key()


@pytest.fixture
def signatures() -> Iterator[Callable[[Any], list[str]]]:
    """The access keys in the requests that a client sends, each of which EC2 answers with nothing
    on a first of two pages."""
    watched: list[tuple[Any, Any]] = []

    def watch(client: Any) -> list[str]:
        keys: list[str] = []

        def answer(request: Any, **_: Any) -> AWSResponse:
            keys.append(
                re.findall(r"Credential=([^/]+)/", str(request.headers["Authorization"]))[0]
            )
            token = b"" if "NextToken" in str(request.body) else b"<nextToken>2</nextToken>"
            # botocore asks every hook; moto's must not know this address.
            request.url = "https://nowhere.invalid/"
            return AWSResponse(request.url, 200, {}, _Page(token))

        client.meta.events.register_first("before-send.ec2", answer)
        watched.append((client, answer))
        return keys

    yield watch
    for client, answer in watched:
        client.meta.events.unregister("before-send.ec2", answer)


@dataclass
class _Page:
    """The raw body of a page."""

    token: bytes

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield b"<DescribeCapacityReservationsResponse>" + self.token
        yield b"</DescribeCapacityReservationsResponse>"


Signatures = Callable[[Any], list[str]]


def list_all(client: ListingEC2) -> None:
    """In a thread that knows nothing of the scope, as enrichments are requested."""
    pages = client.get_paginator("describe_capacity_reservations").paginate()
    start(lambda: list(pages)).result()


def test_at_home_no_role_is_assumed(ec2: ScopeClients, sts: STS) -> None:
    lines = [sts(None), sts("us-east-2")]
    client: Any = ec2.of(HOME_OHIO)
    assert (key_of(client), client.meta.region_name) == (own_key(), "us-east-2")
    assert [line.calls for line in lines] == [[], []]


def test_in_another_account_the_reader_role_is_assumed_at_the_regions_own_endpoint(
    ec2: ScopeClients, sts: STS
) -> None:
    ireland, home = sts("eu-west-1"), sts(None)
    client: Any = ec2.of(OTHER_IRELAND)
    (call,) = ireland.parameters("AssumeRole")
    assert call["RoleArn"] == f"arn:aws:iam::{OTHER}:role/truffle-read"
    assert ireland.client.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    assert client.client.meta.region_name == "eu-west-1"
    assert key_of(client) != own_key()
    assert home.calls == []


def test_the_external_id_is_sent_where_the_role_demands_one(sts: STS) -> None:
    ireland = sts("eu-west-1")
    ScopeClients(HOME, "truffle-read", "truffle-reader").of(OTHER_IRELAND)
    ScopeClients(HOME, "truffle-read").of(OTHER_IRELAND)
    with_id, without = ireland.parameters("AssumeRole")
    assert with_id["ExternalId"] == "truffle-reader"
    assert "ExternalId" not in without


def test_an_account_is_asked_for_its_regions_with_its_own_credentials(
    ec2: ScopeClients, sts: STS, signatures: Signatures
) -> None:
    sts("us-east-2")
    own: Any = ec2.of(HOME_OHIO)
    other: Any = ec2.of(OTHER_OHIO)
    keys = signatures(own)
    for client in (other, own):
        with pytest.raises(ResponseParserError):
            client.describe_regions()
    assert keys == [key_of(other), own_key()]


@pytest.mark.parametrize(
    "refusal",
    [
        client_error("RegionDisabledException", "AssumeRole"),
        client_error("InvalidClientTokenId", "AssumeRole"),
        EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com"),
    ],
    ids=["deactivated", "not enabled", "unreachable"],
)
def test_an_endpoint_that_does_not_serve_the_account_is_replaced_by_the_homes(
    ec2: ScopeClients, sts: STS, refusal: Exception
) -> None:
    ireland, home = sts("eu-west-1"), sts(None)
    ireland.fails_before(refusal, "AssumeRole")
    ec2.of(OTHER_IRELAND)
    ec2.of(Scope(THIRD, "eu-west-1"))
    assert (ireland.count("AssumeRole"), home.count("AssumeRole")) == (1, 2)


def test_a_role_is_assumed_once_for_all_regions_of_its_account(ec2: ScopeClients, sts: STS) -> None:
    lines = [sts("us-east-2"), sts("eu-west-1"), sts(None)]
    assert key_of(ec2.of(OTHER_OHIO)) == key_of(ec2.of(OTHER_IRELAND))
    assert sum(line.count("AssumeRole") for line in lines) == 1


def test_a_region_has_one_client_for_all_accounts(ec2: ScopeClients) -> None:
    other: Any = ec2.of(OTHER_OHIO)
    third: Any = ec2.of(Scope(THIRD, "us-east-2"))
    assert other.client is third.client is ec2.of(HOME_OHIO)


def test_each_listing_through_one_client_is_signed_with_its_own_accounts_key(
    ec2: ScopeClients, signatures: Signatures
) -> None:
    home, other, third = ec2.of(HOME_OHIO), ec2.of(OTHER_OHIO), ec2.of(Scope(THIRD, "us-east-2"))
    seen = signatures(home)
    for client in (home, other, third, home):
        list_all(client)
    keys = [key_of(client) for client in (home, other, third, home)]
    assert seen == [key for key in keys for _page in range(2)]
    assert len(set(keys)) == 3


def test_listings_side_by_side_are_each_signed_with_their_own_key(
    ec2: ScopeClients, signatures: Signatures
) -> None:
    made = [ec2.of(Scope(f"{number:012}", "us-east-2")) for number in range(16)]
    seen = signatures(ec2.of(HOME_OHIO))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(list_all, made))
    assert sorted(seen) == sorted(2 * [key_of(client) for client in made])


def test_between_two_pages_the_thread_signs_with_its_own_key(
    ec2: ScopeClients, signatures: Signatures
) -> None:
    home: Any = ec2.of(HOME_OHIO)
    seen = signatures(home)
    pages = ec2.of(OTHER_OHIO).get_paginator("describe_capacity_reservations").paginate()
    next(iter(pages))
    home.describe_capacity_reservations()
    assert seen == [key_of(ec2.of(OTHER_OHIO)), own_key()]


@pytest.mark.parametrize(("minutes", "times"), [(49, 1), (51, 2)])
def test_a_role_is_assumed_again_ten_minutes_before_its_hour_is_over(
    ec2: ScopeClients, sts: STS, at: Callable[[timedelta], None], minutes: int, times: int
) -> None:
    line = sts("us-east-2")
    before = key_of(ec2.of(OTHER_OHIO))
    at(timedelta(minutes=minutes))
    assert (key_of(ec2.of(OTHER_OHIO)) == before) == (times == 1)
    assert line.count("AssumeRole") == times


def test_the_sandboxs_time_expires_no_credentials(
    ec2: ScopeClients, sts: STS, ahead: Callable[[timedelta], None]
) -> None:
    line = sts("us-east-2")
    ec2.of(OTHER_OHIO)
    ahead(timedelta(days=14))
    ec2.of(OTHER_OHIO)
    assert line.count("AssumeRole") == 1


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_a_role_that_is_not_to_be_had_raises_what_sts_answered(
    ec2: ScopeClients, sts: STS, code: str
) -> None:
    sts("us-east-2").fails_before(client_error(code, "AssumeRole"), "AssumeRole")
    home = sts(None)
    with pytest.raises(ClientError, match=code):
        ec2.of(OTHER_OHIO)
    assert home.calls == []


def test_an_account_that_many_threads_need_at_once_is_assumed_once(
    ec2: ScopeClients, sts: STS
) -> None:
    lines = [sts(region) for region in ("us-east-2", "eu-west-1")]
    scopes = [OTHER_OHIO, OTHER_IRELAND] * 8
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(ec2.of, scopes))
    assert len({key_of(client) for client in made}) == 1
    assert sum(line.count("AssumeRole") for line in lines) == 1


def test_many_accounts_at_once_each_have_a_session_of_their_own(
    ec2: ScopeClients, sts: STS
) -> None:
    line = sts("us-east-2")
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
    recorded = clients.now()
    assert before <= recorded - ahead_by <= clients.wall_clock()
