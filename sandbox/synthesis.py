"""Run the CDK app, and cache its output while its sources stay the same."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sandbox import environment
from sandbox.errors import SandboxError

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".cache" / "sandbox-assemblies"
_KEPT = 4
_SOURCES = ("app.py", "cdk.json", "infra", "lambdas", "truffle")


def synthesize(output: Path, caller: Mapping[str, str], context: Mapping[str, Any]) -> None:
    """Write the cloud assembly to a directory; ``context`` overrides cdk.json.

    Raises SandboxError.
    """
    text = json.dumps(context, sort_keys=True)
    kept = CACHE / _key(text, _alerts_file(context))
    shutil.rmtree(output, ignore_errors=True)
    if kept.is_dir():
        kept.touch()
        shutil.copytree(kept, output)
        return
    _run_app(environment.synthesis(caller, output, text))
    _keep(output, kept)


def _alerts_file(context: Mapping[str, Any]) -> bytes:
    """The alerts file named in the context, usually none; it is part of the functions."""
    chosen = {**json.loads((PROJECT / "cdk.json").read_text())["context"], **context}
    path = PROJECT / (chosen.get("alerts_file") or "")
    return path.read_bytes() if path.is_file() else b""


def _key(context: str, alerts_file: bytes) -> str:
    """The key of the cache, the same for the same sources, context, alerts and CDK."""
    digest = hashlib.sha256(f"{context} {version('aws-cdk-lib')} {sys.version}".encode())
    digest.update(alerts_file)
    for path in sorted(_files()):
        digest.update(str(path.relative_to(PROJECT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files() -> Iterable[Path]:
    for name in _SOURCES:
        source = PROJECT / name
        found = source.rglob("*") if source.is_dir() else [source]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _run_app(variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=PROJECT,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SandboxError(f"The CDK app cannot be synthesized:\n{done.stderr.strip()}")


def _keep(output: Path, kept: Path) -> None:
    """Another sandbox may cache the same output concurrently; the second one leaves it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    oldest_first = sorted(CACHE.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in oldest_first[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    fresh = output.with_name("cdk.kept")
    shutil.copytree(output, fresh)
    try:
        fresh.rename(kept)
    except OSError:
        shutil.rmtree(fresh)


def alerts_context(alerts: Path | None) -> dict[str, Any]:
    """The context with the setting that names an alerts file."""
    return {"alerts_file": str(alerts.resolve())} if alerts else {}
