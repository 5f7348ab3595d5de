"""The report as one HTML file that loads nothing.

The page's own Content-Security-Policy allows only its inline script and style, by their hashes (CSP
Level 3, hash-source). Data is JSON in a script element of type ``application/json``, which browsers
do not execute; the script shows it only through ``textContent``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from truffle.core.times import parse_time
from truffle.messages.wording import counted, moment
from truffle.report.inputs import Inputs
from truffle.report.model import content

SCRIPTS = ("dom.js", "state.js", "timeline.js", "sections.js", "market.js", "page.js")
"""The parts of the page's script, in their order."""


def page(inputs: Inputs) -> str:
    """The report as HTML; the same bytes for the same inputs."""
    report = content(inputs)
    return (
        _asset("page.html")
        .replace("{policy}", policy())
        .replace("{style}", _style())
        .replace("{script}", script())
        .replace("{without_script}", _without_script(report))
        .replace("{data}", _json(report))
    )


@cache
def policy() -> str:
    """The Content-Security-Policy in the page."""
    return (
        f"default-src 'none'; script-src '{_hash(script())}'; style-src '{_hash(_style())}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def script() -> str:
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _style() -> str:
    return _asset("page.css")


@cache
def _asset(name: str) -> str:
    return files("truffle.report").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _json(report: dict[str, Any]) -> str:
    """JSON that cannot end a script element or start a comment in one."""
    text = json.dumps(report, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _without_script(report: dict[str, Any]) -> str:
    """The content without scripts, for example for the preview of an attachment."""
    needs = report["decisions"]
    lines = [
        f"<p>As of {_moment(report['now'])}. {counted(len(report['rows']), 'reservation')}, "
        f"{counted(len(report['failed']), 'failed scope')}. Open this file in a browser for the "
        "timeline, tables and filters.</p>",
        "<ul>",
        *(
            f"<li>{_text(each['title'])}: {_text(each['id'])}. {_text(each['why'])} "
            f"{_text(each['step'] or '')}{_until(each['deadline'])}</li>"
            for each in needs
        ),
        "</ul>",
    ]
    return "\n".join(lines)


def _text(text: str) -> str:
    """The text without markup, and without lone surrogates, which UTF-8 cannot encode."""
    return escape(text.encode("utf-8", "replace").decode())


def _until(deadline: str | None) -> str:
    return f" Until {_moment(deadline)}." if deadline else ""


def _moment(text: str) -> str:
    return escape(moment(parse_time(text)))
