"""The examples of docs/cli.md, alerts.md, guide.md and python.md, run against the sandbox's fleet
at one fixed moment.

``python -m tests.cli.documents`` writes the output into the pages; a test compares.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from tests.builders import a_run
from tests.cli.conftest import variables
from tests.cli.deployed import Deployed, Serving
from tests.sandbox.worlds import HOME
from truffle import clock
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery
from truffle.alerts.yaml_file import read_alerts
from truffle.cli.running import run
from truffle.core.diff import compare
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.watches import Question
from truffle.core.model import Accelerator, Scope, Snapshot
from truffle.core.offerings import Offering
from truffle.sources import offerings
from truffle.sources.live import list_live

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "cli.md"
ALERTS = ROOT / "docs" / "alerts.md"
FLEET = ROOT / "sandbox" / "fleet.json"
DAY = timedelta(days=1)
MOMENT = datetime(2026, 11, 24, 9, tzinfo=UTC)
PYTHON = ROOT / "docs" / "python.md"
GUIDE = ROOT / "docs" / "guide.md"
SNIPPET = re.compile(
    r"^```python\n(?P<code>.*?)^```$(\n```text\n(?P<shown>.*?)^```$)?", re.DOTALL | re.MULTILINE
)
BLOCK = re.compile(r"^```console\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)

OBSERVED = re.compile(r'("observed_at": )"[^"]+"')
"""No two listings share the moment at which they were made."""

PAID_TOO_LATE = "cr-00273aca985f3c2a0"
"""A block whose payment fails between the two listings that the page's events come from."""


@contextmanager
def documented() -> Iterator[str]:
    """The world of the page, and the URL of its stack."""
    fleet = load_fleet(FLEET.read_text(), MOMENT)
    simulator = Simulator(fleet, clock=lambda: MOMENT)
    serving = Serving()
    with (
        RunningServer(simulator) as server,
        patch.dict(os.environ, {**variables(server.url), "COLUMNS": "80"}),
        patch.object(clock, "now", lambda: MOMENT),
    ):
        serving.deployed = _collected()
        try:
            yield serving.url
        finally:
            serving.close()


def _collected() -> Deployed:
    """The stack's data: all regions that respond, and the events of the last hour."""
    deployed = Deployed(clock=lambda: MOMENT)
    everything = list_live()
    for failure in everything.failures:
        deployed.failed(Scope(HOME, failure.region), failure.code)
    for region in sorted({row.region for row in everything.reservations}):
        rows = [row for row in everything.reservations if row.region == region]
        scope = Scope(HOME, region)
        deployed.collected(scope, *rows, at=MOMENT - timedelta(minutes=12))
        now = Snapshot(scope, MOMENT - timedelta(minutes=12), tuple(rows))
        deployed.events += compare(_an_hour_before(now), now)
    deployed.market = _market()
    deployed.alerts = read_alerts(ROOT / "alerts.example.yaml")
    deployed.deliveries = _deliveries()
    deployed.runs = [
        a_run(
            run_id="20261124T084800Z-1a2b3c4d",
            started_at=MOMENT - timedelta(minutes=12),
            finished_at=MOMENT - timedelta(minutes=12) + timedelta(seconds=11.6),
            regions=tuple(status.scope.region for status in deployed.statuses),
            succeeded=len(deployed.statuses) - 1,
            failed=1,
        )
    ]
    return deployed


def _market() -> list[Answer]:
    """The regions' answers to two watches in the last days, at these hourly prices."""
    prices: dict[str, list[float | None]] = {
        "us-east-2": [4.05, 4.05, 3.93, None, 3.93, 3.93],
        "us-east-1": [None, None, None, 4.20, 4.20, 4.11],
        "eu-north-1": [4.52, 4.52, 4.40, 4.40, 4.40],
    }
    asked = {
        "pretrain": Question("p5.48xlarge", 4, 48),
        "eval": Question("p5en.48xlarge", 1, 24, max_accelerator_hour_price=Decimal(5)),
    }
    answers = [
        _answered("pretrain", asked["pretrain"], region, MOMENT - (5 - n) * DAY / 2, price)
        for region, output in prices.items()
        for n, price in enumerate(output)
    ]
    late = {"us-east-2": Outcome.NONE, "us-east-1": Outcome.UNKNOWN_TYPE}
    answers += [
        replace(_answered("eval", asked["eval"], region, MOMENT, None), outcome=outcome)
        for region, outcome in late.items()
    ]
    failed = _answered("pretrain", asked["pretrain"], "eu-north-1", MOMENT, None)
    return [*answers, replace(failed, outcome=Outcome.FAILED, code="InternalError")]


def _answered(
    watch: str, question: Question, region: str, at: datetime, price: float | None
) -> Answer:
    """A minute before the half day; a block from the day after, for 48 hours."""
    start = at.replace(hour=11, minute=30) + DAY
    offering = Offering(
        offering_id=f"cb-{sha256(f'{region} {price}'.encode()).hexdigest()[:17]}",
        instance_type=question.instance_type,
        instance_count=question.count,
        region=region,
        availability_zone=f"{region}a",
        start_date=start,
        end_date=start + 2 * DAY,
        duration_hours=48,
        upfront_fee=f"{(price or 0) * 8 * question.count * 48:.2f}",
        currency_code="USD",
        accelerator=Accelerator("H100", "NVIDIA", 8, 8 * question.count),
    )
    offered = (offering,) if price else ()
    outcome = Outcome.OFFERED if offered else Outcome.NONE
    seen = at - timedelta(minutes=20)
    return Answer(
        watch=watch,
        region=region,
        account_id=HOME,
        question=question,
        outcome=outcome,
        observed_at=seen,
        offerings=offered,
    )


def _deliveries() -> dict[str, ExplainedDelivery]:
    """The deliveries of the page's event to the destinations of the example."""
    at = MOMENT - timedelta(minutes=11)
    delivered, reason = (
        ExplainedDelivery(DeliveryStatus.DELIVERED, at),
        "bus (https) returned 503: busy",
    )
    retried = MOMENT - timedelta(minutes=2)
    return {
        "oncall": delivered,
        "chat": delivered,
        "warehouse": delivered,
        "bus": ExplainedDelivery(
            DeliveryStatus.RETRYING, retried, 6, reason, retried + timedelta(minutes=5)
        ),
        "pager": delivered,
    }


def _an_hour_before(now: Snapshot) -> Snapshot:
    rows = [
        replace(row, state="payment-pending") if row.reservation_id == PAID_TOO_LATE else row
        for row in now.reservations
    ]
    return Snapshot(now.scope, now.observed_at - timedelta(hours=1), tuple(rows))


def written(page: str, api_url: str) -> str:
    """The page with what its commands print now."""
    return BLOCK.sub(lambda block: f"```console\n{_session(block[1], api_url)}```", page)


def _session(block: str, api_url: str) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{_printed(line, api_url)}" for line in commands)


def _printed(line: str, api_url: str) -> str:
    """The terminal's output of ``$ truffle …``; ``TRUFFLE_API_URL=…`` before it is the stack's."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    has_stack = words[0].startswith("TRUFFLE_API_URL=")
    offerings.budgets.clear()
    output = io.StringIO()
    stack = {"TRUFFLE_API_URL": api_url} if has_stack else {}
    with patch.dict(os.environ, stack), redirect_stdout(output), redirect_stderr(output):
        run(words[2 if has_stack else 1 :])
    return OBSERVED.sub(r'\1"2026-11-24T09:00:00.123Z"', output.getvalue())


def run_snippets(page: str, api_url: str) -> str:
    """The page with what its Python snippets print now."""
    names: dict[str, object] = {"API_URL": api_url}

    def session(block: re.Match[str]) -> str:
        output = io.StringIO()
        with redirect_stdout(output):
            exec(compile(block["code"], "snippet", "exec"), names)
        shown = f"\n```text\n{output.getvalue()}```" if block["shown"] is not None else ""
        return f"```python\n{block['code']}```{shown}"

    return SNIPPET.sub(session, page)


def main() -> None:
    """Write the pages anew."""
    with documented() as api_url:
        for page in (PAGE, ALERTS, GUIDE):
            page.write_text(written(page.read_text(), api_url))
        for page in (PYTHON, GUIDE):
            page.write_text(run_snippets(page.read_text(), api_url))


if __name__ == "__main__":
    main()
