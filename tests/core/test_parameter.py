"""One parameter: which texts it accepts, at its bounds, and the text of each error."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from truffle.core.parameter import (
    BadParameter,
    Parameter,
    boolean,
    choices_parameter,
    flag_parameter,
    integer,
    matching,
    number_parameter,
    one_of,
    one_parameter,
    parse,
    spaced,
    texts_parameter,
    time_parameter,
)

WORDS = texts_parameter("word", "A word.", "It must be a word.", "[a-z,\\\\]+")
STATE = choices_parameter("state", "The state.", ["active", "pending.soon"])
COUNT = number_parameter("count", "How many.", 1, 100)
FLAG = flag_parameter("flag", "Only some.")
SINCE = time_parameter("since", "From then on.")
NAME = one_parameter("name", "A name.", "It must be a name.", "[a-z]+")


@pytest.mark.parametrize(
    ("parameter", "given", "values"),
    [
        (WORDS, ["a,b", "c"], ["a", "b", "c"]),
        (WORDS, ["a, b ,c"], ["a", "b", "c"]),
        (STATE, ["active", " pending.soon "], ["active", "pending.soon"]),
        (COUNT, ["1"], [1]),
        (COUNT, ["100"], [100]),
        (COUNT, ["007"], [7]),
        (FLAG, ["true"], [True]),
        (FLAG, ["FALSE"], [False]),
        (SINCE, ["2026-11-24T12:00:00Z"], [datetime(2026, 11, 24, 12, tzinfo=UTC)]),
        (NAME, ["abc"], ["abc"]),
    ],
)
def test_valid_texts(parameter: Parameter, given: list[str], values: list[Any]) -> None:
    assert parameter.values(given) == values


@pytest.mark.parametrize(
    ("parameter", "given", "problem"),
    [
        (WORDS, ["a,B"], "word: invalid value 'B'. It must be a word."),
        (WORDS, [], "word: invalid value ''. It must be a word. Give one value."),
        (
            STATE,
            ["pendingXsoon"],
            "state: invalid value 'pendingXsoon'. Did you mean pending.soon? "
            "It must be active or pending.soon.",
        ),
        (COUNT, ["0"], "count: invalid value '0'. It must be a whole number from 1 to 100."),
        (COUNT, ["101"], "count: invalid value '101'. It must be a whole number from 1 to 100."),
        (COUNT, ["-1"], "count: invalid value '-1'. It must be a whole number from 1 to 100."),
        (COUNT, ["1" * 19], f"count: invalid value '{'1' * 19}'. It must be a whole number"),
        (
            COUNT,
            ["1", "2"],
            "count: invalid value '1,2'. It must be a whole number from 1 to 100. Give one value.",
        ),
        (FLAG, ["yes"], "flag: invalid value 'yes'. It must be true or false."),
        (SINCE, ["noon"], "since: invalid value 'noon'. It must be "),
        (NAME, ["a b"], "name: invalid value 'a b'. It must be a name."),
        (NAME, ["a", "b"], "name: invalid value 'a,b'. It must be a name. Give one value."),
    ],
)
def test_invalid_texts(parameter: Parameter, given: list[str], problem: str) -> None:
    with pytest.raises(BadParameter, match=re.escape(problem)):
        parameter.values(given)


def test_a_comma_within_a_value_stays_escaped_for_its_reader() -> None:
    assert WORDS.values(["a\\,b,c", "d\\"]) == ["a\\,b", "c", "d\\"]


def test_a_misspelling_is_an_error_even_if_it_can_be_read() -> None:
    parameter = replace(WORDS, meant=lambda text: "right" if text == "wrong" else None)

    with pytest.raises(BadParameter) as raised:
        parameter.values(["good, wrong "])

    error = raised.value
    assert (error.name, error.value, error.allowed, error.nearest) == (
        *("word", " wrong ", "It must be a word.", "right"),
    )


@pytest.mark.parametrize(
    ("parameter", "schema"),
    [
        (WORDS, {"type": "string", "pattern": "^( *([a-z,\\\\]+) *)$"}),
        (STATE, {"type": "string", "enum": ["active", "pending.soon"]}),
        (COUNT, {"type": "integer", "minimum": 1, "maximum": 100}),
        (FLAG, {"type": "boolean"}),
        (NAME, {"type": "string", "pattern": "^([a-z]+)$"}),
    ],
)
def test_schemas(parameter: Parameter, schema: dict[str, Any]) -> None:
    assert parameter.schema == schema


@pytest.mark.parametrize(
    ("parameter", "facts"),
    [
        (WORDS, ("A word.", True, False)),
        (STATE, ("The state.", True, False)),
        (COUNT, ("How many.", False, False)),
        (FLAG, ("Only some.", False, False)),
        (SINCE, ("From then on.", False, False)),
        (NAME, ("A name.", False, True)),
    ],
)
def test_only_lists_take_many_values_and_only_a_name_is_required(
    parameter: Parameter, facts: tuple[str, bool, bool]
) -> None:
    assert (parameter.description, parameter.many, parameter.required) == facts


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "name: invalid value ''. It is required. It must be a name."),
        (
            {"name": ["a"], "cuont": ["1", "2"]},
            "cuont: invalid value '1,2'. Unknown parameter. Did you mean count? "
            "The parameters are count, name.",
        ),
        (
            {"xyzzy": ["1"]},
            "xyzzy: invalid value '1'. Unknown parameter. The parameters are count, name.",
        ),
    ],
)
def test_names_are_checked_before_values(given: dict[str, list[str]], problem: str) -> None:
    with pytest.raises(BadParameter) as raised:
        parse(given, (COUNT, NAME))

    assert str(raised.value) == problem


def test_only_what_is_given_is_parsed() -> None:
    assert parse({"name": ["a"]}, (COUNT, NAME)) == {"name": ["a"]}


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (matching("a+"), "ab"),
        (matching("a+"), "ba"),
        (one_of(("a.b", "c")), "axb"),
        (one_of(("a.b", "c")), "a.bc"),
        (spaced("a+"), "a\ta"),
        (spaced("a+"), "\ta"),
        (boolean, "1"),
        (integer(0, 5), "6"),
        (integer(0, 5), "+1"),
        (integer(0, 5), ""),
    ],
)
def test_readers_refuse(read: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        read(text)
