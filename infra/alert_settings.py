"""The settings of alerts: those of `alerts_file`, and the destination of `slack_secret_arn`."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from truffle.alerts.settings import (
    EVERYTHING,
    AlertSettings,
    Destination,
    DestinationKind,
    Route,
    SettingsError,
)
from truffle.alerts.yaml_file import read_alerts

SLACK = "slack"
"""The name of the destination of `slack_secret_arn`."""


def alert_settings(
    file: Path | None, slack_secret_arn: str | None, *, has_own_filter: bool = False
) -> AlertSettings:
    """The settings of a deployment; `has_own_filter` means that its `alert_filter_policy` is not
    the default one.

    Raises:
        SettingsError: the file is invalid, or also names the secret's destination.
        OSError: the file cannot be read.
    """
    settings = read_alerts(file) if file else AlertSettings()
    if slack_secret_arn is None:
        return settings
    if SLACK in {destination.name for destination in settings.destinations}:
        raise SettingsError(
            [f"destinations.{SLACK}: slack_secret_arn already creates a destination with this name"]
        )
    # The deployment's own filter decides at the subscription: everything that passes it is sent.
    when = EVERYTHING if has_own_filter else None
    return replace(
        settings,
        destinations=(
            *settings.destinations,
            Destination(name=SLACK, kind=DestinationKind.SLACK, secret=slack_secret_arn),
        ),
        routes=(*settings.routes, Route(_free_name(settings), (SLACK,), when)),
    )


def _free_name(settings: AlertSettings) -> str:
    used = {route.name for route in settings.routes}
    return next(name for name in _names() if name not in used)


def _names() -> Iterator[str]:
    yield SLACK
    yield from (f"{SLACK}-{number}" for number in count(2))
