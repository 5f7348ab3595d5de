"""The settings of alerts: destinations, routes, mutes, thresholds and watches, from one validated
file.

The file is YAML on disk (``truffle.alerts.yaml_file`` reads it) and canonical JSON beside the
functions' code; ``docs/alerts.md`` explains every key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum

from truffle.core.events import MARKET_TYPES, SCOPE_TYPES, EventType, Severity
from truffle.core.kinds.registry import PREPAID_TYPES
from truffle.core.market.watches import Watch
from truffle.core.severity import WARNINGS
from truffle.core.thresholds import Thresholds

SCOPE_DIGEST_ABOVE = 10
"""The most single messages about scopes that people get of one run: a policy that denies a whole
organization is one digest, whatever a destination's own limit."""

UTC = "UTC"
"""The time zone of a file that names none."""


class DestinationKind(StrEnum):
    """The kinds of destinations."""

    SLACK = "slack"
    TEAMS = "teams"
    AMAZON_Q = "amazon-q"
    EMAIL = "email"
    SQS = "sqs"
    HTTPS = "https"
    PAGERDUTY = "pagerduty"
    OPSGENIE = "opsgenie"

    @property
    def is_for_people(self) -> bool:
        """Whether people read its messages, and so get digests, summaries and fewer events."""
        return self in (
            DestinationKind.SLACK,
            DestinationKind.TEAMS,
            DestinationKind.AMAZON_Q,
            DestinationKind.EMAIL,
        )

    @property
    def is_pager(self) -> bool:
        """Whether it gets only events that open or resolve an incident."""
        return self in (DestinationKind.PAGERDUTY, DestinationKind.OPSGENIE)


@dataclass(frozen=True, slots=True)
class DailySummary:
    """When a destination gets the daily summary: a time of day in an IANA time zone."""

    at: time
    time_zone: str = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A receiver of alerts.

    ``secret`` is the name or the complete ARN of a secret in Secrets Manager; ``queue_arn`` is that
    of an SQS queue; ``digest_above`` is the maximum number of single messages for one run.
    """

    name: str
    kind: DestinationKind
    secret: str | None = None
    queue_arn: str | None = None
    addresses: tuple[str, ...] = ()
    digest_above: int | None = None
    daily_summary: DailySummary | None = None

    def most_single_messages(self, event_type: EventType) -> int | None:
        """The number of a run's events above which such an event is part of a digest; None if it
        always has a message of its own."""
        if self.digest_above is None and self.kind.is_for_people and event_type in SCOPE_TYPES:
            return SCOPE_DIGEST_ABOVE
        return self.digest_above


Tags = Mapping[str, tuple[str, ...]]
"""Allowed values by key: AND between keys, OR between values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The conditions on an event: OR between the values of one field, AND between fields.

    An empty field allows everything. ``instance_types``, ``regions``, ``account_names`` and
    ``organizational_units`` are globs.
    """

    types: tuple[EventType, ...] = ()
    severities: tuple[Severity, ...] = ()
    reservation_types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    instance_types: tuple[str, ...] = ()
    account_names: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)

    @property
    def subject_only(self) -> When:
        """The conditions on the subject of an event, without those on what happened."""
        return replace(self, types=(), severities=(), states=())


EVERYTHING = When()

DEFAULT_FOR_PEOPLE = (
    When(reservation_types=PREPAID_TYPES),
    When(severities=WARNINGS),
    When(types=(*SCOPE_TYPES, *MARKET_TYPES)),
)
"""The default conditions for people, of which one suffices: every event of blocks, plans, scopes
and watches, and warnings or worse of ODCRs."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which events go to which destinations; without ``when``, the default of each kind of
    destination."""

    name: str
    to: tuple[str, ...]
    when: When | None = None

    def alternatives(self, kind: DestinationKind) -> tuple[When, ...]:
        """The alternative conditions for this kind of destination; one suffices."""
        if self.when is not None:
            return (self.when,)
        return DEFAULT_FOR_PEOPLE if kind.is_for_people else (EVERYTHING,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Events that are silenced for a period, and why; all given conditions must match.

    It applies to events observed at or after ``since`` and before ``until``; a date in the file
    includes its whole day. ``reservation_ids`` are ids of reservations or of blocks, ``regions``
    globs.
    """

    reason: str
    until: datetime
    since: datetime | None = None
    reservation_ids: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Destinations, routes, mutes and watches; empty by default, with the default thresholds."""

    destinations: tuple[Destination, ...] = ()
    routes: tuple[Route, ...] = ()
    mutes: tuple[Mute, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    watches: tuple[Watch, ...] = ()

    def destination(self, name: str) -> Destination:
        """Raises KeyError for an unknown name."""
        return {destination.name: destination for destination in self.destinations}[name]

    def routes_to(self, name: str) -> tuple[Route, ...]:
        """The routes to a destination; empty if it only gets its daily summary."""
        return tuple(route for route in self.routes if name in route.to)


class SettingsError(ValueError):
    """The settings are invalid; ``problems`` names every invalid value and what is allowed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
