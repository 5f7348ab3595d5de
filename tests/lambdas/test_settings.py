"""Settings: what infra sets is what each function reads."""

from __future__ import annotations

from dataclasses import fields

import pytest

from lambdas.settings import (
    CollectSettings,
    DeliverSettings,
    FanOutSettings,
    HintSettings,
    MissingSettings,
    PublishSettings,
    QuerySettings,
    Settings,
    comma_separated,
)

ALL = (
    FanOutSettings,
    CollectSettings,
    HintSettings,
    PublishSettings,
    QuerySettings,
    DeliverSettings,
)


def filled(kind: type[Settings]) -> Settings:
    """Settings whose every field has a value of its own."""
    return kind(**{field.name: f"the {field.name}" for field in fields(kind)})


@pytest.mark.parametrize("kind", ALL)
def test_what_the_stack_sets_is_what_the_function_reads(kind: type[Settings]) -> None:
    settings = filled(kind)
    assert kind.from_env(settings.to_env()) == settings


def test_a_variable_is_named_after_its_field() -> None:
    settings = QuerySettings("the table", "60", "400", "*/ap-*", "{}")
    assert settings.to_env() == {
        "TRUFFLE_TABLE": "the table",
        "TRUFFLE_SCHEDULE_MINUTES": "60",
        "TRUFFLE_EVENT_RETENTION_DAYS": "400",
        "TRUFFLE_EXPECTED_DENIED": "*/ap-*",
        "TRUFFLE_QUEUES": "{}",
    }


def test_other_variables_are_none_of_a_functions_business() -> None:
    settings = QuerySettings("the table", "60", "400", "", "{}")
    assert QuerySettings.from_env(settings.to_env() | {"PATH": "/bin"}) == settings


@pytest.mark.parametrize("kind", ALL)
def test_one_error_names_every_variable_that_is_missing(kind: type[Settings]) -> None:
    first, *others = filled(kind).to_env().items()
    with pytest.raises(MissingSettings) as caught:
        kind.from_env(dict([first]))
    assert str(caught.value) == f"{kind.__name__} needs {', '.join(name for name, _ in others)}"


def test_an_empty_value_is_a_value() -> None:
    empty = QuerySettings("", "", "", "", "")
    assert QuerySettings.from_env(empty.to_env()) == empty


@pytest.mark.parametrize(
    ("text", "items"), [("", []), ("eu-west-1", ["eu-west-1"]), ("a,b", ["a", "b"])]
)
def test_a_list_is_separated_by_commas_and_may_be_empty(text: str, items: list[str]) -> None:
    assert comma_separated(text) == items
