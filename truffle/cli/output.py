"""The output of a command: the result to stdout, everything else to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakSet

from truffle.cli.running import FAILED, OK, PARTIAL
from truffle.core.model import FailureKind
from truffle.core.quoting.json_text import escape_hidden
from truffle.core.quoting.terminal import visible, visible_lines
from truffle.core.regions import is_glob
from truffle.core.status import NAMED_FAILURES
from truffle.core.wording import counted
from truffle.render.data import to_csv, to_json, to_yaml
from truffle.render.style import Style
from truffle.render.words import age, ago, day, minute
from truffle.sources.listing import Progress, ScopeFailure

if TYPE_CHECKING:
    from datetime import datetime

    from truffle.core.model import Reservation


def style_of_stdout() -> Style:
    """Colours and a width only if stdout is a terminal."""
    is_terminal = sys.stdout.isatty()
    return Style(
        is_coloured=is_terminal and _may_colour(),
        width=shutil.get_terminal_size().columns if is_terminal else None,
        is_unicode=_is_unicode(sys.stdout),
    )


def _may_colour() -> bool:
    """Whether colours are allowed: not with NO_COLOR (no-color.org), nor without a terminal."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().startswith("utf")


def put(text: str) -> None:
    """Print a part of a result for people. Raises BrokenPipeError when the reader is gone."""
    shown = _in_forms_of(sys.stdout, visible_lines(text))
    if not _can_write(sys.stdout, shown):
        _warn_once(f"{_lacks()}: they are shown as escapes. -o json has them all.")
    _write([shown, "\n"])


def put_text(text: str) -> None:
    """Print a part of a result for programs, unchanged. Raises BrokenPipeError."""
    if not _can_write(sys.stdout, text):
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        _warn_once(f"{_lacks()}: it is written in UTF-8.")
    _write([text, "\n"])


def put_reservations(rows: Iterable[Reservation]) -> None:
    """Print a JSON array piece by piece, because it can be long. Raises BrokenPipeError."""
    from truffle.core.json_text import json_array

    _write(map(escape_hidden, json_array(rows, ascii_only=not _is_unicode(sys.stdout))))


_SIMPLE_FORMS = str.maketrans({"×": "x", "→": "->", "·": "-", "–": "-", "≈": "~", "…": "..."})
"""Replacements of truffle's symbols, for a stream that cannot encode them."""


def _in_forms_of(stream: TextIO, text: str) -> str:
    return text if _can_write(stream, text) else text.translate(_SIMPLE_FORMS)


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _lacks() -> str:
    return f"Warning: stdout's encoding {sys.stdout.encoding} cannot encode every character"


_warned: WeakSet[TextIO] = WeakSet()


def _warn_once(warning: str) -> None:
    """Warn about a stream once, however often it is written to."""
    if sys.stdout not in _warned:
        _warned.add(sys.stdout)
        note(warning)


def _write(parts: Iterable[str]) -> None:
    sys.stdout.writelines(parts)
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a note or a warning about the result, on one line, wrapped on a terminal."""
    is_terminal = sys.stderr.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else None
    lines = Style(width=width).wrapped(_in_forms_of(sys.stderr, visible(text)), then="  ")
    print("\n".join(lines), file=sys.stderr)


def show_age(observed_at: datetime | None, as_of: datetime | None = None) -> None:
    """Show how old the deployed stack's data is, or was at a time."""
    from truffle import clock

    if observed_at is not None:
        note(f"Note: {age(observed_at, as_of or clock.now())}")


def put_data(output: str, value: Any, names: Sequence[str] = ()) -> None:
    """Print JSON objects as JSON, YAML, or CSV with these columns."""
    if output == "json":
        put_text(to_json(value, ascii_only=not _is_unicode(sys.stdout)))
    elif output == "yaml":
        put_text(to_yaml(value))
    else:
        items = value if isinstance(value, list) else [value]
        put_text(to_csv(items, names, is_shown=sys.stdout.isatty()))


def show_failures(failures: Sequence[ScopeFailure], scopes: int, now: Any) -> int:
    """Name the failed scopes, at most 20, and return the resulting exit status."""
    for failure in failures[:NAMED_FAILURES]:
        account = f"{failure.account}/" if failure.account else ""
        message = f": {failure.message.rstrip('.')}" if failure.message else ""
        seen = ""
        if failure.last_success is not None:
            seconds = (now - failure.last_success).total_seconds()
            seen = f" (shown as last seen, {ago(seconds)})"
        note(f"Warning: {account}{failure.region}: {failure.code}{message}{seen}")
    if not failures:
        return OK
    if others := Counter(failure.code for failure in failures[NAMED_FAILURES:]):
        counts = ", ".join(f"{code} ({count})" for code, count in others.most_common())
        note(f"Warning: and {others.total()} more: {counts}")
    noun = "scopes" if any(failure.last_success for failure in failures) else "regions"
    if len(failures) >= scopes:
        which = f"all {counted(scopes, noun[:-1])}" if scopes > 1 else f"the only {noun[:-1]}"
        note(f"Error: {which} failed.{_advice(failures)}")
        return FAILED
    note(f"Warning: {len(failures)} of {scopes} {noun} failed: the result is incomplete.")
    return PARTIAL


def show_closed(closed: Sequence[ScopeFailure]) -> None:
    """Name the regions that --ignore-denied excluded."""
    if closed:
        names = ", ".join(sorted({failure.region for failure in closed}))
        note(f"Note: skipped as denied or not enabled: {names}")


def _advice(failures: Sequence[ScopeFailure]) -> str:
    """The remedy if every region fails in the same way; None if there is none."""
    if all(failure.kind is FailureKind.DISABLED for failure in failures):
        return (
            " AWS gives this error in a region that is not enabled for the account: "
            "`aws ec2 describe-regions` lists those that are."
        )
    return ""


def show_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        note(f"Warning: {warning}")


def show_times(given: Mapping[str, str | None], *, ahead: bool = True) -> None:
    """Show the moments of relative times in UTC, by the name of their flag."""
    from truffle import clock
    from truffle.core.times import parse_when, parse_written

    for name, text in given.items():
        if text is None:
            continue
        try:
            parse_written(text)
        except ValueError:
            when = parse_when(text, clock.now(), ahead=ahead)
            moment = day(when.start) if when.is_day else minute(when.start)
            note(f"Note: --{name.replace('_', '-')} {text} is {moment} in UTC.")


@contextmanager
def progress(title: str, regions: Collection[str] | None, is_verbose: bool) -> Iterator[Progress]:
    """A progress bar on stderr while regions respond; none if stderr is not a terminal."""
    is_counted = regions and not any(map(is_glob, regions))
    total = len(set(regions)) if regions and is_counted else None
    if is_verbose:
        yield _show_region
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(title, total) as tick:
            yield tick
    else:
        yield lambda region, succeeded: None


def _show_region(region: str, succeeded: bool) -> None:
    note(f"{region}: {'responded' if succeeded else 'failed'}")


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed} responded"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, no_color=not _may_colour())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda region, succeeded: bar.update(task, advance=1)
