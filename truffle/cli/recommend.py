"""``truffle recommend``: the type of capacity for a workload."""

from __future__ import annotations

import sys
from typing import Any

import click

from truffle import clock
from truffle.cli.options import (
    INSTANCE_TYPE,
    Choice,
    Common,
    Sources,
    common,
    output_option,
)

FORMATS = ("table", "json", "yaml")
PURPOSES = ("training", "inference", "development")


@click.command("recommend")
@click.option(
    "--purpose",
    type=Choice(PURPOSES),
    help="The purpose. Without it, the command prompts for every option.",
)
@click.option("--days", metavar="DAYS", help="How long it runs; omit it if the end is unknown.")
@click.option(
    "--start", metavar="DATE", help="The day it starts, if it is known: 2026-12-01, monday, 14d."
)
@click.option("--instance-type", type=INSTANCE_TYPE, help="The instance type.")
@click.option("--count", metavar="N", help="How many instances.")
@output_option(FORMATS)
@click.option(
    "--source",
    "market_source",
    type=Choice(["api"]),
    help="Add the blocks for sale that the watches of the deployed stack found.",
)
@common(Sources.STACK)
def command(common: Common, output: str, market_source: str | None, **answers: Any) -> int:
    """Recommend a type of capacity for a workload.

    Chooses between Capacity Blocks for ML and ODCRs, and shows the caveats, the next commands, and
    the facts with their sources. Makes no requests and needs no credentials, except with --source
    api, which adds what watches found.

    \b
    truffle recommend --purpose training --days 10 --instance-type p5.48xlarge --count 64
    truffle recommend --purpose inference --instance-type inf2.xlarge --count 20
    truffle recommend --purpose training --days 2 --instance-type p5.48xlarge --source api
    """
    from truffle.arguments import workload
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.core.recommendation import recommend, with_market

    if answers["purpose"] is None:
        answers = _ask(answers)
    now = clock.now()
    recommendation = recommend(workload(**answers), now.date())
    if market_source == "api":
        common.needs_api("Offerings found by watches")
        found = common.client().offerings(source="api")
        recommendation = with_market(recommendation, found.market, now)
    if output == "table":
        from truffle.render.recommendation import render

        put(render(recommendation, style_of_stdout(), now))
    else:
        put_data(output, recommendation.to_json())
    return 0


def _ask(answers: dict[str, Any]) -> dict[str, Any]:
    """Ask the questions of the decision tree on a terminal, except those already answered by
    options."""
    if not sys.stdin.isatty():
        message = f"Give --purpose, one of {', '.join(PURPOSES)}: there is no terminal to ask."
        raise click.UsageError(message, click.get_current_context())
    purpose = click.prompt(
        "What is the capacity for?", type=Choice(PURPOSES), default="training", err=True
    )
    requested = {**answers, "purpose": purpose}
    if purpose == "training" and answers["days"] is None:
        requested["days"] = _answer("How many days does it run? Leave empty if undecided", "days")
    if requested["days"] is not None and answers["start"] is None:
        question = "When does it start (2026-12-01, monday, 14d)? Leave empty for now"
        requested["start"] = _answer(question, "start")
    if answers["instance_type"] is None:
        question = "On which instance type? Leave empty if undecided"
        requested["instance_type"] = _answer(question, "instance_type")
    if answers["count"] is None:
        requested["count"] = _answer("How many instances? Leave empty if undecided", "count")
    return requested


def _answer(question: str, name: str) -> str | None:
    """Prompt for one answer until it is valid."""
    from truffle.arguments import workload
    from truffle.query import BadArgument

    def read(text: str) -> str:
        try:
            workload("training", **{name: text.strip() or None})
        except BadArgument as error:
            raise click.UsageError(f"{error.value!r}: {error.advice}") from error
        return text.strip()

    answer: str = click.prompt(question, "", value_proc=read, show_default=False, err=True)
    return answer or None
