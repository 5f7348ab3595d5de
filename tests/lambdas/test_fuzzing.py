"""A fuzzer finds no difference between the description of the API and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

EXAMPLES = examples(2)
"""Random cases of an operation; the bounds of every parameter are tried beside them."""


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """The fuzzer tells what it asked."""


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
    found = fuzz(
        f"{url}/openapi.json",
        tmp_path,
        [
            *("--header", f"Authorization: {SIGNATURE}", "--exclude-checks", NOT_CHECKED),
            *("--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "8"),
        ],
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 23" in found.stdout
