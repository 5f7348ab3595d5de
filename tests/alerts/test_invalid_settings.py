"""Invalid settings of alerts: each problem names its location and what is allowed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.alerts.files import (
    MUTE,
    ONCALL,
    QUEUE_ARN,
    SECRET_ARN,
    TO_ONCALL,
    a_file,
    with_mute,
    with_oncall,
    with_when,
)
from truffle.alerts.settings import (
    SettingsError,
    When,
)
from truffle.alerts.settings_parser import parse_settings


def with_name(name: str) -> dict[str, Any]:
    return {"destinations": {name: ONCALL}, "routes": [{"name": "all", "to": name}]}


def problems(raw: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        parse_settings(raw)
    return raised.value.problems


# --- what is wrong -------------------------------------------------------------------------------

HOOK = "https://hooks.slack.example/services/T0/B0/s3cr3t"


WRONG: list[tuple[Any, str]] = [
    # names
    (with_name("On Call"), 'destinations: the key "On Call": use lower-case'),
    (with_name("x" * 41), "at most 40"),
    (a_file(routes=[{**TO_ONCALL, "name": "My route"}]), 'routes[0].name = "My route": use lower'),
    (a_file(routes=[{"to": ["oncall"]}]), "routes[0].name: is required"),
    (
        a_file(routes=[TO_ONCALL, TO_ONCALL]),
        "routes: 2 routes have the name all: names must be unique",
    ),
    # keys
    (a_file(mute=[]), "mute: the file has no such key; did you mean mutes?"),
    (a_file(colour=1), "colour: the file has no such key; use destinations, routes, mutes,"),
    (
        with_oncall(digest=3),
        "a destination of kind slack has no such key; did you mean digest_above",
    ),
    (with_when(severities=["info"]), "routes[0].when.severities: a condition has no such key; use"),
    (a_file(routes=[{**TO_ONCALL, "if": {}}]), "routes[0].if: a route has no such key; use name,"),
    (with_mute(ends="x"), "mutes[0].ends: a mute has no such key"),
    (a_file(thresholds={"starting": ["1h"]}), "did you mean starting_soon?"),
    (a_file(thresholds={"idle": {"blocks": ["1h"]}}), "thresholds.idle.blocks: idle has no such"),
    (
        with_oncall(daily_summary={"at": "08:00", "zone": "UTC"}),
        "zone: a daily summary has no",
    ),
    # shapes
    ([], "the file = []: use an object with destinations, routes"),
    ({"destinations": [ONCALL]}, "use an object"),
    (a_file(destinations={"oncall": "slack"}), 'destinations.oncall = "slack": use an object'),
    (a_file(routes={"all": TO_ONCALL}), "routes = "),
    (with_when(severity={"critical": True}), "routes[0].when.severity = "),
    (with_when(severity=[]), "routes[0].when.severity: an empty list matches nothing"),
    (a_file(routes=[{**TO_ONCALL, "when": None}]), "routes[0].when = null: use an object"),
    (with_when(tag=["Team"]), 'routes[0].when.tag = ["Team"]: use an object'),
    # destinations
    (with_oncall(kind="slak"), 'oncall.kind = "slak": did you mean slack? use slack, teams,'),
    (a_file(destinations={"oncall": {}}), "destinations.oncall.kind: is required"),
    (a_file(destinations={"oncall": {"kind": "slack"}}), "destinations.oncall.secret: is required"),
    (
        a_file(destinations={"oncall": {"kind": "sqs"}}),
        "destinations.oncall.queue_arn: is required",
    ),
    (a_file(destinations={"oncall": {"kind": "email"}}), "destinations.oncall.addresses: is requ"),
    (
        with_oncall(secret="a secret"),
        'destinations.oncall.secret = "a secret": use a secret\'s name',
    ),
    (with_oncall(secret=SECRET_ARN[:-7]), "the complete ARN of a secret (it ends in a hyphen"),
    (with_oncall(secret=7), "destinations.oncall.secret = 7: use a secret's name or its complete"),
    (with_oncall(secret=HOOK), "belongs in Secrets Manager; give the secret's name"),
    (with_oncall(secret="hooks.slack.com/services/T0/B0/s3cr3t"), "this is the secret itself"),
    (with_oncall(secret="0123456789abcdef" * 2), "this is the secret itself"),
    (with_oncall(secret="f47ac10b-58cc-4372-a567-0e02b2c3d479"), "this is the secret itself"),
    (with_oncall(secret="xoxb-123-abc"), "belongs in Secrets Manager; give the secret's name"),
    (with_oncall(kind="https", digest_above=3), "a destination of kind https has no such key"),
    (with_oncall(digest_above=0), "oncall.digest_above = 0: use a whole number from 1 to 1000"),
    (with_oncall(digest_above=True), "use a whole number from 1 to 1000"),
    (with_oncall(digest_above="10"), "use a whole number from 1 to 1000"),
    (with_oncall(daily_summary={}), "destinations.oncall.daily_summary.at: is required"),
    (with_oncall(daily_summary={"at": "8:00"}), 'daily_summary.at = "8:00": use a time of the day'),
    (with_oncall(daily_summary={"at": "24:00"}), "use a time of the day"),
    (with_oncall(daily_summary={"at": 630}), "in quotes"),
    (
        with_oncall(daily_summary={"at": "08:00", "time_zone": "Europe/Berln"}),
        'time_zone = "Europe/Berln": did you mean Europe/Berlin? use an IANA time zone such as UTC',
    ),
    (with_oncall(daily_summary={"at": "08:00", "time_zone": "../etc/passwd"}), "an IANA time zone"),
    (with_oncall(daily_summary={"at": "08:00", "time_zone": 2}), "an IANA time zone"),
    (
        a_file(destinations={"oncall": {"kind": "email", "addresses": ["me"]}}),
        'destinations.oncall.addresses[0] = "me": use e-mail addresses',
    ),
    (
        a_file(destinations={"oncall": {"kind": "sqs", "queue_arn": QUEUE_ARN + ".fifo"}}),
        "use the ARN of a standard SQS queue",
    ),
    # routes
    (
        a_file(routes=[{"name": "all", "to": ["oncal"]}]),
        'routes[0].to[0] = "oncal": did you mean on',
    ),
    (a_file(routes=[{"name": "all", "to": []}]), "routes[0].to: an empty list"),
    (a_file(routes=[{"name": "all"}]), "routes[0].to: is required"),
    ({"routes": [TO_ONCALL]}, "there are none"),
    (a_file(routes=[]), "destinations.oncall: no route has the destination oncall"),
    (
        {"destinations": {"oncall": ONCALL}},
        "destinations.oncall: no route has the destination oncall",
    ),
    (
        with_when(severity=["urgent"]),
        'routes[0].when.severity[0] = "urgent": use info, good, warning, critical',
    ),
    (with_when(severity="urgent"), 'routes[0].when.severity = "urgent": use info, good,'),
    (with_when(type=["ending"]), 'routes[0].when.type[0] = "ending": '),
    (with_when(type=["state_chnged"]), "did you mean state_changed?"),
    (with_when(reservation_type=["block"]), "use odcr, capacity-block"),
    (with_when(state=["payment-faild"]), "did you mean payment-failed?"),
    (with_when(state=["Active!"]), "did you mean active?"),
    (with_when(state=["payment_failed"]), "did you mean payment-failed?"),
    (with_when(state=["!"]), "use EC2's states such as active"),
    (with_when(account=["123"]), 'routes[0].when.account[0] = "123": use account ids of 12 digits'),
    (with_when(account=[5497558138]), "in quotes"),
    (with_when(region=["us-esat-1"]), 'region[0] = "us-esat-1": did you mean us-east-1?'),
    (with_when(region=["moon"]), "use region names such as us-east-1"),
    (with_when(instance_type=["P5 *"]), "use instance types such as p5.48xlarge, or globs"),
    (with_when(tag={"Team": [1]}), "routes[0].when.tag.Team[0] = 1: use text, in quotes"),
    (
        with_when(tag={"Team": True}),
        "Team = true: use text, in quotes: without them this is a boolean",
    ),
    (with_when(tag={1: "x"}), "routes[0].when.tag: the key 1: use keys of tags"),
    # mutes
    (with_mute(reason=None), "mutes[0].reason: is required"),
    (with_mute(reason=" "), 'mutes[0].reason = " ": use a reason, in a few words'),
    (with_mute(until=None), "mutes[0].until: is required"),
    (with_mute(until="tomorrow"), 'until = "tomorrow": use a time with its offset such as 2026-12'),
    (with_mute(until="2026-12-01T00:00:00"), "use a time with its offset"),
    (with_mute(until=datetime(2026, 12, 1)), "use a time with its offset"),  # noqa: DTZ001
    (with_mute(until=1796083200), "use a time with its offset"),
    (with_mute(since="2026-12-02"), "mutes[0].since: must be before until"),
    (with_mute(region=None), "give at least one of reservation, tag, account, region"),
    (with_mute(region=None, tag={}), "give at least one of reservation, tag, account, region"),
    (with_mute(reservation=["p5"]), "use ids such as cr-0abc or cb-0abc"),
    # thresholds and prices
    (
        a_file(thresholds={"starting_soon": ["-1h"]}),
        'starting_soon[0] = "-1h": use a duration such',
    ),
    (a_file(thresholds={"starting_soon": ["soon"]}), "use a duration such as 40m, 24h or 14d"),
    (a_file(thresholds={"starting_soon": ["0m"]}), "above 0"),
    (a_file(thresholds={"ending_soon": [24]}), "thresholds.ending_soon[0] = 24: use a duration"),
    (a_file(thresholds={"ending_soon": ["9999999999999d"]}), "at most 400 days"),
    (a_file(thresholds={"payment_due": {"before_start": "-2h"}}), "thresholds.payment_due.before_"),
    (a_file(thresholds={"scope_failing": 0}), "use a whole number from 1 to 1000"),
    (a_file(thresholds={"price_dropped": 0}), "price_dropped = 0: use a percentage above 0"),
    (a_file(thresholds={"offering_quiet": "0m"}), 'offering_quiet = "0m": use a duration'),
    (
        a_file(prices={"p5.48xlarge": "55"}),
        'prices.p5.48xlarge = "55": use US dollars per instance',
    ),
    (a_file(prices={"p5.48xlarge": -1}), "a number above 0"),
    (a_file(prices={"P5": 1}), 'prices: the key "P5": use instance types'),
]


@pytest.mark.parametrize(("raw", "result"), WRONG, ids=[result for _, result in WRONG])
def test_a_wrong_file_is_one_clear_problem(raw: Any, result: str) -> None:
    (problem,) = problems(raw)
    assert result in problem


@pytest.mark.parametrize(
    "raw",
    [
        with_oncall(secret=HOOK),
        with_oncall(url=HOOK),
        a_file(destinations={"oncall": HOOK}),
        with_when(state=[HOOK]),
        with_oncall(kind=HOOK.upper()),
        with_oncall(secret="xoxb-s3cr3t"),
    ],
    ids=str,
)
def test_what_may_be_a_secret_is_never_shown(raw: Any) -> None:
    assert "s3cr3t" not in "\n".join(problems(raw)).lower()


def test_names_that_differ_in_hyphens_alone_are_too_similar() -> None:
    twins = {"team-1": ONCALL, "team1": ONCALL}
    raw = {"destinations": twins, "routes": [{"name": "all", "to": ["team-1", "team1"]}]}
    assert problems(raw) == ("destinations.team1: differs from team-1 only in hyphens",)


def test_all_problems_are_reported_at_once() -> None:
    found = problems(
        {
            "destinations": {
                "oncall": {"kind": "slack"},
                "lost": {"kind": "sqs", "queue_arn": "x"},
            },
            "routes": [{"name": "A", "to": ["oncall", "lost"], "when": {"severity": ["bad"]}}],
            "mutes": [{"region": "moon"}],
            "thresholds": {"scope_failing": -1},
            "price": {},
        }
    )
    assert [problem.partition(" ")[0].rstrip(":") for problem in found] == [
        "price",
        "destinations.oncall.secret",
        "destinations.lost.queue_arn",
        "routes[0].name",
        "routes[0].when.severity[0]",
        "mutes[0].reason",
        "mutes[0].until",
        "mutes[0].region",
        "thresholds.scope_failing",
    ]
    with pytest.raises(
        SettingsError, match=r"(?s)price.*destinations.lost: no route has the destination lost"
    ):
        parse_settings({"price": {}, "destinations": {"lost": ONCALL}})


def test_a_destination_is_not_called_lost_while_the_routes_are_wrong() -> None:
    (problem,) = problems(a_file(routes=[{"name": "all", "to": ["oncal"]}]))
    assert problem.startswith("routes[0].to[0]")


def test_a_long_value_is_shortened() -> None:
    (problem,) = problems(with_oncall(digest_above="9" * 5000))
    assert len(problem) < 250


@pytest.mark.parametrize("glob", ["us-*", "*", "eu-west-?"])
def test_regions_may_be_globs(glob: str) -> None:
    settings = parse_settings({**with_when(region=glob), "mutes": [{**MUTE, "region": glob}]})
    assert settings.routes[0].when == When(regions=(glob,))
    assert settings.mutes[0].regions == (glob,)


def test_an_unknown_state_and_region_are_allowed() -> None:
    when = parse_settings(with_when(state=["teleporting"], region=["xx-moon-1"])).routes[0].when
    assert when == When(states=("teleporting",), regions=("xx-moon-1",))
