"""The requirements of a kind of capacity: each file, compared with the expectations of other
code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox.ec2.services import FORMS, SERVICES
from truffle.core.kinds.kind import CapacityRow
from truffle.core.kinds.registry import CLASSES, KINDS
from truffle.core.meanings import MEANINGS

ROOT = Path(__file__).parent.parent.parent

each_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
each_other = pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES.values() if cls.kind.listing], ids=lambda cls: cls.kind.type
)

SHARED = {
    "reservation_id",
    "type",
    "account_id",
    "owner_id",
    "region",
    "availability_zone",
    "availability_zone_id",
    "instance_type",
    "state",
    "total_capacity",
    "available_capacity",
    "used_capacity",
    "utilization",
    "start_date",
    "end_date",
    "create_date",
    "accelerator",
    "tags",
    "observed_at",
    "seen_by",
    "account_name",
    "organizational_unit",
}
"""The fields that filters, totals, events and tables read of every row."""


@each_class
def test_a_row_has_the_fields_that_are_read_of_every_row(cls: type[CapacityRow]) -> None:
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    assert names >= SHARED
    assert cls.kind.size_field in names
    assert hasattr(cls, "size")
    assert hasattr(cls, cls.kind.end_field)


@each_class
def test_a_field_has_a_meaning(cls: type[CapacityRow]) -> None:
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    assert names <= MEANINGS.keys()
    assert cls.kind.meanings.keys() <= names


@each_class
def test_a_state_has_a_sentence_and_a_step_only_where_it_has_a_sentence(
    cls: type[CapacityRow],
) -> None:
    kind = cls.kind
    assert kind.active_states <= kind.verdicts.keys()
    assert kind.next_steps.keys() <= kind.verdicts.keys()
    assert all(text.endswith(".") for _, text in kind.verdicts.values())
    assert all(text.endswith(".") for text in kind.next_steps.values())


@pytest.mark.parametrize("fact", ["option", "path", "title", "noun", "short", "plural"])
def test_a_kind_differs_from_the_others(fact: str) -> None:
    assert len({getattr(kind, fact) for kind in KINDS.values()}) == len(KINDS)


@each_other
def test_another_services_kind_is_listed_by_that_service(cls: type[CapacityRow]) -> None:
    kind = cls.kind
    assert kind.listing is not None
    assert kind.listing.operation in kind.operations
    assert cls.from_response.__func__ is not CapacityRow.from_response.__func__  # type: ignore[attr-defined]
    assert [it.type for it in KINDS.values() if it.id_prefix == kind.id_prefix] == [kind.type]


@each_other
def test_the_reader_may_ask_for_it(cls: type[CapacityRow]) -> None:
    assert cls.kind.listing is not None
    role = (ROOT / "roles" / "truffle-read.yaml").read_text("utf-8")
    allowed = set(re.findall(rf"- {cls.kind.listing.service}:(\w+)$", role, re.M))
    assert allowed == set(cls.kind.operations)


@each_other
def test_the_sandbox_has_it(cls: type[CapacityRow]) -> None:
    assert cls.kind.listing is not None
    assert cls.kind.listing.service in SERVICES
    assert cls.kind.path.removeprefix("/") in FORMS


def test_the_newest_kind_is_its_file_and_three_names() -> None:
    *_, newest = CLASSES.values()
    own = Path(newest.__module__.replace(".", "/") + ".py")
    words = (newest.__name__, re.escape(newest.kind.type), newest.kind.type.name)
    name = rf"\b(?:{'|'.join(words)})(?![-\w])"
    files = [
        path.relative_to(ROOT)
        for room in ("truffle", "lambdas", "infra")
        for path in (ROOT / room).rglob("*.py")
        if re.search(name, path.read_text("utf-8"))
    ]
    assert {str(path) for path in files} == {
        str(own),
        "truffle/__init__.py",
        "truffle/core/kinds/kind.py",
        "truffle/core/kinds/registry.py",
    }
