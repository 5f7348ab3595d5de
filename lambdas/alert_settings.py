"""The settings of alerts as the deployment put them beside the functions' code."""

from __future__ import annotations

import json
import os
from pathlib import Path

from truffle.alerts.settings import AlertSettings
from truffle.alerts.settings_parser import parse_settings

FILE = Path(__file__).resolve().parent.parent / "alerts.json"
"""In the root of the functions' zip."""

FILE_VARIABLE = "TRUFFLE_ALERTS_FILE"
"""Names another file."""


def load() -> AlertSettings:
    """The settings; without a file there are no destinations. Raises SettingsError."""
    path = Path(os.environ.get(FILE_VARIABLE) or FILE)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return AlertSettings()
    return parse_settings(json.loads(text))
