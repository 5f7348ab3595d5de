"""JSON files that the deployment puts beside the functions' code, because they may exceed the
limits of environment variables and policies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ZIP_ROOT = Path(__file__).resolve().parent.parent


def read_deployed(name: str, variable: str) -> Any | None:
    """Read a file in the root of the functions' zip, or the file that an environment variable
    names; None if it does not exist. Raises ValueError for a file that is not JSON."""
    path = Path(os.environ.get(variable) or ZIP_ROOT / name)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    return json.loads(text)
