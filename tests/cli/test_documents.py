"""The pages show the actual output of commands and snippets."""

from __future__ import annotations

import inspect
import re

import click
import pytest

from tests.cli.documents import (
    ALERTS,
    BLOCK,
    GUIDE,
    PAGE,
    PYTHON,
    SNIPPET,
    documented,
    run_snippets,
    written,
)
from truffle import Truffle
from truffle.cli.app import COMMANDS, app
from truffle.query import Filters


def commands() -> dict[str, click.Command]:
    context = click.Context(app)
    found = {name: app.get_command(context, name) for name in COMMANDS}
    return {name: command for name, command in found.items() if command is not None}


def test_the_command_line_s_page_is_what_the_commands_print() -> None:
    page = PAGE.read_text()
    assert len(BLOCK.findall(page)) > 20
    with documented() as api_url:
        assert written(page, api_url) == page, "python -m tests.cli.documents writes it anew"


def test_the_page_of_alerts_is_what_the_commands_print() -> None:
    page = ALERTS.read_text()
    assert len(BLOCK.findall(page)) == 3
    with documented() as api_url:
        assert written(page, api_url) == page, "python -m tests.cli.documents writes it anew"


def test_every_command_and_every_flag_is_on_the_page() -> None:
    page = PAGE.read_text()
    checked = 0
    for name, command in commands().items():
        assert f"\n## truffle {name}\n" in page
        section = page.partition(f"\n## truffle {name}\n")[2].partition("\n## ")[0]
        for option in options_of(command):
            assert all(flag in section for flag in option.opts if flag.startswith("--")), option
            checked += 1
        for inner in subcommands(command):
            assert f"$ truffle {name} {inner} --help\n" in section
    assert len(commands()) == len(COMMANDS) == 21
    assert checked > 80


def options_of(command: click.Command) -> list[click.Parameter]:
    """The documented options, including those of subcommands."""
    inner = [option for each in subcommands(command).values() for option in each.params]
    return [it for it in [*command.params, *inner] if not getattr(it, "hidden", False)]


def subcommands(command: click.Command) -> dict[str, click.Command]:
    return dict(command.commands) if isinstance(command, click.Group) else {}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_help_says(name: str) -> None:
    assert (commands()[name].help or "").startswith(COMMANDS[name])


def test_the_snippets_of_the_python_page_print_what_it_shows() -> None:
    page = PYTHON.read_text()
    assert len(SNIPPET.findall(page)) > 8
    with documented() as api_url:
        assert run_snippets(page, api_url) == page, "python -m tests.cli.documents writes it anew"


def test_the_commands_and_the_snippets_of_the_guide_print_what_it_shows() -> None:
    page = GUIDE.read_text()
    assert len(BLOCK.findall(page)) == 4
    assert len(SNIPPET.findall(page)) == 1
    with documented() as api_url:
        shown = run_snippets(written(page, api_url), api_url)
    assert shown == page, "python -m tests.cli.documents writes it anew"


def test_every_fact_of_the_guide_has_a_source_with_its_address_and_day() -> None:
    page = GUIDE.read_text()
    sources = dict(re.findall(r"^\[\^([a-z-]+)\]: (.+)$", page, re.MULTILINE))
    assert len(sources) > 25
    text = page.partition("\n## Sources\n")[0]
    assert set(re.findall(r"\[\^([a-z-]+)\]", text)) == set(sources)
    for name, source in sources.items():
        assert re.search(r"<https://[^>]+>, (read|published) 2026-\d\d-\d\d", source), name


def test_the_pages_of_the_guide_and_its_anchors_exist() -> None:
    page = GUIDE.read_text()
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", page):
        name, _, anchor = link.partition("#")
        assert (GUIDE.parent / name).exists() if name else anchor in anchors, link


def test_every_method_is_on_the_python_page_with_its_parameters() -> None:
    page = PYTHON.read_text()
    inner = {"inventory", "market", "every_fleet", "every_placement", "placed", "api"}
    methods = {
        name: value
        for name, value in inspect.getmembers(Truffle, inspect.isfunction)
        if name[0] != "_" and name not in inner
    }
    assert len(methods) > 8
    for name, method in methods.items():
        assert f"\n### {name}\n" in page, name
        section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        parameters = list(inspect.signature(method).parameters)[1:]
        if "filters" in parameters:
            parameters.remove("filters")
            parameters += Filters.__annotations__
        for parameter in parameters:
            assert f"`{parameter}`" in section, (name, parameter)
