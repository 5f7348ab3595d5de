"""The protocols of services other than EC2 that the simulator speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Region
from sandbox.ec2.others import Form


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: its ``X-Amz-Target``, empty if it has none, and its body."""

    target: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call of an operation: its region, account, time, parameters and request id."""

    region: Region
    account: str
    now: datetime
    parameters: Mapping[str, Any]
    request_id: str

    def held(self, form: Form) -> list[Fields]:
        """The account's reservations of a kind in the region, by name."""
        own = [it for it in self.region.held(form) if it.account == self.account]
        return [it.at(self.now) for it in sorted(own, key=lambda it: it.name)]


@dataclass(frozen=True, slots=True)
class Service:
    """The protocol of a service. ``name`` is its name in signatures. ``operation`` returns the
    operation of a request, known or not; ``read`` its parameters and the number of its page;
    ``answer`` the body of a response; ``error`` a status and a body. ``read`` and ``answer`` raise
    EC2Error."""

    name: str
    content_type: str
    operation: Callable[[Request], str]
    read: Callable[[Request], tuple[Mapping[str, Any], int]]
    answer: Callable[[str, ServiceCall], bytes]
    error: Callable[[EC2Error, str], tuple[int, bytes]]
