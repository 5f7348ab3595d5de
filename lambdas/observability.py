"""The logger and the metrics of every function: Powertools, configured by the environment."""

from __future__ import annotations

import json
import logging
from typing import Any, cast

from aws_lambda_powertools import Logger, Metrics

from truffle.core.quoting.json_text import escape_hidden


def one_line(entry: dict[str, Any]) -> str:
    """A log entry on one line, with hidden characters escaped."""
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False, default=str)
    return escape_hidden(text)


logger = Logger(json_serializer=one_line)
batch_logger = cast(logging.Logger, logger)
"""The same logger for Powertools' BatchProcessor, whose type hint omits Powertools' own logger."""
metrics = Metrics()
