"""``truffle events``, ``history``, ``status`` and ``use``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import HOME, OHIO, OTHER, a_run, an_event, an_odcr
from tests.builders import a_block as block_row
from tests.cli.conftest import Run, variables
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, a_block, running_now
from tests.sandbox.worlds import an_odcr as raw_odcr
from truffle import clock
from truffle.core.events import Event, Severity
from truffle.core.model import Scope
from truffle.core.times import format_time
from truffle.render.use import SNIPPETS

NOW = running_now().replace(microsecond=0)


def event(number: int, now: datetime = NOW, **facts: object) -> Event:
    """Events are newer the higher their number."""
    moment = now - timedelta(minutes=60 - number)
    return replace(an_event(), event_id=f"{number:032x}", observed_at=moment, **facts)  # type: ignore[arg-type]


class TestEvents:
    @pytest.fixture(autouse=True)
    def stack_with_events(self, deployed: Deployed) -> None:
        deployed.collected(OHIO)
        deployed.events = [event(1), event(2, severity=Severity.INFO), event(3)]

    def test_those_of_some_accounts(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.events.append(event(4, account_id=OTHER))
        command = ["events", "--api-url", api_url, "-o", "json", "--accounts", OTHER]
        assert [it["account_id"] for it in truffle(*command).json] == [OTHER]

    def test_the_newest_come_first(self, truffle: Run, api_url: str) -> None:
        lines = truffle("events", "--api-url", api_url).out.splitlines()
        assert len(lines) == 4
        assert lines[0] > lines[1] > lines[2]
        assert "critical  state_changed" in lines[0]
        assert "payment failed: the block is released." in lines[0]
        assert lines[3] == "Times are UTC."

    def test_json_is_the_messages(self, truffle: Run, api_url: str) -> None:
        output = truffle("events", "--api-url", api_url, "-o", "json").json
        assert [message["event_id"][-1] for message in output] == ["3", "2", "1"]
        assert output[0]["version"] == 1

    def test_filters(self, truffle: Run, api_url: str) -> None:
        command = ["events", "--api-url", api_url, "-o", "json"]
        assert len(truffle(*command, "--severity", "info").json) == 1
        assert len(truffle(*command, "--severity", "info,critical").json) == 3
        assert len(truffle(*command, "--type", "resized").json) == 0
        assert len(truffle(*command, "--reservation-id", "cr-0abc").json) == 3
        since = format_time(NOW - timedelta(minutes=57, seconds=30))
        assert len(truffle(*command, "--since", since).json) == 1
        assert len(truffle(*command, "--since", "24h").json) == 3
        assert len(truffle(*command, "--limit", "2").json) == 2

    def test_csv(self, truffle: Run, api_url: str) -> None:
        lines = truffle("events", "--api-url", api_url, "-o", "csv").out.splitlines()
        assert lines[0].startswith("observed_at,severity,type,region")
        assert len(lines) == 4

    def test_nothing(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.events = []
        assert truffle("events", "--api-url", api_url).out.startswith("No events found")
        assert truffle("events", "--api-url", api_url, "-o", "json").out == "[]\n"

    def test_follow_prints_each_event_once_as_it_happens(
        self, world: World, deployed: Deployed, api_url: str
    ) -> None:
        """The command is a process of its own here, with the time of this machine."""
        now = datetime.now(UTC)
        deployed.events = [event(number, now) for number in (1, 2, 3)]
        command = [sys.executable, "-m", "truffle", "events", "--follow", "--interval", "1"]
        process = subprocess.Popen(
            [*command, "-o", "json", "--api-url", api_url],
            env={**os.environ, **variables(world.url)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline())["event_id"][-1] for _ in range(3)]
        deployed.events.append(replace(event(4), observed_at=datetime.now(UTC)))
        last = json.loads(process.stdout.readline())["event_id"][-1]
        polls = len(deployed.requests)
        while len(deployed.requests) < polls + 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert ([*first, last], rest) == (["1", "2", "3", "4"], "")
        assert process.returncode == 130


class TestHistory:
    def test_one_reservation_with_its_events(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        row = block_row("cr-0abc", state="active")
        deployed.collected(OHIO, row)
        deployed.events = [event(1, reservation=row)]
        output = truffle("history", "cr-0abc", "--api-url", api_url).out
        assert "cr-0abc (block)" in output
        assert "16 x p5.48xlarge in us-east-2a" in output
        assert "Used: 14 of 16 (87.5%), 2 idle" in output
        assert "1 event:" in output
        assert truffle("history", "cr-0abc", "--api-url", api_url, "-o", "json").json["events"]

    def test_an_unknown_one(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO)
        found = truffle("history", "cr-0nope", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "No scope lists cr-0nope" in found.err


class TestAge:
    """How old an answer of the stack is, against the clock of this machine."""

    def test_tables_of_the_stack_show_the_age(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        row = an_odcr("cr-0abc")
        deployed.collected(OHIO, row, at=clock.now() - timedelta(hours=3))
        deployed.events = [event(1, reservation=row)]
        run = ["--instance-type", "p4d.24xlarge", "--count", "1", "--days", "1"]
        for command in (["capacity"], ["validate", *run], ["events"], ["history", "cr-0abc"]):
            assert "UTC, 3 h ago." in truffle(*command, "--api-url", api_url).err

    def test_live_tables_do_not(self, truffle: Run) -> None:
        assert "as of" not in truffle("capacity").err

    def test_a_clock_that_is_behind_causes_a_note(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.collected(OHIO, an_odcr("cr-1"), at=clock.now() + timedelta(hours=3))
        found = truffle("capacity", "--api-url", api_url)
        assert "3 h in the future by this machine's clock, which is behind." in found.err


class TestStatus:
    def test_all_current(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO, an_odcr())
        deployed.runs = [a_run(succeeded=2, finished_at=NOW)]
        found = truffle("status", "--api-url", api_url)
        assert found.status == 0
        assert "Collection: 1 scope, all current" in found.out
        assert f"| {HOME} | us-east-2 |" in found.out
        assert "20261124T120000Z-1a2b3c4d" in found.out

    def test_old_data(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO)
        deployed.failed(Scope(HOME, "eu-west-1"), "UnauthorizedOperation")
        found = truffle("status", "--api-url", api_url)
        assert found.status == 3
        assert "1 with old data" in found.out
        assert f"{HOME}/eu-west-1: UnauthorizedOperation: It says no." in found.out

    @pytest.mark.parametrize("more", [[], ["--all"], ["-o", "json"]])
    def test_some_accounts(
        self, truffle: Run, deployed: Deployed, api_url: str, more: list[str]
    ) -> None:
        for account in (HOME, OTHER):
            deployed.collected(Scope(account, "us-east-2"))
        found = truffle("status", "--api-url", api_url, "--accounts", OTHER, *more)
        assert (HOME in found.out, OTHER in found.out) == (False, True)

    def test_json(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.failed(OHIO, "UnauthorizedOperation")
        found = truffle("status", "--api-url", api_url, "-o", "json")
        assert (found.status, len(found.json["scopes"])) == (1, 1)


class TestUse:
    @pytest.mark.parametrize("tool", sorted(SNIPPETS.keys() - {"hyperpod", "rds"}))
    def test_a_snippet_for_each_tool(self, truffle: Run, world: World, tool: str) -> None:
        world.has(a_block(1, 8))
        found = truffle("use", "cr-00000000000000001", "--for", tool)
        assert found.status == 0
        assert "cr-00000000000000001" in found.out
        assert "launches work once it is active" in found.err

    def test_it_says_where_every_instance_is_in_use(self, truffle: Run, world: World) -> None:
        world.has(raw_odcr(1, TotalInstanceCount=2, AvailableInstanceCount=0))
        found = truffle("use", "cr-00000000000000001", "--for", "ec2-run-instances")
        assert found.status == 0
        assert "all instances of cr-00000000000000001 are in use" in found.err

    def test_a_block_by_its_own_id(self, truffle: Run, world: World) -> None:
        world.has(a_block(1, 8))
        assert truffle("use", "cb-00000000000000001", "--for", "karpenter").status == 0

    def test_an_unknown_one(self, truffle: Run, world: World) -> None:
        found = truffle("use", "cr-0000000000000dead", "--for", "karpenter")
        assert (found.status, found.out) == (1, "")
        assert "Reservation cr-0000000000000dead was not found in 2 scopes" in found.err

    @pytest.mark.parametrize("name", ["cr-123", "cr-0nope", "cb-", "p5.48xlarge"])
    def test_what_can_be_no_id_is_looked_for_nowhere(
        self, name: str, truffle: Run, world: World
    ) -> None:
        found = truffle("use", name, "--for", "karpenter")
        assert (found.status, found.out) == (2, "")
        assert "such as cr-0123456789abcdef0" in found.err
        assert world.control.calls() == {}

    def test_from_the_stack(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        deployed.collected(OHIO, an_odcr("cr-1"))
        found = truffle("use", "cr-1", "--for", "ec2-run-instances", "--api-url", api_url)
        assert found.status == 0
        assert "--instance-type p4d.24xlarge" in found.out
        assert "--count 3" in found.out
