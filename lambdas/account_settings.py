"""Which accounts are collected, as the deployment put it beside the functions' code.

A list of accounts may be longer than environment variables and policies can be.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from truffle.core.organization import AccountSettings

FILE = Path(__file__).resolve().parent.parent / "accounts.json"
"""In the root of the functions' zip."""

FILE_VARIABLE = "TRUFFLE_ACCOUNTS_FILE"
"""Names another file."""


def load() -> AccountSettings:
    """The settings; without a file it is the stack's own account."""
    path = Path(os.environ.get(FILE_VARIABLE) or FILE)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return AccountSettings()
    return AccountSettings.from_json(json.loads(text))
