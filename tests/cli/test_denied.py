"""Scopes that fail, many of them or as expected."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.ec2.faults import FaultKind
from tests.builders import HOME, OHIO, an_odcr
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World
from tests.sandbox.worlds import an_odcr as raw_odcr
from truffle import Truffle
from truffle.core.expected import expected_denials
from truffle.core.model import Scope
from truffle.query import BadArgument

COMMANDS = [
    ("capacity",),
    ("validate", "--instance-type", "g6.xlarge", "--count", "1", "--days", "1"),
]


@pytest.fixture
def denied(world: World) -> World:
    """An ODCR in us-east-2, and eu-west-1 denied."""
    world.has(raw_odcr(1))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    return world


class TestLive:
    def test_a_denied_region_fails(self, truffle: Run, denied: World) -> None:
        assert truffle("capacity").status == 3

    def test_one_that_is_ignored_does_not(self, truffle: Run, denied: World) -> None:
        found = truffle("capacity", "--ignore-denied", "-o", "json")
        assert (found.status, len(found.ids)) == (0, 1)
        assert found.err == "Note: skipped as denied or not enabled: eu-west-1\n"

    def test_another_failure_is_none_that_is_ignored(self, truffle: Run, world: World) -> None:
        world.has(raw_odcr(1))
        world.control.break_calls(FaultKind.ERROR, "eu-west-1", code="InvalidParameterValue")
        assert truffle("capacity", "--ignore-denied").status == 3

    def test_where_all_is_denied_nothing_is_known(self, truffle: Run, denied: World) -> None:
        denied.control.break_calls(FaultKind.UNAUTHORIZED, "us-east-2")
        found = truffle("capacity", "--ignore-denied")
        assert found.status == 1
        assert "not allowed" in found.err

    def test_python_has_it_too(self, denied: World) -> None:
        assert Truffle(ignore_denied=True).capacity().is_complete
        assert not Truffle().capacity().is_complete

    def test_offerings_have_it_too(self, truffle: Run, denied: World) -> None:
        asked = ("offerings", "--instance-type", "p5.48xlarge", "--days", "1")
        assert truffle(*asked).status == 3
        found = truffle(*asked, "--ignore-denied")
        assert "Note: skipped as denied or not enabled: eu-west-1\n" in found.err
        assert "Warning" not in found.err


class TestStack:
    def test_the_flag_is_for_live_listings(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        found = truffle("capacity", "--ignore-denied", "--api-url", api_url)
        assert (found.status, found.out) == (2, "")
        assert "expected_denied" in found.err
        with pytest.raises(BadArgument, match="expected_denied"):
            Truffle(api_url=api_url, ignore_denied=True)

    def test_what_the_stack_expects_is_complete(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.expected = expected_denials(["*/ap-*"])
        deployed.collected(OHIO, an_odcr())
        deployed.failed(Scope(HOME, "ap-east-1"), "UnauthorizedOperation")
        assert truffle("capacity", "--api-url", api_url).status == 0
        found = truffle("status", "--api-url", api_url)
        assert found.status == 0
        assert "Collection: 2 scopes, the others current, 1 closed as expected" in found.out

    def test_of_many_failures_20_are_named_and_the_others_counted(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, an_odcr())
        for number in range(30):
            deployed.failed(Scope(f"{number:012}", "eu-west-1"), "UnauthorizedOperation")
        found = truffle("capacity", "--api-url", api_url)
        assert found.status == 3
        assert found.err.count("eu-west-1") == 20
        assert "Warning: and 10 more: UnauthorizedOperation (10)" in found.err
        assert "Warning: 30 of 31 regions failed" in found.err


class TestStatus:
    @pytest.fixture
    def many(self, deployed: Deployed) -> Deployed:
        """1,200 scopes, of which 1,100 are current, and the last fail the longest."""
        for number in range(1100):
            deployed.collected(Scope(f"{number:012}", "us-east-2"))
        for number in range(100):
            scope, since = Scope(f"{number:012}", "eu-west-1"), timedelta(hours=number)
            deployed.failed(scope, "UnauthorizedOperation", since=since)
        return deployed

    def test_a_table_shows_totals_and_the_worst(
        self, truffle: Run, many: Deployed, api_url: str
    ) -> None:
        found = truffle("status", "--api-url", api_url)
        assert found.status == 3
        assert "Collection: 1,200 scopes, 100 with old data" in found.out
        assert "Errors: UnauthorizedOperation (100)" in found.out
        rows = [line for line in found.out.splitlines() if line.startswith("| 0")]
        assert [row[2:14] for row in rows] == [f"{n:012}" for n in range(99, 79, -1)]
        assert "Shown: 20 of 1,200 scopes; --all shows all of them" in found.out

    def test_all_of_them_are_shown_where_they_are_asked_for(
        self, truffle: Run, many: Deployed, api_url: str
    ) -> None:
        found = truffle("status", "--all", "--api-url", api_url)
        assert len([line for line in found.out.splitlines() if line.startswith("| 0")]) == 1200
        assert "--all" not in found.out

    def test_json_has_all_of_them(self, truffle: Run, many: Deployed, api_url: str) -> None:
        found = truffle("status", "-o", "json", "--api-url", api_url)
        assert len(found.json["scopes"]) == found.json["totals"]["scopes"] == 1200
        assert found.json["next_token"] is None

    def test_before_the_first_run_nothing_is_current(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        found = truffle("status", "--api-url", api_url)
        assert found.status == 1
        assert "Collection: nothing collected yet" in found.out
        assert "current" not in found.out
