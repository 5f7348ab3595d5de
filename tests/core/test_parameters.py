"""Query parameters → a filter, an order and a page; anything else is an error that says what is."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders import HOME, OTHER
from tests.strategies import moments
from truffle.core.filters import Filter
from truffle.core.order import Order
from truffle.core.parameters import (
    EVENTS,
    EXPLAIN,
    FILTERS,
    LIST,
    MOST_DAYS,
    STATUS,
    TEST,
    VALIDATE,
    BadParameter,
    Parameter,
    list_of,
    parse,
)
from truffle.core.queries import Page, parse_list, to_page
from truffle.core.tag_text import tag_text
from truffle.core.times import format_time

EVERY_TYPE = frozenset({"odcr", "capacity-block"})


def parse_filter(given: Mapping[str, Sequence[str]]) -> Filter:
    return parse_list(given, FILTERS).filter


def some(*values: str) -> frozenset[str]:
    return frozenset(values)


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
        *("since", "until", "type", "severity", "reservation_id", "limit", "next_token")
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


RUN = {"instance_type": ["p5.48xlarge"], "count": ["8"], "days": ["2.5"]}


def test_a_training_run_has_a_type_a_count_and_days() -> None:
    assert parse(RUN, VALIDATE) == {"instance_type": ["p5.48xlarge"], "count": [8], "days": [2.5]}


@pytest.mark.parametrize("name", RUN)
def test_a_training_run_without_one_of_them_is_told_that_it_is_required(name: str) -> None:
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


def subsets(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=3)


tag_keys = st.text("abc :,\\é\n", min_size=1, max_size=6)
tag_values = st.text("abc :,\\/é\n", max_size=6)
filters = st.builds(
    Filter,
    types=subsets(*EVERY_TYPE),
    instance_types=subsets("p5.48xlarge", "p5*", "g[56]?.*"),
    regions=subsets("us-east-1", "us-gov-west-1", "eu-central-2"),
    availability_zones=subsets("us-east-1a", "us-east-1-dfw-2a"),
    accounts=subsets(HOME, OTHER),
    owners=subsets(HOME, OTHER),
    states=subsets("active", "payment-failed", "teleporting"),
    gpu_only=st.booleans(),
    available_only=st.booleans(),
    active_only=st.sampled_from((frozenset(), EVERY_TYPE)),
    min_capacity=st.none() | st.integers(0, 10**9),
    tags=st.dictionaries(tag_keys, st.frozensets(tag_values, min_size=1, max_size=2), max_size=2),
    starts_before=st.none() | moments,
    starts_after=st.none() | moments,
    ends_before=st.none() | moments,
    ends_after=st.none() | moments,
)


BACKSLASH = "\\"


def escaped(text: str) -> str:
    return text.replace(BACKSLASH, BACKSLASH * 2).replace(",", BACKSLASH + ",")


def rendered(chosen: Filter, repeated: bool) -> dict[str, list[str]]:
    """The filter as somebody writes it who has read the parameters' descriptions."""
    several = {
        "type": chosen.types,
        "instance_type": chosen.instance_types,
        "region": chosen.regions,
        "availability_zone": chosen.availability_zones,
        "account": chosen.accounts,
        "owner": chosen.owners,
        "state": chosen.states,
        "tag": [
            f"{escaped(key).replace(':', BACKSLASH + ':')}:{escaped(value)}"
            for key, values in chosen.tags.items()
            for value in values
        ],
    }
    names = ("starts_before", "starts_after", "ends_before", "ends_after")
    one = {name: format_time(moment) for name in names if (moment := getattr(chosen, name))}
    flags = {name: "true" for name in ("gpu_only", "available_only") if getattr(chosen, name)}
    if chosen.active_only:
        flags["active_only"] = "true"
    if chosen.min_capacity is not None:
        one["min_capacity"] = str(chosen.min_capacity)
    return {
        **{
            name: sorted(values) if repeated else [",".join(sorted(values))]
            for name, values in several.items()
            if values
        },
        **{name: [text] for name, text in {**one, **flags}.items()},
    }


@given(filters, st.booleans())
def test_every_filter_can_be_written_as_parameters(chosen: Filter, repeated: bool) -> None:
    assert parse_filter(rendered(chosen, repeated)) == chosen


@given(tag_keys, tag_values)
def test_a_written_tag_reads_back(key: str, value: str) -> None:
    assert parse_filter({"tag": [tag_text(key, value)]}) == Filter(tags={key: some(value)})


# --- what is described is what is taken ----------------------------------------------------------

EVERY = (*LIST, *list_of("odcr"), *EVENTS, *STATUS, *VALIDATE, *EXPLAIN, *TEST)
ANYTHING = st.characters(codec="utf-8")


def takes(parameter: Parameter, text: str) -> bool:
    try:
        parameter.value(text)
    except BadParameter:
        return False
    return True


def written(schema: Any) -> st.SearchStrategy[str]:
    """Values of a schema as a query string has them."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].removesuffix("$") + r"\Z", alphabet=ANYTHING)
    if schema["type"] == "boolean":
        return st.sampled_from(["true", "false"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    return st.floats(0, schema["maximum"], exclude_min=True).map(repr)


@settings(max_examples=150)
@given(st.data())
def test_every_value_of_a_schema_is_taken(data: st.DataObject) -> None:
    parameter = data.draw(st.sampled_from(EVERY))

    assert takes(parameter, data.draw(written(parameter.schema)))


@settings(max_examples=150)
@given(st.sampled_from([it for it in EVERY if "pattern" in it.schema]), st.data())
def test_no_other_value_is_taken(parameter: Parameter, data: st.DataObject) -> None:
    text = data.draw(st.text(ANYTHING, max_size=30) | near_misses)
    is_described = re.fullmatch(parameter.schema["pattern"].strip("^$"), text) is not None

    assert takes(parameter, text) == is_described


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("days", "0"),
        ("days", "0.0"),
        ("days", f"{MOST_DAYS}.1"),
        ("days", "1e6"),
        ("days", "inf"),
        ("days", "1_000"),
        ("days", "1e-999"),
        ("count", "0"),
        ("count", "100001"),
        ("count", "1.0"),
        ("count", "9" * 5000),
        ("start_by", ""),
    ],
)
def test_a_number_out_of_its_bounds_is_not_taken(name: str, text: str) -> None:
    (parameter,) = [parameter for parameter in VALIDATE if parameter.name == name]

    assert not takes(parameter, text)


@pytest.mark.parametrize("text", ["7", "0.5", "1e-3", "5e-324", "100000", "1E+4"])
def test_days_are_any_number_of_json_in_their_bounds(text: str) -> None:
    assert parse({**RUN, "days": [text]}, VALIDATE)["days"] == [float(text)]


# --- what is garbage -----------------------------------------------------------------------------

NAMES = sorted({parameter.name for parameter in (*LIST, *EVENTS, *VALIDATE)})
near_misses = st.sampled_from(
    (
        *("true", "0", "1e9", "-0", "٣", "us-east-1", "p5*", "[", "[z-a]*", "Team:ops", ":", "\\"),
        *("\\,", ",", " ", "\n", "active\n", "\x00", "cr-", "-", "--start_date", "9" * 400),
        *("2026-02-30", "2026-11-24T24:00:00Z", "2026-11-24T23:59:60Z", "٢٠٢٦-11-24", "0000-01-01"),
        *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-24T11:30:00+99:99"),
    )
)
garbage = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=8),
    st.lists(near_misses | st.text(max_size=12), max_size=3),
    max_size=3,
)


@given(garbage, st.sampled_from([FILTERS, LIST, EVENTS, VALIDATE]))
@example({"starts_after": ["9999-12-31T23:59:59-23:59"]}, LIST)
def test_any_garbage_is_a_bad_parameter_and_nothing_else(
    given: dict[str, list[str]], parameters: Any
) -> None:
    names = refused(lambda: parse(given, parameters))

    required = {parameter.name for parameter in parameters if parameter.required}
    assert names <= given.keys() | required


@given(garbage)
def test_what_is_accepted_as_a_list_is_a_filter_that_works(given: dict[str, list[str]]) -> None:
    try:
        query = parse_list(given)
    except BadParameter:
        return

    assert query.filter.apply(query.order.sorted([])) == []
    assert 1 <= query.page.limit <= 1000


@given(st.sampled_from(LIST + EVENTS), near_misses | st.text(max_size=20))
def test_any_text_for_any_parameter_is_a_value_or_a_bad_parameter(
    parameter: Any, text: str
) -> None:
    assert refused(lambda: parameter.values([text])) <= {parameter.name}


def refused(read: Callable[[], object]) -> set[str]:
    """The name of the parameter that reading something refused, if it refused one."""
    try:
        read()
    except BadParameter as error:
        return {error.name}
    return set()
