"""``script/demo``: the main workflow on this machine, from the deployment to the last alert."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sandbox.box import Sandbox
from sandbox.errors import SandboxError
from sandbox.processes import end_as_interrupted
from sandbox.story import STORY, Step
from sandbox.subscription import Receive
from truffle.core.wording import counted

QUIET_SECONDS = 2.5
"""How long no alert must arrive before the story continues."""

ANSWERED = (0, 3, 4)
"""The exit statuses of commands with a result: complete, with failed regions, no capacity."""

REPORT = "truffle-report.html"
"""The page that the demo writes to the folder."""

STYLES = {"info": "cyan", "good": "green", "warning": "yellow", "critical": "bold red"}


class Demo:
    """The demo on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()

    def title(self, text: str) -> None:
        seconds = time.monotonic() - self._began
        self.console.print()
        self.console.rule(f"[bold]{text}[/]  [dim]{seconds:.0f} s[/]", align="left")

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def show(self, box: Sandbox) -> None:
        """Show the whole demo, in a running sandbox."""
        self.title("One run over all regions")
        self.collect(box)
        self.title("Training capacity of the organization")
        self.truffle(box, "capacity", "--blocks", "--active-only", "--limit", "8")
        self.title("Available inference capacity")
        self.truffle(box, "capacity", "--odcr", "--gpu-only", "--available-only", "--limit", "8")
        self.title("Time passes in the simulated EC2, and alerts arrive as on AWS")
        with box.alerts() as alerts:
            for step in STORY:
                self.step(box, step, alerts)
        self.title("Queries to the deployed API")
        self.truffle(
            box, "validate", "--instance-type", "p5.48xlarge", "--count", "4", "--days", "2"
        )
        self.truffle(box, "events", "--limit", "4")
        self.title("The report: open it in a browser")
        self.truffle(box, "report", "-o", REPORT)

    def collect(self, box: Sandbox) -> None:
        """Collect once, showing the progress of the regions."""
        columns = (TextColumn("  regions"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task("regions", total=None)
            manifest = box.collect(
                progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
        counts = manifest["counts"]
        self.say(
            f"  {counts['succeeded']} of {counts['scopes']} regions responded with "
            f"{counted(counts['reservations'], 'reservation')}; {counts['changed']} changed, "
            f"{counted(counts['events'], 'event')}."
        )
        for failure in manifest["failures"]:
            self.say(f"  [yellow]{failure['region']}: {failure['code']}[/], shown as last seen.")

    def step(self, box: Sandbox, step: Step, alerts: Receive) -> None:
        """Show one step of the story, the run after it, and its alerts."""
        self.say(f"\n[bold]▸ {step.title}[/]")
        step.apply(box.ec2)
        self.collect(box)
        for message in received(step, alerts):
            style = STYLES[message["severity"]]
            self.say(f"  [{style}]● {message['severity']:<8}[/] {message['summary']}")

    def truffle(self, box: Sandbox, *arguments: str) -> None:
        """Run a command as a user types it."""
        self.say(f"[dim]$ truffle {' '.join(arguments)}[/]")
        self.console.file.flush()
        environment = {**os.environ, **box.environment()}
        if self.console.is_terminal:
            environment["FORCE_COLOR"] = "1"
        command = [sys.executable, "-m", "truffle", *arguments]
        status = subprocess.run(command, env=environment, check=False).returncode
        if status not in ANSWERED:
            raise SandboxError(f"truffle {arguments[0]} ended with status {status}.")

    def how_to_go_on(self, kept: bool) -> None:
        self.title("Next steps")
        if kept:
            lines: Iterable[str] = (
                "The sandbox is still up. In this folder:",
                "  source .venv/bin/activate",
                "  export $(python -m sandbox env)",
                "  truffle capacity --blocks",
                "  python -m sandbox collect",
                "  python -m sandbox down",
            )
        else:
            lines = (
                "Nothing is left running. Use `script/demo --keep` to leave the sandbox running.",
            )
        self.say("\n".join(lines))
        self.say(
            "On AWS, the same template lists EC2 itself, every hour, in every enabled region,\n"
            "and sends the alerts to e-mail and Slack. README.md explains how to deploy it."
        )


def received(step: Step, alerts: Receive) -> list[dict[str, Any]]:
    """The messages after a step, including the expected one.

    Raises SandboxError if that one does not arrive.
    """
    awaited = step.reservation_id
    messages = alerts(QUIET_SECONDS, at_least=1 if awaited else 0)
    if awaited and awaited not in {message["reservation_id"] for message in messages}:
        raise SandboxError(f"No alert about {awaited} arrived. {step.title}")
    return messages


@click.command()
@click.option("--keep", is_flag=True, help="Leave the sandbox running.")
def main(keep: bool) -> None:
    """The main job on this machine: collect, query, receive alerts."""
    demo = Demo(Console(highlight=False))
    if Sandbox.find() is not None:
        raise click.ClickException(
            "A sandbox is up in this folder. Stop it first: .venv/bin/python -m sandbox down"
        )
    demo.title("Starting: an embedded AWS, a simulated EC2, and the stack as CDK synthesized it")
    box = Sandbox.up()
    finished = False
    try:
        demo.say(f"  The stack is deployed at {box.environment()['AWS_ENDPOINT_URL']}.")
        demo.show(box)
        finished = True
    finally:
        if not (keep and finished):
            box.down()
    demo.how_to_go_on(keep)


def run() -> int:
    """Run the demo; print failures as sentences."""
    end_as_interrupted()
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except SandboxError as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped; nothing is left running.", err=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
