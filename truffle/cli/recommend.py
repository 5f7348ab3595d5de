"""``truffle recommend``: which type of capacity a workload should have."""

from __future__ import annotations

import sys
from typing import Any

import click

from truffle import clock
from truffle.cli.options import INSTANCE_TYPE, Choice, output_option

FORMATS = ("table", "json", "yaml")
PURPOSES = ("training", "inference", "development")


@click.command("recommend")
@click.option(
    "--purpose",
    type=Choice(PURPOSES),
    help="What it is for. Without it, a terminal is asked for everything.",
)
@click.option(
    "--days", metavar="DAYS", help="How long it runs; leave it out if it has no known end."
)
@click.option("--start", metavar="DATE", help="The day it starts, if it is known.")
@click.option("--instance-type", type=INSTANCE_TYPE, help="The instance type.")
@click.option("--count", metavar="N", help="How many instances.")
@output_option(FORMATS)
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback.")
def command(output: str, no_color: bool, **answers: Any) -> int:
    """Tell which type of capacity a workload should have.

    The decision between Capacity Blocks for ML and ODCRs, with what to watch, what to run next, and
    the facts behind it with their sources. Asks nobody, and needs no credentials.

    \b
    truffle recommend --purpose training --days 10 --instance-type p5.48xlarge --count 64
    truffle recommend --purpose inference --instance-type inf2.xlarge --count 20
    """
    from truffle.cli.options import set_no_colour
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.core.recommendation import recommend
    from truffle.wishes import workload

    set_no_colour(no_color)
    if answers["purpose"] is None:
        answers = _ask(answers)
    today = clock.now().date()
    recommendation = recommend(workload(**answers), today)
    if output == "table":
        from truffle.render.recommendation import render

        put(render(recommendation, style_of_stdout()))
    else:
        put_data(output, recommendation.to_json())
    return 0


def _ask(answers: dict[str, Any]) -> dict[str, Any]:
    """The questions of the decision tree, on a terminal; what was given is not asked again."""
    if not sys.stdin.isatty():
        message = f"Give --purpose, one of {', '.join(PURPOSES)}: there is no terminal to ask."
        raise click.UsageError(message, click.get_current_context())
    purpose = click.prompt(
        "What is the capacity for?", type=Choice(PURPOSES), default="training", err=True
    )
    asked = {**answers, "purpose": purpose}
    if purpose == "training" and answers["days"] is None:
        asked["days"] = _days()
    if asked["days"] is not None and answers["start"] is None:
        asked["start"] = _text("When does it start (YYYY-MM-DD)? Leave it empty for now")
    if answers["instance_type"] is None:
        asked["instance_type"] = _text("On which instance type? Leave it empty if it is open")
    if answers["count"] is None:
        asked["count"] = _number("How many instances? Leave it empty if it is open", int)
    return asked


def _days() -> float | None:
    if not click.confirm("Do you know how long it runs?", default=True, err=True):
        return None
    days: float = click.prompt("How many days?", type=float, err=True)
    return days


def _text(question: str) -> str | None:
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None


def _number(question: str, kind: type[int]) -> int | None:
    while (answer := _text(question)) is not None:
        try:
            return kind(answer)
        except ValueError:
            click.echo(f"{answer!r} is not a whole number.", err=True)
    return None
