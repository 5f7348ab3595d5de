"""The coverage of a run: determined when it opens, and kept in the table as a fallback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.clients import meter, session
from lambdas.collecting.discovery import RegionsAnswer, discover
from lambdas.observability import logger
from lambdas.store.directory import DirectoryStore
from lambdas.store.documents import UNREADABLE
from truffle.core.calls import Calls
from truffle.core.coverage import AccountRegions, Coverage, coverage_of, due
from truffle.core.model import Scope
from truffle.core.organization import AccountSettings, Directory

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

ACCOUNTS_A_CALL = 25
PARALLEL_CALLS = 4
LONGEST_CALL_SECONDS = 60
"""How long accounts may take to respond; the next run asks those that have not."""

Ask = Callable[[Sequence[str]], Mapping[str, RegionsAnswer]]


@dataclass(frozen=True, slots=True)
class Found:
    """The accounts of a run. ``directory`` is None if Organizations is not asked."""

    accounts: tuple[str, ...]
    directory: Directory | None = None

    @property
    def is_complete(self) -> bool:
        """Whether an account that is not among them is no longer collected."""
        return self.directory is None or self.directory.is_complete


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds accounts and regions. ``connect`` returns a client of Organizations, ``ask`` asks
    accounts for their regions."""

    store: DirectoryStore
    chosen: AccountSettings
    own_account: str
    connect: Callable[[], Any]
    ask: Ask

    def accounts(self, at: datetime) -> Found:
        """The accounts to collect; the stack's own one if no list was ever received."""
        if not self.chosen.is_organization:
            return Found(self.chosen.own_or_listed(self.own_account))
        directory = discover(self.connect, self._known(), self.chosen.selection, at)
        if directory.error is not None:
            extra = {"code": directory.error.code, "error": directory.error.message}
            logger.error("accounts not discovered", extra=extra)
        self._keep(lambda: self.store.write(directory, at))
        return Found(self.chosen.selection.of(directory) or (self.own_account,), directory)

    def _known(self) -> Directory:
        try:
            return self.store.directory()
        except UNREADABLE:
            logger.exception("directory not read")
            return Directory()

    def coverage(
        self, accounts: Sequence[str], default: Sequence[str], held: Iterable[Scope], at: datetime
    ) -> Coverage:
        """The regions of each account; ``default`` has those of the stack's own account, which EC2
        has just listed as enabled."""
        others = [account_id for account_id in accounts if account_id != self.own_account]
        return coverage_of(accounts, self._regions(others, at), default, held)

    def _regions(self, accounts: Sequence[str], at: datetime) -> dict[str, AccountRegions]:
        if not accounts:
            return {}
        try:
            known = self.store.regions()
        except UNREADABLE:
            logger.exception("regions not read")
            known = {}
        requested = due(known, accounts, at)
        if not requested:
            return known
        answers = self._ask(requested)
        fresh = {name: _noted(known.get(name), answers.get(name), at) for name in requested}
        covered = {name: one for name, one in {**known, **fresh}.items() if name in set(accounts)}
        self._keep(lambda: self.store.write_regions(covered, at))
        return covered

    def _ask(self, accounts: Sequence[str]) -> dict[str, RegionsAnswer]:
        starts = range(0, len(accounts), ACCOUNTS_A_CALL)
        with ThreadPoolExecutor(PARALLEL_CALLS) as pool:
            parts = pool.map(self.ask, [accounts[it : it + ACCOUNTS_A_CALL] for it in starts])
            return {name: answer for part in parts for name, answer in part.items()}

    def _keep(self, write: Callable[[], None]) -> None:
        """An error in storing what is only kept for later must not prevent a run from starting."""
        try:
            write()
        except UNREADABLE:
            logger.exception("discovery not stored")


def _noted(
    before: AccountRegions | None, answer: RegionsAnswer | None, at: datetime
) -> AccountRegions:
    """The regions of an account after a request; its last ones if it did not respond."""
    if answer is not None and "regions" in answer:
        return AccountRegions(tuple(answer["regions"]), at)
    error = answer["error"] if answer is not None else "NoAnswer"
    return AccountRegions(before.regions if before else None, at, error)


def patient_client() -> LambdaClient:
    """A boto3 Lambda client that waits for a response, and makes one attempt."""
    config = Config(
        connect_timeout=3, read_timeout=LONGEST_CALL_SECONDS, retries={"total_max_attempts": 1}
    )
    client: LambdaClient = session().client("lambda", config=config)
    return client


def asking(client: LambdaClient, function: str) -> Ask:
    """A function that asks through the collecting function, whose role is the only one that the
    accounts trust; ``client`` is a boto3 Lambda client."""

    def ask(accounts: Sequence[str]) -> Mapping[str, RegionsAnswer]:
        payload = json.dumps({"regions_of": list(accounts)}).encode()
        try:
            answer = client.invoke(FunctionName=function, Payload=payload)
            response = json.load(answer["Payload"])
        except (ClientError, BotoCoreError, ValueError) as error:
            logger.warning("regions of accounts not read", extra={"error": str(error)})
            return {}
        if "FunctionError" in answer:
            logger.warning("regions of accounts not read", extra={"error": str(response)})
            return {}
        meter.add(Calls.from_counts(response.get("calls", {})))
        regions: Mapping[str, RegionsAnswer] = response["regions"]
        return regions

    return ask
