"""Text from outside as data, read by the real readers."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import unicodedata

import hcl2
import pyte
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.effort import examples
from tests.hostile import texts
from truffle.core.quoting import csv_text, hcl, json_text, shell, terminal, yaml_text

SHELLS = [path for name in ("sh", "dash", "bash", "zsh") if (path := shutil.which(name))]

CONTROL = ("Cc", "Cs", "Zl", "Zp")
BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def words_of(shell_path: str, script: str) -> list[str]:
    """The words that a shell passes to a command."""
    command = [shell_path, "-c", f"printf '%s\\0' {script}"]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("path", SHELLS)
@settings(max_examples=examples(15), deadline=None)
@given(st.lists(texts, min_size=1, max_size=20))
def test_a_shell_reads_each_word_as_the_text(path: str, given_texts: list[str]) -> None:
    assert words_of(path, " ".join(map(shell.word, given_texts))) == given_texts


@given(texts)
def test_a_word_can_be_pasted(text: str) -> None:
    assert terminal.HIDDEN.search(shell.word(text).rstrip("\n'")) is None


@given(texts)
def test_a_comment_stays_on_its_line(text: str) -> None:
    assert len(f"# {shell.comment_word(text)}".splitlines()) == 1


def in_yaml(text: str) -> list[str]:
    word = yaml_text.scalar(text)
    return [
        f"key: {word}",
        f"{word}: key",
        f"- {word}  # comment",
        f"[{word}, {word}]",
        f"{{k: {word}}}",
    ]


@settings(max_examples=examples(60), deadline=None)
@given(texts)
def test_yaml_1_1_and_1_2_read_a_scalar_as_the_text(text: str) -> None:
    for document in in_yaml(text):
        wanted: object = yaml.safe_load(document)
        assert YAML(typ="safe", pure=True).load(document) == wanted
        assert wanted in ({"key": text}, {text: "key"}, [text], [text, text], {"k": text})


@pytest.mark.parametrize(
    "text", ["p5.48xlarge", "us-east-2a", "cr-0b", "active", "capacity-block", "Linux/UNIX"]
)
def test_plain_words_need_no_quotes(text: str) -> None:
    assert yaml_text.scalar(text) == text
    assert shell.word(text) == text


@settings(max_examples=examples(20), deadline=None)
@given(texts)
def test_hcl_reads_a_string_as_the_text(text: str) -> None:
    read = hcl2.loads(f"x {{\n  a = {hcl.string(text)}\n}}\n")["x"][0]["a"]
    escapes = re.sub(
        r"\\U([0-9a-f]{8})", lambda found: json.dumps(chr(int(found[1], 16)))[1:-1], read
    )

    assert json.loads(escapes.replace("$${", "${").replace("%%{", "%{")) == text


@given(texts)
def test_hcl_s_names_are_names(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", hcl.name(text))


@given(st.lists(st.lists(texts, min_size=1, max_size=4), min_size=1, max_size=4))
def test_csv_gives_back_every_field(rows: list[list[str]]) -> None:
    document = "".join(csv_text.line(row) + "\n" for row in rows)

    assert list(csv.reader(io.StringIO(document, newline=""))) == rows


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_json_without_hidden_characters_is_the_same_json(value: object) -> None:
    document = json_text.escape_hidden(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(document) == value
    assert terminal.HIDDEN.search(document.replace("\n", "")) is None


@given(texts)
def test_a_terminal_shows_a_text_and_does_nothing_else(text: str) -> None:
    screen = pyte.Screen(2000, 3)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(terminal.visible(text))

    assert (screen.cursor.y, screen.title, screen.cursor.attrs.fg) == (0, "", "default")
    assert [line.strip() for line in screen.display[1:]] == ["", ""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\t", r"a\nb\r\t"),
        ("\x1b[2J\x9b", r"\x1b[2J\x9b"),
        ("\u202exe.exe", r"\u202exe.exe"),
        ("研究 é e\u0301 \xa0 \u3000", "研究 é e\u0301 \xa0 \u3000"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_is_hidden_is_made_visible_and_what_people_write_is_not(text: str, shown: str) -> None:
    assert terminal.visible(text) == shown


def test_every_control_and_bidirectional_character_is_hidden() -> None:
    controls = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in CONTROL]

    assert all(map(terminal.HIDDEN.fullmatch, [*controls, *BIDIRECTIONAL]))


def test_finished_output_keeps_its_lines_and_colours_alone() -> None:
    shown = terminal.visible_lines("\x1b[31mred\x1b[0m\nnext\x1b[2J\r")

    assert shown == "\x1b[31mred\x1b[0m\nnext\\x1b[2J\\r"
