"""``GET /usage`` and the ledgers, against an integral over what the API showed at every step."""

from __future__ import annotations

import gc
import gzip
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from lambdas import ledger, query, wiring
from lambdas.api.usage import answer, to_usage_query
from lambdas.clients import service
from lambdas.history.ledgers import LedgerStore
from lambdas.settings import LedgerSettings
from tests.builders import HOME, HOUR, NOON, OTHER, an_odcr
from tests.integral import Integral
from tests.lambdas.api import an_event_of
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, FakeContext, Wire, a_raw_block, a_raw_odcr, client_error
from tests.lambdas.hours import IRELAND, OHIO, Hours
from truffle.core.ledger import lines_of, write_day
from truffle.core.pricing import PriceBook
from truffle.core.spans import Span
from truffle.core.times import format_time

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
LEDGER = "usage/dt=2026-11-24/usage.json.gz"


@pytest.fixture
def hours(stack: Stack, clock: Clock, deploy: Callable[..., None]) -> Hours:
    clock.moment = MIDNIGHT
    return Hours(stack, clock, deploy)


def close(hours: Hours) -> int:
    """Run the function that makes ledgers, now."""
    hours.deploy(LedgerSettings)
    context: Any = FakeContext(remaining_milliseconds=900_000)
    looked: dict[str, int] = ledger.handler({}, context)
    return looked["days"]


def usage(hours: Hours, **asked: str) -> list[dict[str, Any]]:
    answer = hours.ask("/usage", **asked)
    assert answer.status == 200, answer.text
    items: list[dict[str, Any]] = answer.body["items"]
    return items


def written(stack: Stack, name: str = LEDGER) -> bytes:
    body = service("s3").get_object(Bucket=stack.bucket, Key=name)["Body"].read()
    return bytes(body)


# --- the integral --------------------------------------------------------------------------------


def test_usage_is_the_integral_of_what_the_api_showed(hours: Hours) -> None:
    """A block that starts and ends between looks, an ODCR whose use changes, and a region that
    fails for five hours; the ledger gives the same as the snapshots do."""
    block = {"StartDate": MIDNIGHT + 3.4 * HOUR, "EndDate": MIDNIGHT + 9.7 * HOUR}
    integral = Integral()
    for hour in range(13):
        state = "scheduled" if hour < 4 else "active"
        counts = {"TotalInstanceCount": 16, "AvailableInstanceCount": hour % 5}
        hours.fleet.holds(
            OHIO,
            *(
                [a_raw_block("cr-b", State=state, **block, **(counts if hour >= 4 else {}))]
                if hour < 10
                else []
            ),
        )
        hours.fleet.holds(IRELAND, a_raw_odcr("cr-a", AvailableInstanceCount=hour % 3))
        if hour == 5:
            hours.fleet.fails(IRELAND, client_error("RequestLimitExceeded"))
        if hour == 10:
            hours.fleet.recovers()
        hours.clock.moment = MIDNIGHT + hour * HOUR
        hours.run()
        scopes = hours.ask("/status").body["scopes"]
        integral.look(hours.ask("/reservations").body["items"], scopes)
    hours.clock.moment = until = MIDNIGHT + 13 * HOUR
    expected = integral.hours_of(until)
    asked = {"since": format_time(MIDNIGHT), "until": format_time(until), "interval": "total"}

    def found() -> dict[str | None, dict[str, float]]:
        return {row["group"]["reservation"]: row for row in usage(hours, by="reservation", **asked)}

    before = found()
    assert set(before) == set(expected) == {"cr-a", "cr-b"}
    for name, numbers in expected.items():
        for kind, number in numbers.items():
            assert before[name][kind] == pytest.approx(number, abs=1e-6), (name, kind)
    assert before["cr-a"]["unobserved_hours"] > 0
    hours.clock.moment = MIDNIGHT + DAY
    hours.run()
    hours.clock.moment = MIDNIGHT + DAY + 3 * HOUR
    assert close(hours) == 1
    calls = hours.ask("/usage", by="reservation", **asked).body["items"]
    after = {row["group"]["reservation"]: row for row in calls}
    assert after["cr-b"] == before["cr-b"]


def test_a_scope_that_fails_over_midnight_is_unobserved_on_both_days(hours: Hours) -> None:
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a"))
    hours.clock.moment = MIDNIGHT + 20 * HOUR
    hours.run()
    hours.fleet.fails(OHIO, client_error("InternalError"))
    for _ in range(10):
        hours.next()
    hours.clock.moment = MIDNIGHT + 2 * DAY
    rows = usage(hours, since="2026-11-24", until="2026-11-26")
    assert [(row["start"][:10], row["reserved_hours"]) for row in rows] == [
        ("2026-11-24", 0),
        ("2026-11-25", 0),
    ]
    assert rows[0]["unobserved_hours"] == pytest.approx(8 * 4, abs=0.1)
    assert rows[1]["unobserved_hours"] > 0


# --- the ledger ----------------------------------------------------------------------------------


def a_day(hours: Hours) -> None:
    """A day with a run at noon and one at 13:00, and the first run of the next day."""
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a", Tags=[{"Key": "Team", "Value": "vision"}]))
    hours.clock.moment = NOON
    hours.run()
    hours.next()
    hours.clock.moment = MIDNIGHT + DAY
    hours.run()
    hours.clock.moment = MIDNIGHT + DAY + 2.5 * HOUR


def test_a_day_is_closed_once(hours: Hours) -> None:
    a_day(hours)
    assert close(hours) == 1
    first = written(hours.stack)
    hours.deploy(LedgerSettings)
    assert not wiring.ledger().closer.close(MIDNIGHT, hours.clock())
    service("s3").delete_object(Bucket=hours.stack.bucket, Key=LEDGER)
    close(hours)
    assert written(hours.stack) == first


def test_a_day_is_closed_again_when_data_come_late(hours: Hours) -> None:
    a_day(hours)
    close(hours)
    before = written(hours.stack)
    snapshots = service("s3").list_objects_v2(Bucket=hours.stack.bucket, Prefix="snapshots/")
    at_noon = next(it["Key"] for it in snapshots["Contents"] if "hour=12/us-east-2" in it["Key"])
    late = gzip.decompress(written(hours.stack, at_noon)).decode()
    late = late.replace('"observed_at": "2026-11-24T12:', '"observed_at": "2026-11-24T15:')
    name = at_noon.replace("hour=12", "hour=15").replace("-1200", "-1500")
    service("s3").put_object(Bucket=hours.stack.bucket, Key=name, Body=gzip.compress(late.encode()))
    close(hours)
    (line,) = map(json.loads, lines_of(gzip.decompress(written(hours.stack)).decode()))
    assert written(hours.stack) != before
    assert line["reserved_hours"] == pytest.approx(8 * 3, abs=0.1)


def test_fields_of_a_newer_version_survive_in_the_ledger(hours: Hours) -> None:
    a_day(hours)
    snapshots = service("s3").list_objects_v2(Bucket=hours.stack.bucket, Prefix="snapshots/")
    for name in (it["Key"] for it in snapshots["Contents"] if "us-east-2" in it["Key"]):
        head, *rows = gzip.decompress(written(hours.stack, name)).decode().splitlines()
        newer = [json.dumps({**json.loads(row), "cooling": {"is_liquid": True}}) for row in rows]
        body = gzip.compress("\n".join([head, *newer]).encode())
        service("s3").put_object(Bucket=hours.stack.bucket, Key=name, Body=body)
    close(hours)
    (line,) = map(json.loads, lines_of(gzip.decompress(written(hours.stack)).decode()))
    assert json.loads(line["other_fields"]) == {"cooling": {"is_liquid": True}}
    (row,) = usage(hours, since="2026-11-24", until="2026-11-25", by="reservation")
    assert row["reserved_hours"] > 0


def test_closed_days_are_read_and_not_their_snapshots(
    hours: Hours, wire: Callable[[str], Wire]
) -> None:
    a_day(hours)
    close(hours)
    calls = wire("s3")
    rows = usage(hours, since="2026-11-24", until="2026-11-25", by="tag:Team")
    assert [row["group"] for row in rows] == [{"tag:Team": "vision"}]
    keys = [it["Key"] for it in calls.parameters("GetObject")]
    assert [key for key in keys if not key.startswith("latest/")] == [LEDGER]


def test_a_day_that_cannot_be_closed_is_named_and_keeps_no_other(hours: Hours) -> None:
    a_day(hours)
    hours.clock.moment = MIDNIGHT + 2 * DAY + 2.5 * HOUR
    bad = "snapshots/dt=2026-11-25/hour=10/us-east-2-0-100000-abcdef01.json.gz"
    service("s3").put_object(Bucket=hours.stack.bucket, Key=bad, Body=b"no gzip")
    with pytest.raises(ledger.NotClosed, match="2026-11-25"):
        close(hours)
    assert written(hours.stack)


# --- the question --------------------------------------------------------------------------------


def test_the_default_are_the_last_seven_whole_days_by_type(hours: Hours) -> None:
    a_day(hours)
    hours.clock.moment = MIDNIGHT + DAY + HOUR
    answer = hours.ask("/usage").body
    assert (answer["since"], answer["until"]) == ("2026-11-18T00:00:00Z", "2026-11-25T00:00:00Z")
    assert (answer["interval"], answer["by"]) == ("day", ["type"])
    assert [row["group"] for row in answer["items"]] == [{"type": "odcr"}]
    assert answer["missing_days"] == [f"2026-11-{day}" for day in range(18, 24)]
    assert answer["collection"]["complete"]


def test_filters_choose_what_is_counted(hours: Hours) -> None:
    a_day(hours)
    asked = {"since": "2026-11-24", "until": "2026-11-25"}
    assert usage(hours, **asked, available_only="true")
    assert usage(hours, **asked, min_capacity="4") == []
    assert usage(hours, **asked, account=OTHER) == []
    assert usage(hours, **asked, account=HOME)


def test_a_cold_function_reads_an_object_for_each_day(hours: Hours) -> None:
    a_day(hours)
    store, day = LedgerStore(service("s3"), hours.stack.bucket), MIDNIGHT - 30 * DAY
    for number in range(30):
        begin = day + number * DAY
        rows = [an_odcr(f"cr-{name}") for name in range(5)]
        text = write_day([Span(row, begin, begin + DAY) for row in rows], begin)
        store.write(begin, text, "")
    with reads_counted() as read:
        for by in ("type", "reservation"):
            read.clear()
            items = usage(hours, since="2026-10-25", until="2026-11-24", by=by)
            assert sum(it["reserved_hours"] for it in items) == 30 * 5 * 8 * 24
            assert len(read) == len(set(read)) == 30
            assert all(key.startswith("usage/") for key in read)


@contextmanager
def reads_counted() -> Iterator[list[str]]:
    """The keys of the objects that are read meanwhile."""
    keys: list[str] = []

    def count(params: dict[str, Any], **_: Any) -> None:
        keys.append(params["Key"])

    events = service("s3").meta.events
    events.register("provide-client-params.s3.GetObject", count)
    yield keys
    events.unregister("provide-client-params.s3.GetObject", count)


def test_a_large_answer_is_gzipped_where_the_request_allows_it(
    hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day(hours)
    asked = {"since": "2026-11-24", "until": "2026-11-25", "interval": "hour"}
    whole = hours.ask("/usage", **asked).body
    monkeypatch.setattr("lambdas.api.responses.LONGEST_BODY", 3_000)
    refused = hours.ask("/usage", **asked)
    assert (refused.status, refused.body["title"]) == (400, "Request too large")
    event = an_event_of("/usage", urlencode(asked), "GET")
    context: Any = FakeContext()
    answer = query.handler({**event, "headers": {"accept-encoding": "gzip, br"}}, context)
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert answer["isBase64Encoded"]
    assert json.loads(gzip.decompress(b64decode(answer["body"]))) == whole


def test_the_garbage_collector_pauses_while_usage_is_added_up() -> None:
    paused: list[bool] = []

    def spans() -> Iterator[Span]:
        paused.append(not gc.isenabled())
        yield from ()

    answer(to_usage_query({}, NOON), spans(), PriceBook())
    assert (paused, gc.isenabled()) == ([True], True)


def test_a_price_that_is_unknown_is_null(hours: Hours) -> None:
    a_day(hours)
    (row,) = usage(hours, since="2026-11-24", until="2026-11-25")
    assert (row["reserved_cost"], row["idle_cost"], row["currency"]) == (None, None, None)
    assert row["unpriced_hours"] == row["reserved_hours"]


def test_a_start_of_today_names_the_parameter_that_includes_it(hours: Hours) -> None:
    answer = hours.ask("/usage", since=hours.clock.moment.date().isoformat())
    assert (answer.status, "give until" in str(answer.body)) == (400, True)


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"by": "colour"}, "by"),
        ({"interval": "hours"}, "interval"),
        ({"interval": "hour,day"}, "interval"),
        ({"since": "2026-11-25", "until": "2026-11-24"}, "since"),
        ({"since": "2010-01-01"}, "since"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(
    hours: Hours, asked: dict[str, str], parameter: str
) -> None:
    answer = hours.ask("/usage", **asked)
    assert (answer.status, answer.body["parameter"]) == (400, parameter)


@pytest.mark.parametrize("limit", ["history.usage.MOST_OBJECTS", "api.responses.MOST_USAGE_ROWS"])
def test_a_question_that_is_too_large_names_the_sql_to_use(
    hours: Hours, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    a_day(hours)
    monkeypatch.setattr(f"lambdas.{limit}", 0)
    answer = hours.ask("/usage", since="2026-11-24", until="2026-11-25")
    assert (answer.status, answer.body["title"]) == (400, "Request too large")
    assert "FROM usage WHERE dt BETWEEN '2026-11-24' AND '2026-11-24'" in answer.body["sql"]


def test_the_largest_ledger_counts_more_than_others_of_the_same_reservations(
    hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day(hours)
    close(hours)
    head = service("s3").head_object(Bucket=hours.stack.bucket, Key=LEDGER)
    size = head["ContentLength"]
    asked = {"since": "2026-11-24", "until": "2026-11-25"}
    monkeypatch.setattr("lambdas.history.usage.MOST_BYTES", 31 * size)
    assert hours.ask("/usage", **asked).status == 200
    monkeypatch.setattr("lambdas.history.usage.MOST_BYTES", 31 * size - 1)
    answer = hours.ask("/usage", **asked)
    assert (answer.status, answer.body["title"]) == (400, "Request too large")
