"""Answers to watches in a stack: recorded as the function ``watch`` records them."""

from __future__ import annotations

from lambdas.clients import service
from lambdas.store.archive import Archive
from lambdas.store.watches import Stored, WatchStore
from tests.lambdas.aws import Stack
from truffle.core.market.answers import Answer
from truffle.core.market.comparison import MarketRules, compare


def watched(stack: Stack, answer: Answer) -> None:
    """One answer, in the table and in the bucket."""
    store = WatchStore(service("dynamodb"), stack.table)
    name = (answer.region, answer.watch)
    before = store.states().get(name) or Stored()
    state, events = compare(before.state, answer, MarketRules())
    store.record(name, before, state, events)
    Archive(service("s3"), stack.bucket).write_answers(answer.region, [answer])
