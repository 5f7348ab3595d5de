"""The programs that a live listing is compared with, each as a process.

python -m benchmarks.contestants floor URL   bare sockets, every region of the EC2 at this URL
python -m benchmarks.contestants pool        boto3 and a thread pool, JSON on stdout
python -m benchmarks.contestants stages      truffle; where its time went is JSON on stderr

``pool`` and ``stages`` query the EC2 named by AWS's environment variables. Imports are as late as
possible, because starting is measured too; for the same reason, arguments are read without
argparse.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WORKERS = 32


def floor(url: str) -> None:
    """Bare sockets: read every page of every region, without parsing."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(WORKERS) as pool:
        names = _texts(_call(_open(url), "us-east-1", "DescribeRegions"), b"regionName")
        list(pool.map(lambda name: _read_region(url, name), names))


def _open(url: str) -> Any:
    import socket
    from urllib.parse import urlsplit

    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port)).makefile("rwb")


def _read_region(url: str, region: str) -> None:
    connection, token = _open(url), ""
    while True:
        more = f"&NextToken={token}" if token else ""
        answer = _call(connection, region, f"DescribeCapacityReservations&MaxResults=1000{more}")
        tokens = _texts(answer[-200:], b"nextToken")
        if not tokens:
            return
        token = tokens[0]


def _call(connection: Any, region: str, action: str) -> bytes:
    content = f"Action={action}&Version=2016-11-15"
    connection.write(
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential=A/20261124/{region}/ec2/aws4_request\r\n\r\n"
        f"{content}".encode()
    )
    connection.flush()
    length = 0
    while (line := connection.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    answer: bytes = connection.read(length)
    return answer


def _texts(answer: bytes, tag: bytes) -> list[str]:
    parts = answer.split(b"<" + tag + b">")[1:]
    return [part[: part.index(b"<")].decode() for part in parts]


def pool() -> None:
    """A typical script: boto3, a thread pool of 32, a client per region, the paginator, JSON."""
    import json
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    from botocore.config import Config

    session = boto3.Session()
    config = Config(max_pool_connections=WORKERS)
    regions = session.client("ec2", config=config).describe_regions()["Regions"]
    clients = [session.client("ec2", region["RegionName"], config=config) for region in regions]

    def reservations(client: Any) -> list[Any]:
        pages = client.get_paginator("describe_capacity_reservations").paginate(
            PaginationConfig={"PageSize": 1000}
        )
        return [item for page in pages for item in page["CapacityReservations"]]

    with ThreadPoolExecutor(WORKERS) as workers:
        rows = [row for rows in workers.map(reservations, clients) for row in rows]
    json.dump(rows, sys.stdout, default=str)


class Stages:
    """CPU seconds by stage. A nested stage counts only for itself."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.thread_time() - began

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Count every call of a function or method."""
        original: Callable[..., Any] = getattr(owner, attribute)

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return original(*args, **kwargs)

        setattr(owner, attribute, watched)


def stages() -> None:
    """Print truffle's own stages in order, as one line of JSON on stderr."""
    import json
    import resource

    timing = Stages()
    with timing.stage("import"):
        import gc

        gc.disable()
        from truffle.core.json_text import json_array
        from truffle.core.order import Order
        from truffle.ec2 import clients, listing, parsing
        from truffle.sources.live import list_live
    timing.watch(clients.CallerClients, "of", "clients")
    timing.watch(clients.CallerClients, "sts", "clients")
    timing.watch(parsing.FastEC2Parser, "_do_parse", "parse")
    timing.watch(listing._Rows, "add", "map")
    timing.watch(listing._Rows, "all", "map")
    inventory = list_live()
    with timing.stage("sort"):
        rows = Order().sorted(inventory.reservations)
    with timing.stage("json"):
        sys.stdout.writelines(json_array(rows))
    total = time.process_time()
    timing.seconds["calls"] = total - sum(timing.seconds.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timing.seconds["all"] = total
    print(json.dumps({"rows": len(rows), "peak": peak, "seconds": timing.seconds}), file=sys.stderr)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["floor", url] if url.startswith("http://"):
            floor(url)
        case ["pool"]:
            pool()
        case ["stages"]:
            stages()
        case ["-h" | "--help"]:
            print(__doc__)
        case _:
            given = f"unknown arguments {' '.join(arguments)!r}" if arguments else "no contestant"
            print(f"Error: {given}.\n\n{__doc__}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
