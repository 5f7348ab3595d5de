"""The settings: valid files, and the errors of invalid ones."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from tests.alerts import strategies
from tests.alerts.files import (
    ONCALL,
    QUEUE_ARN,
    SECRET_ARN,
    a_file,
    with_mute,
    with_oncall,
    with_when,
)
from tests.builders import HOME
from truffle.alerts.settings import (
    AlertSettings,
    DailySummary,
    Destination,
    DestinationKind,
    Mute,
    Route,
    SettingsError,
    When,
)
from truffle.alerts.settings_json import settings_to_json
from truffle.alerts.settings_parser import parse_settings
from truffle.core.events import EventType, Severity
from truffle.core.thresholds import Thresholds
from truffle.core.times import format_time

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


# --- what a file may say -------------------------------------------------------------------------


def test_an_empty_file_means_no_destination_and_the_default_thresholds() -> None:
    assert parse_settings({}) == AlertSettings((), (), (), Thresholds())


DESTINATIONS: dict[str, tuple[dict[str, Any], Destination]] = {
    "slack": (
        {"secret": "truffle/slack", "digest_above": 10},
        Destination(name="it", kind=DestinationKind.SLACK, secret="truffle/slack", digest_above=10),
    ),
    "teams": (
        {"secret": SECRET_ARN},
        Destination(name="it", kind=DestinationKind.TEAMS, secret=SECRET_ARN),
    ),
    "amazon-q": (
        {"daily_summary": {"at": "23:59"}},
        Destination(
            name="it",
            kind=DestinationKind.AMAZON_Q,
            daily_summary=DailySummary(time(23, 59), "UTC"),
        ),
    ),
    "email": (
        {
            "addresses": ["a@b.example", "c@d.example"],
            "daily_summary": {"at": "08:00", "time_zone": "Europe/Berlin"},
        },
        Destination(
            name="it",
            kind=DestinationKind.EMAIL,
            addresses=("a@b.example", "c@d.example"),
            daily_summary=DailySummary(time(8), "Europe/Berlin"),
        ),
    ),
    "sqs": (
        {"queue_arn": QUEUE_ARN},
        Destination(name="it", kind=DestinationKind.SQS, queue_arn=QUEUE_ARN),
    ),
    "https": ({"secret": "bus"}, Destination(name="it", kind=DestinationKind.HTTPS, secret="bus")),
    "pagerduty": (
        {"secret": "pd"},
        Destination(name="it", kind=DestinationKind.PAGERDUTY, secret="pd"),
    ),
    "opsgenie": (
        {"secret": "og"},
        Destination(name="it", kind=DestinationKind.OPSGENIE, secret="og"),
    ),
}


@pytest.mark.parametrize("kind", list(DestinationKind))
def test_each_kind_of_destination(kind: DestinationKind) -> None:
    raw, wanted = DESTINATIONS[kind]
    routes = [{"name": "all", "to": "it"}]
    settings = parse_settings({"destinations": {"it": {"kind": kind, **raw}}, "routes": routes})
    assert settings.destinations == (wanted,)


def test_people_read_in_four_kinds_of_destinations() -> None:
    for_people = {kind for kind in DestinationKind if kind.is_for_people}
    assert for_people == {
        DestinationKind.SLACK,
        DestinationKind.TEAMS,
        DestinationKind.AMAZON_Q,
        DestinationKind.EMAIL,
    }


def test_a_route_with_every_condition() -> None:
    raw = with_when(
        type=["state_changed", "idle"],
        severity=["warning"],
        reservation_type=["capacity-block"],
        state=["payment-failed"],
        account=[HOME],
        region=["us-east-1"],
        instance_type=["p5*", "p4d.24xlarge"],
        tag={"Team": ["research", "ops"], "aws:x:y": "z"},
    )
    when = When(
        types=(EventType.STATE_CHANGED, EventType.IDLE),
        severities=(Severity.WARNING,),
        reservation_types=("capacity-block",),
        states=("payment-failed",),
        accounts=(HOME,),
        regions=("us-east-1",),
        instance_types=("p5*", "p4d.24xlarge"),
        tags={"Team": ("research", "ops"), "aws:x:y": ("z",)},
    )
    assert parse_settings(raw).routes == (Route("all", ("oncall",), when),)


def test_a_route_without_a_condition_is_not_one_with_an_empty_condition() -> None:
    assert parse_settings(a_file()).routes[0].when is None
    assert parse_settings(with_when()).routes[0].when == When()


def test_a_single_value_stands_for_a_list_of_one() -> None:
    raw = a_file(routes=[{"name": "all", "to": "oncall", "when": {"severity": "critical"}}])
    assert parse_settings(raw).routes[0] == Route(
        "all", ("oncall",), When(severities=(Severity.CRITICAL,))
    )


def test_the_kinds_of_types_and_severities_are_enumerations() -> None:
    when = parse_settings(with_when(type=["idle"], severity=["good"])).routes[0].when
    assert when is not None
    assert isinstance(when.types[0], EventType)
    assert isinstance(when.severities[0], Severity)


def test_a_mute_with_everything() -> None:
    raw = with_mute(
        since="2026-11-30T12:00:00+01:00",
        reservation=["cr-0abc", "cb-0abc"],
        tag={"Team": "x"},
        account=[HOME],
    )
    assert parse_settings(raw).mutes == (
        Mute(
            reason="drain",
            until=UNTIL,
            since=datetime(2026, 11, 30, 11, tzinfo=UTC),
            reservation_ids=("cr-0abc", "cb-0abc"),
            tags={"Team": ("x",)},
            accounts=(HOME,),
            regions=("us-east-1",),
        ),
    )


@pytest.mark.parametrize(
    "until",
    [
        "2026-12-01T00:00:00Z",
        UNTIL,
        datetime(2026, 12, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_a_time_is_text_or_what_yaml_makes_of_it(until: object) -> None:
    assert parse_settings(with_mute(until=until)).mutes[0].until == UNTIL


@pytest.mark.parametrize("day", ["2026-12-01", date(2026, 12, 1)], ids=["text", "date"])
@pytest.mark.parametrize(
    ("zones", "since", "until"),
    [
        ({}, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ({"file": "Europe/Berlin"}, "2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z"),
        ({"mute": "America/New_York"}, "2026-12-01T05:00:00Z", "2026-12-02T05:00:00Z"),
        (
            {"file": "Europe/Berlin", "mute": "Asia/Tokyo"},
            "2026-11-30T15:00:00Z",
            "2026-12-01T15:00:00Z",
        ),
    ],
    ids=str,
)
def test_a_date_includes_its_whole_day_in_the_time_zone(
    day: object, zones: dict[str, str], since: str, until: str
) -> None:
    of_mute = {"time_zone": zones["mute"]} if "mute" in zones else {}
    raw = with_mute(since=day, until=day, **of_mute)
    if "file" in zones:
        raw["time_zone"] = zones["file"]
    (mute,) = parse_settings(raw).mutes
    assert mute.since is not None
    assert (format_time(mute.since), format_time(mute.until)) == (since, until)


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    """In Berlin 25 October 2026 has 25 hours."""
    raw = {**with_mute(since="2026-10-25", until="2026-10-25"), "time_zone": "Europe/Berlin"}
    (mute,) = parse_settings(raw).mutes
    assert mute.since is not None
    assert mute.until - mute.since == timedelta(hours=25)


def test_the_time_zone_of_the_file_is_that_of_summaries_without_one() -> None:
    summaries = {"a": {"at": "08:00"}, "b": {"at": "08:00", "time_zone": "UTC"}}
    raw = {
        "destinations": {
            name: {"kind": "amazon-q", "daily_summary": summary}
            for name, summary in summaries.items()
        },
        "time_zone": "Europe/Berlin",
    }
    found = [it.daily_summary for it in parse_settings(raw).destinations]
    assert [it and it.time_zone for it in found] == ["Europe/Berlin", "UTC"]


@pytest.mark.parametrize("until", ["9999-12-31", date(9999, 12, 31)], ids=str)
def test_a_day_without_an_end_is_one_clear_problem(until: object) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(with_mute(until=until))
    (problem,) = caught.value.problems
    assert problem.startswith('mutes[0].until = "9999-12-31": use a date within the years')


def test_yaml_s_number_is_an_account_as_long_as_it_has_12_digits() -> None:
    when = parse_settings(with_when(account=[123456789012])).routes[0].when
    assert when == When(accounts=("123456789012",))


def test_every_threshold_and_prices() -> None:
    raw = {
        "thresholds": {
            "starting_soon": ["2h"],
            "ending_soon": ["7d", "1h"],
            "payment_due": {"after_purchase": "10h", "before_start": "2h"},
            "late_delivery": ["30m", "2h"],
            "idle": {"capacity-block": ["1h"], "odcr": []},
            "fleet_short": ["90m"],
            "scope_failing": 5,
        },
        "prices": {"p5.48xlarge": 55.04, "p4*": 32},
        "block_fees": {"cb-0123": 9000},
    }
    hour = timedelta(hours=1)
    assert parse_settings(raw).thresholds == Thresholds(
        starting_soon=(2 * hour,),
        ending_soon=(timedelta(days=7), hour),
        payment_due_after_purchase=10 * hour,
        payment_due_before_start=2 * hour,
        late_delivery=(timedelta(minutes=30), 2 * hour),
        idle_blocks=(hour,),
        idle_odcrs=(),
        fleet_short=(1.5 * hour,),
        scope_failing=5,
        prices={"p5.48xlarge": 55.04, "p4*": 32.0},
        block_fees={"cb-0123": 9000.0},
    )


def test_a_threshold_that_is_not_named_keeps_its_default() -> None:
    settings = parse_settings({"thresholds": {"payment_due": {"before_start": "2h"}}})
    assert settings.thresholds == Thresholds(payment_due_before_start=timedelta(hours=2))


def test_a_destination_with_a_daily_summary_needs_no_route() -> None:
    raw = {"destinations": {"oncall": {**ONCALL, "daily_summary": {"at": "08:00"}}}}
    assert parse_settings(raw).routes_to("oncall") == ()


def test_destinations_and_routes_are_found_by_name() -> None:
    settings = parse_settings(a_file())
    assert settings.destination("oncall") is settings.destinations[0]
    assert settings.routes_to("oncall") == settings.routes


def test_without_any_time_zones_on_the_machine_the_name_alone_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zoneinfo import ZoneInfoNotFoundError

    from truffle.core import validators

    def unknown(key: str) -> None:
        raise ZoneInfoNotFoundError(key)

    monkeypatch.setattr(validators, "ZoneInfo", unknown)
    raw = with_oncall(daily_summary={"at": "08:00", "time_zone": "Europe/Berlin"})
    summary = parse_settings(raw).destinations[0].daily_summary
    assert summary == DailySummary(time(8), "Europe/Berlin")


# --- as JSON -------------------------------------------------------------------------------------


@given(settings=strategies.settings())
def test_any_settings_are_the_same_after_json(settings: AlertSettings) -> None:
    text = json.dumps(settings_to_json(settings))
    assert parse_settings(json.loads(text)) == settings


@given(settings=strategies.settings())
def test_the_json_is_canonical(settings: AlertSettings) -> None:
    result = settings_to_json(settings)
    assert settings_to_json(parse_settings(result)) == result
