"""The picture in README.md."""

from __future__ import annotations

from tests.report.picture import PICTURE

MOST_BYTES = 300_000


def test_the_picture_of_the_report_is_small() -> None:
    content = PICTURE.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) <= MOST_BYTES
