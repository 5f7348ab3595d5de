"""Monitoring of truffle itself: alarms, the topic that announces them, a dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.context import Context
from infra.functions import PythonFunction
from infra.schedule import overdue_window

_FIVE_MINUTES = Duration.minutes(5)
_ALERT_METRICS = ("EventsRecorded", "AlertsPublished", "AlertsDelivered", "DeliveriesFailed")
_UNDELIVERED = "Dead letters: destinations"


@dataclass(frozen=True)
class Watched:
    """The monitored resources: the functions, and the queues by the name of their content.

    Attributes:
        functions: every function of the stack.
        dead_letters: dead-letter queues; one message raises an alarm.
        destination_dead_letters: the same for the destinations of alerts.
        queues: the other queues, shown on the dashboard.
        http_api: the query API.
        collect: logs held capacity when a run is closed.
    """

    functions: Sequence[PythonFunction]
    dead_letters: Mapping[str, sqs.Queue]
    destination_dead_letters: Mapping[str, sqs.Queue]
    queues: Mapping[str, sqs.Queue]
    http_api: apigateway.HttpApi
    collect: PythonFunction


class Monitoring(Construct):
    """Alarms with their own topic, and the dashboard.

    Attributes:
        topic: the topic of alarms, with `alarm_emails` as subscribers.
    """

    def __init__(
        self, scope: Construct, construct_id: str, context: Context, watched: Watched
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = _alarm_topic(self, context)
        self._overdue(context)
        self._failures(context)
        if context.is_organization:
            self._not_discovered(context)
        for name, queue in watched.dead_letters.items():
            meaning = f"Messages to {name} failed every attempt and are in its dead-letter queue"
            self._dead_letters(name.lower(), f"Dead letters: {name}", meaning, queue)
        for name, queue in watched.destination_dead_letters.items():
            meaning = (
                f"Destination {name} has not accepted alerts for a day; they are in its "
                "dead-letter queue"
            )
            self._dead_letters(f"destination-{name}", _UNDELIVERED, meaning, queue)
        for function in watched.functions:
            self._errors(function)
        _dashboard(self, context, watched)

    def _overdue(self, context: Context) -> None:
        window = overdue_window(context.overdue_after_minutes)
        self._alarm(
            "runs-overdue",
            "No completed run",
            f"No run has completed for {context.overdue_after_minutes} minutes, so data is old and "
            "alerts are missing",
            _truffle_metric(context, "RunsCompleted", Duration.minutes(window.period_minutes)),
            cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=1,
            evaluation_periods=window.periods,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _failures(self, context: Context) -> None:
        """Alarms for errors that a function survives and only counts, and that nothing else would
        report."""
        for name, metric, section, meaning in (
            (
                "tidying-failed",
                "TidyingFailed",
                "Earlier runs not cleaned up",
                "A run started, but earlier runs could not be cleaned up: a lost run stays open, "
                "and scopes that are no longer collected stay in the lists",
            ),
            (
                "checks-failed",
                "ChecksFailed",
                "Rechecks not scheduled",
                "One-time schedules could not be created, so the next run is the first to see "
                "starts and ends of blocks",
            ),
        ):
            self._alarm(
                name,
                section,
                meaning,
                _truffle_metric(context, metric, _FIVE_MINUTES),
                cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            )

    def _not_discovered(self, context: Context) -> None:
        self._alarm(
            "accounts-not-discovered",
            "Accounts not discovered",
            "Organizations did not list its accounts; the last known ones are collected",
            _truffle_metric(context, "DiscoveryFailed", _FIVE_MINUTES),
            cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        )

    def _dead_letters(self, name: str, section: str, meaning: str, queue: sqs.Queue) -> None:
        self._alarm(
            f"{name}-dead-letters",
            section,
            meaning,
            queue.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        )

    def _errors(self, function: PythonFunction) -> None:
        self._alarm(
            f"{function.name.replace('_', '-')}-errors",
            "Function errors",
            f"The function {function.name} raised an error or timed out",
            function.function.metric_errors(period=_FIVE_MINUTES),
            cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        )

    def _alarm(
        self,
        name: str,
        section: str,
        meaning: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        *,
        threshold: float = 0,
        evaluation_periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.title() for word in name.split("-")),
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=f'{meaning}: see "{section}" in docs/operations.md.',
            metric=metric,
            comparison_operator=comparison,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))


def _alarm_topic(scope: Construct, context: Context) -> sns.Topic:
    """The topic; not encrypted, because CloudWatch may not use SNS's own key, and alarms contain no
    secrets."""
    topic = sns.Topic(scope, "Alarms", enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    for address in context.alarm_emails:
        topic.add_subscription(subscriptions.EmailSubscription(address))
    return topic


def _truffle_metric(context: Context, name: str, period: Duration) -> cloudwatch.Metric:
    """A metric that this stack's functions log themselves (Powertools, embedded metric format)."""
    return cloudwatch.Metric(
        namespace=context.stack_name,
        metric_name=name,
        dimensions_map={"service": context.stack_name},
        statistic="Sum",
        period=period,
    )


def _dashboard(scope: Construct, context: Context, watched: Watched) -> None:
    dashboard = cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=Stack.of(scope).stack_name,
        default_interval=Duration.days(1),
    )
    per_run = Duration.minutes(max(context.schedule_minutes, 5))
    dashboard.add_widgets(*_capacity(context, watched.collect, per_run))
    dashboard.add_widgets(
        _graph("Runs completed", _own(context, per_run, "RunsCompleted")),
        _graph("Scopes", _own(context, per_run, "ScopesSucceeded", "ScopesFailed")),
        _graph("Reservations listed", _own(context, per_run, "ReservationsListed")),
        _graph("Events and alerts", _own(context, per_run, *_ALERT_METRICS)),
    )
    dead_letters = {**watched.dead_letters, **watched.destination_dead_letters}
    dashboard.add_widgets(
        _graph("Queues", _depths(watched.queues)),
        _graph("Dead letters", _depths(dead_letters)),
        _graph("Function errors", [one.function.metric_errors() for one in watched.functions]),
        _graph("Function duration", _durations(watched.functions)),
    )
    api = watched.http_api
    dashboard.add_widgets(
        _graph("API requests", [api.metric_count()]),
        _graph("API latency", [api.metric_latency(statistic=s) for s in ("p50", "p99")]),
        _graph("API client errors", [api.metric_client_error()]),
        _graph("API server errors", [api.metric_server_error()]),
    )


def _capacity(
    context: Context, collect: PythonFunction, period: Duration
) -> Sequence[cloudwatch.IWidget]:
    """Widgets of held capacity: from logs, which cost only while the dashboard is open, or from
    metrics, if the context enables them."""
    if not context.capacity_metrics:
        return [_logged_capacity(collect, period)]
    return [
        _by_accelerator(context, title, name, period)
        for title, name in (
            ("Accelerators held", "AcceleratorsHeld"),
            ("Accelerators in use", "AcceleratorsUsed"),
            ("Accelerators idle", "AcceleratorsIdle"),
            ("Idle, USD per hour", "IdleUsdPerHour"),
        )
    ]


def _logged_capacity(collect: PythonFunction, period: Duration) -> cloudwatch.IWidget:
    sums = ("held", "used", "idle", "coming")
    return cloudwatch.LogQueryWidget(
        title="Accelerators, as of each run",
        log_group_names=[collect.function.log_group.log_group_name],
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        query_lines=[
            'filter message = "capacity"',
            f"stats {', '.join(f'max({name}) as {name}' for name in sums)} by accelerator, "
            f"bin({period.to_minutes():.0f}m) as run",
            "sort run desc, accelerator",
        ],
        width=24,
    )


def _by_accelerator(
    context: Context, title: str, name: str, period: Duration
) -> cloudwatch.GraphWidget:
    """A line for each accelerator."""
    dimensions = f"{context.stack_name},accelerator,service"
    return cloudwatch.GraphWidget(
        title=title,
        width=6,
        left=[
            cloudwatch.MathExpression(
                expression=f"SEARCH('{{{dimensions}}} MetricName=\"{name}\"', 'Maximum', "
                f"{period.to_seconds():.0f})",
                using_metrics={},
                label="",
                period=period,
            )
        ],
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=6)


def _own(context: Context, period: Duration, *names: str) -> list[cloudwatch.IMetric]:
    return [_truffle_metric(context, name, period) for name in names]


def _depths(queues: Mapping[str, sqs.Queue]) -> list[cloudwatch.IMetric]:
    return [
        queue.metric_approximate_number_of_messages_visible(label=name, statistic="Maximum")
        for name, queue in queues.items()
    ]


def _durations(functions: Sequence[PythonFunction]) -> list[cloudwatch.IMetric]:
    return [one.function.metric_duration(label=one.name, statistic="p99") for one in functions]
