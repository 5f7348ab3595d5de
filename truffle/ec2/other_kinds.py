"""The listings of kinds by services other than EC2, as declared in each kind's file.

An error here never fails the scope: the operation is unanswered, with its code, and the known rows
of the kind stay (``truffle/core/carry_forward.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from botocore import xform_name
from botocore.parsers import ResponseParserError

from truffle.core.kinds.kind import ListOperation
from truffle.core.kinds.registry import CLASSES, KINDS
from truffle.core.model import Reservation, Scope, Snapshot, Unanswered
from truffle.ec2.errors import FAILURES, error_code
from truffle.threads import start

ServiceOf = Callable[[str], Any]
"""A factory of clients by botocore's name of a service. Raises what botocore does."""


class OperationNotInBotocore(KeyError):
    """The installed botocore is older than the operation that lists a kind."""


TYPES = tuple(name for name, kind in KINDS.items() if kind.listing is not None)


@dataclass(frozen=True, slots=True)
class OtherKinds:
    """The listings besides EC2's in one region of one account."""

    service_of: ServiceOf
    types: Collection[str] = TYPES

    def begin(self, scope_of: Callable[[], Scope], observed_at: datetime) -> list[Future[_Found]]:
        """Start to list each type in its own thread."""
        return [
            start(partial(_list, self.service_of, name, scope_of, observed_at))
            for name in TYPES
            if name in self.types
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Sequence[Reservation]
    unanswered: Sequence[Unanswered]


def with_others(snapshot: Snapshot, begun: Sequence[Future[_Found]]) -> Snapshot:
    """Add the rows of the other services to the snapshot, once they have responded."""
    found = [future.result() for future in begun]
    rows = [row for each in found for row in each.rows]
    silent = [item for each in found for item in each.unanswered]
    if not rows and not silent:
        return snapshot
    together = sorted([*snapshot.reservations, *rows], key=lambda row: row.reservation_id)
    return replace(
        snapshot,
        reservations=tuple(together),
        unanswered=(*snapshot.unanswered, *silent),
    )


def _list(
    service_of: ServiceOf, name: str, scope_of: Callable[[], Scope], observed_at: datetime
) -> _Found:
    cls, listing = CLASSES[name], KINDS[name].listing
    assert listing is not None
    try:
        client = service_of(listing.service)
        raws = list(_pages(client, listing))
        scope = scope_of()
        rows = {raw_row.reservation_id: raw_row for raw_row in _rows(cls, raws, scope, observed_at)}
    except FAILURES as error:
        return _Found((), (Unanswered(listing.operation, error_code(error)),))
    detailed = [_detailed(client, row) for row in rows.values()]
    gaps = dict.fromkeys(gap for _, gap in detailed if gap is not None)
    return _Found([row for row, _ in detailed], list(gaps))


def _rows(
    cls: type[Reservation], raws: Sequence[Any], scope: Scope, observed_at: datetime
) -> Iterator[Reservation]:
    for raw in raws:
        yield cls.from_response(raw, scope, observed_at)


def _pages(client: Any, listing: ListOperation) -> Iterator[Any]:
    """Every row of every page. Raises what botocore does, and ResponseParserError for a page
    without the list: for invalid JSON, botocore returns a page without members
    (botocore/parsers.py, BaseJSONParser._parse_body_as_json)."""
    paginator = _paginator(client, listing.operation)
    for page in paginator.paginate(PaginationConfig={"PageSize": listing.page_size}):
        if listing.member not in page:
            raise ResponseParserError(f"{listing.operation} returned no {listing.member}")
        yield from page[listing.member]


def _paginator(client: Any, operation: str) -> Any:
    """Raises OperationNotInBotocore; botocore raises KeyError (BaseClient.can_paginate)."""
    try:
        return client.get_paginator(xform_name(operation))
    except KeyError as error:
        raise OperationNotInBotocore(operation) from error


def _detailed(client: Any, row: Reservation) -> tuple[Reservation, Unanswered | None]:
    """A row with its detail, or without it and with the operation that failed."""
    detail = row.detail
    if detail is None:
        return row, None
    try:
        response = getattr(client, xform_name(detail.operation))(**detail.parameters)
        return row.with_detail(response), None
    except FAILURES as error:
        return row, Unanswered(detail.operation, error_code(error))
