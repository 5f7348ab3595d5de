"""Words that the glossary rules out, in what people read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

PRODUCTION = ("truffle", "lambdas", "infra", "sandbox", "benchmarks")


def files_of(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring, those of constants and fields included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value.strip()


def test_docstrings_name_a_thing_or_give_an_order() -> None:
    """PEP 257: an imperative or a noun phrase, not "What …"."""
    found = [
        (f"{path.relative_to(ROOT)}:{line}", text)
        for path in files_of(*PRODUCTION)
        for line, text in docstrings(path)
    ]
    assert len(found) > 2000
    assert [(place, text[:60]) for place, text in found if text.startswith("What ")] == []
