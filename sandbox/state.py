"""The state of a sandbox between commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.processes import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of a sandbox that is starting (no ``outputs`` yet) or running."""

    endpoint: str
    ec2_endpoint: str
    account_id: str
    simulates_ec2: bool = True
    sink: str = ""
    sink_control: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    readers: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return bool(self.outputs) and all(process.is_running for process in self.processes)

    @classmethod
    def from_json(cls, text: str) -> State:
        raw = json.loads(text)
        processes = tuple(Process(**process) for process in raw.pop("processes"))
        return cls(**raw, processes=processes)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)
