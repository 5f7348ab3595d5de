"""The recording in README.md."""

from __future__ import annotations

import re

from tests.cli.recording import RECORDING, recorded


def test_the_recording_is_what_the_commands_print_now() -> None:
    assert RECORDING.read_text() == recorded(), "python -m tests.cli.recording writes it again"


def test_the_recording_loads_nothing() -> None:
    svg = re.sub("<!--.*?-->", "", RECORDING.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"' )]+", svg)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in svg.replace("url(#", "")
