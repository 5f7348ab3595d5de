"""What every function logs and measures with: Powertools, configured by the environment."""

from __future__ import annotations

import logging
from typing import cast

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
batch_logger = cast(logging.Logger, logger)
"""The same for Powertools' BatchProcessor, whose type hint leaves Powertools' own logger out."""
metrics = Metrics()
