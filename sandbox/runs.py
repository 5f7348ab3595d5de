"""Wait for a run of the sandbox's stack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.store.archive import manifest_key
from lambdas.store.runs import RunStore

Client = Callable[[str], Any]
"""boto3 clients by service name."""


def run_to_end(
    client: Client,
    outputs: Mapping[str, str],
    run_id: str,
    seconds: float,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any] | None:
    """The manifest of a started run, once ``latest/`` includes it; None if that takes too long.
    ``progress`` gets the numbers of attempted and of all units."""
    runs = RunStore(client("dynamodb"), outputs["TableName"])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = runs.get(run_id)
        if run is not None and progress is not None:
            progress(len(run.units) - len(run.pending), len(run.units))
        if run is not None and run.latest_at is not None:
            answer = client("s3").get_object(Bucket=outputs["BucketName"], Key=manifest_key(run))
            return dict(json.load(answer["Body"]))
        time.sleep(0.25)
    return None
