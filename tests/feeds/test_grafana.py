"""The shipped dashboard against Grafana's own schema, and against the metrics that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

DASHBOARD = Path(__file__).parent.parent.parent / "dashboards" / "grafana.json"


def unknown_to_grafana(given: Any, known: Any, place: str = "") -> list[str]:
    """Where something is given that Grafana's schema, read and written again, does not keep."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            found
            for key in given
            for found in unknown_to_grafana(given[key], known.get(key), f"{place}/{key}")
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        return [
            found
            for number, pair in enumerate(zip(given, known, strict=True))
            for found in unknown_to_grafana(*pair, f"{place}/{number}")
        ]
    return [] if given == known else [place]


def checked(dashboard: Any) -> list[str]:
    kept = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    return unknown_to_grafana(dashboard, kept)


def test_grafanas_schema_knows_everything_in_the_dashboard() -> None:
    assert checked(json.loads(DASHBOARD.read_text())) == []


@pytest.mark.parametrize("place", ["panels", "templating", "time"])
def test_a_slip_would_be_found(place: str) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    dashboard[place[:-1]] = dashboard.pop(place)
    assert checked(dashboard) == [f"/{place[:-1]}"]
