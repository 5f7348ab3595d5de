"""``--as-of`` and ``as_of=``: what was held then, from a deployed stack alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import OHIO, an_odcr
from tests.cli.conftest import Run, calls_of
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World
from truffle import AsyncTruffle, Truffle
from truffle.errors import TruffleNotFoundError
from truffle.query import BadArgument

THEN = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
def past(deployed: Deployed) -> Deployed:
    """A stack that holds cr-new, and held cr-old at noon on 3 November."""
    deployed.collected(OHIO, an_odcr("cr-new"))
    before = Deployed(clock=lambda: THEN)
    before.collected(OHIO, an_odcr("cr-old"), at=THEN - timedelta(minutes=12))
    deployed.past[THEN] = before
    return deployed


def test_what_was_held_then_is_listed(truffle: Run, api_url: str, past: Deployed) -> None:
    asked = ("capacity", "--api-url", api_url, "-o", "json")
    assert truffle(*asked).ids == ["cr-new"]
    assert truffle(*asked, "--as-of", "2026-11-03T12:30:00Z").ids == ["cr-old"]


def test_the_age_of_a_table_is_that_of_then(truffle: Run, api_url: str, past: Deployed) -> None:
    result = truffle("capacity", "--api-url", api_url, "--as-of", "2026-11-03T12:00:00Z")
    assert "as of 2026-11-03 11:48 UTC, 12 min ago" in result.err
    assert result.status == 0


def test_a_time_before_the_first_snapshot_is_an_error(
    truffle: Run, api_url: str, past: Deployed
) -> None:
    result = truffle("capacity", "--api-url", api_url, "--as-of", "2026-11-01")
    assert (result.status, result.out) == (1, "")
    assert "Nothing is known." in result.err


def test_ec2_itself_knows_no_past(truffle: Run, world: World) -> None:
    before = calls_of(world)
    result = truffle("capacity", "--as-of", "7d")
    assert result.status == 2
    assert "--as-of" in result.err
    assert "deployed stack" in result.err
    assert calls_of(world) == before


def test_python_asks_for_the_past(api_url: str, past: Deployed) -> None:
    client = Truffle(api_url=api_url)
    assert [row.reservation_id for row in client.capacity(as_of=THEN)] == ["cr-old"]
    assert client.reservation("cr-old", as_of=THEN).reservation_id == "cr-old"
    with pytest.raises(TruffleNotFoundError):
        client.reservation("cr-old")


def test_asyncio_asks_for_the_past(api_url: str, past: Deployed) -> None:
    found = asyncio.run(AsyncTruffle(api_url=api_url).capacity(as_of="2026-11-03T13:00:00Z"))
    assert [row.reservation_id for row in found] == ["cr-old"]


def test_python_without_a_stack_knows_no_past() -> None:
    with pytest.raises(BadArgument, match="as_of"):
        Truffle().capacity(as_of=THEN)
