"""Fakes for the functions' tests: a clock, EC2, a context, a connection that breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from tests.builders import NOON
from truffle.core.model import Scope

Raw = dict[str, Any]

LISTING = "describe_capacity_reservations"
FLEETS = "describe_capacity_reservation_fleets"
TOPOLOGY = "describe_capacity_reservation_topology"
USAGE = "get_capacity_reservation_usage"
BILLING_REQUESTS = "describe_capacity_reservation_billing_requests"
EXTENSION_HISTORY = "describe_capacity_block_extension_history"
EXTENSIONS = "describe_capacity_block_extension_offerings"


class Killed(BaseException):
    """The function is gone: nothing of it runs any more, not even its error handling."""


class Clock:
    """Noon, unless a test sets another time."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, step: timedelta) -> datetime:
        self.moment += step
        return self.moment


@dataclass
class FakeContext:
    """A Lambda context."""

    aws_request_id: str = "11112222-3333-4444-5555-666677778888"
    remaining_milliseconds: int = 120_000
    function_name: str = "truffle"
    function_version: str = "1"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-2:123456789012:function:truffle"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


def a_raw_odcr(reservation_id: str = "cr-odcr", **facts: Any) -> Raw:
    """An active ODCR as EC2 gives it, 8 × p4d.24xlarge of which 3 are free."""
    return {
        "CapacityReservationId": reservation_id,
        "ReservationType": "default",
        "OwnerId": "123456789012",
        "InstanceType": "p4d.24xlarge",
        "InstancePlatform": "Linux/UNIX",
        "AvailabilityZone": "us-east-2a",
        "Tenancy": "default",
        "State": "active",
        "TotalInstanceCount": 8,
        "AvailableInstanceCount": 3,
        "CreateDate": NOON - timedelta(days=10),
        "Tags": [],
        **facts,
    }


def a_raw_block(reservation_id: str = "cr-block", **facts: Any) -> Raw:
    """A scheduled capacity block as EC2 gives it, 16 × p5.48xlarge for a week from tomorrow."""
    size = {"Key": "aws:ec2capacityreservation:incrementalRequestedQuantity", "Value": "16"}
    return a_raw_odcr(
        reservation_id,
        **{
            "ReservationType": "capacity-block",
            "InstanceType": "p5.48xlarge",
            "State": "scheduled",
            "TotalInstanceCount": 0,
            "AvailableInstanceCount": 0,
            "StartDate": NOON + timedelta(hours=23.5),
            "EndDate": NOON + timedelta(days=7, hours=23.5),
            "Tags": [size],
            **facts,
        },
    )


def client_error(code: str, operation: str = "DescribeCapacityReservations") -> ClientError:
    """boto3's exception for an error response of AWS."""
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, operation)


@dataclass
class Fleet:
    """EC2 in all its scopes: what each lists, in pages of two, and the faults of some.

    A fault affects an operation after that many of its pages, as often as EC2 is asked.
    """

    raw: dict[Scope, list[Raw]] = field(default_factory=dict)
    faults: dict[tuple[Scope, str], tuple[int, Exception]] = field(default_factory=dict)
    no_client: dict[Scope, Exception] = field(default_factory=dict)
    asked: list[tuple[Scope, str]] = field(default_factory=list)
    extendable: set[str] = field(default_factory=set)
    fleets: dict[Scope, list[Raw]] = field(default_factory=dict)
    placements: dict[Scope, list[Raw]] = field(default_factory=dict)
    usages: dict[str, dict[str, int]] = field(default_factory=dict)
    billing_requests: dict[tuple[Scope, str], list[Raw]] = field(default_factory=dict)
    instances: dict[Scope, list[Raw]] = field(default_factory=dict)
    extensions: dict[Scope, list[Raw]] = field(default_factory=dict)

    def holds(self, scope: Scope, *raw: Raw) -> None:
        self.raw[scope] = list(raw)

    def fails(
        self, scope: Scope, error: Exception, operation: str = LISTING, after_pages: int = 0
    ) -> None:
        self.faults[scope, operation] = after_pages, error

    def recovers(self) -> None:
        self.faults.clear()
        self.no_client.clear()

    def of(self, scope: Scope) -> FleetClient:
        if scope in self.no_client:
            raise self.no_client[scope]
        return FleetClient(self, scope)

    def others_of(self, scope: Scope) -> None:
        """No other service lists capacity."""


@dataclass(frozen=True)
class FleetClient:
    """The part of a boto3 EC2 client that listing uses, for one scope."""

    fleet: Fleet
    scope: Scope

    def get_paginator(self, operation_name: str) -> Any:
        return FleetPaginator(self.fleet, self.scope, operation_name)

    def describe_capacity_reservation_topology(self, **parameters: Any) -> Raw:
        self.fleet.asked.append((self.scope, TOPOLOGY))
        _, error = self.fleet.faults.get((self.scope, TOPOLOGY), (0, None))
        if error is not None:
            raise error
        return {"CapacityReservations": self.fleet.placements.get(self.scope, [])}

    def get_capacity_reservation_usage(self, **parameters: Any) -> Raw:
        self.fleet.asked.append((self.scope, USAGE))
        _, error = self.fleet.faults.get((self.scope, USAGE), (0, None))
        if error is not None:
            raise error
        usages = self.fleet.usages.get(parameters["CapacityReservationId"], {})
        return {
            "InstanceUsages": [
                {"AccountId": name, "UsedInstanceCount": used} for name, used in usages.items()
            ]
        }


@dataclass(frozen=True)
class FleetPaginator:
    fleet: Fleet
    scope: Scope
    operation: str

    def paginate(self, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        self.fleet.asked.append((self.scope, self.operation))
        good_pages, error = self.fleet.faults.get((self.scope, self.operation), (None, None))
        raw = self.fleet.raw.get(self.scope, []) if self.operation == LISTING else []
        starts = range(0, max(1, len(raw)), 2)
        for number, start in enumerate(starts):
            if number == good_pages and error is not None:
                raise error
            page: Raw = {"CapacityReservations": raw[start : start + 2]}
            if self.operation == FLEETS:
                page = {"CapacityReservationFleets": self.fleet.fleets.get(self.scope, [])}
            if self.operation == BILLING_REQUESTS:
                asked = self.fleet.billing_requests.get((self.scope, parameters["Role"]), [])
                page = {"CapacityReservationBillingRequests": asked}
            if self.operation == "describe_instances":
                page = {"Reservations": [{"Instances": self.fleet.instances.get(self.scope, [])}]}
            if self.operation == EXTENSION_HISTORY:
                page = {"CapacityBlockExtensions": self.fleet.extensions.get(self.scope, [])}
            if parameters.get("CapacityReservationId") in self.fleet.extendable:
                page = {"CapacityBlockExtensionOfferings": [{}]}
            yield page | ({"NextToken": str(start)} if start + 2 < len(raw) else {})
        if good_pages is not None and good_pages >= len(starts) and error is not None:
            raise AssertionError(f"the fault after {good_pages} pages never struck")


Parameters = Mapping[str, Any]


class Wire:
    """A client's line to AWS: it notes every call, and breaks where a test wants it to.

    ``service`` is the client's name in botocore, as in ``dynamodb``.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[tuple[str, Parameters]] = []
        self._service = client.meta.service_model.service_id.hyphenize()
        self._hooks: list[tuple[str, Callable[..., Any]]] = []
        self.on(f"provide-client-params.{self._service}", self._note)

    def _note(self, params: Parameters, model: Any, **_: Any) -> None:
        self.calls.append((model.name, params))

    def count(self, *operations: str) -> int:
        """How many calls were made, of these operations or of any."""
        return sum(not operations or name in operations for name, _ in self.calls)

    def parameters(self, operation: str) -> list[Parameters]:
        return [params for name, params in self.calls if name == operation]

    def fails_before(self, error: BaseException, *operations: str, call: int = 1) -> None:
        """Raise in place of the n-th call from now of these operations, which AWS never sees."""
        self._raise_at("before-call", error, operations, call)

    def fails_after(self, error: BaseException, *operations: str, call: int = 1) -> None:
        """Raise after the n-th call from now of these operations, which took effect."""
        self._raise_at("after-call", error, operations, call)

    def answers_once(self, operation: str, status: int) -> None:
        """One HTTP answer with this status in place of AWS's own, which never sees the request."""
        left = [status]

        def answer(request: Any, **_: Any) -> AWSResponse | None:
            if not left:
                return None
            # botocore asks every hook; moto's must not know this address.
            request.url = "https://nowhere.invalid/"
            return AWSResponse(request.url, left.pop(), {}, _Body())

        self.on(f"before-send.{self._service}.{operation}", answer, first=True)

    def mends(self) -> None:
        """No faults any more, and no notes."""
        for event, hook in self._hooks:
            self.client.meta.events.unregister(event, hook)
        self._hooks.clear()

    def _raise_at(
        self, event: str, error: BaseException, operations: tuple[str, ...], call: int
    ) -> None:
        left = [call]

        def strike(model: Any, **_: Any) -> None:
            if model.name in operations or not operations:
                left[0] -= 1
                if left[0] == 0:
                    raise error

        self.on(f"{event}.{self._service}", strike)

    def on(self, event: str, hook: Callable[..., Any], first: bool = False) -> None:
        register = self.client.meta.events.register_first if first else None
        (register or self.client.meta.events.register)(event, hook)
        self._hooks.append((event, hook))


class _Body:
    """The raw body of an answer that has none."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield b""
