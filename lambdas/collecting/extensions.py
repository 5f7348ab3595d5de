"""Extensions of capacity blocks: requested when a scope has a new block or a new end, otherwise
once a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.observability import logger
from lambdas.store.extensions import ExtensionStore, ScopeExtensions
from truffle.core import error_codes
from truffle.core.model import DEADLINE_EXCEEDED, Scope, Snapshot
from truffle.core.times import format_time
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.extensions import list_extensions
from truffle.ec2.listing import ListingEC2

ASKED_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Extensions:
    """Requests the purchased extensions of scopes of one region, and stores the responses."""

    ec2_of: Callable[[Scope], ListingEC2]
    store: ExtensionStore
    clock: Callable[[], datetime]

    def collect(
        self,
        snapshots: Iterable[Snapshot],
        stored: Mapping[Scope, ScopeExtensions],
        deadline: datetime,
    ) -> None:
        """Request those of the scopes that are due; ``stored`` has the last known ones. Raises what
        DynamoDB does."""
        held = {it.scope: blocks for it in snapshots if (blocks := _blocks(it))}
        now = self.clock()
        for scope, blocks in sorted(held.items()):
            before = stored.get(scope)
            if _is_due(blocks, before, now):
                self.store.write(scope, self._ask(scope, blocks, before, deadline), now)

    def _ask(
        self,
        scope: Scope,
        blocks: frozenset[str],
        before: ScopeExtensions | None,
        deadline: datetime,
    ) -> ScopeExtensions:
        at = self.clock()
        if at >= deadline:
            return _refused(blocks, before, DEADLINE_EXCEEDED)
        try:
            return ScopeExtensions(blocks, tuple(list_extensions(self.ec2_of(scope))), at)
        except FAILURES as error:
            code = error_code(error)
            if code in error_codes.UNSUPPORTED:
                return ScopeExtensions(blocks, (), at)
            logger.warning("extensions not listed", extra={"scope": str(scope), "error": code})
            return _refused(blocks, before, code)


def _blocks(snapshot: Snapshot) -> frozenset[str]:
    """A scope's own blocks, each with its end: a paid extension moves it."""
    return frozenset(
        f"{row.reservation_id} {format_time(row.end_date) if row.end_date else ''}"
        for row in snapshot.reservations
        if row.block_id is not None and row.owner_id in (None, snapshot.scope.account_id)
    )


def _is_due(blocks: frozenset[str], known: ScopeExtensions | None, now: datetime) -> bool:
    if known is None or known.asked_at is None or known.error or blocks - known.blocks:
        return True
    return now - known.asked_at >= ASKED_EVERY


def _refused(blocks: frozenset[str], before: ScopeExtensions | None, code: str) -> ScopeExtensions:
    """Keep what was known, with the error."""
    if before is None:
        return ScopeExtensions(blocks, (), None, code)
    return replace(before, error=code)
