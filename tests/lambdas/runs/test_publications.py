"""The publications of a closed run: the report in the bucket, and the capacity in the log."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from lambdas.clients import service
from lambdas.collecting.capacity import Capacity
from lambdas.collecting.finish_run import Closer
from lambdas.collecting.latest_files import LatestFiles, NotWritten
from lambdas.collecting.report_file import ReportFile
from lambdas.observability import logger
from lambdas.store.archive import Archive
from lambdas.store.events import EventStore, event_item
from lambdas.store.runs import RunStore
from lambdas.wiring.parts import known_market, usage_reader
from tests.builders import HOME, NOON, a_block, an_event, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.runs.builders import CLOSED, answer_all, fail, open_run, succeed
from truffle.core.expected import NOTHING_EXPECTED
from truffle.core.model import Reservation
from truffle.core.organization import Labels
from truffle.core.pricing import PriceBook

PRICES = PriceBook({"p5.48xlarge": 40.0})
P5 = an_odcr("cr-p5", instance_type="p5.48xlarge", total_capacity=3, available_capacity=2)


@pytest.fixture
def report(stack: Stack) -> ReportFile:
    return ReportFile(
        archive=Archive(service("s3"), stack.bucket),
        events=EventStore(service("dynamodb"), stack.table),
        events_kept=timedelta(days=30),
        labels=lambda: {HOME: Labels("research", None)},
        usage=usage_reader(stack.bucket, "60"),
        market=partial(known_market, stack.table),
        source="truffle",
        prices=lambda: PRICES,
        allowed_age=timedelta(hours=2),
        expected=NOTHING_EXPECTED,
    )


class Refused:
    """A publication that fails."""

    name = "the impossible"

    def publish(self, *_: Any) -> None:
        raise ValueError("it cannot be made")


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_closed_run_leaves_the_report_in_the_bucket(
    stack: Stack, runs: RunStore, closer: Closer, report: ReportFile
) -> None:
    service("dynamodb").put_item(TableName=stack.table, Item=event_item(an_event(P5), 400))
    runs.open(open_run())
    succeed(stack, P5, a_block("cr-block"))
    fail(stack)
    answer_all(closer)
    LatestFiles(closer, lambda: [report]).write(CLOSED)

    found = service("s3").get_object(Bucket=stack.bucket, Key="latest/report.html")
    assert found["ContentType"] == "text/html; charset=utf-8"
    data = data_of(found["Body"].read().decode())
    assert {row["id"]: row["account_name"] for row in data["rows"]} == {
        "cr-p5": "research",
        "cr-block": "research",
    }
    assert [each["id"] for each in data["events"]] == [an_event(P5).event_id]
    assert [each["region"] for each in data["failed"]] == ["eu-west-1"]
    assert data["source"] == "truffle"


def test_what_cannot_be_published_is_named_in_the_manifest(
    stack: Stack, runs: RunStore, closer: Closer, report: ReportFile
) -> None:
    runs.open(open_run())
    succeed(stack, P5)
    fail(stack)
    assert answer_all(closer)[-1]
    with pytest.raises(NotWritten, match="the impossible was not published"):
        LatestFiles(closer, lambda: [Refused(), report]).write(CLOSED)

    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    assert manifest["warnings"] == ["the impossible was not published: it cannot be made"]
    assert stack.object("latest/report.html")


# --- the capacity --------------------------------------------------------------------------------


def published(
    rows: list[Reservation], monkeypatch: pytest.MonkeyPatch, has_metrics: bool = False
) -> list[Any]:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "truffle")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "truffle")
    Capacity(prices=lambda: PRICES, has_metrics=has_metrics).publish(rows, [], NOON)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_log_has_a_line_for_each_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    other = an_odcr("cr-l4", instance_type="g6.xlarge", total_capacity=1, available_capacity=1)
    first, second = published(
        [P5, other, an_odcr("cr-cpu", instance_type="m7i.large")], monkeypatch
    )
    assert (first["accelerator"], first["held"], first["used"], first["idle"]) == (
        "H100",
        24,
        8,
        16,
    )
    assert first["idle_usd_per_hour"] == 80.0
    assert (second["accelerator"], second.get("idle_usd_per_hour")) == ("L4", None)


def test_metrics_are_sent_only_where_the_setting_asks_for_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published([P5], monkeypatch)
    assert capsys.readouterr().out == ""
    published([P5], monkeypatch, has_metrics=True)
    (sent,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (sent["accelerator"], sent["AcceleratorsIdle"]) == ("H100", [16.0])
    assert sent["IdleUsdPerHour"] == [80.0]
    (directive,) = sent["_aws"]["CloudWatchMetrics"]
    assert sorted(directive["Dimensions"][0]) == ["accelerator", "service"]


def test_a_cost_that_is_not_known_is_no_metric(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = an_odcr("cr-l4", instance_type="g6.xlarge", total_capacity=1, available_capacity=1)
    published([row], monkeypatch, has_metrics=True)
    (sent,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert "IdleUsdPerHour" not in sent
