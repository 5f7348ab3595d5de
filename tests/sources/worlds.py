"""A simulated EC2 for live listings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RESERVATIONS = "DescribeCapacityReservations"
OHIO, IRELAND, PARIS = "us-east-2", "eu-west-1", "eu-west-3"


def python(program: str) -> subprocess.Popen[str]:
    """A process of its own; the environment is this one's."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
