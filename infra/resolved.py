"""The longest text of a template's values after CloudFormation has resolved them.

Reads the synthesized template. Values known only at deployment (region, account, generated names)
are replaced with filler of their maximum length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

ACCOUNT = "0" * 12
LONGEST_REGION = "~" * 14
"""The length of the longest region name, such as `ap-southeast-1`."""

_RANDOM = "~" * 13
"""The maximum that CloudFormation adds to a generated name (User Guide, "Name type")."""

_EXPORTED = "~" * 1024
"""The maximum length of an exported value (AWS CloudFormation User Guide, quotas, "Outputs")."""

_API_ID = "~" * 10
_STREAM = "/stream/2026-01-01T00:00:00.000"


@dataclass(frozen=True)
class Kind:
    """How CloudFormation names resources of a type.

    Attributes:
        longest_name: maximum number of characters of a generated name.
        arn: their ARN.
        reference: what `Ref` returns.
        attributes: what `Fn::GetAtt` returns for attributes other than the ARN and the name.
    """

    longest_name: int
    arn: str
    reference: str = "{name}"
    attributes: Json = field(default_factory=dict)


_QUEUE_URL = "https://sqs.{region}.amazonaws.com/{account}/{name}"
_API_ENDPOINT = f"https://{_API_ID}.execute-api.{{region}}.amazonaws.com"
_HOME = "{region}:{account}"

KINDS: Mapping[str, Kind] = {
    "AWS::ApiGatewayV2::Api": Kind(
        128, "arn:{partition}:apigateway:{region}::/apis/~", _API_ID, {"ApiEndpoint": _API_ENDPOINT}
    ),
    "AWS::DynamoDB::Table": Kind(
        255,
        f"arn:{{partition}}:dynamodb:{_HOME}:table/{{name}}",
        attributes={"StreamArn": f"arn:{{partition}}:dynamodb:{_HOME}:table/{{name}}{_STREAM}"},
    ),
    "AWS::Events::Rule": Kind(64, f"arn:{{partition}}:events:{_HOME}:rule/{{name}}"),
    "AWS::IAM::Role": Kind(64, "arn:{partition}:iam::{account}:role/{name}"),
    "AWS::Lambda::Function": Kind(64, f"arn:{{partition}}:lambda:{_HOME}:function:{{name}}"),
    "AWS::Logs::LogGroup": Kind(512, f"arn:{{partition}}:logs:{_HOME}:log-group:{{name}}:*"),
    "AWS::S3::Bucket": Kind(63, "arn:{partition}:s3:::{name}"),
    "AWS::SNS::Topic": Kind(
        256, f"arn:{{partition}}:sns:{_HOME}:{{name}}", f"arn:{{partition}}:sns:{_HOME}:{{name}}"
    ),
    "AWS::SQS::Queue": Kind(80, f"arn:{{partition}}:sqs:{_HOME}:{{name}}", _QUEUE_URL),
    "AWS::Scheduler::ScheduleGroup": Kind(
        64, f"arn:{{partition}}:scheduler:{_HOME}:schedule-group/{{name}}"
    ),
}
"""Generated names are truncated to `longest_name` (each service's quota of its names)."""

_OTHERS = Kind(255, f"arn:{{partition}}:{'~' * 20}:{_HOME}:{'~' * 20}/{{name}}")
"""A type that is not listed above, measured generously."""

_NAME_ATTRIBUTES = re.compile(r"(Queue|Topic|Table|Bucket|Role)?(Name|Id)")
_SUBSTITUTED = re.compile(r"\$\{([^!}]+)\}")


@dataclass(frozen=True)
class Resolver:
    """Resolves the values of one stack's template.

    Attributes:
        template: the output of `cdk synth`.
        stack_name: name of the stack.
        region: region of the stack; None if unknown.
    """

    template: Json
    stack_name: str
    region: str | None = None

    def resolve(self, value: object) -> Any:
        """The value with text in place of every intrinsic function.

        Raises:
            ValueError: an unknown function.
        """
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def _mapping(self, value: Json) -> Any:
        function = next(iter(value), "")
        if len(value) != 1 or not (function == "Ref" or function.startswith("Fn::")):
            return {key: self.resolve(item) for key, item in value.items()}
        argument = value[function]
        match function:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self._attribute(name, attribute)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(self.resolve(part) for part in parts)
            case "Fn::Sub":
                text = argument if isinstance(argument, str) else argument[0]
                return _SUBSTITUTED.sub(lambda found: self._reference(found[1]), text)
            case "Fn::ImportValue":
                return _EXPORTED
            case _:
                raise ValueError(f"the length of {function} in {self.stack_name} is unknown")

    def _reference(self, name: str) -> str:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": self._partition(),
            "AWS::Region": LONGEST_REGION,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": "amazonaws.com.cn",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template.get("Parameters", {}):
            return str(self.template["Parameters"][name].get("Default", "~" * 128))
        return self._fill(name, self._kind(name).reference)

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._kind(name)
        if attribute in kind.attributes:
            return self._fill(name, kind.attributes[attribute])
        return self._fill(name, "{name}" if _NAME_ATTRIBUTES.fullmatch(attribute) else kind.arn)

    def _kind(self, name: str) -> Kind:
        return KINDS.get(self.template["Resources"][name]["Type"], _OTHERS)

    def _fill(self, name: str, form: str) -> str:
        generated = f"{self.stack_name}-{name}-{_RANDOM}"[: self._kind(name).longest_name]
        return form.format(
            partition=self._partition(), region=LONGEST_REGION, account=ACCOUNT, name=generated
        )

    def _partition(self) -> str:
        """`aws`, unless the region is known to be in another one (ARNs, AWS General Reference)."""
        partitions = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
        region = self.region or ""
        return next(
            (found for start, found in partitions.items() if region.startswith(start)), "aws"
        )
