"""The publications of a closed run beside the lists of ``latest/`` and the manifest.

A failed publication is named in the manifest, and does not prevent the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lambdas.observability import logger
from truffle.core.model import Reservation
from truffle.core.status import ScopeStatus


class Publication(Protocol):
    """An object made from the whole inventory after a run was closed."""

    @property
    def name(self) -> str: ...

    def publish(
        self, rows: Sequence[Reservation], statuses: Sequence[ScopeStatus], now: datetime
    ) -> None: ...


def publish_all(
    publications: Sequence[Publication],
    rows: Sequence[Reservation],
    statuses: Sequence[ScopeStatus],
    now: datetime,
) -> list[str]:
    """Publish everything; a warning for each publication that failed."""
    warnings = []
    for publication in publications:
        try:
            publication.publish(rows, statuses, now)
        except Exception as error:
            logger.exception("not published", extra={"publication": publication.name})
            warnings.append(f"{publication.name} was not published: {error}")
    return warnings
