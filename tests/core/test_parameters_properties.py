"""Any filter can be written as parameters; any garbage is a bad parameter."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders import HOME, OTHER
from tests.core.queries import EVERY_TYPE, RUN, some
from tests.effort import examples
from tests.strategies import moments
from truffle.core.filters import Filter
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
from truffle.core.queries import parse_filter, parse_list
from truffle.core.tag_text import tag_text
from truffle.core.times import format_time


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
    """The filter as written by someone who has read the descriptions of the parameters."""
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


@settings(max_examples=examples(30))
@given(st.data())
def test_every_value_of_a_schema_is_taken(data: st.DataObject) -> None:
    parameter = data.draw(st.sampled_from(EVERY))

    assert takes(parameter, data.draw(written(parameter.schema)))


@settings(max_examples=examples(30))
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
