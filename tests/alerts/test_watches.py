"""The watches of a file: the meaning of each key, invalid values, and the output of `check`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import NOON
from truffle.alerts.settings import AlertSettings, SettingsError
from truffle.alerts.settings_parser import parse_settings
from truffle.core.market.watches import Question, Watch
from truffle.render.alerts import render_settings
from truffle.render.style import Style

HUNT = {
    "name": "hunt",
    "instance_type": "p5.48xlarge",
    "count": 8,
    "days": 7,
    "regions": ["us-east-1"],
}


def a_file(*watches: dict[str, Any], **more: Any) -> AlertSettings:
    return parse_settings({"watches": list(watches), **more})


def problem_of(**changes: Any) -> str:
    """The problem of a watch with these keys; None removes one."""
    watch = {key: value for key, value in {**HUNT, **changes}.items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        a_file(watch)
    return str(caught.value)


def test_a_watch_with_what_it_needs() -> None:
    (watch,) = a_file(HUNT).watches
    question = Question("p5.48xlarge", 8, 168)
    assert watch == Watch("hunt", question, ("us-east-1",), timedelta(hours=1))


def test_a_watch_with_everything() -> None:
    (watch,) = a_file(
        {
            "name": "big",
            "instance_type": "u-p6e-gb200x72",
            "count": 1,
            "duration_hours": 48,
            "start_after": "2026-12-01",
            "end_by": "2026-12-05",
            "regions": "us-east-1",
            "max_accelerator_hour_price": 10.58,
            "every": "15m",
        },
        time_zone="Europe/Berlin",
    ).watches
    assert watch.question == Question(
        "u-p6e-gb200x72",
        1,
        48,
        datetime(2026, 11, 30, 23, tzinfo=UTC),
        datetime(2026, 12, 5, 23, tzinfo=UTC),
        Decimal("10.58"),
    )
    assert (watch.regions, watch.every) == (("us-east-1",), timedelta(minutes=15))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": None}, "watches[0].name: is required"),
        ({"name": "The Hunt"}, "lower-case letters, digits and hyphens"),
        ({"instance_type": "p5*"}, 'instance_type = "p5*": use an instance type such as'),
        ({"count": 65}, "watches[0].count = 65: use a whole number from 1 to 64"),
        ({"days": None}, "watches[0]: give either days or duration_hours"),
        ({"duration_hours": 24}, "give only one of days and duration_hours"),
        ({"days": 15}, "whole weeks up to 182 days; the next one is 21 days"),
        ({"days": 183}, "use a whole number from 1 to 182"),
        ({"days": None, "duration_hours": 30}, "the next one is 2 days (48 hours)"),
        ({"regions": ["us-*", "af-*"]}, "regions: af-* matches no region that every account has"),
        ({"regions": ["us-esat-1"]}, "did you mean us-east-1?"),
        ({"regions": []}, "an empty list matches nothing"),
        ({"start_after": "soon"}, "use a time with its offset"),
        (
            {"start_after": "2026-12-05", "end_by": "2026-12-01"},
            "end_by: must be after start_after",
        ),
        ({"max_accelerator_hour_price": 0}, "a number above 0"),
        ({"every": "30s"}, "use a duration such as"),
        ({"evry": "1h"}, "a watch has no such key; did you mean every?"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(changes: dict[str, Any], says: str) -> None:
    assert says in problem_of(**changes)


@pytest.mark.parametrize(
    ("regions", "asked"),
    [
        (["us-*"], ["us-east-1", "us-east-2", "us-west-1", "us-west-2"]),
        (["us-east-?", "us-east-2", "af-south-1"], ["us-east-1", "us-east-2", "af-south-1"]),
        (["eu-*"], ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"]),
    ],
    ids=str,
)
def test_a_glob_stands_for_regions_that_every_account_has(
    regions: list[str], asked: list[str]
) -> None:
    (watch,) = a_file({**HUNT, "regions": regions}).watches
    assert list(watch.regions) == asked


def test_without_regions_all_that_every_account_has_are_asked() -> None:
    (watch,) = a_file({key: value for key, value in HUNT.items() if key != "regions"}).watches
    assert len(set(watch.regions)) == 17
    assert {"us-east-1", "sa-east-1", "eu-north-1"} <= set(watch.regions)
    assert "me-south-1" not in watch.regions


def test_check_names_the_regions_that_a_glob_stands_for() -> None:
    found = a_file({**HUNT, "regions": ["us-*"]}, {**HUNT, "name": "wide", "regions": ["eu-*"]})
    text = render_settings(found, "alerts.yaml", NOON, Style())
    assert "| us-east-1, us-east-2, us-west-1, us-west-2 |" in text
    assert "| 5 regions " in text
    expected = "eu-central-1, eu-north-1, eu-west-1, eu-west-2, eu-west-3"
    assert f"Regions of wide: {expected}" in text


def test_two_watches_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="2 watches have the name hunt"):
        a_file(HUNT, HUNT)


def test_more_watches_than_50_are_refused() -> None:
    with pytest.raises(SettingsError, match="there are 51 watches: use at most 50"):
        a_file(*({**HUNT, "name": f"w{number}"} for number in range(51)))


def test_check_says_how_often_a_watch_is_really_asked() -> None:
    crowd = [{**HUNT, "name": f"w{number}", "every": "1m"} for number in range(12)]
    calm = {**HUNT, "name": "calm", "regions": ["us-west-2"]}
    over = {**HUNT, "name": "over", "end_by": "2026-11-01", "regions": ["eu-west-1"]}
    text = render_settings(a_file(*crowd, calm, over), "alerts.yaml", NOON, Style())
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if "|" in line}
    assert "8 × p5.48xlarge, 7 days" in lines["w0"]
    assert lines["w0"].split("|")[4].strip() == "100 s, not 60 s"
    assert lines["calm"].split("|")[4].strip() == "1 h"
    assert lines["over"].split("|")[4].strip() == "never: its end_by has passed"
