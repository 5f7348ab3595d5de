"""Mutation scores of files of ``truffle/core``, by mutmut: ``script/mutate FILE ...``.

Each file is mutated in a copy of the project, with its own tests alone: mutmut runs its tests three
times before the first mutant, and the whole room takes longer than the mutants of most files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
COPIED = ("truffle", "lambdas", "sandbox", "tests", "pyproject.toml", "cdk.json")
SETTINGS = """\
[mutmut]
source_paths = truffle
only_mutate = {file}
also_copy =
    lambdas
    sandbox
    cdk.json
pytest_add_cli_args_test_selection =
    {tests}
pytest_add_cli_args =
    -p
    no:cacheprovider
    -x
    -q
"""
KILLED = ("killed", "timeout", "segfault", "caught_by_type_check")


def main(arguments: list[str]) -> int:
    names = arguments or [str(path.relative_to(ROOT)) for path in sorted(all_files())]
    killed, tried = 0, 0
    for name in names:
        found = scored(name)
        killed, tried = killed + found[0], tried + found[1]
        print(f"{name}: {score(*found)}", flush=True)
    print(f"All: {score(killed, tried)}")
    return 0


def all_files() -> Iterator[Path]:
    found = (ROOT / "truffle" / "core").rglob("*.py")
    return (path for path in found if path.name != "__init__.py")


def score(killed: int, tried: int) -> str:
    return f"{killed / max(1, tried):.0%}, {killed} of {tried} mutants were killed"


def scored(name: str) -> tuple[int, int]:
    """How many of how many mutants of a file were killed; the others are printed."""
    module = name.removesuffix(".py").replace("/", ".")
    folder = CACHE / "mutate" / module
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for copied in COPIED:
        source, target = ROOT / copied, folder / copied
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    tests = "\n    ".join(tests_of(module))
    (folder / "setup.cfg").write_text(SETTINGS.format(file=name, tests=tests))
    with (folder / "log").open("w") as log:
        mutmut(folder, "run", output=log.fileno())
    mutmut(folder, "export-cicd-stats")
    counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
    for line in mutmut(folder, "results").splitlines():
        mutant, _, outcome = line.strip().partition(": ")
        if mutant.startswith(module) and outcome not in KILLED:
            print(mutmut(folder, "show", mutant), flush=True)
    return sum(counts.get(kind, 0) for kind in KILLED), counts["total"]


def tests_of(module: str) -> list[str]:
    """The test files of ``tests/core`` that import a module; all where none does."""
    room, _, short = module.rpartition(".")
    imports = re.compile(rf"from {module} import|from {room} import .*\b{short}\b")
    files = sorted((ROOT / "tests" / "core").rglob("test_*.py"))
    found = [str(file.relative_to(ROOT)) for file in files if imports.search(file.read_text())]
    return found or ["tests/core"]


def mutmut(folder: Path, *arguments: str, output: int = subprocess.PIPE) -> str:
    """Run mutmut in a folder; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CACHE / "mutmut")},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
