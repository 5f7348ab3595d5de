"""The sandbox of a checkout; its state is in ``.sandbox/``."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.clients import wall_clock
from sandbox.access import client, get
from sandbox.deployment import deploy, warm
from sandbox.ec2.control import Control
from sandbox.ec2.fleet import Fleet
from sandbox.ec2.fleet_file import dump_fleet, read_fleet
from sandbox.ec2.shapes import FleetError
from sandbox.environment import (
    ACCESS_KEY,
    EC2_ENDPOINT_VARIABLE,
    HOST,
    ORGANIZATION_NAME,
    REGION,
    SECRET_KEY,
    SIMULATED,
    account_of,
    embedded_aws,
    server,
)
from sandbox.errors import SandboxError
from sandbox.ports import free_port, is_free
from sandbox.processes import signals_blocked, start, tail
from sandbox.readers import (
    listed_accounts,
    make_readers,
    reader_parameters,
    readers_of,
    write_organization,
)
from sandbox.runs import run_to_end
from sandbox.sink.__main__ import TRUST
from sandbox.sink.control import Sink
from sandbox.state import State
from sandbox.subscription import Receive, subscribed
from sandbox.synthesis import PROJECT, alerts_context, synthesize

FLEET = Path(__file__).with_name("fleet.json")

MODEST = {"collect_concurrency": max(2, 2 * (os.cpu_count() or 1))}
"""The context of every sandbox, in which each concurrent collection is a separate process."""


class Sandbox:
    """The whole stack on this machine; all of its servers listen on the loopback interface."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self.folder = folder

    @classmethod
    def find(cls, folder: Path = PROJECT / ".sandbox") -> Sandbox | None:
        """The running sandbox; the remains of a dead one are removed.

        Raises SandboxError while another process starts it.
        """
        path = folder / "state.json"
        if not path.exists():
            return None
        box = cls(State.from_json(path.read_text()), folder)
        if box._state.is_running:
            return box
        with box._alone():
            box.down()
        return None

    @classmethod
    def up(
        cls,
        folder: Path = PROJECT / ".sandbox",
        *,
        port: int | None = None,
        fleet: Path = FLEET,
        alerts: Path | None = None,
        context: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = os.environ,
        at: datetime | None = None,
    ) -> Sandbox:
        """Start everything, at the present time or at a later moment, and deploy the stack.

        ``alerts`` is a file of destinations and routes, ``context`` overrides cdk.json. With
        ``AWS_ENDPOINT_URL_EC2`` in the environment, the functions use that EC2. Raises
        SandboxError, after stopping everything.
        """
        (temporary := folder / "tmp").mkdir(parents=True, exist_ok=True)
        if port and not is_free(port):
            raise SandboxError(f"Port {port} is in use. Choose another one, or omit --port.")
        chosen = port or free_port()
        endpoint = f"http://{HOST}:{chosen}"
        ec2 = environment.get(EC2_ENDPOINT_VARIABLE, "")
        settings = {**MODEST, **alerts_context(alerts), **(context or {})}
        state = State(
            endpoint=endpoint,
            ec2_endpoint=ec2,
            account_id=account_of(environment),
            simulates_ec2=not ec2,
            context=settings,
        )
        box = cls(state, folder)
        with box._alone():
            try:
                box._set_clock(at - wall_clock() if at else timedelta())
                box._read_fleet(fleet)
                if not ec2:
                    box._start_ec2(fleet, environment)
                trust = box._start_sink(environment)
                ec2 = box._state.ec2_endpoint
                box._start_aws(embedded_aws(environment, chosen, ec2, temporary, box._clock, trust))
                synthesize(folder / "cdk.out", environment, settings)
                box._wait_for(f"{endpoint}/_ministack/health", "aws.log")
                box._deploy(settings)
            except BaseException:
                box.down()
                raise
        return box

    def _deploy(self, context: Mapping[str, Any]) -> None:
        """Create the stack from the synthesized assembly, or update it, and start its functions."""
        outputs = deploy(self.client, self.folder / "cdk.out")
        self._keep(replace(self._state, outputs=outputs, context=context))
        self._make_readers()
        warm(self.client, outputs)

    def _make_readers(self) -> None:
        """Create the reader roles in the accounts of the fleet file and of the context."""
        state, listed = self._state, listed_accounts(self._state.context)
        accounts = {*state.readers, *listed} - {state.account_id}
        if not accounts:
            return
        role = reader_parameters(state.context, self.outputs["CollectRoleArn"])
        make_readers(state.endpoint, sorted(accounts), role)

    def _read_fleet(self, fleet: Path) -> Fleet:
        """Read a file's fleet, and give its accounts to the embedded AWS. Raises SandboxError."""
        try:
            loaded = read_fleet(fleet, self.now(), self._state.account_id)
        except FleetError as error:
            raise SandboxError(str(error)) from None
        write_organization(self.folder, loaded)
        self._state = replace(self._state, readers=readers_of(loaded))
        return loaded

    def route_alerts(self, alerts: Path, environment: Mapping[str, str] = os.environ) -> None:
        """``set_context`` with another file of destinations and routes."""
        self.set_context(alerts_context(alerts), environment)

    def set_context(
        self, context: Mapping[str, Any], environment: Mapping[str, str] = os.environ
    ) -> None:
        """Deploy the running stack again with other values of some context keys; its data is kept.
        If it raises SandboxError, the stack is unchanged."""
        settings = {**self._state.context, **context}
        with self._alone():
            synthesize(self.folder / "cdk.out", environment, settings)
            self._deploy(settings)

    def replace_fleet(self, fleet: Path) -> None:
        """Replace the fleet of the simulated EC2; relative dates count from the sandbox's time.

        Raises SandboxError.
        """
        if not self.simulates_ec2:
            raise SandboxError(
                f"A fleet file has no effect here: the functions use {self._state.ec2_endpoint}."
            )
        loaded = self._read_fleet(fleet)
        self.ec2.replace_fleet(dump_fleet(loaded, self.now()))
        self._keep(self._state)
        self._make_readers()

    def down(self) -> None:
        """Stop what ``up`` started and remove its state."""
        with signals_blocked():
            for process in reversed(self._state.processes):
                process.stop()
            for name in ("tmp", "sink"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            for name in ("clock", ORGANIZATION_NAME, "state.json"):
                (self.folder / name).unlink(missing_ok=True)

    def _keep(self, state: State) -> None:
        """Record processes as soon as they start, so that all can be stopped."""
        self._state = state
        (self.folder / "state.json").write_text(state.to_json())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Raises SandboxError if another process starts the same sandbox."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SandboxError("Another process is starting this sandbox.") from None
            yield

    def _start(self, command: list[str], variables: Mapping[str, str], log: str) -> None:
        process = start([sys.executable, "-m", *command], variables, PROJECT, self.folder / log)
        self._keep(replace(self._state, processes=(*self._state.processes, process)))

    def _start_ec2(self, fleet: Path, caller: Mapping[str, str]) -> None:
        port = free_port()
        arguments = ["--fleet", str(fleet.resolve()), "--port", str(port)]
        account = ["--account", self._state.account_id, "--sts-endpoint", self._state.endpoint]
        self._start(["sandbox.ec2", *arguments, *account], server(caller, self._clock), "ec2.log")
        url = f"http://{HOST}:{port}"
        self._wait_for(f"{url}/_sim/health", "ec2.log")
        self._keep(replace(self._state, ec2_endpoint=url))

    def _start_sink(self, caller: Mapping[str, str]) -> Path:
        """Start the sink, and trust its certificate authority."""
        port, control_port, folder = free_port(), free_port(), self.folder / "sink"
        ports = ["--port", str(port), "--control-port", str(control_port)]
        command = ["sandbox.sink", "--folder", str(folder.resolve()), *ports]
        self._start(command, server(caller, self._clock), "sink.log")
        url, control = f"https://{HOST}:{port}", f"http://{HOST}:{control_port}"
        self._wait_for(f"{control}/requests", "sink.log")
        self._keep(replace(self._state, sink=url, sink_control=control))
        return folder.resolve() / TRUST

    def _start_aws(self, variables: Mapping[str, str]) -> None:
        bind = ["--bind", self._state.endpoint.removeprefix("http://")]
        command = ["hypercorn", "sandbox.gateway:app", "--keep-alive", "75", *bind]
        self._start(command, variables, "aws.log")

    def _wait_for(self, url: str, log: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                get(url, signed=False)
                return
            except OSError:
                time.sleep(0.05)
            if not self._state.processes[-1].is_running:
                log_end = tail(self.folder / log)
                raise SandboxError(f"A server of the sandbox ended while it started:\n{log_end}")
        raise SandboxError(f"{url} did not respond within {seconds:.0f} s.")

    def environment(self) -> dict[str, str]:
        """The environment for a program that uses the sandbox as AWS."""
        outputs = self.outputs
        return {
            "AWS_ENDPOINT_URL": self._state.endpoint,
            **dict.fromkeys(SIMULATED, self._state.ec2_endpoint),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "TRUFFLE_API_URL": self.api_url,
            "TRUFFLE_TABLE": outputs["TableName"],
            "TRUFFLE_BUCKET": outputs["BucketName"],
            "TRUFFLE_TOPIC_ARN": outputs["TopicArn"],
            "TRUFFLE_SANDBOX_SINK": self._state.sink,
        }

    @property
    def port(self) -> int:
        """The port of the embedded AWS."""
        return int(self._state.endpoint.rpartition(":")[2])

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return self._state.outputs

    @property
    def api_url(self) -> str:
        """The API's local URL; on AWS it is the output ``ApiUrl``."""
        api_id = self.outputs["ApiUrl"].split("//")[1].split(".")[0]
        return f"{self._state.endpoint}/_aws/execute-api/{api_id}"

    @property
    def ec2(self) -> Control:
        """The control of the simulator, if the sandbox has one."""
        return Control(self._state.ec2_endpoint)

    @property
    def simulates_ec2(self) -> bool:
        """False if the functions use another EC2."""
        return self._state.simulates_ec2

    @property
    def sink(self) -> Sink:
        """The local destination of webhooks."""
        return Sink(self._state.sink, self._state.sink_control)

    @property
    def _clock(self) -> Path:
        """The seconds by which the sandbox's time is ahead."""
        return self.folder.resolve() / "clock"

    def _set_clock(self, ahead: timedelta) -> None:
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(ahead.total_seconds()))
        fresh.replace(self._clock)

    def _ahead(self) -> timedelta:
        return timedelta(seconds=float(self._clock.read_text()))

    def now(self) -> datetime:
        """The time for the functions and for the simulated EC2."""
        return wall_clock() + self._ahead()

    def advance(self, distance: timedelta) -> datetime:
        """Advance the time of the functions and the simulated EC2; return the new time.

        Raises ValueError for a negative time, because the stack ignores observations older than its
        last one.
        """
        if distance < timedelta():
            raise ValueError("Time cannot go back: restart the sandbox to return to the present.")
        self._set_clock(self._ahead() + distance)
        return self.now()

    def put_secret(self, name: str, text: str) -> None:
        """Create a secret, or change its value; functions may cache one for five minutes."""
        secrets = self.client("secretsmanager")
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS, with an administrator's rights."""
        return client(service, self._state.endpoint)

    def get(self, path: str, /, *, signed: bool = True, **parameters: Any) -> tuple[int, Any]:
        """GET the status and JSON of a route; a list as a parameter repeats it."""
        answer = get(f"{self.api_url}{path}", parameters, signed=signed)
        return answer.status, answer.json

    def send_event(self, envelope: object) -> None:
        """Deliver an event to the target of the rule of the hints, because PutEvents rejects events
        that claim to come from AWS. The rule's pattern is not evaluated.

        ``envelope`` is anything that JSON can hold.
        """
        rule = self.outputs["HintRuleName"]
        for target in self.client("events").list_targets_by_rule(Rule=rule)["Targets"]:
            self.client("lambda").invoke(
                FunctionName=target["Arn"],
                InvocationType="Event",
                Payload=json.dumps(envelope).encode(),
            )

    def start_run(self) -> str:
        """Start a run now; return its id. Raises SandboxError."""
        return str(self._invoke("FanOutFunctionName", "The run did not start")["run_id"])

    def collect(
        self, seconds: float = 300, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Any]:
        """Collect and return the manifest; ``progress`` gets done and all units. Raises
        SandboxError."""
        run_id = self.start_run()
        manifest = run_to_end(self.client, self.outputs, run_id, seconds, progress)
        if manifest is None:
            raise SandboxError(f"Run {run_id} did not end within {seconds:.0f} s.")
        return manifest

    def watch(self) -> list[dict[str, Any]]:
        """Run all watches now; return the answers of the regions. Raises SandboxError."""
        if "WatchFunctionName" not in self.outputs:
            raise SandboxError(
                "There are no watches. Set them with: python -m sandbox up --alerts FILE"
            )
        return list(self._invoke("WatchFunctionName", "The function failed", now=True)["answers"])

    def compact(self) -> dict[str, list[str]]:
        """Update the tables for SQL; return the updated days of each. Raises SandboxError."""
        return self._invoke("CompactFunctionName", "The tables were not written")

    def _invoke(self, output: str, problem: str, **event: object) -> dict[str, Any]:
        """Invoke the function with the name of an output. Raises SandboxError if it fails."""
        response = self.client("lambda").invoke(
            FunctionName=self.outputs[output], Payload=json.dumps(event).encode()
        )
        payload = json.load(response["Payload"])
        if "FunctionError" in response:
            raise SandboxError(f"{problem}: {payload.get('errorMessage', payload)}")
        return dict(payload)

    def alerts(self) -> AbstractContextManager[Receive]:
        """A queue subscribed to the topic."""
        return subscribed(self.client, self.outputs["TopicArn"])
