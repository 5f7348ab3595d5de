"""``truffle completion``: the completion script of a shell."""

from __future__ import annotations

import click

from truffle.cli.options import Choice

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=Choice(SHELLS))
def command(shell: str) -> int:
    """Print the completion script for a shell.

    \b
    bash: truffle completion bash > ~/.local/share/bash-completion/completions/truffle
    zsh:  truffle completion zsh > "${fpath[1]}/_truffle"
    fish: truffle completion fish > ~/.config/fish/completions/truffle.fish
    """
    from click.shell_completion import get_completion_class

    from truffle.cli.app import app

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    script = kind(app, {}, "truffle", "_TRUFFLE_COMPLETE")
    text = script.source_template % script.source_vars()
    # For fish, click's own script would cut a value at its first comma: us-east-1,us-west-2.
    click.echo(text.replace('string split ","', 'string split -m 1 ","'))
    return 0
