"""No answer is larger than Lambda returns, whatever the stack collects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from lambdas import wiring
from lambdas.api import responses
from lambdas.api.inventory import Inventory
from lambdas.settings import QuerySettings
from lambdas.store.prices import NOTHING_KNOWN, PriceList
from lambdas.store.scopes import StoredStatus
from lambdas.wiring.answers import Query
from tests.builders import HOUR, NOON, a_block, a_run, an_event, an_odcr
from tests.lambdas.api import Answer, ask
from tests.lambdas.fakes import Clock
from tests.lambdas.query.builders import query_settings
from truffle.core.events import to_message
from truffle.core.market.finds import Market
from truffle.core.model import FailureKind, Reservation, Scope
from truffle.core.runs import Run
from truffle.core.status import ScopeError

LAMBDA_RETURNS = 6 * 1024 * 1024
"""Bytes (AWS Lambda Developer Guide, quotas: invocation payload, 6 MB each way)."""

REGIONS = [f"us-east-{number}" for number in range(30)]
DENIAL = ScopeError("UnauthorizedOperation", 'encoded: "\\' * 100, FailureKind.DENIED, NOON - HOUR)
FAT = {f"Note {number}": "研" * 256 for number in range(50)}
"""As many tags as AWS allows, each as long as it allows."""


def lambda_bytes(answer: Answer) -> int:
    """The size that Lambda counts: the response as JSON, in which the body is a string."""
    return len(json.dumps({"statusCode": answer.status, "body": answer.text}))


@dataclass
class Organization:
    """30 scopes an account, 13 of them denied, with these reservations and events."""

    rows: Sequence[Reservation] = ()
    messages: list[dict[str, Any]] = field(default_factory=list)
    accounts: int = 1

    def cache(self) -> Organization:
        return self

    def statuses(self, *, with_rows: bool = False) -> list[StoredStatus]:
        return self._statuses

    @cached_property
    def _statuses(self) -> list[StoredStatus]:
        return [
            StoredStatus(
                scope=Scope(f"{account:012}", region),
                revision=1,
                observed_at=NOON - HOUR,
                attempted_at=NOON,
                error=DENIAL if number < 13 else None,
            )
            for account in range(self.accounts)
            for number, region in enumerate(REGIONS)
        ]

    def reservations(self, status: StoredStatus) -> tuple[Reservation, ...]:
        is_first = status.scope == Scope("0" * 12, REGIONS[20])
        return tuple(self.rows) if is_first else ()

    def read(self) -> PriceList:
        return NOTHING_KNOWN

    def of_reservation(self, reservation_id: str) -> list[dict[str, Any]]:
        return self.messages

    def latest(self, count: int, as_of: Any = None) -> list[Run]:
        return [a_run() for _ in range(count)]

    def newest(self, since: Any, until: Any, most: int) -> list[dict[str, Any]]:
        return self.messages[:most]

    def between(self, since: Any, until: Any) -> list[tuple[str, dict[str, Any]]]:
        return [(f"{n:09}", each) for n, each in reversed(list(enumerate(self.messages)))]


@contextmanager
def asked_of(organization: Organization) -> Iterator[None]:
    store: Any = organization
    parts = Query(QuerySettings)
    parts.settings = query_settings()
    parts.inventory, parts.events, parts.runs = Inventory(store), store, store
    parts.price_list = store
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "query", lambda: parts)
        patch.setattr(parts, "market", Market)
        patch.setattr(wiring, "now", Clock())
        yield


@pytest.fixture(scope="module")
def organization() -> Iterator[None]:
    rows = [an_odcr(f"cr-{number:05}", tags=FAT) for number in range(1000)]
    blocks = [a_block(f"cr-b{number:05}", tags=FAT) for number in range(200)]
    thin = [an_odcr(f"cr-t{n:05}", instance_type="g6.xlarge") for n in range(6_000)]
    row = an_odcr("cr-00000", tags=FAT)
    messages = [to_message(an_event(row)) for _ in range(1000)]
    with asked_of(Organization([*rows, *blocks, *thin], messages, accounts=1000)):
        yield


@pytest.mark.parametrize(
    "asked",
    [
        *("/reservations", "/reservations?limit=1000", "/odcrs?limit=1000"),
        *("/capacity-blocks?limit=1000", "/summary", "/events?limit=1000"),
        *("/status", "/status?limit=1000", "/status?state=failed&limit=1000"),
        "/validate?instance_type=p4d.24xlarge&count=99&days=1",
        "/validate?instance_type=g6.xlarge&count=99&days=1",
        *("/reservations/cr-00000", "/openapi.json"),
        *("/report", "/report?instance_type=p4d.24xlarge", "/metrics?region=us-east-1"),
    ],
)
def test_an_answer_about_a_large_organization_can_be_returned(
    organization: None, asked: str
) -> None:
    path, _, raw_query = asked.partition("?")

    answer = ask(path, raw_query)

    assert answer.status == 200
    assert lambda_bytes(answer) < LAMBDA_RETURNS


def test_every_page_of_fat_reservations_leads_to_the_next(organization: None) -> None:
    found, token = [], ""
    while True:
        answer = ask("/capacity-blocks", f"limit=1000{token}")
        assert lambda_bytes(answer) < LAMBDA_RETURNS
        found += answer.ids
        if answer.body["next_token"] is None:
            break
        token = f"&next_token={answer.body['next_token']}"

    assert sorted(found) == [f"cr-b{number:05}" for number in range(200)]


def test_candidates_that_are_left_out_are_counted(
    organization: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "LONGEST_BODY", 1_000_000)

    body = ask("/validate", "instance_type=g6.xlarge&count=99&days=1").body

    assert body["candidates_left_out"] > 0
    assert len(body["candidates"]) + body["candidates_left_out"] == 6_000


@pytest.mark.parametrize(
    "path", ["/reservations", "/odcrs", "/events", "/reservations/cr-x", "/summary", "/status"]
)
def test_what_does_not_fit_at_all_is_answered_with_what_to_do(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(an_odcr("cr-x"), tags={"Note": "x" * 50_000})
    messages = [to_message(an_event(row))]
    monkeypatch.setattr(responses, "LONGEST_BODY", 2_000)

    with asked_of(Organization([row], messages)):
        answer = ask(path)

    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert answer.body["title"] == "Response too large"
    assert "Filter" in answer.body["detail"]


def test_an_event_that_is_too_large_is_left_out_of_its_reservation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thin = an_odcr("cr-x")
    messages = [to_message(an_event(replace(thin, tags={"Note": "x" * 200_000})))]
    monkeypatch.setattr(responses, "LONGEST_BODY", 100_000)

    with asked_of(Organization([thin], messages)):
        body = ask("/reservations/cr-x").body

    assert (body["events"], body["events_left_out"]) == ([], 1)


@pytest.mark.parametrize(
    "refused", [f"{'x' * 6_000_000}=1", f"limit={'9' * 6_000_000}", f"tag={'%22' * 2_000_000}"]
)
def test_a_refusal_repeats_only_so_much_of_what_it_refuses(refused: str) -> None:
    with asked_of(Organization()):
        answer = ask("/reservations", refused)

    assert answer.status == 400
    assert lambda_bytes(answer) < 20_000
