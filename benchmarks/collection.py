"""Collection: a run's wall time and its slowest unit, its writes, the asset.

The runs are those of the whole stack in the sandbox, whose embedded AWS delivers one message after
another. ``benchmarks/organization.py`` measures the product itself: the handlers, with the deployed
concurrency.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.numbers import number
from benchmarks.organizations import REGIONS, raw_reservations
from sandbox.box import Sandbox
from truffle.core.times import format_time

HANDLERS = ("fan_out", "collect", "hint", "publish", "query", "deliver")


def fleet(regions: Iterable[str], count: int) -> dict[str, Any]:
    """A fleet file with this number of reservations in each region."""
    return {
        "regions": {region: {"CapacityReservations": _raw(region, count)} for region in regions}
    }


def _raw(region: str, count: int) -> list[dict[str, Any]]:
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(list(raw_reservations(region, count)), default=format_time)
    )


def change(box: Sandbox, regions: Iterable[str], every: int) -> None:
    """Change a tag of a share of the reservations: a change that is stored but causes no event."""
    whole = box.ec2.fleet()
    for region in regions:
        for raw in whole["regions"][region]["CapacityReservations"][::every]:
            raw["Tags"] = [*raw.get("Tags", []), {"Key": str(time.time_ns()), "Value": "x"}]
    box.ec2.replace_fleet(whole)


def report(name: str, manifest: dict[str, Any]) -> None:
    counts = manifest["counts"]
    slowest = max(scope["seconds"] for scope in manifest["scopes"])
    written = manifest["dynamodb_items"]["written"]
    print(
        f"{name:<26}{manifest['seconds']:>7.2f}{slowest:>12.2f}"
        f"{counts['changed']:>10,}{written:>12,}{counts['failed']:>8}"
    )


def collected(box: Sandbox) -> dict[str, Any]:
    return box.collect(seconds=600)


def measure(box: Sandbox, regions: Sequence[str], latency: float, runs: int) -> None:
    """Print the table of runs in a sandbox whose fleet has these regions."""
    box.ec2.set_latency(latency)
    heading = ("run", "wall s", "slowest s", "changed", "items", "failed")
    widths = (-26, 7, 12, 10, 12, 8)
    pairs = zip(heading, widths, strict=True)
    print("".join(f"{name:<{-w}}" if w < 0 else f"{name:>{w}}" for name, w in pairs))
    report("first, cold, all new", collected(box))
    for _ in range(runs):
        report("warm, 0 % changed", collected(box))
    change(box, regions, 100)
    report("warm, 1 % changed", collected(box))
    change(box, regions, 1)
    report("warm, 100 % changed", collected(box))


def asset_table(assembly: Path, runs: int) -> None:
    """Print the size of the functions' zip, and the import time of each handler."""
    (asset,) = [path for path in assembly.glob("asset.*") if (path / "lambdas").is_dir()]
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in asset.rglob("*"):
                archive.write(path, path.relative_to(asset))
        size = target.tell()
    print(f"\nThe asset: {size / 2**20:.2f} MB zipped. Importing a handler, boto3 included:")
    for name in HANDLERS:
        code = f"import time; t = time.perf_counter(); import lambdas.{name}; "
        code += "print(time.perf_counter() - t)"
        environment = {**os.environ, "PYTHONPATH": str(asset), "POWERTOOLS_SERVICE_NAME": "x"}
        taken = [
            float(
                subprocess.run(
                    [sys.executable, "-c", code],
                    env=environment,
                    cwd=asset,
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for _ in range(runs)
        ]
        print(f"  {name:<8} {statistics.median(taken) * 1000:>6.0f} ms")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collection", description=__doc__)
    most = len(REGIONS)
    parser.add_argument("--regions", type=number(int, 1, most), default=30, help=f"1 to {most}")
    parser.add_argument(
        "--reservations", type=number(int, 1), default=1000, help="in each region; default 1000"
    )
    parser.add_argument(
        "--latency", type=number(float, 0), default=200, help="ms of an EC2 call; default 200"
    )
    parser.add_argument("--runs", type=number(int, 1), default=3, help="without changes; default 3")
    chosen = parser.parse_args(arguments)
    regions = REGIONS[: chosen.regions]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.")
    print(
        f"{len(regions)} regions × {chosen.reservations:,} reservations, "
        f"{chosen.latency:g} ms per EC2 call."
    )
    print("\nThe handlers, as many at once as deployed:\n", flush=True)
    size = ["1", str(len(regions)), str(len(regions) * chosen.reservations), "--holding", "1"]
    subprocess.run([sys.executable, "-m", "benchmarks.organization", *size], check=True)
    print(
        "\nThe whole stack in the sandbox. What a run takes longer there is the emulator: it hands"
        " out\none message after another, and all functions share these cores.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fleet.json"
        file.write_text(json.dumps(fleet(regions, chosen.reservations)))
        box = Sandbox.up(Path(folder) / "sandbox", fleet=file, environment={})
        try:
            measure(box, regions, chosen.latency, chosen.runs)
            asset_table(Path(folder) / "sandbox" / "cdk.out", chosen.runs)
        finally:
            box.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
