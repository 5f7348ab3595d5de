"""EC2 for tests: recorded answers that botocore checks against EC2's service model.

The samples are shapes that AWS documents, filled with invented values. JSON has no dates, so they
hold ISO strings; like boto3, ``sample`` gives aware datetimes wherever the model has a timestamp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from botocore.utils import parse_to_aware_datetime

SAMPLES = Path(__file__).parent.parent / "samples" / "ec2"

Raw = dict[str, Any]


def a_client() -> Any:
    return boto3.client(
        "ec2", region_name="us-east-2", aws_access_key_id="none", aws_secret_access_key="none"
    )


def sample(operation: str, name: str) -> Raw:
    """A sample file as boto3 would return it."""
    answer = json.loads((SAMPLES / f"{name}.json").read_text())
    shape = a_client().meta.service_model.operation_model(operation).output_shape
    return dict(_converted(shape, answer))


def _converted(shape: Any, value: Any) -> Any:
    if shape.type_name == "timestamp":
        return parse_to_aware_datetime(value)
    if shape.type_name == "structure":
        return {
            name: _converted(shape.members[name], item) if name in shape.members else item
            for name, item in value.items()
        }
    if shape.type_name == "list":
        return [_converted(shape.member, item) for item in value]
    return value


def error(name: str, operation: str = "DescribeCapacityReservations") -> ClientError:
    """One of the recorded errors, as boto3 raises it."""
    return ClientError(json.loads((SAMPLES / "client_errors.json").read_text())[name], operation)


class StubbedEC2:
    """Answers for each operation, in the order of the requests.

    One stubbed client per operation, since a listing asks for several at once.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}
        self.asked: list[str] = []

    def answers(self, operation: str, *pages: Raw, **expected: Any) -> StubbedEC2:
        """One page each; ``expected`` are the parameters of every call, its page apart."""
        token: dict[str, str] = {}
        for answer in pages:
            parameters = {"MaxResults": ANY, **expected, **token}
            self._stub(operation).add_response(operation, dict(answer), parameters)
            token = {"NextToken": answer.get("NextToken", "")}
        return self

    def refuses(self, operation: str, name: str) -> StubbedEC2:
        """One of the recorded errors."""
        found = error(name).response
        self._stub(operation).add_client_error(
            operation,
            found["Error"]["Code"],
            found["Error"]["Message"],
            found["ResponseMetadata"]["HTTPStatusCode"],
        )
        return self

    def get_paginator(self, operation: str) -> Any:
        self.asked.append(operation)
        self._stub(operation)
        return self._clients[operation].get_paginator(operation)

    def _stub(self, operation: str) -> Stubber:
        if operation not in self._stubs:
            self._clients[operation] = a_client()
            self._stubs[operation] = Stubber(self._clients[operation])
            self._stubs[operation].activate()
        return self._stubs[operation]

    def assert_all_asked(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


def page(*reservations: Mapping[str, Any], token: str | None = None) -> Raw:
    """One page of DescribeCapacityReservations."""
    more = {"NextToken": token} if token else {}
    return {"CapacityReservations": [dict(raw) for raw in reservations], **more}
