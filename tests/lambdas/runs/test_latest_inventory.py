"""The latest inventory in the bucket, and regions that cannot be read from there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.clients import service
from lambdas.collecting.finish_run import Closer
from lambdas.collecting.latest_files import LatestFiles, NotWritten
from lambdas.collecting.units import read_message
from lambdas.store.archive import Rows, region_key
from tests.builders import DAY, HOME, NOON, OHIO, OTHER, a_block, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, client_error
from tests.lambdas.runs.builders import (
    CLOSED,
    IRELAND,
    REGIONS,
    answer_all,
    fail,
    open_run,
    succeed,
)
from truffle.core.codec import decode
from truffle.core.model import Scope
from truffle.core.runs import Unit, WriteLatest
from truffle.core.times import format_time


def test_the_latest_inventory_has_one_array_for_each_type_in_the_default_order(
    stack: Stack, closer: Closer
) -> None:
    full = an_odcr("cr-a", available_capacity=0)
    free = an_odcr("cr-b", available_capacity=7)
    late = a_block("cr-c", start_date=NOON + 9 * DAY)
    early = a_block("cr-d", start_date=NOON + 2 * DAY)
    closer.runs.open(open_run())
    succeed(stack, full, free, late, early)
    answer_all(closer)
    odcrs = stack.document("latest/odcrs.json")
    blocks = stack.document("latest/capacity-blocks.json")
    assert [row["reservation_id"] for row in odcrs] == ["cr-b", "cr-a"]
    assert [row["reservation_id"] for row in blocks] == ["cr-d", "cr-c"]
    assert decode(odcrs[0]) == replace(free, observed_at=NOON + timedelta(minutes=1))


def test_the_latest_inventory_is_empty_arrays_where_there_is_nothing(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    assert stack.document("latest/odcrs.json") == []
    assert stack.document("latest/capacity-blocks.json") == []


def test_a_failed_scopes_reservations_stay_in_the_latest_inventory_as_last_seen(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a", region="eu-west-1"), scope=IRELAND)
    fail(stack, minutes=30)
    answer_all(closer)
    (row,) = stack.document("latest/odcrs.json")
    assert (row["reservation_id"], row["observed_at"]) == ("cr-a", "2026-11-24T12:01:00Z")


def test_the_latest_inventory_is_made_of_the_regions_rows_in_the_bucket(
    stack: Stack, closer: Closer
) -> None:
    row, at = an_odcr("cr-a"), NOON + timedelta(minutes=1)
    closer.runs.open(open_run())
    succeed(stack, row)
    known = replace(row, tags={"from": "bucket"})
    closer.archive.write_region("us-east-2", {OHIO: Rows(1, [known])})
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    assert (latest["tags"], latest["observed_at"]) == ({"from": "bucket"}, format_time(at))


@pytest.mark.parametrize("held", [{}, {OHIO: Rows(7, [an_odcr("cr-z")])}], ids=["none", "other"])
def test_a_scope_that_changed_since_the_last_close_is_read_from_the_table(
    stack: Stack, closer: Closer, held: dict[Scope, Rows]
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    closer.archive.write_region("us-east-2", held)
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    assert latest["reservation_id"] == "cr-a"
    (rows,) = closer.archive.read_region("us-east-2").values()
    assert (rows.revision, [row.reservation_id for row in rows.rows]) == (1, ["cr-a"])


def read_partitions(table: Any) -> set[str]:
    """The kinds of partitions that were queried."""
    queries = table.parameters("Query")
    return {it["ExpressionAttributeValues"][":pk"]["S"].partition("#")[0] for it in queries}


def test_a_close_asks_for_the_latest_inventory_and_does_not_wait_for_it(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    sent: list[str] = []
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    table, bucket = wire("dynamodb"), wire("s3")
    for region in REGIONS:
        replace(closer, send=sent.append).record_attempt(Unit("run-1", region, (HOME,)))
    assert "SCOPE" not in read_partitions(table)
    assert [name for name, _ in bucket.calls] == ["PutObject"]
    assert stack.document("runs/dt=2026-11-24/run-1.json")["latest_written_at"] is None
    assert [WriteLatest("run-1", closer.clock())] == list(map(read_message, sent))


def test_a_close_whose_message_is_refused_is_repeated(stack: Stack, closer: Closer) -> None:
    def refuse(_: str) -> None:
        raise client_error("ServiceUnavailable", "SendMessage")

    closer.runs.open(open_run(regions=("us-east-2",), pending=frozenset({"us-east-2"})))
    unit = Unit("run-1", "us-east-2", (HOME,))
    with pytest.raises(ClientError):
        replace(closer, send=refuse).record_attempt(unit)
    sent: list[str] = []
    replace(closer, send=sent.append).record_attempt(unit, has_changes=False)
    assert [WriteLatest("run-1", closer.clock())] == list(map(read_message, sent))


def test_where_nothing_changed_no_row_is_read_and_no_region_written(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    for number in (1, 2):
        closer.runs.open(open_run(run_id=f"run-{number}"))
    succeed(stack, an_odcr("cr-a"))
    answer_all(closer)
    table, bucket = wire("dynamodb"), wire("s3")
    answer_all(closer, "run-2")
    assert "SCOPE" not in read_partitions(table)
    written = [call["Key"] for call in bucket.parameters("PutObject")]
    assert written == [
        "runs/dt=2026-11-24/run-2.json",
        "latest/odcrs.json",
        "latest/capacity-blocks.json",
        "latest/training-plans.json",
        "latest/db-capacity-reservations.json",
        "runs/dt=2026-11-24/run-2.json",
    ]


def test_an_unchanged_scope_is_shown_with_the_time_of_its_last_listing(
    stack: Stack, closer: Closer
) -> None:
    row = an_odcr("cr-a", tags={"observed_at": "ü", "quoted": '"observed_at": null,'})
    for number in (1, 2):
        closer.runs.open(open_run(run_id=f"run-{number}"))
    succeed(stack, row)
    answer_all(closer)
    before = stack.scopes.status(OHIO)
    later = replace(before, observed_at=NOON + timedelta(hours=1), run_id="run-2")
    stack.scopes.write_together([], [(before, later)])
    answer_all(closer, "run-2")
    (latest,) = stack.document("latest/odcrs.json")
    assert decode(latest) == replace(row, observed_at=NOON + timedelta(hours=1))


def test_rows_of_another_release_are_written_with_the_fields_of_this_one(
    stack: Stack, closer: Closer
) -> None:
    for number in (1, 2):
        closer.runs.open(open_run(run_id=f"run-{number}"))
    succeed(stack, an_odcr("cr-a"))
    answer_all(closer)
    bucket, key = service("s3"), region_key("us-east-2")
    head, row = stack.object(key).splitlines()
    older = {**json.loads(head), "layout": "other"}
    fewer = {name: it for name, it in json.loads(row).items() if name != "accelerator"}
    lines = b"\n".join(json.dumps(each).encode() for each in (older, fewer))
    bucket.put_object(Bucket=stack.bucket, Key=key, Body=gzip.compress(lines))
    answer_all(closer, "run-2")
    (latest,) = stack.document("latest/odcrs.json")
    assert latest.keys() == json.loads(row).keys()
    assert stack.object(key).splitlines()[0] == head


def test_a_shared_reservation_stays_one_row_while_nothing_changes(
    stack: Stack, closer: Closer
) -> None:
    for number in (1, 2):
        closer.runs.open(open_run(run_id=f"run-{number}", accounts=(HOME, OTHER)))
    succeed(stack, an_odcr("cr-a"))
    shared = an_odcr("cr-a", account_id=OTHER, owner_id=HOME)
    succeed(stack, shared, scope=Scope(OTHER, "us-east-2"))
    answer_all(closer)
    answer_all(closer, "run-2")
    (row,) = stack.document("latest/odcrs.json")
    assert (row["account_id"], row["seen_by"]) == (HOME, [HOME, OTHER])


def test_a_reservation_that_two_scopes_list_is_one_row_of_the_latest_inventory(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run(accounts=(HOME, OTHER)))
    succeed(stack, an_odcr("cr-a"))
    shared = an_odcr("cr-a", account_id=OTHER, owner_id=HOME)
    succeed(stack, shared, scope=Scope(OTHER, "us-east-2"))
    answer_all(closer)
    (row,) = stack.document("latest/odcrs.json")
    assert (row["account_id"], row["seen_by"]) == (HOME, [HOME, OTHER])


def test_a_unit_that_succeeds_after_the_end_updates_the_manifest(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    fail(stack, scope=OHIO, minutes=0)
    answer_all(closer)
    succeed(stack, an_odcr("cr-a"))
    closer.record_attempt(Unit("run-1", "us-east-2", (HOME,)))
    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    assert (manifest["counts"]["succeeded"], manifest["counts"]["reservations"]) == (1, 1)
    LatestFiles(closer).write(CLOSED)
    assert len(stack.document("latest/odcrs.json")) == 1


# --- what the bucket does not give or take -------------------------------------------------------


DAMAGES = {
    "no gzip": b"{}",
    "cut off": gzip.compress(b"{}" * 100)[:-9],
    "no JSON": gzip.compress(b"{"),
    "no reservation": gzip.compress(b'{"type": "car"}'),
    "no object": gzip.compress(b"[1]"),
    "empty": b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_region_is_read_from_the_table_and_named(
    stack: Stack, closer: Closer, damage: str
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    key = region_key("us-east-2")
    service("s3").put_object(Bucket=stack.bucket, Key=key, Body=DAMAGES[damage])
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    (warning,) = stack.document("runs/dt=2026-11-24/run-1.json")["warnings"]
    assert latest["reservation_id"] == "cr-a"
    assert key in warning


def test_a_region_that_the_bucket_refuses_is_read_from_the_table_and_named(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    wire("s3").fails_before(client_error("AccessDenied", "GetObject"), "GetObject")
    answer_all(closer)
    (warning,) = stack.document("runs/dt=2026-11-24/run-1.json")["warnings"]
    assert "AccessDenied" in warning


def test_a_list_that_is_refused_is_named_in_the_manifest_until_it_is_written(
    stack: Stack, closer: Closer, clock: Clock, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    for region in REGIONS:
        closer.record_attempt(Unit("run-1", region, (HOME,)))
    wire("s3").fails_before(client_error("AccessDenied", "PutObject"), "PutObject")
    with pytest.raises(NotWritten, match=r"^latest/ was not written: .*AccessDenied"):
        LatestFiles(closer).write(CLOSED)
    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    (warning,) = manifest["warnings"]
    assert warning.startswith("latest/ was not written")
    assert manifest["latest_written_at"] is None
    LatestFiles(closer).write(CLOSED)
    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    assert "warnings" not in manifest
    assert manifest["latest_written_at"] == format_time(clock())


def test_the_end_of_a_run_stays_as_its_close_noted_it(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    closer.runs.open(open_run())
    for region in REGIONS:
        closer.record_attempt(Unit("run-1", region, (HOME,)))
    finished_at = clock()
    clock.advance(timedelta(minutes=1))
    LatestFiles(closer).write(CLOSED)
    manifest, run = stack.document("runs/dt=2026-11-24/run-1.json"), closer.runs.get("run-1")
    assert run is not None
    assert manifest["finished_at"] == format_time(finished_at)
    assert (run.finished_at, run.latest_at) == (finished_at, clock())


def test_a_unit_that_finds_something_while_it_is_written_has_it_written_again(
    stack: Stack, closer: Closer
) -> None:
    class News:
        """A publication during which a unit succeeds, once."""

        name, rows = "news", list[int]()

        def publish(self, rows: Any, *_: Any) -> None:
            self.rows.append(len(rows))
            if len(self.rows) == 1:
                succeed(stack, an_odcr("cr-a"))
                closer.runs.record_attempt("run-1", "us-east-2/0", has_changes=True)

    closer.runs.open(open_run())
    for region in REGIONS:
        closer.record_attempt(Unit("run-1", region, (HOME,)))
    LatestFiles(closer, lambda: [News()]).write(CLOSED)
    assert News.rows == [0, 1]
    assert len(stack.document("latest/odcrs.json")) == 1


def test_an_unknown_run_has_nothing_written(stack: Stack, closer: Closer) -> None:
    LatestFiles(closer).write(WriteLatest("never", NOON))
    assert stack.keys() == []


def test_it_waits_until_the_close_that_asks_for_it_is_recorded(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    """The message may arrive first; the manifest would then lack the calls of the close."""
    closer.runs.open(open_run(regions=("us-east-2",), pending=frozenset({"us-east-2"})))
    succeed(stack, an_odcr("cr-a"))
    unit, pauses = Unit("run-1", "us-east-2", (HOME,)), list[float]()

    def close(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            closer.record_attempt(unit)

    LatestFiles(closer, pause=close).write(WriteLatest("run-1", clock()))
    assert len(pauses) == 2
    assert stack.document("runs/dt=2026-11-24/run-1.json")["calls"]["sqs"] == 1


def test_it_does_not_wait_for_ever_for_a_close_that_crashed(stack: Stack, closer: Closer) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    pauses: list[float] = []
    LatestFiles(closer, pause=pauses.append).write(CLOSED)
    assert 0 < sum(pauses) <= 3
    assert stack.document("runs/dt=2026-11-24/run-1.json")["latest_written_at"] is not None
