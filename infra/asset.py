"""The zip of all Lambda functions, with `lambdas/`, the modules of `truffle/` that it imports, the
requirements, models of the pinned botocore, and the settings of alerts and accounts; and DuckDB's
layer.

No Docker: the requirements are pure Python, and pip is configured to accept nothing else. The files
run on Lambda's arm64 and on any other machine. DuckDB's arm64 wheel is a layer of one function.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.ec2_model import write_models
from truffle.alerts.settings import AlertSettings
from truffle.alerts.settings_json import settings_to_json
from truffle.core.organization import AccountSettings

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "lambda-requirements"
ALERTS_FILE = "alerts.json"
"""In the root of the zip, where the functions read it."""

ACCOUNTS_FILE = "accounts.json"
"""In the root of the zip, because a list of accounts may exceed the limit of environment
variables."""

MODELS = "models"
"""In the root of the zip: botocore's models that take precedence over the runtime's
(lambdas/clients.py)."""

_PACKAGES = ("lambdas", "truffle")
_RUNTIME_VERSION = "3.14"
_INSTALL = (
    *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
    *("--no-deps", "--only-binary=:all:", f"--python-version={_RUNTIME_VERSION}"),
)
_PURE = ("--implementation=py", "--abi=none", "--platform=any")
_ARM64 = ("--require-hashes", "--implementation=cp", "--platform=manylinux_2_28_aarch64")
"""The runtime is Amazon Linux 2023, with glibc 2.34 (AWS Lambda Developer Guide, "Lambda
runtimes")."""


class AssetError(RuntimeError):
    """The zip's content cannot be assembled; the text has pip's output."""


@contextmanager
def lambda_asset(alerts: AlertSettings, accounts: AccountSettings) -> Iterator[Path]:
    """A context manager of a directory with the content of the zip.

    Its content, and so CDK's hash of it, depends only on the sources, the pins and these settings.

    Raises:
        AssetError: pip could not install the requirements.
    """
    requirements = installed_requirements(ROOT / "lambdas" / "requirements.txt")
    with tempfile.TemporaryDirectory(prefix="truffle-asset-") as directory:
        target = Path(directory)
        shutil.copytree(requirements, target, dirs_exist_ok=True)
        for source in asset_sources():
            destination = target / source.relative_to(ROOT)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, destination)
        write_models(target / MODELS)
        _write_json(target / ALERTS_FILE, settings_to_json(alerts))
        _write_json(target / ACCOUNTS_FILE, accounts.to_json())
        _make_readable(target)
        yield target


def duckdb_layer() -> Path:
    """A directory with the content of DuckDB's layer, for Lambda's arm64.

    Raises:
        AssetError: pip could not install it.
    """
    requirements = ROOT / "lambdas" / "requirements-compact.txt"
    return installed_requirements(requirements, _ARM64, "python")


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _make_readable(directory: Path) -> None:
    """Make the files readable for Lambda's user, whatever this machine's umask is."""
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def asset_sources() -> tuple[Path, ...]:
    """The project's files in the zip: `lambdas/`, the modules it imports, and their data files."""
    modules = reachable_modules(sorted((ROOT / "lambdas").glob("*.py")))
    data = {file for folder in {module.parent for module in modules} for file in _data_of(folder)}
    return tuple(sorted(modules | data))


def _data_of(package: Path) -> Iterator[Path]:
    """The data files of a package: beside its modules, and in folders that are not packages."""
    for entry in package.iterdir():
        if entry.is_dir() and entry.name != "__pycache__" and not (entry / "__init__.py").exists():
            yield from (file for file in entry.rglob("*") if _is_data(file))
        elif _is_data(entry):
            yield entry


def reachable_modules(roots: Iterable[Path]) -> set[Path]:
    """The files of `roots` and of every module of this project that their import can load."""
    found: set[Path] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _packages_above(module)
            waiting += _imported_files(module)
    return found


def _packages_above(module: Path) -> list[Path]:
    """The `__init__.py` of each parent package, which importing a module also runs."""
    above = module.parent.relative_to(ROOT).parts
    packages = (ROOT.joinpath(*above[: depth + 1]) for depth in range(len(above)))
    return [package / "__init__.py" for package in packages]


def _imported_files(module: Path) -> list[Path]:
    names = imported_names(module.read_text(encoding="utf-8"), _package_of(module))
    return [file for name in names if (file := _file_of(name)) is not None]


def _package_of(module: Path) -> str:
    return ".".join(module.parent.relative_to(ROOT).parts)


def _file_of(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] not in _PACKAGES:
        return None
    path = ROOT.joinpath(*parts)
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def imported_names(source: str, package: str) -> list[str]:
    """The absolute dotted names that a module of `package` imports, which may or may not be
    modules.

    Imports only for type checkers are omitted, and those of a module's `__getattr__` (PEP 562),
    which are loaded on access to the name, not with the module.
    """
    return [name for node in _running_nodes(ast.parse(source)) for name in _names(node, package)]


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in _running_children(node):
        if not _is_lazy_export(child, node):
            yield child
            yield from _running_nodes(child)


def _running_children(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return node.orelse
    return ast.iter_child_nodes(node)


def _is_lazy_export(child: ast.AST, parent: ast.AST) -> bool:
    is_of_module = isinstance(parent, ast.Module)
    return is_of_module and isinstance(child, ast.FunctionDef) and child.name == "__getattr__"


def _names(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parents = package.split(".")[: -(node.level - 1) or None] if node.level else []
    origin = ".".join([*parents, *([node.module] if node.module else [])])
    return [origin, *(f"{origin}.{alias.name}" for alias in node.names)]


def _is_data(file: Path) -> bool:
    is_source = file.suffix in (".py", ".pyc", ".typed") or file.name.startswith("requirements")
    return file.is_file() and not is_source


def installed_requirements(
    requirements: Path, options: Sequence[str] = _PURE, below: str = ""
) -> Path:
    """The directory with the installed requirements, cached while the pins stay the same.

    They are in the subdirectory `below`, where Lambda searches in a layer.
    """
    marked = requirements.read_bytes() + repr((_INSTALL, options, below)).encode()
    directory = CACHE / hashlib.sha256(marked).hexdigest()[:16]
    if not directory.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="installing-") as work_dir:
            fresh = Path(work_dir) / "content"
            install(requirements, fresh / below, options)
            _make_readable(fresh)
            _publish(fresh, directory)
    return directory


def install(requirements: Path, target: Path, options: Sequence[str]) -> None:
    where = ["--target", str(target), "-r", str(requirements)]
    command = [sys.executable, *_INSTALL, *options, *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssetError(f"pip cannot install {requirements}:\n{done.stderr.strip()}")
    for noise in [*target.glob("*.dist-info"), target / "bin"]:
        shutil.rmtree(noise, ignore_errors=True)


def _publish(fresh: Path, directory: Path) -> None:
    """Move the finished directory to its place; two concurrent syntheses may both try."""
    try:
        os.rename(fresh, directory)
    except OSError:
        if not directory.is_dir():
            raise
