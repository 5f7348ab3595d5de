"""Query parameters → a filter, an order and a page; other values are errors that name what is
allowed."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tests.builders import HOME, OTHER
from tests.core.queries import EVERY_TYPE, RUN, some
from truffle.core.filters import Filter
from truffle.core.order import Order
from truffle.core.parameters import EVENTS, LIST, VALIDATE, BadParameter, parse
from truffle.core.queries import Page, parse_filter, parse_list, to_page


def refusal(given: dict[str, Sequence[str]]) -> BadParameter:
    with pytest.raises(BadParameter) as caught:
        parse_list(given)
    return caught.value


def test_the_parameters_are_the_contracts() -> None:
    assert [parameter.name for parameter in LIST] == [
        *("type", "instance_type", "region", "availability_zone"),
        *("name", "account", "owner", "state"),
        *("accelerator", "gpu_only", "available_only", "active_only", "min_capacity", "tag"),
        *("starts_before", "starts_after", "ends_before", "ends_after"),
        *("sort", "limit", "next_token", "as_of"),
    ]
    assert [parameter.name for parameter in EVENTS] == [
        *("since", "until", "type", "severity", "reservation_id", "account"),
        *("limit", "next_token"),
    ]
    assert [parameter.name for parameter in VALIDATE] == [
        *("instance_type", "count", "days", "start_by")
    ]


def test_no_parameter_hides_nothing_in_the_default_order_100_at_a_time() -> None:
    query = parse_list({})

    assert query.filter == Filter()
    assert query.order == Order()
    assert query.page == Page(limit=100, next_token=None)


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("type", ["odcr"], Filter(types=some("odcr"))),
        ("instance_type", ["p5*", "g6.xlarge"], Filter(instance_types=some("p5*", "g6.xlarge"))),
        ("instance_type", ["ml.p5.48xlarge"], Filter(instance_types=some("ml.p5.48xlarge"))),
        ("instance_type", ["db.r7g.*"], Filter(instance_types=some("db.r7g.*"))),
        ("region", ["us-gov-west-1"], Filter(regions=some("us-gov-west-1"))),
        ("availability_zone", ["us-east-1a"], Filter(availability_zones=some("us-east-1a"))),
        (
            "availability_zone",
            ["us-east-1-wl1-bos-wlz-1"],
            Filter(availability_zones=some("us-east-1-wl1-bos-wlz-1")),
        ),
        (
            "availability_zone",
            ["us-east-1-dfw-2a"],
            Filter(availability_zones=some("us-east-1-dfw-2a")),
        ),
        ("account", [HOME], Filter(accounts=some(HOME))),
        ("owner", [OTHER], Filter(owners=some(OTHER))),
        ("state", ["payment-failed"], Filter(states=some("payment-failed"))),
        ("state", ["a-state-of-next-year"], Filter(states=some("a-state-of-next-year"))),
        ("accelerator", ["H100,Trainium2"], Filter(accelerators=some("H100", "Trainium2"))),
        ("gpu_only", ["true"], Filter(gpu_only=True)),
        ("gpu_only", ["false"], Filter()),
        ("available_only", ["True"], Filter(available_only=True)),
        ("active_only", ["true"], Filter(active_only=EVERY_TYPE)),
        ("active_only", ["false"], Filter()),
        ("min_capacity", ["0"], Filter(min_capacity=0)),
        ("min_capacity", ["10"], Filter(min_capacity=10)),
        ("tag", ["Team:ops"], Filter(tags={"Team": some("ops")})),
        (
            "starts_after",
            ["2026-11-24T11:30:00Z"],
            Filter(starts_after=datetime(2026, 11, 24, 11, 30, tzinfo=UTC)),
        ),
        (
            "ends_before",
            ["2026-11-24t11:30:00z"],
            Filter(ends_before=datetime(2026, 11, 24, 11, 30, tzinfo=UTC)),
        ),
        ("ends_after", ["2026-11-24"], Filter(ends_after=datetime(2026, 11, 24, tzinfo=UTC))),
    ],
)
def test_each_parameter_becomes_its_part_of_the_filter(
    name: str, texts: list[str], expected: Filter
) -> None:
    assert parse_filter({name: texts}) == expected


def test_values_can_be_comma_separated_or_repeated_and_both_mean_or() -> None:
    expected = Filter(regions=some("us-east-1", "us-east-2", "eu-west-1"))

    assert parse_filter({"region": ["us-east-1,us-east-2,eu-west-1"]}) == expected
    assert parse_filter({"region": ["us-east-1", "us-east-2", "eu-west-1"]}) == expected
    assert parse_filter({"region": ["us-east-1, us-east-2", " eu-west-1 "]}) == expected


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("Team:research", "Team", "research"),
        ("Team:", "Team", ""),
        ("url:https://example.org/a?b=c", "url", "https://example.org/a?b=c"),
        (r"a\:b:c", "a:b", "c"),
        (r"Team:a\,b", "Team", "a,b"),
        (r"path:C:\dir", "path", r"C:\dir"),
        (r"path:C:\\\,\\", "path", r"C:\,\\"[:-1]),
        (r"a\\:b", "a\\", "b"),
        ("Team: a ", "Team", " a "),
        (" a :b", " a ", "b"),
        ("multi\nline:x\ny", "multi\nline", "x\ny"),
        ("aws:cloudformation:stack-name:blue", "aws:cloudformation:stack-name", "blue"),
        ("aws:odd", "aws", "odd"),
    ],
)
def test_a_tag_is_a_key_a_colon_and_a_value(text: str, key: str, value: str) -> None:
    assert parse_filter({"tag": [text]}) == Filter(tags={key: some(value)})


def test_several_tags_are_and_between_keys_and_or_between_values() -> None:
    assert parse_filter({"tag": ["Team:ops,Team:research", "Env:prod"]}) == Filter(
        tags={"Team": some("ops", "research"), "Env": some("prod")}
    )


@pytest.mark.parametrize("sort", ["start_date", "-start_date", "interruptible", "-health"])
def test_any_field_sorts_and_a_minus_means_descending(sort: str) -> None:
    assert parse_list({"sort": [sort]}).order == Order(sort)


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_page_has_1_to_1000_items(limit: int) -> None:
    given = {"limit": [str(limit)], "next_token": ["abc"]}

    assert parse_list(given).page == Page(limit, "abc")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "spot"),
        ("type", "ODCR"),
        ("instance_type", "p5.48xlarge;"),
        ("instance_type", "P5*"),
        ("instance_type", "a.b.c.d"),
        ("region", "useast1"),
        ("region", "us-east-1a"),
        ("availability_zone", "us-east-1"),
        ("account", "12345678901"),
        ("owner", "me"),
        ("state", "no state"),
        ("state", "activ"),
        ("region", "us-esat-1"),
        ("accelerator", "Trainum2"),
        ("gpu_only", "yes"),
        ("gpu_only", ""),
        ("min_capacity", "-1"),
        ("min_capacity", "1.5"),
        ("min_capacity", "ten"),
        ("tag", "Team"),
        ("tag", ":ops"),
        ("tag", ""),
        ("tag", "Team:a\\"),
        ("starts_before", "tomorrow"),
        ("starts_before", "2026-11-24T11:30:00"),
        ("ends_after", "9999-12-31T23:59:59-23:59"),
        ("sort", "colour"),
        ("sort", ""),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", ""),
    ],
)
def test_a_bad_value_is_named_with_its_parameter_and_what_is_allowed(name: str, value: str) -> None:
    error = refusal({name: [value]})

    assert (error.name, error.value) == (name, value)
    assert error.allowed.startswith(("It takes", "It must be"))
    assert name in str(error)
    assert repr(value) in str(error)


def test_of_several_values_the_bad_one_is_named() -> None:
    assert refusal({"region": ["us-east-1,nowhere"]}).value == "nowhere"


@pytest.mark.parametrize("texts", [["1", "2"], []])
def test_a_parameter_of_one_value_takes_one(texts: list[str]) -> None:
    error = refusal({"limit": texts})

    assert error.name == "limit"
    assert error.allowed.endswith("Give one value.")


@pytest.mark.parametrize("text", ["", ",", "us-east-1,", ",us-east-1", "us-east-1, ,us-east-2"])
def test_an_empty_value_is_an_error_and_not_ignored(text: str) -> None:
    error = refusal({"region": [text]})

    assert (error.name, error.value.strip()) == ("region", "")


def test_an_unknown_parameter_is_an_error_that_names_the_known_ones() -> None:
    error = refusal({"regoin": ["us-east-1"]})

    assert (error.name, error.value) == ("regoin", "us-east-1")
    assert "Did you mean region?" in error.allowed
    assert "instance_type, region, availability_zone" in error.allowed


def test_an_unknown_parameter_like_no_other_is_an_error_too() -> None:
    assert "Did you mean" not in refusal({"zzzzzz": ["1"]}).allowed


def test_a_route_knows_only_its_own_parameters() -> None:
    with pytest.raises(BadParameter, match="limit"):
        parse_filter({"limit": ["10"]})


def test_the_events_take_types_severities_and_reservations() -> None:
    given = {
        "type": ["vanished,idle"],
        "severity": ["critical"],
        "reservation_id": ["cr-0abc"],
        "since": ["2026-11-24"],
        "limit": ["5"],
    }

    values = parse(given, EVENTS)

    assert values["type"] == ["vanished", "idle"]
    assert values["severity"] == ["critical"]
    assert values["reservation_id"] == ["cr-0abc"]
    assert values["since"] == [datetime(2026, 11, 24, tzinfo=UTC)]
    assert to_page(values) == Page(5, None)


@pytest.mark.parametrize(
    "bad",
    [{"type": ["exploded"]}, {"severity": ["bad"]}, {"reservation_id": ["i-0abc"]}],
)
def test_the_events_refuse_what_they_do_not_know(bad: dict[str, list[str]]) -> None:
    with pytest.raises(BadParameter):
        parse(bad, EVENTS)


def test_a_training_run_has_a_type_a_count_and_days() -> None:
    assert parse(RUN, VALIDATE) == {"instance_type": ["p5.48xlarge"], "count": [8], "days": [2.5]}


@pytest.mark.parametrize("name", RUN)
def test_a_training_run_without_one_of_them_is_refused_as_required(name: str) -> None:
    given = {other: texts for other, texts in RUN.items() if other != name}

    with pytest.raises(BadParameter, match=f"^{name}: .* required"):
        parse(given, VALIDATE)


@pytest.mark.parametrize(
    "bad",
    [
        {"instance_type": ["p5*"]},
        {"instance_type": ["p5.48xlarge,p5e.48xlarge"]},
        {"count": ["0"]},
        {"days": ["0"]},
        {"days": ["0.0"]},
        {"days": ["nan"]},
        {"days": ["-1"]},
    ],
)
def test_a_training_run_that_is_none_is_refused(bad: dict[str, list[str]]) -> None:
    with pytest.raises(BadParameter):
        parse({**RUN, **bad}, VALIDATE)
