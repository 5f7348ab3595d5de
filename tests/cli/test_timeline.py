"""``truffle timeline`` from either source."""

from __future__ import annotations

import pytest

from sandbox.ec2.faults import FaultKind
from tests.builders import OHIO
from tests.builders import a_block as block_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, a_block, an_odcr


def test_blocks_are_drawn_and_odcrs_are_not(truffle: Run, world: World) -> None:
    world.has(an_odcr(1), a_block(2))
    result = truffle("timeline", "--days", "4")
    assert result.status == 0
    assert "8 × p5.48xlarge" in result.out
    assert "g6.xlarge" not in result.out


def test_a_failed_region_is_named(truffle: Run, world: World) -> None:
    world.has(a_block(2))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    result = truffle("timeline")
    assert result.status == 3
    assert "eu-west-1: UnauthorizedOperation" in result.err


def test_the_stack_says_how_old_its_data_is(truffle: Run, deployed: Deployed, api_url: str) -> None:
    deployed.collected(OHIO, block_row("cr-1"))
    result = truffle("timeline", "--api-url", api_url)
    assert "cr-1" in result.out
    assert "as of 2026-11-24" in result.err


@pytest.mark.parametrize("days", ["0", "367", "many"])
def test_days_out_of_range_are_bad_usage(truffle: Run, days: str) -> None:
    assert truffle("timeline", "--days", days).status == 2
