"""The application, and the parts of a request that every route reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from lambdas import wiring
from lambdas.api import answers
from lambdas.api.answers import Context
from lambdas.api.inventory import View
from truffle.core.filters import Filter
from truffle.core.parameters import DEFAULT_EVENTS

app = APIGatewayHttpResolver()

UNTIL_LATER = timedelta(seconds=1)


def context_of(as_of: datetime | None = None) -> Context:
    """The inventory, now or as of a past moment. Raises BadParameter and TooEarly for the
    latter."""
    parts, now = wiring.query(), wiring.now()
    directory = parts.names.directory
    if as_of is None:
        view = parts.inventory.view()
        judged, named = parts.judge.of(view.statuses, now), parts.names.of(view)
    else:
        view, now = parts.moments.view(as_of, now), as_of
        judged, named = parts.judge.at(view.statuses, now), parts.past_names.of(view)
    return Context(named, now, judged, parts.names.last_labels, directory)


def context_of_scopes() -> Context:
    """The state of every scope now, without reading reservations."""
    parts, now = wiring.query(), wiring.now()
    directory = parts.names.directory
    view = View(parts.inventory.statuses(), [], {})
    judged = parts.judge.of(view.statuses, now)
    return Context(view, now, judged, parts.names.last_labels, directory)


def of_ids(chosen: Filter) -> Filter:
    """The filter with ids in place of the names of accounts. Raises BadParameter."""
    return replace(chosen, accounts=wiring.query().names.ids(chosen.accounts))


def of_accounts(values: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The values with ids in place of the names of accounts. Raises BadParameter."""
    if "account" not in values:
        return dict(values)
    return {**values, "account": sorted(wiring.query().names.ids(values["account"]))}


def raw_query() -> dict[str, list[str]]:
    """The raw query: the event's parsed form joins repeated parameters with commas."""
    return parse_qs(app.current_event.raw_event.get("rawQueryString", ""), keep_blank_values=True)


def fingerprint_of(given: Mapping[str, list[str]]) -> str:
    return answers.fingerprint_of(app.current_event.path, given)


def period(values: Mapping[str, list[Any]]) -> tuple[datetime, datetime]:
    """The start and end of the requested events. Days older than the table keeps events are not
    read."""
    latest = wiring.now() + UNTIL_LATER
    earliest = latest - timedelta(days=int(wiring.query().settings.event_retention_days) + 1)
    until = max(earliest, min(latest, values.get("until", [latest])[0]))
    since = values.get("since", [until - DEFAULT_EVENTS])[0]
    return max(earliest, since), until
