"""Requests the offerings of regions for the watches, within each region's budget, and records the
answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.archive import Archive
from lambdas.store.transactions import Conflict
from lambdas.store.watches import Stored, StoredBucket, WatchKey, WatchStore, bucket_of
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.budget import FOR_PEOPLE, TokenBucket, Turn, in_turn
from truffle.core.market.comparison import MarketRules, compare
from truffle.core.market.watches import Watch
from truffle.ec2.offerings import (
    LIMIT_CODES,
    OfferingsEC2,
    OutOfTime,
    RegionOfferings,
    list_offerings,
)

WAITING = (
    "No call was possible yet: the request budget of this region or the function's time was used "
    "up."
)


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A recorded answer, and the number of its events."""

    answer: Answer
    events: int

    def to_json(self) -> dict[str, object]:
        answer = self.answer
        within = [it for it in answer.offerings if answer.question.is_within_limit(it)]
        return {
            "watch": answer.watch,
            "region": answer.region,
            "outcome": answer.outcome.value,
            "offerings": len(answer.offerings),
            "within_limit": len(within),
            "code": answer.code,
            "message": answer.message,
            "events": self.events,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Requests offerings for watches. ``ec2`` returns the client of a region, which makes one
    attempt per call."""

    watches: Sequence[Watch]
    rules: MarketRules
    account_id: str
    store: WatchStore
    archive: Archive
    ec2: Callable[[str], OfferingsEC2]
    now: Callable[[], datetime]
    parallel: int = PARALLEL_REQUESTS

    def ask(self, *, everything: bool, has_time: Callable[[], bool]) -> list[RecordedAnswer]:
        """Request what is due, or ``everything``, which may use the calls reserved for people;
        answers by region and watch. ``has_time`` decides whether another call may begin.

        The states of removed watches are deleted.
        """
        states, buckets = self.store.states(), self.store.buckets()
        wanted = {(region, watch.name) for watch in self.watches for region in watch.regions}
        for name in states.keys() - wanted:
            self.store.forget(name)
        regions = sorted({region for region, _ in wanted})

        def of_region(region: str) -> list[RecordedAnswer]:
            visit = _Visit(self, region, states, everything, has_time)
            return visit.ask(bucket_of(buckets, region, self.now()))

        with ThreadPoolExecutor(self.parallel) as pool:
            return [recorded for found in pool.map(of_region, regions) for recorded in found]


@dataclass(slots=True)
class _Budget:
    """A region's stored budget as of the last claim; ``reserve`` calls are left."""

    store: WatchStore
    region: str
    stored: StoredBucket
    reserve: int

    def claim(self, left: TokenBucket) -> None:
        """Raises Conflict if another invocation was faster."""
        self.stored = self.store.claim(self.region, self.stored, left)

    def claim_one(self) -> None:
        """Raises OutOfTime if there is no further call, or another invocation takes it."""
        if not self.stored.bucket.calls(self.reserve):
            raise OutOfTime
        try:
            self.claim(self.stored.bucket.less(1))
        except Conflict:
            raise OutOfTime from None


@dataclass(slots=True)
class _Calls:
    """The calls for one watch: the first one was claimed with those of the other watches, and each
    further page claims its own."""

    budget: _Budget
    _has_begun: bool = False

    def take(self, deadline: float | None = None) -> None:
        """Raises OutOfTime if the budget has no further call."""
        if self._has_begun:
            self.budget.claim_one()
        self._has_begun = True


@dataclass(frozen=True, slots=True)
class _Visit:
    """The work of one invocation in one region."""

    asker: Asker
    region: str
    states: Mapping[WatchKey, Stored]
    everything: bool
    has_time: Callable[[], bool]

    def ask(self, stored: StoredBucket) -> list[RecordedAnswer]:
        now = self.asker.now()
        due = in_turn(self._due(now), now)
        bucket = stored.bucket.refilled(now)
        reserve = 0 if self.everything else FOR_PEOPLE
        budget = _Budget(self.asker.store, self.region, stored, reserve)
        count = min(len(due), bucket.calls(reserve))
        answers: list[Answer] = []
        if count:
            try:
                budget.claim(bucket.less(count))
            except Conflict:
                logger.info("another invocation asks", extra={"region": self.region})
                return []
            answers = self._call(due[:count], budget)
        for turn in due[len(answers) :]:
            if self._must_record(turn):
                answers.append(self._answer(turn.watch, Outcome.NOT_ASKED, message=WAITING))
        if answers:
            self.asker.archive.write_answers(self.region, answers)
        return [recorded for answer in answers if (recorded := self._record(answer))]

    def _due(self, now: datetime) -> list[Turn]:
        turns = [self._turn(it) for it in self.asker.watches if self.region in it.regions]
        if self.everything:
            return [turn for turn in turns if not turn.watch.question.is_over(now)]
        return [turn for turn in turns if turn.is_due(now)]

    def _turn(self, watch: Watch) -> Turn:
        """A new state if the watch has changed."""
        state = self._stored(watch.name).state
        if state is None or state.last.question != watch.question:
            return Turn(watch)
        return Turn(watch, state.last, state.known)

    def _stored(self, watch: str) -> Stored:
        return self.states.get((self.region, watch)) or Stored()

    def _must_record(self, turn: Turn) -> bool:
        """Whether the watch waits and this is not recorded yet."""
        is_waiting = turn.last is not None and turn.last.outcome is Outcome.NOT_ASKED
        return self.everything or not is_waiting

    def _call(self, turns: Sequence[Turn], budget: _Budget) -> list[Answer]:
        """The answers of these turns, up to the one at which EC2 reports that others have used up
        the budget, or time is over."""
        answers: list[Answer] = []
        for turn in turns:
            if not self.has_time():
                break
            found = self._offerings(turn.watch, _Calls(budget))
            answers.append(self._answer_of(turn.watch, found))
            if found.code in LIMIT_CODES:
                with suppress(Conflict):
                    budget.claim(budget.stored.bucket.emptied())
                break
        return answers

    def _offerings(self, watch: Watch, calls: _Calls) -> RegionOfferings:
        return list_offerings(
            self.asker.ec2(self.region),
            self.region,
            watch.question.wanted(self.asker.now()),
            calls,
            self.asker.now,
            attempts=1,
        )

    def _answer_of(self, watch: Watch, found: RegionOfferings) -> Answer:
        answer = self._answer(watch, found.as_answer, found.code, found.message)
        return replace(answer, offerings=found.offerings)

    def _answer(
        self, watch: Watch, outcome: Outcome, code: str | None = None, message: str | None = None
    ) -> Answer:
        return Answer(
            watch=watch.name,
            region=self.region,
            account_id=self.asker.account_id,
            question=watch.question,
            outcome=outcome,
            observed_at=self.asker.now(),
            code=code,
            message=message,
        )

    def _record(self, answer: Answer) -> RecordedAnswer | None:
        """None if another invocation has recorded an answer meanwhile."""
        before = self._stored(answer.watch)
        state, events = compare(before.state, answer, self.asker.rules)
        try:
            self.asker.store.record((self.region, answer.watch), before, state, events)
        except Conflict:
            facts = {"region": self.region, "watch": answer.watch}
            logger.info("another answer was recorded", extra=facts)
            return None
        return RecordedAnswer(answer, len(events))
