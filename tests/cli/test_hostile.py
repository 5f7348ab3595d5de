"""Names that would act on a terminal: no command's output lets them."""

from __future__ import annotations

import pytest

from tests.builders import NOON as NOW
from tests.builders import OHIO, an_event
from tests.builders import an_odcr as odcr_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, an_odcr, running_now
from truffle.cli.output import show_failures
from truffle.core.model import FailureKind, Scope
from truffle.core.quoting.terminal import HIDDEN
from truffle.sources.listing import ScopeFailure

ACTING = "\x85\u202e\u2028\x9b2J\ufeff"
"""Of what XML can carry: C1 controls, a line separator, a change of direction."""

LINES = "\nWarning: all is well"


def hidden(output: str) -> list[str]:
    return HIDDEN.findall(output.replace("\n", ""))


@pytest.mark.parametrize("output", ["table", "json", "yaml", "terraform"])
def test_capacity(truffle: Run, world: World, output: str) -> None:
    world.has(
        an_odcr(1, InstanceType=f"p5{ACTING}", Tags=[{"Key": ACTING, "Value": f"{ACTING}{LINES}"}]),
        an_odcr(2, State=f"active{LINES}", AvailabilityZone=f"us-east-2a{LINES}"),
    )

    shown = truffle("capacity", "--no-active-only", "-o", output)

    assert shown.status == 0
    assert hidden(shown.out) == []
    assert "Warning: all is well" not in shown.out.splitlines()


def test_csv_in_a_pipe_is_exact(truffle: Run, world: World) -> None:
    world.has(an_odcr(1, InstanceType=f"p5{ACTING}"))

    assert f"p5{ACTING}" in truffle("capacity", "-o", "csv").out


def test_an_error_of_aws_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    message = f"no{ACTING}{LINES}"
    failure = ScopeFailure(
        account_id="1",
        region="eu-west-1",
        code="Denied",
        message=message,
        kind=FailureKind.DENIED,
        last_success=None,
    )

    show_failures([failure], 2, NOW)

    shown = capsys.readouterr().err
    assert hidden(shown) == []
    assert "Warning: all is well" not in shown.splitlines()


def test_an_argument_in_an_error(truffle: Run, world: World) -> None:
    shown = truffle("capacity", "--states", f"activ{ACTING}{LINES}", "-r", "us-east-2")

    assert hidden(shown.err) == []
    assert "Warning: all is well" not in shown.err.splitlines()


def test_events_history_and_status_of_the_stack(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    row = odcr_row("cr-1", instance_type=f"p5{ACTING}{LINES}", state=f"active{ACTING}")
    deployed.collected(OHIO, row)
    deployed.failed(Scope("123456789012", "eu-west-1"), f"Denied{ACTING}{LINES}")
    deployed.events = [an_event(summary=f"{ACTING}{LINES}", observed_at=running_now())]

    for command in (["history", "cr-1"], ["events"], ["status"]):
        shown = truffle(*command, "--api-url", api_url)
        assert shown.status != 2, shown.err
        assert "\\u202e" in shown.out
        assert hidden(shown.out + shown.err) == []
        assert "Warning: all is well" not in shown.out.splitlines()
