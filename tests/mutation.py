"""Mutation scores of ``truffle/core``, by mutmut.

``script/mutate FILE ...`` tries every mutant of some files. Each file is mutated in a copy of the
project, with only the tests that import it: mutmut runs its tests three times before the first
mutant, and the whole room takes longer than the mutants of most files.

``script/mutate --sample N`` tries N mutants of all files, drawn at random (the same ones each
time), with all tests of ``tests/core``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.numbers import number

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
COPIED = ("truffle", "lambdas", "sandbox", "tests", "roles", "pyproject.toml", "cdk.json")
SETTINGS = """\
[mutmut]
source_paths = truffle
only_mutate = {file}
also_copy =
    lambdas
    sandbox
    roles
    cdk.json
pytest_add_cli_args_test_selection =
    {tests}
pytest_add_cli_args =
    -p
    no:cacheprovider
    -x
    -q
"""
KILLED = ("killed", "timeout", "segfault", "caught by type check")
NOT_TRIED = "not checked"
NO_MUTANT = "none"
"""A name that no mutant has: mutmut then makes the mutants, and tries none."""

Outcomes = dict[str, str]
"""The outcome of each mutant that was tried, in mutmut's words."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/mutate")
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: all of truffle/core")
    parser.add_argument("--sample", type=number(int, 1), help="try that many mutants of all files")
    chosen = parser.parse_args(arguments)
    if chosen.sample is not None and chosen.files:
        parser.error("--sample draws from all files: name no FILE")
    if chosen.sample is not None:
        total = sampled(chosen.sample)
    else:
        total = {}
        for name in chosen.files or sorted(map(relative, all_files())):
            total |= scored(name)
    for module, outcomes in by_module(total).items():
        print(f"{module}: {score(outcomes)}")
    print(f"All: {score(total)}")
    return 0


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def all_files() -> Iterator[Path]:
    found = (ROOT / "truffle" / "core").rglob("*.py")
    return (path for path in found if path.name != "__init__.py")


def by_module(outcomes: Outcomes) -> dict[str, Outcomes]:
    found: dict[str, Outcomes] = {}
    for mutant, outcome in sorted(outcomes.items()):
        found.setdefault(mutant.rpartition(".")[0], {})[mutant] = outcome
    return found


def score(outcomes: Outcomes) -> str:
    killed = sum(outcome in KILLED for outcome in outcomes.values())
    return f"{killed / max(1, len(outcomes)):.0%}, {killed} of {len(outcomes)} mutants were killed"


def scored(name: str) -> Outcomes:
    """Try all mutants of a file."""
    module = name.removesuffix(".py").replace("/", ".")
    folder = prepared(module, name, tests_of(module))
    mutmut(folder, "run")
    outcomes = tried(folder)
    print(f"{name}: {score(outcomes)}", flush=True)
    return outcomes


def sampled(size: int) -> Outcomes:
    """Try a sample of the mutants of all files."""
    folder = prepared("sample", "truffle/core/*", ["tests/core"])
    mutmut(folder, "run", NO_MUTANT)
    mutants = sorted(all_mutants(folder))
    print(f"{len(mutants):,} mutants", flush=True)
    mutmut(folder, "run", *Random(size).sample(mutants, min(size, len(mutants))))
    return tried(folder)


def prepared(folder_name: str, mutated: str, tests: list[str]) -> Path:
    """A copy of the project with the settings of mutmut."""
    folder = CACHE / "mutate" / folder_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for copied in COPIED:
        source, target = ROOT / copied, folder / copied
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    settings = SETTINGS.format(file=mutated, tests="\n    ".join(tests))
    (folder / "setup.cfg").write_text(settings)
    return folder


def tried(folder: Path) -> Outcomes:
    """The outcomes of the mutants that were tried; prints those that were not killed."""
    found = {it: how for it, how in all_mutants(folder).items() if how != NOT_TRIED}
    for mutant, outcome in found.items():
        if outcome not in KILLED:
            print(mutmut(folder, "show", mutant), flush=True)
    return found


def all_mutants(folder: Path) -> Outcomes:
    lines = mutmut(folder, "results", "--all", "true").splitlines()
    found = (line.strip().partition(": ") for line in lines)
    return {mutant: outcome for mutant, _, outcome in found if "__mutmut_" in mutant}


def tests_of(module: str) -> list[str]:
    """The test files of ``tests/core`` that import a module; all where none does."""
    room, _, short = module.rpartition(".")
    imports = re.compile(rf"from {module} import|from {room} import .*\b{short}\b")
    files = sorted((ROOT / "tests" / "core").rglob("test_*.py"))
    found = [relative(file) for file in files if imports.search(file.read_text())]
    return found or ["tests/core"]


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut in a folder, which keeps a log; returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CACHE / "mutmut")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (folder / f"{arguments[0]}.log").write_text(done.stdout)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
