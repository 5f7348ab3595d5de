"""Requests as API Gateway sends them, and an oracle of the lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlencode

from lambdas import query
from tests.lambdas.fakes import FakeContext
from truffle.core.model import CapacityBlock, Odcr, Reservation

Asked = Mapping[str, Sequence[str]]
"""Parameters with their values."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``body`` is the JSON that ``text`` is, None where it is empty or no JSON."""

    status: int
    content_type: str
    body: Any
    headers: Mapping[str, str]
    text: str

    @property
    def ids(self) -> list[str]:
        return [item["reservation_id"] for item in self.body["items"]]


def ask(path: str, raw_query: str = "", method: str = "GET", **asked: str) -> Answer:
    """The function's response; parameters as raw text, or by name."""
    return answer_to(an_event_of(path, raw_query or urlencode(asked), method))


def an_event_of(path: str, raw_query: str, method: str) -> dict[str, Any]:
    """A request as API Gateway hands it over."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": {},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "isBase64Encoded": False,
    }


def answer_to(event: Mapping[str, Any]) -> Answer:
    context: Any = FakeContext()
    answer = query.handler(dict(event), context)
    headers, text = answer["headers"], answer["body"]
    is_json = "json" in headers["Content-Type"]
    recorded = json.loads(text) if text and is_json else None
    return Answer(answer["statusCode"], headers["Content-Type"], recorded, headers, text)


def repeated(asked: Asked) -> str:
    """A query string that repeats a parameter for each of its values."""
    return urlencode([(name, value) for name, values in asked.items() for value in values])


def joined(asked: Asked) -> str:
    """A query string with one comma-separated value for each parameter."""
    return urlencode(
        {
            name: ",".join(value.replace(",", "\\,") for value in values)
            for name, values in asked.items()
        }
    )


def pages(path: str, raw_query: str, limit: int) -> list[Answer]:
    """All the pages of a list."""
    answers = [ask(path, f"{raw_query}&limit={limit}")]
    while answers[-1].body["next_token"]:
        token = urlencode({"next_token": answers[-1].body["next_token"]})
        answers.append(ask(path, f"{raw_query}&limit={limit}&{token}"))
    return answers


# --- the oracle ----------------------------------------------------------------------------------


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_active(row: Reservation) -> bool:
    return row.state in {"odcr": {"active"}, "capacity-block": {"active", "scheduled"}}[row.type]


def _has(row: Reservation, least: str) -> bool:
    size = row.instance_count if isinstance(row, CapacityBlock) else row.available_capacity
    return size is not None and size >= int(least)


def _has_tags(row: Reservation, texts: Sequence[str]) -> bool:
    pairs = [text.replace("a\\:b:", "a;b:").rpartition(":") for text in texts]
    keys = {key for key, _, _ in pairs}
    return all(
        any(row.tags.get(key.replace("a;b", "a:b")) == value for k, _, value in pairs if k == key)
        for key in keys
    )


MATCHES: Mapping[str, Callable[[Any, Sequence[str]], bool]] = {
    "type": lambda row, values: row.type in values,
    "instance_type": lambda row, values: any(fnmatchcase(row.instance_type, it) for it in values),
    "region": lambda row, values: any(fnmatchcase(row.region, it) for it in values),
    "availability_zone": lambda row, values: row.availability_zone in values,
    "name": lambda row, values: (
        "Name" in row.tags and any(fnmatchcase(row.tags["Name"], it) for it in values)
    ),
    "account": lambda row, values: bool({*row.seen_by} & {*values}),
    "owner": lambda row, values: row.owner_id in values,
    "state": lambda row, values: row.state in values,
    "accelerator": lambda row, values: (
        row.accelerator is not None
        and row.accelerator.name.lower() in [value.lower() for value in values]
    ),
    "gpu_only": lambda row, values: values == ["false"] or row.accelerator is not None,
    "available_only": lambda row, values: values == ["false"] or (row.available_capacity or 0) > 0,
    "active_only": lambda row, values: values == ["false"] or _is_active(row),
    "min_capacity": lambda row, values: _has(row, values[0]),
    "tag": _has_tags,
    "starts_before": lambda row, values: (
        row.start_date is not None and row.start_date < _moment(values[0])
    ),
    "starts_after": lambda row, values: (
        row.start_date is not None and row.start_date >= _moment(values[0])
    ),
    "ends_before": lambda row, values: (
        row.end_date is not None and row.end_date < _moment(values[0])
    ),
    "ends_after": lambda row, values: row.end_date is None or row.end_date >= _moment(values[0]),
}


def expected(rows: Iterable[Reservation], asked: Asked) -> list[Reservation]:
    """The rows that the contract wants for these parameters, in the order that it wants."""
    chosen = [
        row
        for row in sorted(rows, key=lambda row: row.reservation_id)
        if all(MATCHES[name](row, values) for name, values in asked.items() if name != "sort")
    ]
    if "sort" in asked:
        return _by_field(chosen, asked["sort"][0])
    odcrs = [row for row in chosen if isinstance(row, Odcr)]
    blocks = [row for row in chosen if isinstance(row, CapacityBlock)]
    odcrs.sort(key=lambda row: (_free(row), row.instance_type, row.region))
    blocks.sort(key=lambda row: (_start(row), row.instance_type))
    return [*odcrs, *blocks]


def _free(row: Odcr) -> float:
    """The most first, and the unknown last."""
    return 1 if row.available_capacity is None else -row.available_capacity


def _start(row: Reservation) -> tuple[bool, float]:
    start = row.start_date
    return start is None, start.timestamp() if start else 0


def _by_field(rows: list[Reservation], sort: str) -> list[Reservation]:
    """By a field, those without a value last; the rows come by id, and a sort keeps that order."""
    name = sort.removeprefix("-")
    with_value = [row for row in rows if getattr(row, name, None) is not None]
    without = [row for row in rows if getattr(row, name, None) is None]
    with_value.sort(key=lambda row: getattr(row, name), reverse=sort.startswith("-"))
    return with_value + without
