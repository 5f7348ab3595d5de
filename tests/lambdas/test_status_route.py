"""``GET /status``: pages of scopes, and totals of all of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from lambdas.settings import QuerySettings
from tests.builders import HOME, HOUR, OTHER, an_odcr
from tests.lambdas.api import ask, pages
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.query.builders import Api
from truffle.core.model import FailureKind, Scope


@pytest.fixture
def api(stack: Stack, deploy: Callable[..., None], clock: Clock) -> Api:
    deploy(QuerySettings)
    return Api(stack, clock)


@pytest.fixture
def many(api: Api) -> Api:
    """Six scopes, one in each state but ``never``, and two that are current."""
    for region in ("us-east-1", "us-west-2", "eu-west-1"):
        api.collects(an_odcr(f"cr-{region}", region=region), scope=Scope(HOME, region))
    api.clock.advance(3 * HOUR)
    api.collects(scope=Scope(HOME, "us-east-1"))
    api.collects(scope=Scope(OTHER, "us-east-1"))
    api.fails(Scope(HOME, "us-west-2"))
    api.fails(Scope(OTHER, "us-west-2"), "UnauthorizedOperation", FailureKind.DENIED)
    return api


PAGED: dict[str, list[int]] = {
    "": [0, 1, 2, 3, 4],
    f"account={OTHER}": [3, 4],
    "region=us-west-2": [2, 4],
    "region=us-west-2,eu-west-1": [0, 2, 4],
    f"account={HOME}&region=us-east-1": [1],
    "state=current": [1, 3],
    "state=failed,old": [0, 2, 4],
    "state=never": [],
    "state=closed": [],
    "region=sa-east-1": [],
}


def test_the_pages_of_the_status_lead_through_the_scopes_that_are_asked_for(
    many: Api, subtests: pytest.Subtests
) -> None:
    regions = [(HOME, "eu-west-1"), (HOME, "us-east-1"), (HOME, "us-west-2")]
    every = [*regions, (OTHER, "us-east-1"), (OTHER, "us-west-2")]
    for (asked, found), limit in product(PAGED.items(), (1, 2, 1000)):
        with subtests.test(f"{asked} limit={limit}"):
            answers = pages("/status", asked, limit)
            scopes = [scope for answer in answers for scope in answer.body["scopes"]]
            assert [(it["account_id"], it["region"]) for it in scopes] == [every[n] for n in found]
            assert {answer.body["count"] for answer in answers} == {len(found)}
            assert all(len(answer.body["scopes"]) == limit for answer in answers[:-1])


def test_the_status_has_totals_whatever_page_and_state_is_asked_for(many: Api) -> None:
    answer = ask("/status", "state=current&limit=1").body
    assert answer["totals"] == {
        "scopes": 5,
        "by_state": {"failed": 2, "never": 0, "old": 1, "closed": 0, "current": 2},
        "by_error": {"NotCollected": 1, "RequestLimitExceeded": 1, "UnauthorizedOperation": 1},
        "observed_at": "2026-11-24T12:00:00Z",
        "newest": "2026-11-24T15:00:00Z",
    }
    assert answer["regions"] == ["eu-west-1", "us-east-1", "us-west-2"]


def test_the_totals_are_of_the_accounts_and_regions_that_are_asked_for(many: Api) -> None:
    answer = ask("/status", "region=us-west-2").body
    assert answer["totals"]["scopes"] == answer["totals"]["by_state"]["failed"] == 2
    assert answer["regions"] == ["eu-west-1", "us-east-1", "us-west-2"]


def test_what_is_expected_to_be_denied_is_closed(many: Api, deploy: Callable[..., None]) -> None:
    deploy(QuerySettings, expected_denied="*/us-west-2")
    answer = ask("/status", "state=closed").body
    (scope,) = answer["scopes"]
    assert (scope["account_id"], scope["state"], scope["error"]) == (
        OTHER,
        "closed",
        "UnauthorizedOperation",
    )
    assert answer["totals"]["by_state"]["failed"] == 1
