"""A fuzzer finds no difference between the description of the API and what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from lambdas.settings import QuerySettings
from tests.effort import examples
from tests.lambdas.fuzzing import NOT_CHECKED, fuzz
from tests.lambdas.gateway import SIGNATURE, gateway
from tests.lambdas.query.builders import Api
from tests.lambdas.test_openapi import api  # noqa: F401 - a fixture


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: the fuzzer prints its requests."""


@pytest.fixture
def url(api: Api, deploy: Callable[..., None]) -> Iterator[str]:  # noqa: F811
    """The API on a port of the loopback interface; it keeps events for a few days, each of which
    is a read."""
    deploy(QuerySettings, event_retention_days="3")
    with make_server("127.0.0.1", 0, gateway, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_fuzzer_finds_the_api_to_be_as_described(url: str, tmp_path: Path) -> None:
    arguments = ("--phases", "fuzzing", "--max-examples", str(examples(2)))
    assert operations_of(url, tmp_path, arguments) == 24


@pytest.mark.long
def test_the_bounds_of_every_parameter_are_as_described(url: str, tmp_path: Path) -> None:
    assert operations_of(url, tmp_path, ("--phases", "coverage")) == 24


def operations_of(url: str, folder: Path, arguments: Sequence[str]) -> int:
    """The number of operations that a fuzzer tried and found as described."""
    signature = ("--header", f"Authorization: {SIGNATURE}", "--exclude-checks", NOT_CHECKED)
    found = fuzz(f"{url}/openapi.json", folder, [*signature, "--seed", "8", *arguments])
    assert found.returncode == 0, found.stdout + found.stderr
    tested = re.search(r"Tested: (\d+)", found.stdout)
    assert tested, found.stdout
    return int(tested[1])
