"""docs/alerts.md and alerts.example.yaml: they are right, and leave nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from truffle.alerts import settings_parser, watch_parser
from truffle.alerts.settings import DestinationKind
from truffle.alerts.settings_json import settings_to_json
from truffle.alerts.settings_parser import parse_settings
from truffle.alerts.yaml_file import read_alerts
from truffle.core.events import EventType, Severity
from truffle.core.model import TYPES
from truffle.core.thresholds import Thresholds

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "alerts.md").read_text()
EXAMPLE = ROOT / "alerts.example.yaml"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

KEYS: Mapping[str, Mapping[str, object]] = {
    "file": settings_parser.FILE_KEYS,
    "destination": {
        key: True for keys in settings_parser.DESTINATION_KEYS.values() for key in keys
    },
    "daily summary": {"at": True, "time_zone": True},
    "route": {"name": True, "to": True, "when": True},
    "condition": settings_parser.CONDITION_KEYS,
    "mute": settings_parser.MUTE_KEYS,
    "watch": watch_parser.WATCH_KEYS,
    "threshold": settings_parser.THRESHOLD_KEYS,
    "payment due": settings_parser.PAYMENT_KEYS,
    "idle": settings_parser.IDLE_KEYS,
}


def keys_of(value: Any) -> Iterator[str]:
    """The keys of all objects in a value."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield key
            yield from keys_of(part)
    if isinstance(value, list):
        for part in value:
            yield from keys_of(part)


def completed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a file with the destinations and the route that it leaves out."""
    routes = [*raw.get("routes", ())]
    named = {name for route in routes for name in route["to"]}
    destinations = {name: {"kind": "amazon-q"} for name in sorted(named)}
    destinations |= raw.get("destinations", {})
    last = [{"name": "completed", "to": sorted(destinations)}] if destinations else []
    return {**raw, "destinations": destinations, "routes": [*routes, *last]}


@pytest.mark.parametrize("place", KEYS)
def test_every_key_is_explained(place: str) -> None:
    missing = [key for key in KEYS[place] if f"`{key}`" not in PAGE]
    assert KEYS[place]
    assert missing == []


@pytest.mark.parametrize("words", [EventType, Severity, TYPES], ids=str)
def test_every_type_and_severity_is_named(words: Any) -> None:
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_every_kind_of_destination_has_a_line_and_an_example() -> None:
    examples = "\n".join(BLOCKS)
    for kind in DestinationKind:
        assert f"\n| `{kind}` |" in PAGE
        assert f"kind: {kind}\n" in examples


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[1].strip())
def test_every_example_of_the_page_is_right(block: str) -> None:
    assert parse_settings(completed(yaml.safe_load(block)))


def test_the_page_has_an_example_for_each_of_its_sections() -> None:
    assert len(BLOCKS) > 12


def test_the_thresholds_that_the_page_shows_are_the_defaults() -> None:
    (shown,) = [block for block in BLOCKS if block.startswith("thresholds:")]
    assert parse_settings(yaml.safe_load(shown)).thresholds == Thresholds()


def test_the_example_file_has_every_kind_and_every_part() -> None:
    found = read_alerts(EXAMPLE)
    assert {destination.kind for destination in found.destinations} == set(DestinationKind)
    written = set(keys_of(yaml.safe_load(EXAMPLE.read_text())))
    for place in ("file", "destination", "daily summary", "route", "threshold"):
        assert set(KEYS[place]) <= written, place


def test_the_example_file_shows_the_default_thresholds() -> None:
    shown = settings_to_json(read_alerts(EXAMPLE))["thresholds"]
    assert shown == settings_to_json(parse_settings({}))["thresholds"]
