"""The bill beside usage: a CUR 2.0 export, queried in Athena or in a copy of the bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

from truffle.core.billed_usage import BY, INTERVALS, TABLE, query
from truffle.core.times import format_time

if TYPE_CHECKING:
    from botocore.session import Session

    from truffle.query import Several
    from truffle.sources.usage import Usage
    from truffle.sql.answer import Answer

DEFAULT_STACK = "truffle"


@dataclass(frozen=True, slots=True)
class BillExport:
    """A CUR 2.0 export: the name of its table, and its location.

    ``local`` is a folder with a copy of the bucket and of the export; without it, Athena is queried
    in the workgroup of the stack.
    """

    table: str
    local: Path | None = None
    stack: str = DEFAULT_STACK

    def beside(self, usage: Usage, session: Session, seconds: float) -> Usage:
        """Usage with its bill. Raises BadArgument, SqlError, QueryFailed and DeadlineError."""
        from truffle.query import BadArgument

        if usage.since.time() != time():
            allowed = "With a bill, it must be midnight UTC: bill lines are daily."
            raise BadArgument("since", format_time(usage.since), allowed)
        answer = self._ask(query(self.table, usage.period), session, seconds)
        return usage.with_bill(self.table, answer.objects())

    def _ask(self, sql: str, session: Session, seconds: float) -> Answer:
        if self.local is None:
            from truffle.ec2.sessions import client_of
            from truffle.sql.athena import Athena

            return Athena.of_stack(client_of(session, "athena"), self.stack).ask(sql, seconds)
        from truffle.extras import extra

        with extra("sql"):
            from truffle.sql.local import ask_folder
        return ask_folder(self.local, sql)


def checked(bill: BillExport | str | None, by: Several, interval: str) -> BillExport | None:
    """The bill, if any. Raises BadArgument for groups or intervals that a bill cannot be shown
    for."""
    from truffle.query import BadArgument

    if bill is None:
        return None
    export = BillExport(bill) if isinstance(bill, str) else bill
    keys = (by,) if isinstance(by, str) else tuple(by)
    if not TABLE.fullmatch(export.table):
        allowed = "It must be the name of a table, such as cur2 or billing.cur2."
        raise BadArgument("bill", export.table, allowed)
    if keys != BY:
        allowed = "With a bill, it must be reservation: bill lines name reservations."
        raise BadArgument("by", ",".join(keys), allowed)
    if interval not in INTERVALS:
        allowed = f"With a bill, it must be one of {', '.join(INTERVALS)}."
        raise BadArgument("interval", interval, allowed)
    return export
