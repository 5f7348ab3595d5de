"""Features that this stack needs and the embedded AWS lacks, added before it serves."""

from __future__ import annotations

import json
import string
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.router import extract_access_key_id
from ministack.core.sigv4 import decode_header_value
from ministack.services import apigateway, athena, eventbridge
from ministack.services.cloudformation import provisioners

from sandbox.embedded_organization import add_organization

_DEFAULT_GROUP = ":schedule/default/"
_resource_arn = iam_actions.extract_resource_arn
_pin_signed_request = iam_evaluator.pin_signed_request
_enforce_execute_api = app._enforce_execute_api


def complete() -> None:
    """Add the features."""
    app.pin_signed_request = _pin_signed_request_of_root
    app._enforce_execute_api = _enforce_signed_execute_api
    iam_actions.extract_resource_arn = _with_the_schedules_group
    add_organization()
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": _create_bus_policy,
        "delete": _delete_bus_policy,
    }
    provisioners._RESOURCE_HANDLERS["AWS::Athena::NamedQuery"] = {
        "create": _create_named_query,
        "delete": _delete_named_query,
    }
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"] |= {
        "create": _create_secret,
        "update": _update_secret,
        "delete": _delete_secret,
    }


def _pin_signed_request_of_root(
    method: str, raw_path: str, query: dict[str, Any], raw_headers: list[tuple[bytes, bytes]]
) -> None:
    """Check the signature of every request to an HTTP API, including the root caller's.

    The embedded AWS checks the signatures of users and sessions but trusts its root callers, so a
    wrong secret or a query that curl signed unsorted would pass here and fail on AWS.
    """
    _pin_signed_request(method, raw_path, query, raw_headers)
    headers = _joined(raw_headers)
    is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
    is_api = app._parse_execute_api_url(headers.get("host", ""), raw_path) is not None
    key = extract_access_key_id(headers)
    if is_signed and is_api and iam_evaluator.is_root_access_key(key):
        iam_evaluator._signed_request.set(
            iam_evaluator.SignedRequest(key, method, raw_path, query, headers)
        )


def _enforce_signed_execute_api(
    api_id: str,
    stage: str,
    method: str,
    path: str,
    headers: dict[str, Any],
    *others: Any,
    **more: Any,
) -> Any:
    """Reject any other ``Authorization`` header on a route of an HTTP API with IAM's signatures:
    the embedded AWS treats an invalid header as the root caller's."""
    authorization = app._execute_api_authorization_type(api_id, stage, method, path)
    if authorization == "AWS_IAM" and not extract_access_key_id(headers):
        return apigateway._jwt_forbidden()
    return _enforce_execute_api(api_id, stage, method, path, headers, *others, **more)


def _joined(raw_headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; SigV4 signs a repeated one as its comma-separated values."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1").lower(), decode_header_value(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _with_the_schedules_group(
    service: str, method: str, path: str, headers: dict[str, Any], body: bytes, *others: Any
) -> str:
    """The ARN that IAM evaluates: a new schedule's group is in the body, and is not ``default``
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


def _create_named_query(
    logical_id: str, properties: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    _, _, body = athena._create_named_query(properties)
    return str(json.loads(body)["NamedQueryId"]), {}


def _delete_named_query(physical_id: str, properties: dict[str, Any]) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})


def _create_secret(
    logical_id: str, properties: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    """Create a secret whose ``Ref`` is its ARN (CloudFormation's reference,
    AWS::SecretsManager::Secret, return values); the embedded AWS returns its name, which no policy
    statement matches."""
    _, attributes = provisioners._sm_secret_create(logical_id, _generated(properties), stack)
    return str(attributes["Arn"]), attributes


def _update_secret(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str
) -> tuple[str, dict[str, Any]]:
    _, attributes = provisioners._sm_secret_update(
        _secret_name(physical_id), _generated(old), _generated(new), stack, logical_id
    )
    return str(attributes["Arn"]), attributes


def _delete_secret(physical_id: str, properties: dict[str, Any]) -> None:
    provisioners._sm_secret_delete(_secret_name(physical_id), properties)


def _secret_name(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("-")[0]


def _generated(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with ``ExcludePunctuation`` replaced by the excluded characters, which the
    embedded AWS supports."""
    wanted = properties.get("GenerateSecretString") or {}
    if str(wanted.get("ExcludePunctuation", "false")).lower() != "true":
        return properties
    excluded = wanted.get("ExcludeCharacters", "") + string.punctuation
    return properties | {"GenerateSecretString": wanted | {"ExcludeCharacters": excluded}}
