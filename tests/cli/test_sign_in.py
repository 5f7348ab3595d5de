"""Credentials that talk: a profile with MFA, a program that asks, on a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.cli.test_process import TRUFFLE, environment
from tests.ec2.sts import STS
from tests.sandbox.worlds import World, an_odcr

PROMPT = "Enter MFA code for arn:aws:iam::123456789012:mfa/ada"

CONFIG = """
[profile ops]
role_arn = arn:aws:iam::123456789012:role/ops
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/ada
[profile vault]
credential_process = {vault}
[profile base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = secret
"""

VAULT = """#!/bin/sh
printf 'Vault passphrase: ' > /dev/tty
read answer < /dev/tty
echo "asked" >> {calls}
echo '{{"Version": 1, "AccessKeyId": "AKIDVAULT", "SecretAccessKey": "s"}}'
"""


class Terminal:
    """A command on a terminal of its own: what it wrote, what is typed, whether that is echoed."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        self._fd, self._terminal = pty.openpty()
        self._process = subprocess.Popen(
            [*TRUFFLE, *arguments],
            env=dict(env),
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.shown = ""

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def types(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def signals(self, number: int) -> None:
        self._process.send_signal(number)

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + 120
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            self._read()

    def wait_until_hidden(self) -> None:
        until = time.monotonic() + 120
        while self.echoes:
            assert time.monotonic() < until, self.shown
            self._read()

    def ends(self) -> int:
        """The exit status."""
        while self._process.poll() is None:
            self._read()
        self._read()
        return self._process.returncode

    def _read(self) -> None:
        if select.select([self._fd], [], [], 0.05)[0]:
            self.shown += os.read(self._fd, 65536).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)
        os.close(self._fd)


@pytest.fixture
def sts() -> Iterator[STS]:
    with STS() as sts:
        yield sts


@pytest.fixture
def env(world: World, sts: STS, tmp_path: Path) -> dict[str, str]:
    world.has(an_odcr(1))
    vault = tmp_path / "vault"
    vault.write_text(VAULT.format(calls=tmp_path / "calls"))
    vault.chmod(0o755)
    (tmp_path / "config").write_text(CONFIG.format(vault=vault))
    env = environment(
        world,
        HOME=str(tmp_path),
        TERM="xterm-256color",
        COLUMNS="120",
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_ENDPOINT_URL_STS=sts.url,
        AWS_REGION="us-east-2",
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCOUNT_ID"):
        del env[name]
    return env


class TestMFA:
    def test_the_prompt_is_seen_and_the_code_hidden(self, env: dict[str, str], sts: STS) -> None:
        with Terminal(["capacity", "--profile", "ops"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.types("123456\n")

            assert terminal.ends() == 0
            assert terminal.echoes
            before, _, after = terminal.shown.partition(PROMPT)
            assert before.strip() == ""
            assert "123456\r" not in after
            assert "Total Reservations: 1" in after
        assert sts.codes == ["123456"]

    def test_the_deadline_waits_for_the_code(self, env: dict[str, str]) -> None:
        with Terminal(["capacity", "--profile", "ops", "--timeout", "8"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            time.sleep(8)
            terminal.types("123456\n")

            assert terminal.ends() == 0

    def test_the_second_run_does_not_ask(self, env: dict[str, str], sts: STS) -> None:
        for number in range(2):
            with Terminal(["capacity", "--profile", "ops"], env) as terminal:
                if number == 0:
                    terminal.wait_for(PROMPT)
                    terminal.wait_until_hidden()
                    terminal.types("123456\n")
                assert terminal.ends() == 0

        assert sts.codes == ["123456"]
        assert PROMPT not in terminal.shown

    def test_the_session_is_kept_where_the_aws_cli_keeps_it(
        self, env: dict[str, str], tmp_path: Path
    ) -> None:
        with Terminal(["capacity", "--profile", "ops"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.types("123456\n")
            terminal.ends()

        (cached,) = (tmp_path / ".aws" / "cli" / "cache").iterdir()
        assert json.loads(cached.read_text())["Credentials"]["AccessKeyId"] == "ASIAROLE"
        assert cached.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_the_terminal_is_left_as_it_was(self, env: dict[str, str], number: int) -> None:
        with Terminal(["capacity", "--profile", "ops"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.signals(number)

            assert terminal.ends() == 128 + number
            assert terminal.echoes

    def test_ctrl_c_is_typed(self, env: dict[str, str]) -> None:
        with Terminal(["capacity", "--profile", "ops"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.types("\x03")

            assert terminal.ends() == 130
            assert terminal.echoes

    def test_a_wrong_code_is_reported_as_such(self, env: dict[str, str]) -> None:
        with Terminal(["capacity", "--profile", "ops"], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.types("000000\n")

            assert terminal.ends() == 1
            assert terminal.echoes
            assert "Enter the code that the device shows now" in " ".join(terminal.shown.split())

    def test_commands_of_the_stack_ask_once(
        self, env: dict[str, str], sts: STS, api_url: str
    ) -> None:
        with Terminal(["capacity", "--profile", "ops", "--api-url", api_url], env) as terminal:
            terminal.wait_for(PROMPT)
            terminal.wait_until_hidden()
            terminal.types("123456\n")
            terminal.ends()

        assert sts.codes == ["123456"]
        assert terminal.shown.count(PROMPT) == 1


def test_a_program_that_asks_is_run_once_and_seen(env: dict[str, str], tmp_path: Path) -> None:
    arguments = ["validate", "--instance-type", "p5.48xlarge", "--count", "1", "--days", "1"]
    with Terminal([*arguments, "--offerings", "--profile", "vault"], env) as terminal:
        terminal.wait_for("Vault passphrase: ")
        assert terminal.shown.strip() == "Vault passphrase:"
        terminal.types("open\n")
        terminal.ends()

    assert (tmp_path / "calls").read_text() == "asked\n"
