"""Which accounts are collected, as the deployment put it beside the functions' code."""

from __future__ import annotations

from lambdas.deployed_json import read_deployed
from truffle.core.organization import AccountSettings

FILE = "accounts.json"
FILE_VARIABLE = "TRUFFLE_ACCOUNTS_FILE"
"""Names another file."""


def load() -> AccountSettings:
    """The settings; without a file it is the stack's own account."""
    found = read_deployed(FILE, FILE_VARIABLE)
    return AccountSettings() if found is None else AccountSettings.from_json(found)
