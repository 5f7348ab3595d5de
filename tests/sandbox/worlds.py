"""Builders for what a simulated EC2 holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.ec2.control import Control
from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.simulator import Simulator

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
_BEGAN = datetime.now(UTC)


def running_now() -> datetime:
    """The time of tests whose clock has to run, from NOW on: the date is the same every day."""
    return NOW + (datetime.now(UTC) - _BEGAN)


FOR_GOOD = 3600.0
"""Seconds of a hang that no test waits for: what ends before it has not waited for it."""

HOME, PARTNER = "123456789012", "210987654321"

Raw = dict[str, Any]


def an_odcr(number: int = 1, **fields: Any) -> Raw:
    return {
        "CapacityReservationId": f"cr-{number:017x}",
        "InstanceType": "g6.xlarge",
        "TotalInstanceCount": 4,
        "AvailableInstanceCount": 1,
        **fields,
    }


def a_block(number: int = 1, size: int = 8, **fields: Any) -> Raw:
    """A block that starts in two hours and ends a day later."""
    quantity = "aws:ec2capacityreservation:incrementalRequestedQuantity"
    return {
        "CapacityReservationId": f"cr-{number:017x}",
        "CapacityBlockId": f"cb-{number:017x}",
        "ReservationType": "capacity-block",
        "InstanceType": "p5.48xlarge",
        "State": "scheduled",
        "StartDate": "+2h",
        "EndDate": "+26h",
        "CreateDate": "-1d",
        "Tags": [{"Key": quantity, "Value": str(size)}],
        **fields,
    }


def ids(reservations: list[Raw]) -> list[int]:
    """Their numbers."""
    return [int(item["CapacityReservationId"].removeprefix("cr-"), 16) for item in reservations]


@dataclass
class World:
    """A simulator, its control client, and boto3 clients of it."""

    simulator: Simulator
    url: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def control(self) -> Control:
        return Control(self.url)

    def has(self, *reservations: Raw, **region: Any) -> None:
        """The region us-east-2 with these reservations, and eu-west-1 with none."""
        here = {"CapacityReservations": list(reservations), **region}
        self.has_regions({"us-east-2": here, "eu-west-1": {}})

    def has_regions(self, regions: Raw, **more: Any) -> None:
        content = {"account": HOME, "regions": regions, **more}
        self.simulator.replace_fleet(load_fleet(json.dumps(content), NOW))

    def ec2(self, region: str = "us-east-2", access_key: str = "test") -> Any:
        """A client that does not retry."""
        if (region, access_key) not in self._clients:
            self._clients[region, access_key] = self.new_client(region, access_key)
        return self._clients[region, access_key]

    def new_client(
        self, region: str = "us-east-2", access_key: str = "test", patience: float = 10
    ) -> Any:
        """One that gives up after ``patience`` seconds without an answer."""
        once = {"mode": "standard", "total_max_attempts": 1}
        return boto3.client(
            "ec2",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(proxies={}, read_timeout=patience, retries=once),
        )

    def listed(self, access_key: str = "test", **parameters: Any) -> list[Raw]:
        client = self.ec2(access_key=access_key)
        return list(client.describe_capacity_reservations(**parameters)["CapacityReservations"])

    def one(self) -> Raw:
        """The only reservation there is."""
        (reservation,) = self.listed()
        return reservation

    def refusal(self, operation: str = "describe_capacity_reservations", **parameters: Any) -> str:
        """The error code of a call that EC2 refuses."""
        return self.error(operation, **parameters)[0]

    def error(
        self,
        operation: str = "describe_capacity_reservations",
        region: str = "us-east-2",
        **parameters: Any,
    ) -> tuple[str, int]:
        """Code and HTTP status of a call that EC2 refuses."""
        with pytest.raises(ClientError) as caught:
            getattr(self.ec2(region), operation)(**parameters)
        response = caught.value.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
