"""The settings of a deployment: the context of cdk.json and of `cdk -c key=value`, checked.

Without CDK; the only file read is `alerts_file`. The checks run before synthesis, so an invalid
value or unknown key is a readable error, not a failed deployment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from infra.alert_settings import alert_settings
from infra.context_values import PARSERS
from infra.schedule import MAX_OVERDUE_MINUTES, Schedule
from truffle.alerts.routing import DEFAULT_POLICY
from truffle.alerts.settings import AlertSettings, SettingsError
from truffle.core.organization import ORGANIZATION, AccountSettings, Selection
from truffle.core.validators import Location, record, show

_HERE = Path(__file__).resolve().parent.parent
_Json = Mapping[str, Any]

HOURLY = Schedule("rate(1 hour)", 60)
_CDK_PREFIXES = ("@aws-cdk/", "aws:cdk:", "aws-cdk:", "cdk-nag")
_CDK_KEYS = ("acknowledged-issue-numbers", "cli-telemetry")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The settings of one deployment.

    Attributes:
        stack_name: name of the CloudFormation stack, and the prefix of its alarms.
        schedule: when a run starts.
        schedule_time_zone: IANA name of the time zone of a cron.
        overdue_after_minutes: time without a completed run after which the alarm fires.
        regions: regions to collect; empty means every region enabled for the account.
        accounts: accounts to collect; empty means the deployment's own, `organization` every active
            account of the organization.
        organizational_units: ids of roots and organizational units, to whose accounts, however
            deep, the organization's are narrowed; empty means all.
        excluded_accounts: accounts that are never collected.
        organization_role_arn: role that is assumed to call Organizations; None if the stack's own
            account may call it.
        expected_denied: globs of `account/region` that may be denied or not enabled without
            making the collection incomplete.
        home_region: region of the stack; None if unknown. EC2's events of the other
            `regions` are forwarded to it.
        home_account: the account of the stack, if this deployment is in another account
            and only forwards its events; None for the stack itself.
        role_name: role that the collector assumes in those accounts.
        external_id: sent with every AssumeRole, and required by the reader role in `roles/`.
        organization_stack: whether the app also has the StackSet of the reader role.
        collector_role_arn: the role that the StackSet's reader roles trust, if the stack is
            in another account; the app then has only the StackSet.
        delegated_administrator: whether a delegated administrator creates the StackSet rather
            than by the management account.
        forward_events: whether the StackSet forwards EC2's events of `regions` to the stack.
        collect_concurrency: how many units are listed at the same time.
        alert_emails: addresses that get the alerts that pass `alert_filter_policy`.
        slack_secret_arn: complete ARN of the secret with Slack's webhook URL; None for no Slack.
        kms_key_arns: complete ARNs of the customer managed keys with which secrets and queues of
            destinations are encrypted.
        alert_filter_policy: SNS filter policy of alert_emails and slack_secret_arn; {} passes all.
        alerts: destinations, routes, mutes and thresholds of `alerts_file`, and the
            destination of `slack_secret_arn`.
        report_url: URL of the published `latest/report.html` of the bucket, for links in alerts;
            None if it is not.
        calendar_feed: whether the calendar has a URL with a secret, for programs that cannot sign.
        capacity_metrics: whether each run sends held capacity to CloudWatch as metrics.
        stranded: whether each run searches for On-Demand instances beside idle reserved capacity.
        cost_explorer: whether the fees of capacity blocks are requested from Cost Explorer daily.
        alarm_emails: addresses that are notified when truffle itself fails.
        event_retention_days: how long the table keeps events.
        snapshot_retention_days: how long the bucket keeps snapshots and manifests.
        log_retention_days: how long CloudWatch keeps the logs.
        log_level: level of the functions' logs.
        removal_policy: whether the table and the bucket are deleted with the stack (`destroy`);
            CloudFormation only deletes an empty bucket, without old versions.
    """

    stack_name: str = "truffle"
    schedule: Schedule = HOURLY
    schedule_time_zone: str = "UTC"
    overdue_after_minutes: int = 180
    regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] | Literal["organization"] = ()
    organizational_units: tuple[str, ...] = ()
    excluded_accounts: tuple[str, ...] = ()
    organization_role_arn: str | None = None
    expected_denied: tuple[str, ...] = ()
    home_region: str | None = None
    home_account: str | None = None
    role_name: str = "truffle-read"
    external_id: str = "truffle-reader"
    organization_stack: bool = False
    collector_role_arn: str | None = None
    delegated_administrator: bool = False
    forward_events: bool = False
    collect_concurrency: int = 40
    alert_emails: tuple[str, ...] = ()
    slack_secret_arn: str | None = None
    kms_key_arns: tuple[str, ...] = ()
    alert_filter_policy: _Json = field(default_factory=lambda: DEFAULT_POLICY)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    report_url: str | None = None
    calendar_feed: bool = False
    capacity_metrics: bool = False
    stranded: bool = False
    cost_explorer: bool = False
    alarm_emails: tuple[str, ...] = ()
    event_retention_days: int = 400
    snapshot_retention_days: int = 400
    log_retention_days: int = 30
    log_level: str = "INFO"
    removal_policy: str = "retain"

    @property
    def has_own_stack(self) -> bool:
        """Whether this deployment includes the stack, and is not another account's forwarding to
        it."""
        return self.home_account is None and self.collector_role_arn is None

    @property
    def is_organization(self) -> bool:
        """Whether the accounts come from Organizations."""
        return self.accounts == ORGANIZATION

    @property
    def listed_accounts(self) -> tuple[str, ...]:
        """The accounts that the context names."""
        return () if self.accounts == ORGANIZATION else self.accounts

    @property
    def account_settings(self) -> AccountSettings:
        """The accounts to collect, as settings of the functions."""
        selection = Selection(
            frozenset(self.organizational_units), frozenset(self.excluded_accounts)
        )
        return AccountSettings(self.listed_accounts, self.is_organization, selection)

    @property
    def schedule_minutes(self) -> int:
        """The period of the runs; for a cron, a third of `overdue_after_minutes`."""
        return self.schedule.period_minutes or max(1, self.overdue_after_minutes // 3)


class ContextError(ValueError):
    """The context is invalid; `problems` names every invalid key, its value and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def merge_context(cdk_json: str, environment: str | None) -> dict[str, Any]:
    """Merge the context of cdk.json with the one passed by the CDK command line, which takes
    precedence.

    Args:
        cdk_json: the text of cdk.json.
        environment: the value of CDK_CONTEXT_JSON, None if it is not set.

    Raises:
        ContextError: one of them is not a JSON object.
    """
    file = _object_of(cdk_json, "cdk.json")
    context = file.get("context", {})
    if not isinstance(context, dict):
        raise ContextError([f"context of cdk.json = {show(context)}: use a JSON object"])
    return context | _object_of(environment or "{}", "CDK_CONTEXT_JSON")


def _object_of(text: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ContextError([f"{source} is not JSON: {error}"]) from error
    if not isinstance(value, dict):
        raise ContextError([f"{source} = {show(value)}: use a JSON object"])
    return value


def parse_context(
    raw: _Json, folder: Path = _HERE, *, default_region: str | None = None
) -> Context:
    """Check every key; values may be JSON or the strings of `cdk -c key=value`.

    CDK's own keys (`@aws-cdk/...`, `aws:cdk:...`, `cdk-nag...`) are ignored. `alerts_file` is read;
    its path is relative to `folder`, the directory of cdk.json. `default_region` is the
    `home_region` of a context that names none.

    Raises:
        ContextError: all unknown keys and invalid values at once.
    """
    own = {key: value for key, value in raw.items() if not _is_cdk_key(key)}
    file = Location()
    values = record(PARSERS, what="the context")(file, own)
    problems = file.problems
    values["home_region"] = values.get("home_region") or default_region
    problems += _overdue_problems(values)
    problems += _forwarding_problems(values)
    problems += _organization_problems(values)
    problems += _alert_problems(values, folder)
    if problems:
        raise ContextError(sorted(problems))
    return Context(**values)


def _is_cdk_key(key: str) -> bool:
    return key.startswith(_CDK_PREFIXES) or key in _CDK_KEYS


def _overdue_problems(values: dict[str, Any]) -> list[str]:
    """Add the default of three periods to `values`, or return the reason why there is none."""
    schedule = values.get("schedule", HOURLY)
    if schedule is None or values.get("overdue_after_minutes", 0) is None:
        return []
    period = schedule.period_minutes
    overdue = values.setdefault("overdue_after_minutes", 3 * period if period else None)
    if overdue is None:
        return ["overdue_after_minutes: required with a cron schedule, in minutes"]
    if overdue > MAX_OVERDUE_MINUTES:
        return [
            f"overdue_after_minutes = {overdue} (three periods): CloudWatch looks back at most "
            f"{MAX_OVERDUE_MINUTES} minutes; set a smaller number"
        ]
    if period and overdue <= period:
        return [f"overdue_after_minutes = {overdue}: use more than the schedule's {period} minutes"]
    return []


def _forwarding_problems(values: dict[str, Any]) -> list[str]:
    """Problems of another account's deployment, which only forwards events and needs both ends."""
    needed = {"regions": values.get("regions"), "home_region": values["home_region"]}
    missing = [key for key, value in needed.items() if not value]
    if not values.get("home_account") or not missing:
        return []
    return [f"home_account = {show(values['home_account'])}: also requires {' and '.join(missing)}"]


def _organization_problems(values: dict[str, Any]) -> list[str]:
    """Problems of settings that require others."""
    of_organization = ("organizational_units", "organization_role_arn")
    asks = values.get("accounts") == ORGANIZATION or values.get("organization_stack")
    of_stack_set = ("collector_role_arn", "delegated_administrator", "forward_events")
    problems = [
        f"{key} = {show(values[key])}: also requires accounts = {show(ORGANIZATION)}"
        for key in of_organization
        if values.get(key) and not asks
    ]
    problems += [
        f"{key} = {show(values[key])}: also requires organization_stack = true"
        for key in of_stack_set
        if values.get(key) and not values.get("organization_stack")
    ]
    needed = {"regions": values.get("regions"), "home_region": values["home_region"]}
    missing = [key for key, value in needed.items() if not value]
    if values.get("forward_events") and missing:
        problems.append(f"forward_events = true: also requires {' and '.join(missing)}")
    return problems


def _alert_problems(values: dict[str, Any], folder: Path) -> list[str]:
    """Replace the path with the content of the file, or return its problems."""
    path, secret = values.pop("alerts_file", None), values.get("slack_secret_arn")
    has_own_filter = values.get("alert_filter_policy", DEFAULT_POLICY) != DEFAULT_POLICY
    try:
        values["alerts"] = alert_settings(
            path and folder / path, secret, has_own_filter=has_own_filter
        )
    except OSError as error:
        return [f"alerts_file = {show(path)}: {error.strerror}"]
    except SettingsError as error:
        return [f"alerts_file = {show(path)}: {problem}" for problem in error.problems]
    return []
