"""Each function's settings, declared once: the stack sets them with ``to_env``, the function reads
them with ``from_env``. The variable of a field is ``TRUFFLE_`` and its name in capitals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

ALERTS_FILE = "alerts.json"
ACCOUNTS_FILE = "accounts.json"
"""Files in the root of the functions' zip with the settings of alerts and the accounts to collect,
which may exceed the limit of environment variables."""


class MissingSettings(Exception):
    """The environment lacks variables; the text names all of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all functions; every field is text, like environment variables."""

    table: str

    def to_env(self) -> dict[str, str]:
        return {_variable(field.name): getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Raises MissingSettings."""
        names = [field.name for field in fields(cls)]
        missing = [_variable(name) for name in names if _variable(name) not in environment]
        if missing:
            raise MissingSettings(f"{cls.__name__} needs {', '.join(missing)}")
        return cls(**{name: environment[_variable(name)] for name in names})


def _variable(name: str) -> str:
    return f"TRUFFLE_{name.upper()}"


def comma_separated(text: str) -> list[str]:
    return [item for item in text.split(",") if item]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutSettings(Settings):
    """``regions`` are comma-separated; empty means those enabled for each account.
    ``schedule_minutes`` is the period of the runs. ``collector`` is the name of the function that
    requests the regions of accounts. ``organization_role_arn`` is assumed, with ``external_id``, to
    call Organizations; both may be empty. The accounts to collect are in a file
    (``lambdas/account_settings.py``)."""

    bucket: str
    queue_url: str
    account_id: str
    regions: str
    collector: str
    organization_role_arn: str = ""
    external_id: str = ""
    schedule_minutes: str = "60"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSettings(Settings):
    """``role_name`` is assumed in every account except ``account_id``, the stack's own, with
    ``external_id`` unless that is empty. ``checks_…``: the group of the one-time schedules, the
    queue of their units, and the role that sends them. ``expected_denied`` has comma-separated
    globs of ``account/region``. ``stack`` is the stack's name. ``capacity_metrics`` is empty if
    held capacity is not a metric of CloudWatch, ``stranded`` if instances are not listed."""

    bucket: str
    queue_url: str
    account_id: str
    role_name: str
    max_receives: str
    event_retention_days: str
    schedule_minutes: str
    checks_group: str
    checks_queue_arn: str
    checks_role_arn: str
    expected_denied: str
    external_id: str = ""
    stack: str = "truffle"
    capacity_metrics: str = ""
    stranded: str = ""


@dataclass(frozen=True, slots=True)
class HintSettings(Settings):
    queue_url: str


@dataclass(frozen=True, slots=True)
class PublishSettings(Settings):
    """``bucket`` is the archive of events."""

    bucket: str
    topic_arn: str
    idempotency_table: str
    dead_letter_url: str


@dataclass(frozen=True, slots=True)
class LedgerSettings(Settings):
    """``schedule_minutes`` is the period of the runs."""

    bucket: str
    schedule_minutes: str


@dataclass(frozen=True, slots=True)
class PricesSettings(Settings):
    """``cost_explorer`` is empty if the fees of blocks are not requested from Cost Explorer."""

    bucket: str
    cost_explorer: str = ""


@dataclass(frozen=True, slots=True)
class WatchSettings(Settings):
    """``account_id`` is the stack's own, whose request budget the watches share."""

    bucket: str
    account_id: str
    event_retention_days: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings(Settings):
    """``bucket`` has the rows of regions and the history. ``schedule_minutes``: a scope older than
    two periods counts as old. ``expected_denied`` has comma-separated globs of ``account/region``.
    ``queues`` is a JSON object with the name of each destination's queue, by the destination's
    name. ``publisher`` is the name of the function that publishes events. ``stack`` is the stack's
    name. ``feed_secret`` is the ARN of the secret in the calendar's URL, empty if the feed is off;
    ``stranded`` is empty if instances are not listed."""

    bucket: str
    schedule_minutes: str
    event_retention_days: str
    expected_denied: str
    queues: str
    publisher: str
    stack: str = "truffle"
    feed_secret: str = ""
    stranded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSettings(Settings):
    """``destinations`` and ``topics`` are JSON objects: the name of each destination by the name of
    its queue, and the ARN of a destination's own topic by the destination's name.
    ``expected_denied`` has comma-separated globs of ``account/region``. ``report_url`` is where the
    report is published, empty if it is not."""

    idempotency_table: str
    destinations: str
    topics: str
    schedule_minutes: str
    expected_denied: str
    report_url: str = ""


@dataclass(frozen=True, slots=True)
class CompactSettings(Settings):
    """``schedule_minutes`` is the period of the runs, ``memory_megabytes`` the memory limit of
    DuckDB."""

    bucket: str
    schedule_minutes: str
    memory_megabytes: str
