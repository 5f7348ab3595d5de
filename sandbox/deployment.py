"""Deploy the CDK app to the embedded AWS, with the unmodified template."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sandbox.errors import SandboxError

STACK = "truffle"
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
"""The SSM parameter that CDK's templates require; on AWS, ``cdk bootstrap`` creates it."""

Client = Callable[[str], Any]
"""boto3 clients by service name."""


def deploy(client: Client, assembly: Path) -> dict[str, str]:
    """Upload the assets and create or update the stack; return its outputs.

    Raises SandboxError.
    """
    account_id = client("sts").get_caller_identity()["Account"]
    region = client("sts").meta.region_name
    assets = json.loads((assembly / f"{STACK}.assets.json").read_text())["files"]
    s3 = client("s3")
    places = [_upload(s3, assembly, asset, account_id, region) for asset in assets.values()]
    # By URL, since a template in the request is limited to 51,200 bytes.
    (template,) = [place for place in places if place.endswith(".json")]
    client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="21", Type="String", Overwrite=True)
    cloudformation = client("cloudformation")
    stack = {
        "StackName": STACK,
        "TemplateURL": f"{s3.meta.endpoint_url}/{template}",
        "Capabilities": ["CAPABILITY_IAM"],
    }
    if _exists(cloudformation):
        _update(cloudformation, stack)
    else:
        cloudformation.create_stack(**stack)
    return _outputs(cloudformation)


def warm(client: Client, outputs: Mapping[str, str]) -> None:
    """Start the functions that handle an event without work, `deliver` once for each destination;
    otherwise the first event would wait for all of them to start, one by one."""
    destinations = sum(
        name.startswith("Destination") and name.endswith("DeadLetterQueueUrl") for name in outputs
    )
    for name, count in (("Hint", 1), ("Publish", 1), ("Deliver", destinations)):
        function = outputs.get(f"{name}FunctionName")
        for _ in range(count if function else 0):
            client("lambda").invoke(
                FunctionName=function, InvocationType="Event", Payload=b'{"Records": []}'
            )


def _exists(cloudformation: Any) -> bool:
    stacks = cloudformation.list_stacks()["StackSummaries"]
    return any(stack["StackName"] == STACK for stack in stacks)


def _update(cloudformation: Any, stack: Mapping[str, Any]) -> None:
    try:
        cloudformation.update_stack(**stack)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise SandboxError(f"The stack cannot be updated: {error}") from None


def _upload(s3: Any, assembly: Path, asset: Mapping[str, Any], account_id: str, region: str) -> str:
    """Upload an asset to the bucket and key that its template names."""
    path = assembly / asset["source"]["path"]
    body = _zipped(path) if asset["source"]["packaging"] == "zip" else path.read_bytes()
    (destination,) = asset["destinations"].values()
    bucket = (
        destination["bucketName"]
        .replace("${AWS::AccountId}", account_id)
        .replace("${AWS::Region}", region)
    )
    if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)
    return f"{bucket}/{destination['objectKey']}"


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            # Skip a library for Lambda's processor in a layer: this machine has its own.
            if path.is_file() and path.suffix != ".so":
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _outputs(cloudformation: Any, seconds: float = 300) -> dict[str, str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise SandboxError(_reasons(cloudformation, stack["StackStatus"]))
        time.sleep(0.1)
    raise SandboxError(f"The stack was not complete within {seconds:.0f} s.")


def _reasons(cloudformation: Any, status: str) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "\n".join([f"The stack ended in {status}:", *failed])
