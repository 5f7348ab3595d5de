"""The accounts to collect, from a file that the deployment puts beside the functions' code."""

from __future__ import annotations

from lambdas.deployed_json import read_deployed
from lambdas.settings import ACCOUNTS_FILE
from truffle.core.organization import AccountSettings

FILE_VARIABLE = "TRUFFLE_ACCOUNTS_FILE"
"""The environment variable that names another file."""


def load() -> AccountSettings:
    """Load the settings; without a file, only the stack's own account is collected."""
    found = read_deployed(ACCOUNTS_FILE, FILE_VARIABLE)
    return AccountSettings() if found is None else AccountSettings.from_json(found)
