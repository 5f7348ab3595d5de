"""``GET /status``: when each watch was asked, how each region answered, and when it is due."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.settings import QuerySettings
from tests.builders import HOUR
from tests.lambdas.api import ask
from tests.lambdas.fakes import client_error
from tests.lambdas.market.exchange import OPERATION, a_raw_offering
from tests.lambdas.market.hunt import OHIO, Hunt, a_watch


@pytest.fixture
def asked(hunt: Hunt, deploy: Callable[..., None]) -> Hunt:
    """Two regions, one of which fails."""
    limited = a_watch(regions=[OHIO, "us-east-1", "us-west-2"], max_accelerator_hour_price=41)
    hunt.watches(limited)
    hunt.ohio.sold = [a_raw_offering(40), a_raw_offering(50, AvailabilityZone="us-east-2b")]
    hunt.exchange.of("us-east-1").fault = client_error("InternalError", OPERATION)
    hunt.exchange.of("us-west-2").take(10)
    hunt.start()
    deploy(QuerySettings)
    return hunt


def test_each_region_of_a_watch_has_its_outcome_and_its_times(asked: Hunt) -> None:
    (watch,) = ask("/status").body["watches"]
    assert (watch["name"], watch["every_seconds"], watch["really_every_seconds"]) == (
        "hunt",
        3600,
        3600,
    )
    regions = {it.pop("region"): it for it in watch["regions"]}
    noon = "2026-11-24T12:00:00Z"
    assert regions[OHIO] == {
        "outcome": "offered",
        "code": None,
        "message": None,
        "asked_at": noon,
        "answered_at": noon,
        "due_at": "2026-11-24T13:00:00Z",
        "offerings": 2,
        "within_limit": 1,
    }
    assert (regions["us-east-1"]["outcome"], regions["us-east-1"]["code"]) == (
        "failed",
        "InternalError",
    )
    assert regions["us-east-1"]["due_at"] == "2026-11-24T12:10:00Z"
    assert regions["us-west-2"]["outcome"] == "not-asked"
    unknown = ("asked_at", "answered_at", "offerings", "within_limit")
    assert [regions["us-west-2"][name] for name in unknown] == [None] * 4


def test_a_region_that_fails_later_keeps_its_last_answer(
    asked: Hunt, deploy: Callable[..., None]
) -> None:
    asked.clock.advance(HOUR)
    asked.ohio.fault = client_error("InternalError", OPERATION)
    asked.watches(a_watch(max_accelerator_hour_price=41))
    asked.start()
    deploy(QuerySettings)
    (ohio,) = ask("/status").body["watches"][0]["regions"]
    assert (ohio["outcome"], ohio["offerings"]) == ("failed", 2)
    assert ohio["answered_at"] == "2026-11-24T12:00:00Z"
    assert ohio["asked_at"] == "2026-11-24T13:00:00Z"


def test_a_watch_that_is_over_is_never_due(hunt: Hunt, deploy: Callable[..., None]) -> None:
    hunt.watches(a_watch(end_by="2026-11-24T12:00:00Z"))
    deploy(QuerySettings)
    (watch,) = ask("/status").body["watches"]
    assert watch["is_over"] is True
    assert watch["regions"][0]["due_at"] is None


def test_without_watches_there_are_none(hunt: Hunt, deploy: Callable[..., None]) -> None:
    hunt.watches()
    deploy(QuerySettings)
    assert ask("/status").body["watches"] == []
