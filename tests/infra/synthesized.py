"""A synthesized stack that can be asked questions; asking about nothing is a failed test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALERTS: Json = {
    "destinations": {
        "on-call": {
            "kind": "slack",
            "secret": "truffle/on-call",
            "digest_above": 10,
            "daily_summary": {"at": "08:30", "time_zone": "Europe/Berlin"},
        },
        "research": {"kind": "teams", "secret": SECRET_ARN.replace("slack", "teams")},
        "chat": {"kind": "amazon-q"},
        "people": {"kind": "email", "addresses": ["reader@example.com"]},
        "warehouse": {"kind": "sqs", "queue_arn": "arn:aws:sqs:us-east-1:123456789012:warehouse"},
        "bus": {"kind": "https", "secret": "truffle/bus"},
        "pager": {"kind": "pagerduty", "secret": "truffle/pager"},
        "ops": {"kind": "opsgenie", "secret": "truffle/ops"},
        "silent": {
            "kind": "email",
            "addresses": ["a@example.com"],
            "daily_summary": {"at": "07:00"},
        },
    },
    "routes": [
        {"name": "usual", "to": ["on-call", "research", "chat", "people", "warehouse", "bus"]},
        {"name": "bad", "to": ["pager", "ops"], "when": {"severity": ["critical", "good"]}},
    ],
    "watches": [
        {
            "name": "hunt",
            "instance_type": "p5.48xlarge",
            "count": 8,
            "days": 7,
            "regions": ["us-east-1", "us-east-2"],
            "every": "15m",
        }
    ],
}
"""Destinations of every kind, and a watch."""

EVERYTHING: Json = {
    "accounts": ["111122223333", "444455556666"],
    "alert_emails": ["people@example.com"],
    "alarm_emails": ["operators@example.com"],
    "slack_secret_arn": SECRET_ARN,
    "report_url": "https://report.example.com/gpu",
    "calendar_feed": True,
    "capacity_metrics": True,
    "stranded": True,
    "cost_explorer": True,
    "kms_key_arns": [KEY_ARN, KEY_ARN.replace("us-east-1", "eu-west-1")],
}
"""A context that deploys every resource there is."""

FORWARDED: tuple[Json, ...] = (
    {"regions": ["us-east-1", "eu-west-1"], "home_region": "us-east-1"},
    {
        "stack_name": "other",
        "regions": ["us-east-1", "eu-west-1"],
        "home_region": "us-east-1",
        "home_account": "999988887777",
    },
)
"""Contexts whose other regions, or another account, have their events forwarded."""

NAMES = (
    *("fan_out", "collect", "hint", "ledger", "prices", "publish", "query", "deliver"),
    *("compact", "watch"),
)


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    logical_id: str
    body: Json

    @property
    def properties(self) -> Json:
        properties: Json = self.body.get("Properties", {})
        return properties

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]


@dataclass(frozen=True)
class Synthesized:
    """The output of `cdk synth` for one stack."""

    directory: Path
    stack: str = "truffle"

    @cached_property
    def template(self) -> Json:
        return self._read("template")

    @property
    def outputs(self) -> Json:
        outputs: Json = self.template["Outputs"]
        return outputs

    @property
    def asset(self) -> Path:
        """The directory of the functions' code."""
        return self._zipped(is_layer=False)

    @property
    def layer(self) -> Path:
        """The directory of DuckDB's layer."""
        return self._zipped(is_layer=True)

    def _zipped(self, *, is_layer: bool) -> Path:
        sources = [
            file["source"]
            for file in self._read("assets")["files"].values()
            if file["source"]["packaging"] == "zip"
        ]
        (path,) = {
            source["path"]
            for source in sources
            if (self.directory / source["path"] / "python").is_dir() == is_layer
        }
        return self.directory / str(path)

    def acknowledged(self) -> Iterator[tuple[str, str, str]]:
        """Construct, finding and reason of everything that was accepted."""
        for construct, entries in self._read("metadata").items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for finding, reason in entry["data"].items():
                        yield construct, finding.removeprefix("Annotation::"), reason

    def all(self) -> list[Resource]:
        return [Resource(name, body) for name, body in self.template["Resources"].items()]

    def of_type(self, kind: str) -> list[Resource]:
        """The resources of a type, e.g. `SQS::Queue`; there is at least one."""
        found = [one for one in self.all() if one.body["Type"] == f"AWS::{kind}"]
        assert found, f"the template has no {kind}"
        return found

    def has(self, kind: str) -> bool:
        return any(one.body["Type"] == f"AWS::{kind}" for one in self.all())

    def get(self, logical_id: str) -> Resource:
        return Resource(logical_id, self.template["Resources"][logical_id])

    def function(self, name: str) -> Resource:
        """The function whose handler is `lambdas.<name>.handler`."""
        (found,) = [
            one
            for one in self.of_type("Lambda::Function")
            if one["Handler"] == f"lambdas.{name}.handler"
        ]
        return found

    def mapping(self, name: str) -> Resource:
        """The one event source mapping that starts a function."""
        (found,) = self.mappings(name)
        return found

    def mappings(self, name: str) -> list[Resource]:
        """The event source mappings that start a function."""
        wanted = {"Ref": self.function(name).logical_id}
        return [
            one
            for one in self.of_type("Lambda::EventSourceMapping")
            if one["FunctionName"] == wanted
        ]

    def queue(self, destination: str) -> Resource:
        """The queue of a destination."""
        title = destination.title().replace("-", "")
        return self.get(target(self.outputs[f"Destination{title}QueueUrl"]["Value"]))

    def dead_letters(self, destination: str) -> Resource:
        """The dead-letter queue of a destination."""
        title = destination.title().replace("-", "")
        return self.get(target(self.outputs[f"Destination{title}DeadLetterQueueUrl"]["Value"]))

    def permission(self, name: str) -> Resource:
        """Who may invoke a function, of those that are no event source mapping."""
        wanted = self.function(name).logical_id
        (found,) = [
            one for one in self.of_type("Lambda::Permission") if wanted in str(one["FunctionName"])
        ]
        return found

    def failed_starts(self, name: str) -> Resource:
        """The destination of a function's failed asynchronous starts."""
        wanted = {"Ref": self.function(name).logical_id}
        (found,) = [
            one
            for one in self.of_type("Lambda::EventInvokeConfig")
            if one["FunctionName"] == wanted
        ]
        return found

    def role_of(self, name: str) -> Resource:
        return self.get(target(self.function(name)["Role"]))

    def statements(self, role: Resource) -> list[Json]:
        """Every statement of a role, wherever it is in the template."""
        assert "ManagedPolicyArns" not in role.properties
        inline = [policy["PolicyDocument"] for policy in role.properties.get("Policies", [])]
        attached = [
            one["PolicyDocument"]
            for one in self.all()
            if one.body["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            and {"Ref": role.logical_id} in one.properties.get("Roles", [])
        ]
        found = [one for document in inline + attached for one in document["Statement"]]
        assert found, f"{role.logical_id} may do nothing"
        return found

    def policy_of(self, kind: str, resource: Resource) -> list[Json]:
        """The statements of a resource's own policy: `SQS::QueuePolicy` and its like."""
        holder = {"SQS::QueuePolicy": "Queues", "SNS::TopicPolicy": "Topics"}.get(kind)
        wanted = {"Ref": resource.logical_id}
        documents = [
            one["PolicyDocument"]
            for one in self.of_type(kind)
            if (wanted in one[holder] if holder else one["Bucket"] == wanted)
        ]
        return [statement for document in documents for statement in document["Statement"]]

    def _read(self, kind: str) -> Json:
        text = (self.directory / f"{self.stack}.{kind}.json").read_text("utf-8")
        content: Json = json.loads(text)
        return content


def target(reference: Json) -> str:
    """The logical id that a `Ref` or a `Fn::GetAtt` points to."""
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_of(statements: list[Json]) -> set[str]:
    return {action for statement in statements for action in as_list(statement["Action"])}


def text_of(value: Any) -> str:
    """A value of the template as text, references as `<logical id>`."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(text_of(part) for part in parts)
    return f"<{target(value)}>"


def refuses_plain_http(statements: list[Json]) -> bool:
    """Whether a resource's policy denies all requests without TLS."""
    return any(
        one["Effect"] == "Deny"
        and one["Principal"] in ("*", {"AWS": "*"})
        and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for one in statements
    )
