"""The documentation of the table's keys."""

from __future__ import annotations

import re
from pathlib import Path

from lambdas.store import table

PARTITIONS = {
    value.removesuffix("#")
    for name, value in vars(table).items()
    if name.isupper() and isinstance(value, str) and name != "BY_RESERVATION"
}
"""The first parts of the keys that the stores use."""


def test_the_page_of_the_table_names_every_key() -> None:
    page = Path(table.__file__).read_text()
    rows = re.findall(r"^\| ``(.+?)`` \| ``(.+?)`` \|", page, re.M)
    documented = {re.split(r"[#<]", key)[0] for row in rows for key in row}
    assert len(rows) > 25
    assert PARTITIONS - documented == set()
