"""The settings of alerts as canonical JSON, which ``parse_settings`` reads back."""

from __future__ import annotations

from typing import Any

from truffle.alerts.settings import (
    AlertSettings,
    Destination,
    Mute,
    Route,
    Tags,
    When,
)
from truffle.alerts.settings_parser import CONDITION_KEYS, IDLE_FIELDS, PAYMENT_KEYS
from truffle.core.codec import Json
from truffle.core.market.watches import Watch
from truffle.core.thresholds import Thresholds, format_duration
from truffle.core.times import format_time


def settings_to_json(settings: AlertSettings) -> Json:
    """The settings as canonical JSON; the inverse of ``parse_settings``."""
    return {
        "destinations": {
            destination.name: _destination_to_json(destination)
            for destination in settings.destinations
        },
        "routes": [_route_to_json(route) for route in settings.routes],
        "mutes": [_mute_to_json(mute) for mute in settings.mutes],
        "thresholds": _thresholds_to_json(settings.thresholds),
        "prices": dict(settings.thresholds.prices),
        "block_fees": dict(settings.thresholds.block_fees),
        "watches": [_watch_to_json(watch) for watch in settings.watches],
    }


def _destination_to_json(destination: Destination) -> Json:
    summary = destination.daily_summary
    return _given(
        kind=destination.kind.value,
        secret=destination.secret,
        queue_arn=destination.queue_arn,
        addresses=list(destination.addresses),
        digest_above=destination.digest_above,
        daily_summary=summary and {"at": f"{summary.at:%H:%M}", "time_zone": summary.time_zone},
    )


def _route_to_json(route: Route) -> Json:
    data: Json = {"name": route.name, "to": list(route.to)}
    return data if route.when is None else {**data, "when": _when_to_json(route.when)}


def _when_to_json(when: When) -> Json:
    values = {key: getattr(when, name) for key, (name, _) in CONDITION_KEYS.items() if key != "tag"}
    return _given(
        **{key: [str(word) for word in words] for key, words in values.items()},
        tag=_tags_to_json(when.tags),
    )


def _mute_to_json(mute: Mute) -> Json:
    return _given(
        reason=mute.reason,
        until=format_time(mute.until),
        since=mute.since and format_time(mute.since),
        reservation=list(mute.reservation_ids),
        tag=_tags_to_json(mute.tags),
        account=list(mute.accounts),
        region=list(mute.regions),
    )


def _watch_to_json(watch: Watch) -> Json:
    question = _given(**watch.question.to_json())
    return {
        "name": watch.name,
        **question,
        "regions": list(watch.regions),
        "every": format_duration(watch.every),
    }


def _tags_to_json(tags: Tags) -> Json:
    return {key: list(values) for key, values in tags.items()}


def _thresholds_to_json(thresholds: Thresholds) -> Json:
    def lengths(name: str) -> list[str]:
        return [format_duration(length) for length in getattr(thresholds, name)]

    return {
        "starting_soon": lengths("starting_soon"),
        "ending_soon": lengths("ending_soon"),
        "payment_due": {
            name: format_duration(getattr(thresholds, f"payment_due_{name}"))
            for name in PAYMENT_KEYS
        },
        "late_delivery": lengths("late_delivery"),
        "idle": {name: lengths(field) for name, field in IDLE_FIELDS.items()},
        "fleet_short": lengths("fleet_short"),
        "scope_failing": thresholds.scope_failing,
        "price_dropped": thresholds.price_dropped,
        "offering_quiet": format_duration(thresholds.offering_quiet),
    }


def _given(**values: Any) -> Json:
    """The values without empty ones."""
    return {name: value for name, value in values.items() if value}
