"""EC2 and STS for measurements: prepared responses after a fixed delay, at almost no cost.

``python -m benchmarks.ec2_server --size N`` prints its URL and serves until its process ends. The
responses are the simulator's own XML; the simulator itself would add its own cost to the
measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.numbers import number
from sandbox.ec2.wire import answer_xml, renderer
from truffle.core.regions import COMMERCIAL

HOST = "127.0.0.1"
ACCOUNT = "123456789012"
PAGE_SIZE = 1000
TYPES = ("p5.48xlarge", "g6.xlarge", "inf2.xlarge", "m7i.large", "p4d.24xlarge")
STATES = ("active", "active", "active", "expired")
START = datetime(2026, 11, 1, 11, 30, tzinfo=UTC)

BILLING_REQUESTS = "DescribeCapacityReservationBillingRequests"

_REGION = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/")

_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    f"<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>{ACCOUNT}</UserId>"
    f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata>"
    "<RequestId>00000000</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
).encode()


def raw_reservation(region: str, index: int) -> dict[str, Any]:
    """A typical ODCR of EC2: 21 fields, two tags, one allocation."""
    reservation_id = f"cr-{COMMERCIAL.index(region):04x}{index:013x}"
    used = index % 9
    return {
        "CapacityReservationId": reservation_id,
        "OwnerId": ACCOUNT,
        "CapacityReservationArn": (
            f"arn:aws:ec2:{region}:{ACCOUNT}:capacity-reservation/{reservation_id}"
        ),
        "AvailabilityZoneId": "use2-az1",
        "InstanceType": TYPES[index % len(TYPES)],
        "InstancePlatform": "Linux/UNIX",
        "AvailabilityZone": f"{region}{'abc'[index % 3]}",
        "Tenancy": "default",
        "TotalInstanceCount": 8,
        "AvailableInstanceCount": 8 - used if used < 8 else 0,
        "EbsOptimized": True,
        "EphemeralStorage": False,
        "State": STATES[index % len(STATES)],
        "StartDate": START + timedelta(seconds=index),
        "EndDate": START + timedelta(days=90, seconds=index),
        "EndDateType": "limited",
        "InstanceMatchCriteria": "open",
        "CreateDate": START + timedelta(seconds=index),
        "Tags": [
            {"Key": "Name", "Value": f"training {index}"},
            {"Key": "team", "Value": f"research-{index % 7}"},
        ],
        "CapacityAllocations": [{"AllocationType": "used", "Count": used}],
        "ReservationType": "default",
    }


def page(region: str, first: int, size: int) -> bytes:
    """One page of a region with ``size`` reservations."""
    render = renderer("DescribeCapacityReservations", "CapacityReservations")
    last = min(first + PAGE_SIZE, size)
    items = [render(raw_reservation(region, index)) for index in range(first, last)]
    token = str(last) if last < size else None
    return answer_xml(
        "DescribeCapacityReservations", "CapacityReservations", items, token, "00000000"
    )


def region_list(regions: tuple[str, ...]) -> bytes:
    render = renderer("DescribeRegions", "Regions")
    items = [
        render(
            {
                "RegionName": region,
                "Endpoint": f"ec2.{region}.amazonaws.com",
                "OptInStatus": "opt-in-not-required",
            }
        )
        for region in regions
    ]
    return answer_xml("DescribeRegions", "Regions", items, None, "00000000")


@dataclass(frozen=True, slots=True)
class Answers:
    """All prepared responses; ``pages`` by region and first index."""

    regions: bytes
    billing_requests: bytes
    pages: Mapping[tuple[str, int], bytes]

    def to(self, region: str, call: Mapping[str, str]) -> bytes:
        action = call.get("Action")
        if action == "DescribeRegions":
            return self.regions
        if action == "GetCallerIdentity":
            return _IDENTITY
        if action == BILLING_REQUESTS:
            return self.billing_requests
        return self.pages[region, int(call.get("NextToken") or 0)]


def prepare(size: int, count: int) -> Answers:
    """Prepare ``size`` reservations in each of ``count`` regions, including us-east-1."""
    regions = COMMERCIAL[-count:]
    pages = {
        (region, first): page(region, first, size)
        for region in regions
        for first in range(0, size, PAGE_SIZE)
    }
    nothing = answer_xml(
        BILLING_REQUESTS, "CapacityReservationBillingRequests", [], None, "00000000"
    )
    return Answers(region_list(regions), nothing, pages)


async def serve(answers: Answers, delay: float) -> None:
    """Print the URL, then serve until the process ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                body = await _answer(reader, answers, delay)
                writer.write(_head(len(body)))
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, HOST, 0, backlog=512)
    print(f"http://{HOST}:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, answers: Answers, delay: float) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
    content = await reader.readexactly(int(length[1]) if length else 0)
    scope = _REGION.search(head)
    await asyncio.sleep(delay)
    return answers.to(scope[1] if scope else "", dict(parse_qsl(content.decode())))


def _head(length: int) -> bytes:
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml;charset=UTF-8\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ec2_server", description=__doc__)
    most = len(COMMERCIAL)
    parser.add_argument("--size", type=number(int, 0), default=10, help="reservations per region")
    parser.add_argument("--regions", type=number(int, 1, most), default=30, help=f"1 to {most}")
    parser.add_argument(
        "--latency", type=number(float, 0), default=200, help="of every call, milliseconds"
    )
    chosen = parser.parse_args()
    asyncio.run(serve(prepare(chosen.size, chosen.regions), chosen.latency / 1000))


if __name__ == "__main__":
    main()
