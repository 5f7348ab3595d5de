"""Log entries: one line each, whatever AWS returns."""

import io
import json

from hypothesis import given

from lambdas.observability import one_line
from tests.hostile import texts
from truffle.core.quoting.terminal import HIDDEN


@given(texts)
def test_an_entry_is_one_line_that_hides_nothing(text: str) -> None:
    entry = one_line({"message": text, "reservation_id": text})

    assert len(entry.splitlines()) == 1
    assert HIDDEN.search(entry) is None
    assert json.loads(entry) == {"message": text, "reservation_id": text}


def test_the_functions_log_with_it(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from lambdas.observability import logger

    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    logger.warning("denied\n\u2028\x85all is well")

    assert len(stream.getvalue().splitlines()) == 1
