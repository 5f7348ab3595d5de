"""What the embedded AWS lacks of AWS, and this stack needs: added to it before it serves."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

_DEFAULT_GROUP = ":schedule/default/"
_resource_arn = iam_actions.extract_resource_arn


def complete() -> None:
    """Add it."""
    iam_actions.extract_resource_arn = _with_the_schedules_group
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": _create_bus_policy,
        "delete": _delete_bus_policy,
    }


def _with_the_schedules_group(
    service: str, method: str, path: str, headers: dict[str, Any], body: bytes, *others: Any
) -> str:
    """The ARN that IAM judges: a new schedule's group stands in the body, and is not ``default``
    (Service Authorization Reference, EventBridge Scheduler)."""
    arn: str = _resource_arn(service, method, path, headers, body, *others)
    if service != "scheduler" or method != "POST" or _DEFAULT_GROUP not in arn:
        return arn
    group = json.loads(body).get("GroupName", "default")
    return arn.replace(_DEFAULT_GROUP, f":schedule/{group}/")


def _create_bus_policy(
    logical_id: str, properties: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    statement = properties["Statement"]
    eventbridge._put_permission(
        {
            "EventBusName": properties.get("EventBusName", "default"),
            "StatementId": properties["StatementId"],
            **{name: statement[name] for name in ("Principal", "Action")},
        }
    )
    return f"{stack}-{logical_id}", {}


def _delete_bus_policy(physical_id: str, properties: dict[str, Any]) -> None:
    eventbridge._remove_permission(
        {
            "EventBusName": properties.get("EventBusName", "default"),
            "StatementId": properties["StatementId"],
        }
    )
