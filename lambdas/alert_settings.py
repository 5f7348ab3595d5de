"""The settings of alerts, from a file that the deployment puts beside the functions' code."""

from __future__ import annotations

from lambdas.deployed_json import read_deployed
from lambdas.settings import ALERTS_FILE
from truffle.alerts.settings import AlertSettings
from truffle.alerts.settings_parser import parse_settings

FILE_VARIABLE = "TRUFFLE_ALERTS_FILE"
"""The environment variable that names another file."""


def load() -> AlertSettings:
    """Load the settings; without a file there are no destinations. Raises SettingsError."""
    found = read_deployed(ALERTS_FILE, FILE_VARIABLE)
    return AlertSettings() if found is None else parse_settings(found)
