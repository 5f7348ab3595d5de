"""JSON that the deployment put beside the functions' code, since it may be longer than environment
variables and policies can be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ZIP_ROOT = Path(__file__).resolve().parent.parent


def read_deployed(name: str, variable: str) -> Any | None:
    """The content of a file in the root of the functions' zip, or of the file that an environment
    variable names; None without one. Raises ValueError for a file that is not JSON."""
    path = Path(os.environ.get(variable) or ZIP_ROOT / name)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    return json.loads(text)
