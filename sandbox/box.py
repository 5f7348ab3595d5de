"""The sandbox of a checkout: started, used and stopped; its state is kept in ``.sandbox/``."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from lambdas.archive import manifest_key
from lambdas.store.runs import RunStore
from sandbox.deployment import DeploymentFailed, deploy, synthesize
from sandbox.ec2.control import Control
from sandbox.processes import Process, start, tail

ROOT = Path(__file__).parent.parent
FLEET = Path(__file__).with_name("fleet.json")
REGION = "us-east-1"
ACCOUNT = "123456789012"
HOST = "127.0.0.1"

_OPENER = build_opener(ProxyHandler({}))


class SandboxError(Exception):
    """The sandbox cannot do what it was asked to; the text says why and what helps."""


@dataclass(frozen=True, slots=True)
class State:
    """What is kept of a running sandbox."""

    endpoint: str
    ec2_endpoint: str
    account_id: str
    processes: tuple[Process, ...]
    outputs: Mapping[str, str]

    @property
    def is_running(self) -> bool:
        return all(process.is_running for process in self.processes)


class Sandbox:
    """The whole stack on this machine; all of its servers listen on the loopback interface."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self.folder = folder

    @classmethod
    def find(cls, folder: Path = ROOT / ".sandbox") -> Sandbox | None:
        """The sandbox that runs already; what is left of a dead one is cleared away."""
        path = folder / "state.json"
        if not path.exists():
            return None
        raw = json.loads(path.read_text())
        processes = tuple(Process(**process) for process in raw.pop("processes"))
        box = cls(State(**raw, processes=processes), folder)
        if box._state.is_running:
            return box
        box.down()
        return None

    @classmethod
    def up(
        cls,
        folder: Path = ROOT / ".sandbox",
        *,
        port: int | None = None,
        fleet: Path = FLEET,
        context: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Sandbox:
        """Start everything and deploy the stack; with ``AWS_ENDPOINT_URL_EC2`` in the environment
        the functions ask that EC2. Raises SandboxError, and then leaves nothing running."""
        folder.mkdir(parents=True, exist_ok=True)
        account_id = environment.get("MINISTACK_ACCOUNT_ID", ACCOUNT)
        chosen = port or _free_port()
        endpoint = f"http://{HOST}:{chosen}"
        if port and not _is_free(port):
            raise SandboxError(f"Port {port} is taken. Choose another one, or none for a free one.")
        processes: list[Process] = []
        try:
            ec2 = environment.get("AWS_ENDPOINT_URL_EC2")
            if not ec2:
                ec2 = _start_ec2(folder, fleet, account_id, endpoint, processes)
            _start_aws(folder, chosen, _functions_environment(endpoint, ec2, account_id), processes)
            synthesize(ROOT, folder / "cdk.out", context)
            _wait_for(f"{endpoint}/_ministack/health", processes, folder / "aws.log")
            outputs = deploy(lambda name: _client(name, endpoint), folder / "cdk.out")
        except (DeploymentFailed, SandboxError) as error:
            _stop(processes)
            raise SandboxError(str(error)) from error
        except BaseException:
            _stop(processes)
            raise
        state = State(endpoint, ec2, account_id, tuple(processes), outputs)
        (folder / "state.json").write_text(json.dumps(asdict(state), indent=1))
        return cls(state, folder)

    def down(self) -> None:
        """Stop what ``up`` started and forget it."""
        _stop(self._state.processes)
        (self.folder / "state.json").unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        """What a program needs to use the sandbox as AWS."""
        outputs = self._state.outputs
        return {
            "AWS_ENDPOINT_URL": self._state.endpoint,
            "AWS_ENDPOINT_URL_EC2": self._state.ec2_endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "TRUFFLE_API_URL": self.api_url,
            "TRUFFLE_TABLE": outputs["TableName"],
            "TRUFFLE_BUCKET": outputs["BucketName"],
            "TRUFFLE_TOPIC_ARN": outputs["TopicArn"],
        }

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return self._state.outputs

    @property
    def api_url(self) -> str:
        """The API's address here; on AWS it is the output ``ApiUrl``."""
        api_id = self.outputs["ApiUrl"].split("//")[1].split(".")[0]
        return f"{self._state.endpoint}/_aws/execute-api/{api_id}/$default"

    @property
    def ec2(self) -> Control:
        """Drives the simulator, where the sandbox has one of its own."""
        return Control(self._state.ec2_endpoint)

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS, with an administrator's rights."""
        return _client(service, self._state.endpoint)

    def get(self, path: str, *, signed: bool = True, **parameters: Any) -> tuple[int, Any]:
        """Status and JSON of a route; a list as a parameter repeats it."""
        query = urlencode(parameters, doseq=True)
        url = f"{self.api_url}{path}{'?' + query if query else ''}"
        request = AWSRequest("GET", url)
        if signed:
            signer = SigV4Auth(Credentials("test", "test"), "execute-api", REGION)
            signer.add_auth(request)
        try:
            with _OPENER.open(Request(url, headers=dict(request.headers)), timeout=40) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def start_run(self) -> str:
        """Start a run now; its id. Raises SandboxError."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["FanOutFunctionName"], Payload=b"{}"
        )
        payload = json.load(answer["Payload"])
        if "run_id" not in payload:
            raise SandboxError(f"The run did not start: {payload.get('errorMessage', payload)}")
        return str(payload["run_id"])

    def collect(
        self, seconds: float = 300, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Any]:
        """Run the collection to its end; its manifest. ``progress`` is told how many of how many
        regions have answered. Raises SandboxError."""
        run_id = self.start_run()
        runs = RunStore(self.client("dynamodb"), self.outputs["TableName"])
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = runs.get(run_id)
            if run is not None and progress is not None:
                progress(len(run.regions) - len(run.pending), len(run.regions))
            if run is not None and run.finished_at is not None:
                answer = self.client("s3").get_object(
                    Bucket=self.outputs["BucketName"], Key=manifest_key(run)
                )
                return dict(json.load(answer["Body"]))
            time.sleep(0.1)
        raise SandboxError(f"Run {run_id} did not end within {seconds:.0f} s.")

    @contextmanager
    def alerts(self) -> Iterator[Callable[[float], list[dict[str, Any]]]]:
        """A queue subscribed to the topic; called with seconds, it gives what came until so much
        time passed without another message."""
        sqs, name = self.client("sqs"), f"alerts-{time.monotonic_ns()}"
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn, topic = attributes["Attributes"]["QueueArn"], self.outputs["TopicArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _may_send(arn, topic)})
        subscription = self.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        try:
            yield lambda seconds: _drain(sqs, url, seconds)
        finally:
            self.client("sns").unsubscribe(SubscriptionArn=subscription)
            sqs.delete_queue(QueueUrl=url)


def _may_send(queue_arn: str, topic_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _drain(sqs: Any, url: str, seconds: float) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            messages.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            deadline = time.monotonic() + seconds
    return messages


def _functions_environment(endpoint: str, ec2: str, account_id: str) -> dict[str, str]:
    """All that the embedded AWS and its functions see: nothing of the caller's AWS settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": endpoint.rpartition(":")[2],
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": account_id,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_EC2": ec2,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TRUFFLE_SANDBOX_LOOPBACK_WEBHOOKS": "1",
    }


def _start_ec2(
    folder: Path, fleet: Path, account_id: str, sts: str, processes: list[Process]
) -> str:
    port, log = _free_port(), folder / "ec2.log"
    arguments = ["--fleet", str(fleet.resolve()), "--port", str(port), "--account", account_id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sandbox.ec2", *arguments, "--sts-endpoint", sts]
    processes.append(start(command, environment, folder, log))
    url = f"http://{HOST}:{port}"
    _wait_for(f"{url}/_sim/health", processes, log)
    return url


def _start_aws(
    folder: Path, port: int, environment: Mapping[str, str], processes: list[Process]
) -> None:
    command = [sys.executable, "-m", "hypercorn", "sandbox.gateway:app", "--keep-alive", "75"]
    bind = ["--bind", f"{HOST}:{port}"]
    processes.append(start([*command, *bind], environment, folder, folder / "aws.log"))


def _wait_for(url: str, processes: list[Process], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with _OPENER.open(url, timeout=2):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.05)
        if not processes[-1].is_running:
            raise SandboxError(f"A server of the sandbox ended while it started:\n{tail(log)}")
    raise SandboxError(f"{url} did not answer within {seconds:.0f} s:\n{tail(log)}")


def _stop(processes: list[Process] | tuple[Process, ...]) -> None:
    for process in reversed(processes):
        process.stop()


def _client(service: str, endpoint: str) -> Any:
    return boto3.Session().client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=120, retries={"mode": "standard", "total_max_attempts": 3}),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
