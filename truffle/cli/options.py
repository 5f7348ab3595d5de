"""Common options of several commands, and the types of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from truffle.core.declared_filters import DECLARED, DeclaredFilter, ValueKind
from truffle.core.kinds.registry import KINDS
from truffle.core.suggest import nearest

if TYPE_CHECKING:
    from truffle.client import Truffle

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_TIMEOUT = 60
MAX_TIMEOUT = 3600


class Choice(click.Choice[str]):
    """A choice that suggests the nearest value for an invalid one."""

    def fail(
        self, message: str, param: click.Parameter | None = None, ctx: click.Context | None = None
    ) -> Any:
        given = re.match(r"'(.*?)'", message)
        near = nearest(given[1], self.choices) if given else None
        super().fail(f"{message} Did you mean {near}?" if near else message, param, ctx)


class Seconds(click.ParamType[float]):
    """A duration above 0, or of at least ``least``: a number of seconds, or 90s, 5m, 1m30s."""

    name = "seconds"

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", str(value))
        seconds = int(match[1] or 0) * 60 + float(match[2] or 0) if match else 0.0
        if not self._least <= seconds <= MAX_TIMEOUT or not seconds:
            bounds = f"from {self._least} to" if self._least else "above 0 and up to"
            message = f"{value!r} is not a number of seconds {bounds} {MAX_TIMEOUT}."
            self.fail(message, param, ctx)
        return seconds


class Suggested(click.ParamType[str]):
    """Text that a shell can complete, also after a comma."""

    name = "text"

    def __init__(self, name: str, values: Callable[[], Iterable[str]]) -> None:
        self.name = name
        self._values = values

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(before + comma + value)
            for value in self._values()
            if value.startswith(last)
        ]


def _regions() -> Iterable[str]:
    from truffle.core.regions import KNOWN_REGIONS

    return KNOWN_REGIONS


def _instance_types() -> Iterable[str]:
    from truffle.core.accelerators import bundled

    return sorted(bundled())


def _sort_fields() -> Iterable[str]:
    from truffle.core.order import SORT_FIELDS

    return [sign + name for name in SORT_FIELDS for sign in ("", "-")]


def _states() -> Iterable[str]:
    from truffle.core.model import STATES

    return STATES


def _accelerators() -> Iterable[str]:
    from truffle.core.vocabulary import accelerator_names

    return accelerator_names()


def _columns() -> Iterable[str]:
    from truffle.render.columns import column_names

    return column_names()


COLUMNS = Suggested("names", _columns)
ACCELERATOR = Suggested("names", _accelerators)
REGIONS = Suggested("regions", _regions)
INSTANCE_TYPES = Suggested("types", _instance_types)
INSTANCE_TYPE = Suggested("type", _instance_types)
SORT = Suggested("field", _sort_fields)
STATE = Suggested("states", _states)


@dataclass(frozen=True, slots=True)
class Common:
    """The options of every command that sends requests: source, credentials, timeout, verbosity."""

    source: str
    api_url: str | None
    profile: str | None
    timeout: float
    is_verbose: bool
    ignore_denied: bool = False

    @property
    def is_api(self) -> bool:
        return self.source == "api"

    def client(self, regions: Sequence[str] | None = None) -> Truffle:
        """A client that is signed in, so that prompts appear before a progress bar is drawn."""
        from truffle.client import Truffle

        client = Truffle(
            profile=self.profile,
            api_url=self.api_url if self.is_api else None,
            timeout=self.timeout,
            ignore_denied=self.ignore_denied,
        )
        client.sign_in(regions[0] if regions else None)
        return client

    def needs_api(self, what: str) -> None:
        """Raises UsageError if no deployed stack is named."""
        if self.api_url is None:
            raise click.UsageError(
                f"{what} come from the deployed stack: set TRUFFLE_API_URL, or give --api-url.",
                click.get_current_context(),
            )


class Sources(Enum):
    """The sources of a command."""

    EITHER = "EC2, or the deployed stack if its URL is given"
    EC2_UNLESS_NAMED = "EC2, or the deployed stack if --source names it"
    STACK = "the deployed stack"
    OTHER = "neither"


def common(sources: Sources = Sources.EITHER) -> Callable[[Command], Command]:
    """Add the common options, and pass their values to the command as ``common``."""

    def add(command: Command) -> Command:
        def wrapped(
            api_url: str | None,
            profile: str | None,
            timeout: float,
            verbose: bool,
            source: str | None = None,
            ignore_denied: bool = False,
            **values: Any,
        ) -> Any:
            chosen = _source(sources, source, api_url)
            common = Common(chosen, api_url, profile, timeout, verbose, ignore_denied)
            return command(common=common, **values)

        wrapped.__doc__ = command.__doc__
        wrapped.__name__ = command.__name__
        wrapped.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
        for option in reversed(_common_options(sources)):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return add


def _source(sources: Sources, source: str | None, api_url: str | None) -> str:
    """``api`` or ``live``: the requested source, else the command's default."""
    if sources is Sources.STACK:
        return "api"
    if source == "api" and api_url is None:
        message = "--source api requires --api-url or TRUFFLE_API_URL."
        raise click.UsageError(message, click.get_current_context())
    is_stack = sources is Sources.EITHER and api_url is not None
    return source or ("api" if is_stack else "live")


def _common_options(sources: Sources) -> list[Callable[[Any], Any]]:
    has_source = sources in (Sources.EITHER, Sources.EC2_UNLESS_NAMED)
    is_live = sources is Sources.EC2_UNLESS_NAMED
    source = click.option(
        "--source",
        type=Choice(["live", "api"]),
        help="The source: EC2 itself (live) or the deployed stack (api). "
        + ("[default: live]" if is_live else "[default: api if a URL is given, else live]"),
    )
    url = click.option(
        "--api-url",
        envvar="TRUFFLE_API_URL",
        show_envvar=True,
        hidden=sources is Sources.OTHER,
        help="The ApiUrl of the deployed stack.",
    )
    ignore_denied = click.option(
        "--ignore-denied",
        is_flag=True,
        help="Live: regions that are denied or not enabled do not count as failed.",
    )
    return [
        *([source] if has_source else []),
        *([] if sources is Sources.STACK else [ignore_denied]),
        url,
        click.option("--profile", help="A profile of your AWS configuration."),
        click.option(
            "--timeout",
            type=Seconds(),
            default=DEFAULT_TIMEOUT,
            show_default=True,
            help="One deadline for the whole command, in seconds.",
        ),
        click.option("-v", "--verbose", is_flag=True, help="Report each region as it responds."),
        click.option(
            "--no-color",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_no_colour,
            help="No colours; NO_COLOR does the same.",
        ),
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback."),
    ]


def _no_colour(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    set_no_colour(value)


def set_no_colour(is_set: bool) -> None:
    """``--no-color`` is NO_COLOR for this command."""
    if is_set:
        os.environ["NO_COLOR"] = "1"


def accounts_option() -> Callable[[Command], Command]:
    return click.option(
        "--accounts",
        "--account",
        "accounts",
        multiple=True,
        metavar="ACCOUNTS",
        help="With a deployed stack: accounts by id, name, organizational unit or glob "
        "(research-*), comma-separated.",
    )


def regions_option() -> Callable[[Command], Command]:
    return click.option(
        "-r",
        "--regions",
        "--region",
        "regions",
        multiple=True,
        type=REGIONS,
        help="Regions or globs (us-*), comma-separated. [default: all that are enabled]",
    )


_COMPLETED: dict[str, Any] = {
    "instance_types": INSTANCE_TYPES,
    "gpu": ACCELERATOR,
    "states": STATE,
}
"""The completing type of a flag's values, by filter."""


def kind_options(command: Command) -> Command:
    """Add a flag for each kind of capacity; ``asked_types`` reads them."""
    for kind in reversed(KINDS.values()):
        text = f"List {kind.plural}; these flags can be combined."
        command = click.option(f"--{kind.option}", is_flag=True, help=text)(command)
    return command


def asked_types(given: dict[str, Any]) -> list[str]:
    """The types whose flags are set. The flags are removed from the command's arguments."""
    flags = {name: given.pop(kind.option.replace("-", "_")) for name, kind in KINDS.items()}
    return [name for name, is_asked in flags.items() if is_asked]


def filter_options(command: Command) -> Command:
    """Add a flag for each filter except the type of reservation, which has its own flags."""
    for declared in reversed(DECLARED):
        if declared.kind is not ValueKind.TYPES:
            command = _filter_option(declared)(command)
    return command


def _filter_option(declared: DeclaredFilter) -> Callable[[Command], Command]:
    name = declared.argument.replace("_", "-")
    flags = [f"--{each}" for each in (name, declared.alias) if each]
    match declared.kind:
        case ValueKind.FLAG:
            return click.option(*flags, is_flag=True, help=declared.help)
        case ValueKind.ACTIVE:
            return click.option(f"--{name}/--no-{name}", default=None, help=declared.help)
        case _ if declared.parameter == "region":
            return regions_option()
    return click.option(
        *flags,
        declared.argument,
        multiple=declared.kind.is_many,
        metavar="TIME" if declared.kind is ValueKind.TIME else declared.metavar,
        type=_COMPLETED.get(declared.argument),
        help=declared.help,
    )


def output_option(formats: Sequence[str]) -> Callable[[Command], Command]:
    return click.option(
        "-o",
        "--output",
        "output",
        type=Choice(formats),
        default=formats[0],
        show_default=True,
        help="The output format.",
    )
