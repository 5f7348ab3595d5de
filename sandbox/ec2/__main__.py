"""``python -m sandbox.ec2``: the simulator as a separate process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lambdas.clients import now
from sandbox.ec2.accounts import KeyOwners
from sandbox.ec2.fleet_file import read_fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.shapes import FleetError
from sandbox.ec2.simulator import Simulator

_ABOUT = "Serve a fleet file until the process is ended; prints its URL when it is ready."


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status. The simulator's time is that of the sandbox's
    functions."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.ec2", description=_ABOUT)
    parser.add_argument("--fleet", type=Path, required=True, help="the fleet file")
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; default: a free one"
    )
    parser.add_argument("--account", help="the account that the file's own account becomes")
    parser.add_argument("--sts-endpoint", help="where to ask for the account of a temporary key")
    chosen = parser.parse_args(arguments)
    try:
        fleet = read_fleet(chosen.fleet, now(), chosen.account)
        owners = KeyOwners(chosen.sts_endpoint)
        server = RunningServer(Simulator(fleet, now, owners.account_of), chosen.port)
    except (FleetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(server.url, flush=True)
    try:
        server.wait()
    except KeyboardInterrupt:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
