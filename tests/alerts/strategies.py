"""Settings of alerts, and events for them, from small pools so that values meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.builders import HOUR, NOON, a_block, a_scope_event, an_event, an_odcr
from tests.strategies import ACCOUNTS, INSTANCE_TYPES, REGIONS, STATES, TAG_KEYS, TAG_VALUES
from truffle.alerts.market_sample import sample_market_events
from truffle.alerts.settings import (
    AlertSettings,
    DailySummary,
    Destination,
    DestinationKind,
    Mute,
    Route,
    When,
)
from truffle.core.events import MARKET_TYPES, Event, EventType, Severity
from truffle.core.market.watches import Question, Watch
from truffle.core.model import TYPES, Reservation, Scope
from truffle.core.thresholds import Thresholds

GLOBS = (*filter(None, INSTANCE_TYPES), "p5*", "p?d.*", "*", "*.48xlarge", "[pg]*", "p5e.*")
REGION_GLOBS = (*REGIONS, "us-*", "*-1", "eu-west-?")
NAMES = ("first", "second", "third")
IDS = ("cr-0abc", "cb-0abc", "cr-odcr")
SECRETS = (
    "truffle/slack",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:truffle/teams-AbCdEf",
)


def some(values: Any, least: int = 0, most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of these values, each once, often none."""
    pool = st.sampled_from(tuple(values))
    return st.lists(pool, min_size=least, max_size=most, unique=True).map(tuple)


tags: st.SearchStrategy[dict[str, tuple[str, ...]]] = st.dictionaries(
    st.sampled_from(TAG_KEYS), some(TAG_VALUES, 1), max_size=2
) | st.just({})
conditions = st.builds(
    When,
    types=some(EventType),
    severities=some(Severity),
    reservation_types=some(TYPES),
    states=some(state for state in STATES if state != "teleporting"),
    accounts=some(ACCOUNTS),
    regions=some(REGION_GLOBS),
    instance_types=some(GLOBS),
    tags=tags,
)
grid = st.integers(-5, 5).map(lambda hours: NOON + hours * HOUR)
windows: st.SearchStrategy[dict[str, Any]] = st.tuples(grid, st.integers(1, 10)).map(
    lambda pair: {"since": pair[0], "until": pair[0] + pair[1] * HOUR}
)
mutes = (
    st.tuples(
        st.builds(
            Mute,
            reason=st.sampled_from(("planned drain", "moving: ünïcode", "x")),
            until=st.just(NOON),
            reservation_ids=some(IDS),
            tags=tags,
            accounts=some(ACCOUNTS),
            regions=some(REGION_GLOBS),
        ),
        windows,
    )
    .map(lambda pair: replace(pair[0], **pair[1]))
    .filter(lambda mute: any((mute.reservation_ids, mute.tags, mute.accounts, mute.regions)))
)
summaries = st.builds(
    DailySummary,
    at=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    time_zone=st.sampled_from(("UTC", "Europe/Berlin", "America/Los_Angeles")),
)
lengths = st.lists(
    st.integers(1, 40_000).map(lambda minutes: timedelta(minutes=minutes)),
    max_size=3,
    unique=True,
).map(tuple)
length = st.integers(1, 40_000).map(lambda minutes: timedelta(minutes=minutes))
thresholds = st.builds(
    Thresholds,
    starting_soon=lengths,
    ending_soon=lengths,
    payment_due_after_purchase=length,
    payment_due_before_start=length,
    late_delivery=lengths,
    idle_blocks=lengths,
    idle_odcrs=lengths,
    fleet_short=lengths,
    scope_failing=st.integers(1, 9),
    price_dropped=st.sampled_from((0.5, 2, 10)),
    offering_quiet=length,
    prices=st.dictionaries(
        st.sampled_from(GLOBS), st.sampled_from((0.5, 55.04, 98.32)), max_size=2
    ),
)


questions = st.builds(
    Question,
    st.sampled_from(("p5.48xlarge", "u-p6e-gb200x72")),
    st.integers(1, 64),
    st.sampled_from((24, 336, 504, 4368)),
    st.none() | st.just(datetime(2026, 12, 1, tzinfo=UTC)),
    st.none() | st.just(datetime(2026, 12, 31, 11, 30, tzinfo=UTC)),
    st.none() | st.sampled_from((Decimal("0.1"), Decimal("4.5"), Decimal(99))),
)


@st.composite
def watches(draw: st.DrawFn) -> tuple[Watch, ...]:
    return tuple(
        Watch(name, draw(questions), draw(some(("us-east-1", "eu-north-1"), 1, 2)), draw(length))
        for name in NAMES[: draw(st.integers(0, 3))]
    )


@st.composite
def destinations(draw: st.DrawFn, name: str) -> Destination:
    """A destination of any kind with what its kind takes."""
    kind = draw(st.sampled_from(DestinationKind))
    for_people: dict[str, Any] = {
        "digest_above": draw(st.none() | st.integers(1, 1000)),
        "daily_summary": draw(st.none() | summaries),
    }
    by_kind: dict[DestinationKind, dict[str, Any]] = {
        DestinationKind.SQS: {"queue_arn": "arn:aws:sqs:us-east-1:123456789012:warehouse"},
        DestinationKind.EMAIL: {"addresses": ("people@example.com",)},
        DestinationKind.AMAZON_Q: {},
    }
    own = by_kind.get(kind, {"secret": draw(st.sampled_from(SECRETS))})
    return Destination(name=name, kind=kind, **own, **(for_people if kind.is_for_people else {}))


@st.composite
def settings(draw: st.DrawFn) -> AlertSettings:
    """Any settings that are valid: every destination has a route."""
    names = NAMES[: draw(st.integers(0, 3))]
    targets = [to for to in draw(st.lists(some(NAMES, 0, 3), max_size=3)) if set(to) <= set(names)]
    routes = [
        Route(f"route-{number}", to, draw(st.none() | conditions))
        for number, to in enumerate(filter(None, targets))
    ]
    reached = {name for route in routes for name in route.to}
    missing = tuple(name for name in names if name not in reached)
    last = [Route("rest", missing, draw(st.none() | conditions))] if missing else []
    return AlertSettings(
        tuple(draw(destinations(name)) for name in names),
        (*routes, *last),
        tuple(draw(st.lists(mutes, max_size=2))),
        draw(thresholds),
        draw(watches()),
    )


_placed = {"account_id": st.sampled_from(ACCOUNTS), "region": st.sampled_from(REGIONS)}
_rows: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from(STATES),
    "instance_type": st.sampled_from(INSTANCE_TYPES),
    "tags": st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES), max_size=2),
    **_placed,
}
_reservations: st.SearchStrategy[Reservation] = st.fixed_dictionaries(_rows).flatmap(
    lambda facts: st.sampled_from(
        (a_block("cr-0abc", capacity_block_id="cb-0abc", **facts), an_odcr("cr-odcr", **facts))
    )
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Something that happened to a reservation, to a scope or on the market, around noon."""
    found: dict[str, Any] = {
        "severity": draw(st.sampled_from(Severity)),
        "observed_at": draw(grid),
        "account_id": draw(_placed["account_id"]),
    }
    if draw(st.integers(0, 4)) == 0:
        kind = draw(st.sampled_from((EventType.SCOPE_FAILING, EventType.SCOPE_RECOVERED)))
        return replace(a_scope_event(), type=kind, region=draw(_placed["region"]), **found)
    if draw(st.integers(0, 4)) == 0:
        scope = Scope(found["account_id"], draw(_placed["region"]))
        of_market = list(sample_market_events(scope, draw(_rows["instance_type"]), NOON))
        return replace(draw(st.sampled_from(of_market)), **found)
    return an_event(draw(_reservations), type=draw(st.sampled_from(_OF_RESERVATIONS)), **found)


_OF_RESERVATIONS = [kind for kind in EventType if kind not in MARKET_TYPES]
