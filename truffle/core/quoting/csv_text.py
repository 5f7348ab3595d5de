"""Lines of CSV (RFC 4180): exact for programs, whatever a field contains.

A field that a spreadsheet would take for a formula is not changed, since it is data for every other
reader (docs/decisions.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r'[",\r\n]|^\s|\s$')


def line(fields: Iterable[str]) -> str:
    """One record, without its line end; a single empty field is quoted, to avoid an empty line."""
    return ",".join(map(_field, fields)) or '""'


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text
