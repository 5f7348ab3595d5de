"""AWS's quotas that a stack can exceed, checked over the synthesized template.

Each quota is declared once, with AWS's number and its source. It is measured over all resources of
its type, whichever construct created them: sizes of policies and environments, names, numbers.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from infra.resolved import Json, Resolver

_DOCS = "https://docs.aws.amazon.com"
CLOUDFORMATION = f"{_DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
CLOUDFORMATION_API = f"{_DOCS}/AWSCloudFormation/latest/APIReference/API_CreateStack.html"
CLOUDWATCH = f"{_DOCS}/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
CLOUDWATCH_API = f"{_DOCS}/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
DYNAMODB = f"{_DOCS}/amazondynamodb/latest/developerguide/ServiceQuotas.html"
EVENTS = f"{_DOCS}/eventbridge/latest/userguide/eb-quota.html"
EVENTS_API = f"{_DOCS}/eventbridge/latest/APIReference/API_PutPermission.html"
EVENTS_RULE = f"{_DOCS}/eventbridge/latest/APIReference/API_PutRule.html"
IAM = f"{_DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html"
HTTP_API = f"{_DOCS}/apigateway/latest/developerguide/http-api-quotas.html"
LAMBDA = f"{_DOCS}/lambda/latest/dg/gettingstarted-limits.html"
LAMBDA_API = f"{_DOCS}/lambda/latest/api/API_CreateFunction.html"
LAMBDA_FILTERS = f"{_DOCS}/lambda/latest/dg/invocation-eventfiltering.html"
LOGS = f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
S3 = f"{_DOCS}/AmazonS3/latest/userguide/add-bucket-policy.html"
S3_NAMES = f"{_DOCS}/AmazonS3/latest/userguide/bucketnamingrules.html"
SCHEDULER = f"{_DOCS}/scheduler/latest/APIReference/API_CreateSchedule.html"
SNS = f"{_DOCS}/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html"
SNS_FILTERS = f"{_DOCS}/sns/latest/dg/subscription-filter-policy-constraints.html"
SNS_API = f"{_DOCS}/sns/latest/api/API_CreateTopic.html"
SQS = f"{_DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"
SQS_API = f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"
SSM = f"{_DOCS}/systems-manager/latest/APIReference/API_PutParameter.html"


class Stack:
    """A synthesized stack for the quotas.

    Attributes:
        name: name of the stack.
        template: as synthesized.
        resources: the template's resources; their properties are resolved.
    """

    def __init__(self, name: str, template: Json, region: str | None = None) -> None:
        self.name = name
        self.template = template
        resolver = Resolver(template, name, region)
        self.resources: dict[str, Json] = {
            key: {**body, "Properties": resolver.resolve(body.get("Properties", {}))}
            for key, body in template.get("Resources", {}).items()
        }

    def of(self, kind: str) -> Iterator[tuple[str, Json]]:
        """The logical id and resolved properties of each resource of a type."""
        for key, body in self.resources.items():
            if body["Type"] == kind:
                yield key, body["Properties"]


Found = Iterator[tuple[str, str | int]]
"""The owner of the quota (a logical id, or the stack's name), and the measured text or number."""


@dataclass(frozen=True)
class Quota:
    """One quota of AWS.

    Attributes:
        what: what is limited.
        limit: AWS's maximum, in `unit`.
        unit: `characters`, `bytes` (of UTF-8), or what is counted.
        source: the page of AWS with the number.
        find: finds the measured texts or numbers in the template.
        settings: the settings to shorten, if the measured text does not show them.
    """

    what: str
    limit: int
    unit: str
    source: str
    find: Callable[[Stack], Found]
    settings: tuple[str, ...] = ()

    def size(self, found: str | int) -> int:
        if isinstance(found, int):
            return found
        return len(found.encode()) if self.unit == "bytes" else len(found)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts_of(kind: str, name: str) -> Callable[[Stack], Found]:
    """A property of every resource of a type: its text, or its JSON."""

    def find(stack: Stack) -> Found:
        for key, properties in stack.of(kind):
            if properties.get(name) is not None:
                value = properties[name]
                yield key, value if isinstance(value, str) else _text(value)

    return find


def _numbers_of(kind: str, name: str, count: Callable[[Any], int]) -> Callable[[Stack], Found]:
    """The values of a property of every resource of a type."""

    def find(stack: Stack) -> Found:
        for key, properties in stack.of(kind):
            if properties.get(name) is not None:
                yield key, count(properties[name])

    return find


def _statements(document: Json) -> int:
    return len(_listed(document["Statement"]))


def _principals(document: Json) -> int:
    principals = [one.get("Principal") for one in _listed(document["Statement"])]
    groups = [list(one.values()) if isinstance(one, Mapping) else [one] for one in principals]
    return sum(len(_listed(values)) for group in groups for values in group)


def _inline_policies(stack: Stack) -> Found:
    """All inline policies of each role, without white space, which IAM does not count."""
    attached: dict[str, list[object]] = defaultdict(list)
    for key, body in stack.template.get("Resources", {}).items():
        if body["Type"] == "AWS::IAM::Policy":
            document = stack.resources[key]["Properties"]["PolicyDocument"]
            for role in body["Properties"].get("Roles", []):
                attached[str(role.get("Ref"))].append(document)
    for key, properties in stack.of("AWS::IAM::Role"):
        own = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        yield key, "".join(re.sub(r"\s", "", _text(one)) for one in own + attached[key])


def _environments(stack: Stack) -> Found:
    """The environments as the JSON text that Lambda measures; its error quotes it, with escaped
    quotation marks (github-aws-runners/terraform-aws-github-runner, issue 3594)."""
    for key, properties in stack.of("AWS::Lambda::Function"):
        yield key, _text(properties.get("Environment", {}).get("Variables", {}))


def _function_policies(stack: Stack) -> Found:
    texts: dict[str, str] = defaultdict(str)
    for _, properties in stack.of("AWS::Lambda::Permission"):
        texts[str(properties["FunctionName"])] += _text(properties)
    yield from texts.items()


def _namespaces(stack: Stack) -> Found:
    for key, properties in stack.of("AWS::Lambda::Function"):
        variables = properties.get("Environment", {}).get("Variables", {})
        yield key, variables.get("POWERTOOLS_METRICS_NAMESPACE", "")


def _dimensions(stack: Stack) -> Found:
    for key, properties in stack.of("AWS::CloudWatch::Alarm"):
        yield from ((key, one["Value"]) for one in properties.get("Dimensions", []))


def _metrics_of_widgets(body: str) -> list[int]:
    return [len(one["properties"].get("metrics", ())) for one in json.loads(body)["widgets"]]


def _widgets(body: str) -> int:
    return len(_metrics_of_widgets(body))


def _widest(body: str) -> int:
    return max(_metrics_of_widgets(body), default=0)


def _metrics(body: str) -> int:
    return sum(_metrics_of_widgets(body))


def _one(stack: Stack, measured: str | int) -> Found:
    yield stack.name, measured


def _template(stack: Stack) -> Found:
    return _one(stack, _text(stack.template))


def _resources(stack: Stack) -> Found:
    return _one(stack, len(stack.resources))


def _outputs(stack: Stack) -> Found:
    return _one(stack, len(stack.template.get("Outputs", {})))


def _output_names(stack: Stack) -> Found:
    return ((stack.name, name) for name in stack.template.get("Outputs", {}))


def _filters_of_topics(stack: Stack) -> Found:
    counts: dict[str, int] = defaultdict(int)
    for _, properties in stack.of("AWS::SNS::Subscription"):
        counts[properties["TopicArn"]] += "FilterPolicy" in properties
    yield from counts.items()


def filter_arrays(policy: Json) -> Iterator[tuple[str, list[object]]]:
    """Each key of an SNS filter policy with its values, including those below `$or`."""
    for name, values in policy.items():
        if name == "$or":
            for alternative in values:
                yield from filter_arrays(alternative)
        else:
            yield name, values


def filter_names(policy: Json) -> int:
    """The number of keys of an SNS filter policy."""
    return len({name for name, _ in filter_arrays(policy)})


def filter_combinations(policy: Json) -> int:
    """The number of combinations of values of an SNS filter policy."""
    return prod(len(values) for _, values in filter_arrays(policy))


MAX_FILTER_NAMES = 5
MAX_FILTER_COMBINATIONS = 150
"""The maximum for one SNS filter policy (SNS_FILTERS)."""

_ALARM, _DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
_FUNCTION, _MAPPING = "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"
_ROLE, _MANAGED_POLICY = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
_RULE, _BUS_POLICY = "AWS::Events::Rule", "AWS::Events::EventBusPolicy"
_QUEUE_POLICY, _TOPIC_POLICY = "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"
_SCHEDULE, _SUBSCRIPTION = "AWS::Scheduler::Schedule", "AWS::SNS::Subscription"

_DESTINATIONS = ("alerts_file",)
_SUBSCRIBERS = ("alert_emails", "alerts_file")
_FILTERS = ("alert_filter_policy", "alerts_file")

_PROPERTIES = (
    (_ROLE, "AssumeRolePolicyDocument", 2_048, "characters", IAM),
    (_MANAGED_POLICY, "PolicyDocument", 6_144, "characters", IAM),
    (_QUEUE_POLICY, "PolicyDocument", 8_192, "bytes", SQS),
    (_TOPIC_POLICY, "PolicyDocument", 30_720, "bytes", SNS),
    ("AWS::S3::BucketPolicy", "PolicyDocument", 20_480, "bytes", S3),
    (_BUS_POLICY, "Statement", 10_240, "characters", EVENTS),
    (_RULE, "EventPattern", 2_048, "characters", EVENTS),
    (_MAPPING, "FilterCriteria", 4_096, "characters", LAMBDA_FILTERS),
    (_SUBSCRIPTION, "FilterPolicy", 256 * 1024, "bytes", SNS_FILTERS),
    (_FUNCTION, "Description", 256, "characters", LAMBDA_API),
    (_ALARM, "AlarmDescription", 1_024, "characters", CLOUDWATCH_API),
    (_ALARM, "Namespace", 255, "characters", CLOUDWATCH_API),
    (_RULE, "Description", 512, "characters", EVENTS_RULE),
    (_SCHEDULE, "Description", 512, "characters", SCHEDULER),
    # names, which may be built from stack_name
    (_FUNCTION, "FunctionName", 64, "characters", LAMBDA_API),
    (_ROLE, "RoleName", 64, "characters", IAM),
    (_MANAGED_POLICY, "ManagedPolicyName", 128, "characters", IAM),
    ("AWS::SQS::Queue", "QueueName", 80, "characters", SQS_API),
    ("AWS::SNS::Topic", "TopicName", 256, "characters", SNS_API),
    (_ALARM, "AlarmName", 255, "characters", CLOUDWATCH_API),
    (_DASHBOARD, "DashboardName", 255, "characters", CLOUDWATCH_API),
    ("AWS::Logs::LogGroup", "LogGroupName", 512, "characters", LOGS),
    ("AWS::Events::EventBus", "Name", 256, "characters", EVENTS_API),
    (_RULE, "Name", 64, "characters", EVENTS_RULE),
    (_BUS_POLICY, "StatementId", 64, "characters", EVENTS_API),
    (_SCHEDULE, "Name", 64, "characters", SCHEDULER),
    ("AWS::Scheduler::ScheduleGroup", "Name", 64, "characters", SCHEDULER),
    ("AWS::DynamoDB::Table", "TableName", 255, "characters", DYNAMODB),
    ("AWS::S3::Bucket", "BucketName", 63, "characters", S3_NAMES),
    ("AWS::SSM::Parameter", "Name", 1_011, "characters", SSM),
    ("AWS::ApiGatewayV2::Api", "Name", 128, "characters", HTTP_API),
)
"""Type, property, and AWS's maximum length; a property that is not text counts as JSON."""

_NUMBERS = (
    (_QUEUE_POLICY, "PolicyDocument", 20, "statements", SQS, _statements, ("accounts",)),
    (_QUEUE_POLICY, "PolicyDocument", 50, "principals", SQS, _principals, ("accounts",)),
    (_TOPIC_POLICY, "PolicyDocument", 100, "statements", SNS, _statements, ("accounts",)),
    (_TOPIC_POLICY, "PolicyDocument", 200, "principals", SNS, _principals, ("accounts",)),
    (_SUBSCRIPTION, "FilterPolicy", MAX_FILTER_NAMES, "keys", SNS_FILTERS, filter_names, _FILTERS),
    (
        *(_SUBSCRIPTION, "FilterPolicy", MAX_FILTER_COMBINATIONS, "combinations of values"),
        *(SNS_FILTERS, filter_combinations, _FILTERS),
    ),
    (_RULE, "Targets", 5, "targets", EVENTS, len, ()),
    (_ALARM, "AlarmActions", 5, "actions", CLOUDWATCH, len, ()),
    (_DASHBOARD, "DashboardBody", 500, "widgets", CLOUDWATCH, _widgets, ()),
    (_DASHBOARD, "DashboardBody", 500, "metrics", CLOUDWATCH, _widest, _DESTINATIONS),
    (_DASHBOARD, "DashboardBody", 2_500, "metrics", CLOUDWATCH, _metrics, _DESTINATIONS),
    (_ROLE, "ManagedPolicyArns", 10, "managed policies", IAM, len, ()),
)
"""Type, property, AWS's maximum, the counted unit, and how it is counted."""

QUOTAS: tuple[Quota, ...] = (
    *(
        Quota(f"{kind} {name}", limit, unit, source, _texts_of(kind, name))
        for kind, name, limit, unit, source in _PROPERTIES
    ),
    *(
        Quota(f"{kind} {name}", limit, unit, source, _numbers_of(kind, name, count), settings)
        for kind, name, limit, unit, source, count, settings in _NUMBERS
    ),
    Quota("inline policies of the role", 10_240, "characters", IAM, _inline_policies),
    Quota("environment of the function", 4_096, "bytes", LAMBDA, _environments),
    Quota("resource policy of the function", 20_480, "bytes", LAMBDA, _function_policies),
    Quota("metrics namespace of the function", 255, "characters", CLOUDWATCH_API, _namespaces),
    Quota("dimension of the alarm's metric", 1_024, "characters", CLOUDWATCH_API, _dimensions),
    Quota("topic", 200, "filter policies", SNS_FILTERS, _filters_of_topics, _SUBSCRIBERS),
    Quota("stack name", 128, "characters", CLOUDFORMATION_API, lambda it: _one(it, it.name)),
    Quota("template", 1_000_000, "bytes", CLOUDFORMATION, _template, _SUBSCRIBERS),
    Quota("template", 500, "resources", CLOUDFORMATION, _resources, _SUBSCRIBERS),
    Quota("template", 200, "outputs", CLOUDFORMATION, _outputs, _DESTINATIONS),
    Quota("name of an output", 255, "characters", CLOUDFORMATION, _output_names, _DESTINATIONS),
)
"""Every quota; 1 MB, 4 KB, 20 KB and 30 KB in the strictest interpretation of AWS's pages."""
