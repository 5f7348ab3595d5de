"""``python -m tests.report.picture``: docs/report.png, the report of the sandbox's fleet."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.cli.documents import ROOT, documented
from tests.report.browser import Browser
from truffle.cli.running import run

PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT, MARGIN = 1280, 900, 24
SCALE = 0.6


def main() -> None:
    """Write the picture."""
    with documented(), tempfile.TemporaryDirectory() as folder, Browser() as browser:
        page = Path(folder) / "report.html"
        run(["report", "-o", str(page)])
        browser.size(WIDTH, HEIGHT)
        browser.scheme("light")
        browser.open(f"{page.as_uri()}#group=team")
        end = browser.run("document.querySelector('.timeline').getBoundingClientRect().bottom")
        browser.picture(PICTURE, round(end) + MARGIN, SCALE)


if __name__ == "__main__":
    main()
