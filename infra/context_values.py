"""The allowed values of the context's keys, as JSON and as text of `cdk -c`."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.quotas import (
    filter_combinations,
    filter_names,
)
from infra.schedule import MAX_OVERDUE_MINUTES, Schedule, parse_schedule
from truffle.alerts.routing import MAX_FILTER_COMBINATIONS, MAX_FILTER_NAMES
from truffle.core.events import EventType, Severity
from truffle.core.expected import EXPECTED_FORM, expected_denials
from truffle.core.model import TYPES
from truffle.core.organization import ORGANIZATION
from truffle.core.validators import (
    EMAIL,
    SECRET_ARN,
    SECRET_ARN_FORM,
    Location,
    Parser,
    boolean,
    choice,
    leaf,
    list_of,
    region,
    text,
    time_zone,
    whole_number,
)

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
"""The retention times of CloudWatch Logs (`PutRetentionPolicy`)."""

_ATTRIBUTE_VALUES: Mapping[str, tuple[str, ...]] = {
    "type": tuple(EventType),
    "severity": tuple(Severity),
    "reservation_type": TYPES,
}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REMOVAL_POLICIES = ("retain", "destroy")


def _or_text(read: Callable[[str], object], parser: Parser) -> Parser:
    """A parser that also accepts the text that `cdk -c key=value` passes in place of a JSON
    value."""

    def parse(place: Location, value: object) -> Any:
        try:
            return parser(place, read(value) if isinstance(value, str) else value)
        except ValueError as error:
            place.wrong(value, str(error))
            return None

    return parse


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error


def _split(text: str) -> object:
    """Parse JSON, or comma-separated parts."""
    if text.lstrip().startswith("["):
        return _from_json(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _digits(text: str) -> object:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else text


def _number(least: int, most: int) -> Parser:
    return _or_text(_digits, leaf(whole_number(least, most)))


def _list(item: Callable[[object], Any]) -> Parser:
    return _or_text(_split, list_of(leaf(item), may_be_empty=True))


def _optional(item: Callable[[object], Any]) -> Parser:
    return leaf(lambda value: None if value in (None, "", "null") else item(value))


_boolean = _or_text(lambda text: {"true": True, "false": False}.get(text, text), leaf(boolean))


def _log_retention(value: object) -> int:
    if not isinstance(value, int) or value not in LOG_RETENTION_DAYS:
        raise ValueError(f"use one of {', '.join(map(str, LOG_RETENTION_DAYS))}")
    return value


def _schedule(value: object) -> Schedule:
    if not isinstance(value, str):
        raise ValueError("use a string such as rate(1 hour)")
    return parse_schedule(value)


def _filter_policy(value: object) -> _Json:
    if not isinstance(value, dict):
        raise ValueError('use a JSON object such as {"severity": ["critical"]}')
    _check_conditions(value)
    if filter_names(value) > MAX_FILTER_NAMES:
        raise ValueError(f"SNS allows at most {MAX_FILTER_NAMES} attribute names")
    if filter_combinations(value) > MAX_FILTER_COMBINATIONS:
        raise ValueError(f"SNS allows at most {MAX_FILTER_COMBINATIONS} combinations of values")
    return value


def _check_conditions(policy: _Json) -> None:
    for name, values in policy.items():
        if name == "$or":
            _check_alternatives(values)
        else:
            _check_condition(name, values)


def _check_condition(name: str, values: object) -> None:
    if name not in ALERT_ATTRIBUTES:
        raise ValueError(
            f"{name} is not an attribute of an alert: use {', '.join(ALERT_ATTRIBUTES)}"
        )
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} must be a list of values")
    known = _ATTRIBUTE_VALUES.get(name, ())
    unknown = [value for value in values if isinstance(value, str) and value not in known]
    if known and unknown:
        raise ValueError(f"{name} cannot be {unknown[0]}: use {', '.join(known)}")


def _check_alternatives(policies: object) -> None:
    if not isinstance(policies, list) or len(policies) < 2:
        raise ValueError("$or must be a list of two or more policies")
    if not all(isinstance(policy, dict) and policy for policy in policies):
        raise ValueError("each policy of $or must be a JSON object with an attribute")
    for policy in policies:
        _check_conditions(policy)


def _expected_denial(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be {EXPECTED_FORM}")
    expected_denials([value])
    return value


_account = text(r"\d{12}", "account ids of 12 digits, in quotes")
_unit = text(
    r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}",
    "ids of roots (r-…) and of organizational units (ou-…)",
)
_role_arn = text(
    r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}",
    "null, or the ARN of a role (arn:aws:iam::<account>:role/<name>)",
)
_key_arn = text(
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
    "the complete ARNs of keys (arn:aws:kms:<region>:<account>:key/<id>), not of aliases",
)
_external_id = text(
    r"[\w+=,.@:/-]{2,1224}", "2 to 1,224 letters, digits and characters of +=,.@:/-_"
)
_stack_name = text(r"[A-Za-z][A-Za-z0-9-]{0,99}", "letters, digits and hyphens, at most 100")
_role_name = text(r"[\w+=,.@-]{1,64}", "the name of an IAM role, without a path")
_path = text("(?s).+", "null, or the path of a YAML file, relative to cdk.json")
_email = text(EMAIL, "e-mail addresses")
_report_url = text(
    r"https://[^\s/?#]+[^\s?#]{0,1000}", "null, or an https URL without a query or a fragment"
)


def _accounts(place: Location, value: object) -> Any:
    if value == ORGANIZATION:
        return ORGANIZATION
    if isinstance(value, str) and value and not re.match(r"[\[\d]", value.lstrip()):
        place.wrong(value, f'use "{ORGANIZATION}", or a list of account ids')
        return None
    return _list(_account)(place, value)


PARSERS: Mapping[str, Parser] = {
    "stack_name": leaf(_stack_name),
    "schedule": leaf(_schedule),
    "schedule_time_zone": leaf(time_zone),
    "overdue_after_minutes": _number(1, MAX_OVERDUE_MINUTES),
    "regions": _list(region),
    "accounts": _accounts,
    "organizational_units": _list(_unit),
    "excluded_accounts": _list(_account),
    "organization_role_arn": _optional(_role_arn),
    "expected_denied": _list(_expected_denial),
    "home_region": _optional(region),
    "home_account": _optional(_account),
    "role_name": leaf(_role_name),
    "external_id": leaf(_external_id),
    "organization_stack": _boolean,
    "collector_role_arn": _optional(_role_arn),
    "delegated_administrator": _boolean,
    "forward_events": _boolean,
    "collect_concurrency": _number(2, 1000),
    "alert_emails": _list(_email),
    "slack_secret_arn": _optional(text(SECRET_ARN, f"null, or {SECRET_ARN_FORM}")),
    "kms_key_arns": _list(_key_arn),
    "alert_filter_policy": _or_text(_from_json, leaf(_filter_policy)),
    "alerts_file": _optional(_path),
    "report_url": _optional(_report_url),
    "calendar_feed": _boolean,
    "capacity_metrics": _boolean,
    "stranded": _boolean,
    "cost_explorer": _boolean,
    "alarm_emails": _list(_email),
    "event_retention_days": _number(1, 3650),
    "snapshot_retention_days": _number(1, 3650),
    "log_retention_days": _or_text(_digits, leaf(_log_retention)),
    "log_level": leaf(choice(_LOG_LEVELS)),
    "removal_policy": leaf(choice(_REMOVAL_POLICIES)),
}
