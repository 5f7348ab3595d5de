"""The values of the context's keys, checked one by one; what a value must be is in the error."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from infra.quotas import (
    MAX_FILTER_COMBINATIONS,
    MAX_FILTER_NAMES,
    filter_combinations,
    filter_names,
)
from infra.schedule import MAX_OVERDUE_MINUTES, Schedule, parse_schedule
from truffle.core.events import EventType, Severity
from truffle.core.expected import EXPECTED_FORM, expected_denials
from truffle.core.model import TYPES
from truffle.core.organization import ORGANIZATION
from truffle.core.validators import EMAIL, SECRET_ARN, SECRET_ARN_FORM, region, time_zone

_T = TypeVar("_T")
_Json = Mapping[str, Any]

ALERT_ATTRIBUTES = (
    "type",
    "severity",
    "reservation_type",
    "state",
    "region",
    "account_id",
    "instance_type",
    "account_name",
    "organizational_unit",
)
"""The message attributes of an alert, which a subscription filter can name."""

# fmt: off
LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)
# fmt: on
"""What CloudWatch Logs accepts (`PutRetentionPolicy`)."""

_ATTRIBUTE_VALUES: Mapping[str, tuple[str, ...]] = {
    "type": tuple(EventType),
    "severity": tuple(Severity),
    "reservation_type": TYPES,
}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REMOVAL_POLICIES = ("retain", "destroy")


def _text(pattern: str, allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise ValueError(f"use {allowed}")

    return parse


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], str]:
    return _text("|".join(allowed), f"one of {', '.join(allowed)}")


def _whole_number(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(lowest: int, highest: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        number = _whole_number(value)
        if number is None or not lowest <= number <= highest:
            raise ValueError(f"use a whole number from {lowest} to {highest}")
        return number

    return parse


def _log_retention(value: object) -> int:
    number = _whole_number(value)
    if number not in LOG_RETENTION_DAYS:
        raise ValueError(f"use one of {', '.join(map(str, LOG_RETENTION_DAYS))}")
    return number


def _list_of(item: Callable[[object], _T]) -> Callable[[object], tuple[_T, ...]]:
    """A JSON list; as a string, JSON or separated by commas."""

    def parse(value: object) -> tuple[_T, ...]:
        parts = _split(value) if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise ValueError("use a list")
        return tuple(dict.fromkeys(item(part) for part in parts))

    return parse


def _split(text: str) -> object:
    if text.lstrip().startswith("["):
        return _from_json(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error


def _schedule(value: object) -> Schedule:
    if not isinstance(value, str):
        raise ValueError("use a string such as rate(1 hour)")
    return parse_schedule(value)


def _secret(value: object) -> str | None:
    return None if value in (None, "", "null") else _SECRET_ARN(value)


_SECRET_ARN = _text(SECRET_ARN, f"null, or {SECRET_ARN_FORM}")


_KEY_ARN = _text(
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
    "the complete ARNs of keys (arn:aws:kms:<region>:<account>:key/<id>), not of aliases",
)


def _optional(parse: Callable[[object], _T]) -> Callable[[object], _T | None]:
    return lambda value: None if value in (None, "", "null") else parse(value)


def _path(value: object) -> str | None:
    if value in (None, "", "null"):
        return None
    if not isinstance(value, str):
        raise ValueError("use null, or the path of a YAML file, relative to cdk.json")
    return value


def _filter_policy(value: object) -> _Json:
    policy = _from_json(value) if isinstance(value, str) else value
    if not isinstance(policy, dict):
        raise ValueError('use a JSON object such as {"severity": ["critical"]}')
    _check_conditions(policy)
    if filter_names(policy) > MAX_FILTER_NAMES:
        raise ValueError(f"SNS allows at most {MAX_FILTER_NAMES} attribute names")
    if filter_combinations(policy) > MAX_FILTER_COMBINATIONS:
        raise ValueError(f"SNS allows at most {MAX_FILTER_COMBINATIONS} combinations of values")
    return policy


def _check_conditions(policy: _Json) -> None:
    for name, values in policy.items():
        if name == "$or":
            _check_alternatives(values)
        else:
            _check_condition(name, values)


def _check_condition(name: str, values: object) -> None:
    if name not in ALERT_ATTRIBUTES:
        raise ValueError(f"{name} is not an attribute of an alert: {', '.join(ALERT_ATTRIBUTES)}")
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} must be a list of values")
    known = _ATTRIBUTE_VALUES.get(name, ())
    strange = [value for value in values if isinstance(value, str) and value not in known]
    if known and strange:
        raise ValueError(f"{name} is never {strange[0]}: use {', '.join(known)}")


def _check_alternatives(policies: object) -> None:
    if not isinstance(policies, list) or len(policies) < 2:
        raise ValueError("$or must be a list of two or more policies")
    if not all(isinstance(policy, dict) and policy for policy in policies):
        raise ValueError("each policy of $or is a JSON object with an attribute")
    for policy in policies:
        _check_conditions(policy)


def _expected_denial(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be {EXPECTED_FORM}")
    expected_denials([value])
    return value


_ACCOUNT = _text(r"\d{12}", "account ids of 12 digits, as strings")
_UNIT = _text(
    r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}",
    "ids of roots (r-…) and of organizational units (ou-…)",
)
_ROLE_ARN = _text(
    r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}",
    "null, or the ARN of a role (arn:aws:iam::<account>:role/<name>)",
)
_EXTERNAL_ID = _text(
    r"[\w+=,.@:/-]{2,1224}", "2 to 1,224 letters, digits and characters of +=,.@:/-_"
)
_REPORT_URL = _text(
    r"https://[^\s/?#]+[^\s?#]{0,1000}", "null, or an https URL without a query and a fragment"
)
_EMAIL = _text(EMAIL, "e-mail addresses")


def _accounts(value: object) -> tuple[str, ...] | str:
    if value == ORGANIZATION:
        return ORGANIZATION
    if isinstance(value, str) and value and not re.match(r"[\[\d]", value.lstrip()):
        raise ValueError(f'use "{ORGANIZATION}", or a list of account ids')
    return _list_of(_ACCOUNT)(value)


def _boolean(value: object) -> bool:
    known = {True: True, False: False, "true": True, "false": False}
    if not isinstance(value, bool | str) or value not in known:
        raise ValueError("use true or false")
    return known[value]


PARSERS: Mapping[str, Callable[[object], Any]] = {
    "stack_name": _text(r"[A-Za-z][A-Za-z0-9-]{0,99}", "letters, digits and hyphens, at most 100"),
    "schedule": _schedule,
    "schedule_time_zone": time_zone,
    "overdue_after_minutes": _number(1, MAX_OVERDUE_MINUTES),
    "regions": _list_of(region),
    "accounts": _accounts,
    "organizational_units": _list_of(_UNIT),
    "excluded_accounts": _list_of(_ACCOUNT),
    "organization_role_arn": _optional(_ROLE_ARN),
    "expected_denied": _list_of(_expected_denial),
    "home_region": _optional(region),
    "home_account": _optional(_ACCOUNT),
    "role_name": _text(r"[\w+=,.@-]{1,64}", "the name of an IAM role, without a path"),
    "external_id": _EXTERNAL_ID,
    "organization_stack": _boolean,
    "collector_role_arn": _optional(_ROLE_ARN),
    "delegated_administrator": _boolean,
    "forward_events": _boolean,
    "collect_concurrency": _number(2, 1000),
    "alert_emails": _list_of(_EMAIL),
    "slack_secret_arn": _secret,
    "kms_key_arns": _list_of(_KEY_ARN),
    "alert_filter_policy": _filter_policy,
    "alerts_file": _path,
    "report_url": _optional(_REPORT_URL),
    "calendar_feed": _boolean,
    "capacity_metrics": _boolean,
    "alarm_emails": _list_of(_EMAIL),
    "event_retention_days": _number(1, 3650),
    "snapshot_retention_days": _number(1, 3650),
    "log_retention_days": _log_retention,
    "log_level": _one_of(_LOG_LEVELS),
    "removal_policy": _one_of(_REMOVAL_POLICIES),
}
