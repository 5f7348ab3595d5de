"""Put a sample on a destination's queue, from where it is delivered like any alert."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from truffle.alerts.settings import Destination
from truffle.core.codec import Json
from truffle.ec2.errors import error_code

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


def send_sample(
    client: SQSClient, queue_name: str, destination: Destination, message: Mapping[str, Any]
) -> Json:
    """The outcome for each destination, or AWS's error code: a failed destination does not affect
    the others."""
    error = None
    try:
        url = client.get_queue_url(QueueName=queue_name)["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=json.dumps({"test": message}))
    except (ClientError, BotoCoreError) as failure:
        error = error_code(failure)
    return {"destination": destination.name, "kind": destination.kind.value, "error": error}
