"""Answers for programs: exact for every reader, whatever the texts in them are."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.builders import an_odcr
from tests.effort import examples
from tests.hostile import texts
from truffle.core.codec import encode
from truffle.core.quoting.terminal import HIDDEN
from truffle.render.data import to_csv, to_json, to_yaml

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


def read_by_1_2(document: str) -> Any:
    return YAML(typ="safe", pure=True).load(document)


@settings(max_examples=examples(50), deadline=None)
@given(values)
def test_yaml_is_the_same_value_for_readers_of_1_1_and_1_2(value: Any) -> None:
    document = to_yaml(value)

    assert yaml.safe_load(document) == value
    assert read_by_1_2(document) == value
    assert HIDDEN.search(document.replace("\n", "")) is None


@pytest.mark.parametrize(
    "text",
    ["012345678989", "0o17", "1e3", "0x1F", "1_000", "y", "NO", "~", "null", "2026-11-29", "="],
)
def test_a_string_that_looks_like_something_else_stays_a_string(text: str) -> None:
    row = encode(replace(an_odcr(), account_id=text, seen_by=(text,), tags={text: text}))

    for read in (yaml.safe_load, read_by_1_2):
        output = read(to_yaml([row]))[0]
        assert (output["account_id"], output["seen_by"], output["tags"]) == (
            text,
            [text],
            {text: text},
        )


@given(texts, texts)
def test_csv_has_every_field_exactly(name: str, state: str) -> None:
    document = to_csv(
        [{"name": name, "state": state, "tags": {name: state}, "none": None}], COLUMNS
    )

    (output,) = csv.DictReader(io.StringIO(document, newline=""))
    assert (output["name"], output["state"], output["none"]) == (name, state, "")
    assert json.loads(output["tags"]) == {name: state}


COLUMNS = ("name", "state", "tags", "none")


@given(texts)
def test_csv_on_a_terminal_hides_nothing(name: str) -> None:
    document = to_csv([{"name": name, "state": "", "tags": {}}], COLUMNS, is_shown=True)

    assert HIDDEN.search(document.replace("\n", "")) is None
    assert len(document.splitlines()) == 2


@given(values)
def test_json_hides_nothing_and_is_the_same_value(value: Any) -> None:
    document = to_json(value)

    assert json.loads(document) == value
    assert HIDDEN.search(document.replace("\n", "")) is None
