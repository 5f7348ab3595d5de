"""The commands on the pages exist: commands and their options, scripts, the API's routes and
parameters, the AWS command line's operations."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import botocore.session
import click
import pytest
from botocore import xform_name

from lambdas.api import openapi
from sandbox.command_line import main as sandbox
from sandbox.demo import main as demo
from truffle.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "sandbox/*.md", ".github/**/*.md", ".github/**/*.yml")
    for path in ROOT.glob(pattern)
)

_START = r"(?:truffle|python3? -m|script/\w+|aws)(?![\w/-])"
_IN_A_BLOCK = re.compile(rf"(?:^|[|;&(] *)(?:\S+=\S* +)*(?:\$ )?({_START}[^|;&)\n#>]*)", re.M)
_IN_A_SENTENCE = re.compile(rf"`((?:{_START}) [^`]*)`")
_BLOCK = re.compile(r"^ *```(?:bash|console)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_ROUTE = re.compile(r"`(GET|POST) (/[^` ]*)`")
_ASKED = re.compile(r'^ask "(.*?)"', re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """Something to type, and the page that has it."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def written() -> Iterator[Written]:
    for path in PAGES:
        text = path.read_text().replace("\\\n", " ")
        name = str(path.relative_to(ROOT))
        blocks = [match[1] for match in _BLOCK.finditer(text)]
        if path.suffix == ".yml":
            blocks = re.findall(r"run: (.*)", text)
        found = [match[1] for block in blocks for match in _IN_A_BLOCK.finditer(block)]
        found += [match[1] for match in _IN_A_SENTENCE.finditer(_BLOCK.sub("", text))]
        yield from (Written(name, " ".join(command.split())) for command in found)


def requests() -> Iterator[Written]:
    """Requests to the API, as ``GET /path?query``."""
    for path in PAGES:
        text, name = path.read_text(), str(path.relative_to(ROOT))
        yield from (Written(name, f"{match[1]} {match[2]}") for match in _ROUTE.finditer(text))
        yield from (Written(name, f"GET /{asked}") for asked in _ASKED.findall(text))


def test_each_way_to_more_accounts_is_at_most_three_commands() -> None:
    text = (ROOT / "docs" / "operations.md").read_text().replace("\\\n", " ")
    section = text.partition("\n## Accounts\n")[2].partition("\n### ")[0]
    assert [len(block[1].splitlines()) for block in _BLOCK.finditer(section)] == [2, 2, 3]


COMMANDS = sorted(set(written()), key=str)
REQUESTS = sorted(set(requests()), key=str)


def check(command: str) -> None:
    """Raises the reason why it cannot be typed."""
    words = shlex.split(re.sub(r"\[([^\]]*)\]", "", command).replace("…", ""))
    match words:
        case ["truffle", *arguments] | ["python" | "python3", "-m", "truffle", *arguments]:
            check_click(app, arguments)
        case ["python" | "python3", "-m", "sandbox", *arguments]:
            check_click(sandbox, arguments)
        case ["python" | "python3", "-m", module, *arguments]:
            check_module(module, arguments)
        case ["aws", service, operation, *arguments]:
            check_aws(service, operation, arguments)
        case [script, *arguments] if script.startswith("script/"):
            assert os.access(ROOT / script, os.X_OK), f"{script} cannot be run"
            if script == "script/demo":
                check_click(demo, arguments)


def check_click(
    command: click.Command, arguments: list[str], parent: click.Context | None = None
) -> None:
    """Subcommands and options are known, and no argument is too many; placeholders may stand for
    values. Raises click.UsageError."""
    # With the command's own settings: click keeps the help option that it makes with these.
    context = click.Context(command, parent, command.name, **command.context_settings)
    if isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        _, inner, rest = command.resolve_command(context, arguments)
        assert inner is not None
        check_click(inner, rest, context)
        return
    given, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert left == [], f"{left} is too much"
    for option in command.params:
        value = given.get(option.name or "")
        if isinstance(option.type, click.Choice) and isinstance(value, str) and value.islower():
            option.type.convert(value, option, context)


def check_module(name: str, arguments: list[str]) -> None:
    assert importlib.util.find_spec(name) is not None, f"there is no module {name}"
    if name.startswith("benchmarks") and arguments:
        unknown = {word for word in arguments if word.startswith("-")} - set(help_of(name).split())
        assert not unknown, f"{name} has no {unknown}"


@cache
def help_of(module: str) -> str:
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return re.sub(r"[,\[\]]", " ", done.stdout)


OF_THE_COMMAND_LINE = {
    ("cloudformation", "deploy"): {
        *("--stack-name", "--template-file", "--capabilities", "--parameter-overrides"),
        "--region",
    }
}
"""Commands that the AWS command line has of its own, with the options that the pages use (AWS CLI
Command Reference, deploy)."""


def check_aws(service: str, operation: str, arguments: list[str]) -> None:
    """By botocore's models, from which the AWS command line is made."""
    own = OF_THE_COMMAND_LINE.get((service, operation))
    if own is not None:
        unknown = {word for word in arguments if word.startswith("--")} - own
        assert not unknown, f"aws {service} {operation} has no {unknown}"
        return
    model = botocore.session.Session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    known = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else ())}
    known |= {"--region", "--query", "--output", "--profile"}
    if operation == "run-instances":
        known.add("--count")  # the command line's own, in place of MinCount and MaxCount
    unknown = {word for word in arguments if word.startswith("--")} - known
    assert not unknown, f"aws {service} {operation} has no {unknown}"


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_written_command_can_be_typed(command: Written) -> None:
    check(command.text)


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_a_written_request_is_one_of_the_api(request_: Written) -> None:
    method, _, url = request_.text.partition(" ")
    path, _, query = url.partition("?")
    route = re.sub(r"/(cr-[^/]*|\{id\})$", "/{id}", path)
    operation = openapi.document()["paths"][route][method.lower()]
    known = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert {name for name, _ in parse_qsl(query, keep_blank_values=True)} <= known


def test_the_pages_have_commands_of_every_kind() -> None:
    starts = {command.text.split()[0] for command in COMMANDS}
    assert {"truffle", "python", "aws", "script/demo"} <= starts
    assert {request.page for request in REQUESTS} >= {"docs/api.md", "docs/alerts.md"}


@pytest.mark.parametrize(
    "wrong",
    [
        "truffle capacitys",
        "truffle capacity --block",
        "truffle alerts chek FILE",
        "truffle history ID another",
        "truffle use ID --for karpentr",
        "python -m sandbox start",
        "python -m sandbox up --fleets FILE",
        "python -m benchmarks.nothing",
        "python -m benchmarks.list_live --size 3",
        "script/nothing",
        "script/demo --kept",
        "aws sqs move-messages",
        "aws sqs purge-queue --queue NAME",
    ],
)
def test_what_does_not_exist_is_noticed(wrong: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        check(wrong)
