"""Text from outside reaches an output only through ``truffle.core.quoting``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent / "truffle"

WRITERS = {"print", "echo", "secho", "write", "writelines"}
"""The modules that may write to a stream; they make hidden characters visible."""

MAY_WRITE = {"cli/output.py", "cli/running.py", "cli/completion.py", "cli/recommend.py"}

OWN_QUOTES = ("import shlex", "import csv", "json.dumps(", "yaml.dump(")
"""Ways to quote that would stand beside the project's one."""


def test_only_few_modules_write_to_a_stream() -> None:
    writers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", None)) in WRITERS
        and not (isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "os")
    }

    assert writers <= MAY_WRITE


@pytest.mark.parametrize("quote", OWN_QUOTES)
def test_what_renders_has_no_quotes_of_its_own(quote: str) -> None:
    users = {path.name for path in (ROOT / "render").rglob("*.py") if quote in path.read_text()}

    # A list or an object in a cell of a table is JSON; every cell is made visible as a whole.
    assert users <= {"data.py", "columns.py"}
