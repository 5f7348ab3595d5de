"""The content of the functions' zip."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import botocore.session
import pytest

from infra import asset as assets
from infra.asset import ROOT, AssetError, asset_sources, imported_names, lambda_asset
from infra.context import parse_context
from infra.ec2_model import EC2_LIST_ACTIONS, MARKET_ACTIONS, STRANDED_ACTIONS
from lambdas.settings import ACCOUNTS_FILE as ACCOUNTS
from lambdas.settings import ALERTS_FILE
from tests.infra.synthesized import NAMES, Json, Synthesized
from truffle.alerts.settings_parser import parse_settings
from truffle.core.organization import AccountSettings

BROUGHT = {
    *("aws_lambda_powertools", "jmespath", "typing_extensions"),
    *("dateutil", "icalendar", "prometheus_client", "six", "tzdata"),
}
BY_THE_RUNTIME = {"boto3", "botocore", "urllib3"}
BY_THE_LAYER = {"duckdb"}
"""For ``compact`` alone."""

MEGABYTE = 1024 * 1024


def _files(directory: Path) -> set[str]:
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert found
    return found


def test_the_zip_has_the_functions_what_they_use_and_nothing_else(asset: Path) -> None:
    top = {path.name.removesuffix(".py") for path in asset.iterdir()}
    assert top == {"lambdas", "truffle", "models", "alerts.json", "accounts.json"} | BROUGHT
    kinds = {Path(name).suffix for name in _files(asset / "lambdas") | _files(asset / "truffle")}
    assert kinds == {".py", ".json", ".html", ".css", ".js"}


def test_the_settings_of_alerts_lie_in_its_root(asset: Path, everything: Json) -> None:
    assert ALERTS_FILE == "alerts.json"
    content = json.loads((asset / ALERTS_FILE).read_text("utf-8"))
    assert parse_settings(content) == parse_context(everything).alerts


def test_the_choice_of_accounts_lies_beside_them(asset: Path, everything: Json) -> None:
    content = json.loads((asset / ACCOUNTS).read_text("utf-8"))
    assert AccountSettings.from_json(content) == parse_context(everything).account_settings


MODEL = """
import json, sys
from botocore.loaders import Loader
from lambdas.clients import session

# The runtime's own botocore is too old to know a field.
own = Loader.load_data_with_path
def older(loader, name):
    data, path = own(loader, name)
    if name.startswith("ec2/") and name.endswith("service-2") and "models" not in path:
        data["shapes"]["CapacityReservation"]["members"].pop("InterruptionInfo")
    return data, path
Loader.load_data_with_path = older

client = session().client("ec2", region_name="us-east-1")
model = client.meta.service_model
assert client.can_paginate("describe_capacity_reservations")
json.dump([model.operation_names, list(model.shape_for("CapacityReservation").members)], sys.stdout)
"""


def test_ec2_is_read_with_the_pinned_model_whatever_the_runtime_has(
    asset: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", MODEL],
        cwd=tmp_path,
        env={"PYTHONPATH": str(asset), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    operations, members = json.loads(done.stdout)
    pinned = botocore.session.get_session().get_service_model("ec2")
    used = {*EC2_LIST_ACTIONS, *MARKET_ACTIONS, *STRANDED_ACTIONS}
    assert set(operations) == {"DescribeRegions", *used}
    assert members == list(pinned.shape_for("CapacityReservation").members)
    assert "InterruptionInfo" in members


def test_the_zips_model_is_that_of_the_pinned_botocore() -> None:
    pins = _pins(ROOT / "requirements.txt")
    assert botocore.__version__ == pins["botocore"]


def test_nothing_of_a_laptop_is_in_the_zip(asset: Path) -> None:
    for name in _files(asset / "truffle"):
        assert not name.startswith(("cli", "live", "client", "render", "api")), name


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the modules of the zip are compiled once for all handlers, beside the zip."""
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.parametrize("name", NAMES)
def test_each_handler_is_imported_from_the_zip_alone(
    asset: Path, stack: Synthesized, compiled: Path, tmp_path: Path, name: str
) -> None:
    module = stack.function(name)["Handler"].removesuffix(".handler")
    variables = dict.fromkeys(stack.function(name)["Environment"]["Variables"], "1")
    script = (
        f"import sys, {module}\n"
        f"assert callable({module}.handler)\n"
        "for name, module in sys.modules.items():\n"
        "    if name.split('.')[0] in ('lambdas', 'truffle', 'aws_lambda_powertools'):\n"
        "        print(module.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={
            **variables,
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "PYTHONPATH": str(asset),
            "PYTHONPYCACHEPREFIX": str(compiled),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert any("truffle" in path for path in loaded)
    assert all(path.startswith(str(asset)) for path in loaded)


def test_everything_imported_is_in_the_zip_or_the_runtime(asset: Path) -> None:
    sources = [path for name in ("lambdas", "truffle") for path in (asset / name).rglob("*.py")]
    assert len(sources) > 10
    available = {path.name.removesuffix(".py") for path in asset.iterdir()} | BY_THE_RUNTIME
    for source in sources:
        if source.parent == asset / "truffle" / "sql":
            available |= BY_THE_LAYER
        else:
            available -= BY_THE_LAYER
        strange = _top_names(source.read_text("utf-8")) - available - set(sys.stdlib_module_names)
        assert not strange, source


STUBS = "types_boto3_"
"""Types of boto3's clients, which only a type checker imports (tests/test_rooms.py)."""


def _top_names(source: str) -> set[str]:
    nodes = _running(ast.parse(source))
    names = {name.split(".")[0] for node in nodes for name in _names(node)}
    return {name for name in names if not name.startswith(STUBS)}


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module but those for type checkers alone."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from _running(child)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def test_data_files_come_along() -> None:
    assert ROOT / "truffle" / "core" / "accelerators.json" in asset_sources()


def test_the_zip_is_pure_python_and_small(asset: Path) -> None:
    names = _files(asset)
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
    assert not [name for name in names if ".dist-info/" in name]
    assert sum((asset / name).stat().st_size for name in names) < 8 * MEGABYTE


@pytest.fixture(scope="module")
def again(everything: Json) -> Iterator[Path]:
    """The same zip, built again with a umask that hides files from others."""
    context = parse_context(everything)
    before = os.umask(0o077)
    with lambda_asset(context.alerts, context.account_settings) as made:
        os.umask(before)
        yield made


def test_lambda_may_read_every_file_whatever_the_umask_is(again: Path) -> None:
    for name in _files(again):
        assert (again / name).stat().st_mode & 0o444 == 0o444, name


def test_the_same_sources_make_the_same_zip(asset: Path, again: Path) -> None:
    assert _files(again) == _files(asset)
    for name in _files(asset):
        assert (again / name).read_bytes() == (asset / name).read_bytes(), name


def test_cdk_takes_the_directory_as_it_is(asset: Path, stack: Synthesized) -> None:
    assert _files(stack.asset) == _files(asset)


def test_the_pins_are_exact_and_those_of_the_environment() -> None:
    pinned = _pins(ROOT / "lambdas" / "requirements.txt")
    names = {name.replace("-", "_").lower().removeprefix("python_") for name in pinned}
    assert names == BROUGHT
    installed = _pins(ROOT / "requirements.txt")
    for name, version in pinned.items():
        assert installed[name] == version


def _pins(requirements: Path) -> dict[str, str]:
    """The versions by name, of lines such as ``boto3==1.43.106 \\`` with hashes below."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", requirements.read_text("utf-8"), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pins}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import truffle.core.model", ["truffle.core.model"]),
        ("from truffle.core import model", ["truffle.core", "truffle.core.model"]),
        ("from . import store", ["lambdas", "lambdas.store"]),
        ("from .store import table", ["lambdas.store", "lambdas.store.table"]),
        ("from ..truffle import core", ["truffle", "truffle.core"]),
        ("def late():\n    import truffle.ec2", ["truffle.ec2"]),
        ("if TYPE_CHECKING:\n    import truffle.cli\nelse:\n    import json", ["json"]),
        ("if typing.TYPE_CHECKING:\n    import truffle.cli", []),
        ("def __getattr__(name):\n    import truffle.cli", []),
        ("class A:\n    def __getattr__(self, name):\n        import json", ["json"]),
    ],
)
def test_which_imports_count(source: str, names: list[str]) -> None:
    assert imported_names(source, "lambdas") == names


def test_pips_complaint_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "CACHE", tmp_path / "cache")
    wrong = tmp_path / "requirements.txt"
    wrong.write_text("aws-lambda-powertools===none\n")
    with pytest.raises(AssetError, match=r"pip cannot install .*\n.*aws-lambda-powertools"):
        assets.installed_requirements(wrong)
    assert not os.listdir(tmp_path / "cache")


def test_an_installation_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "CACHE", tmp_path / "cache")
    empty = tmp_path / "requirements.txt"
    empty.write_text("# nothing\n")
    installed: list[Path] = []

    def install(requirements: Path, target: Path, options: Sequence[str]) -> None:
        installed.append(requirements)
        target.mkdir(exist_ok=True)

    monkeypatch.setattr(assets, "install", install)
    first = assets.installed_requirements(empty)
    assert assets.installed_requirements(empty) == first
    empty.write_text("# something else\n")
    assert assets.installed_requirements(empty) != first
    assert len(installed) == 2
