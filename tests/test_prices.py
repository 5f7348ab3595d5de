"""The prices of a source: the caller's own go before those of the stack, and a refusal is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from truffle.core.pricing import PriceBook
from truffle.errors import TruffleError
from truffle.prices import read_prices

OWN = PriceBook({"p5*": 50.0})


@dataclass
class Client:
    """A client of a stack with these prices; None refuses."""

    known: PriceBook | None
    api_url: str | None = "https://stack.example"

    def prices(self) -> PriceBook:
        if self.known is None:
            raise TruffleError("no such route")
        return self.known


def prices_of(client: Any) -> tuple[PriceBook, list[str]]:
    return read_prices(client, OWN)


def test_the_callers_own_prices_go_before_those_of_the_stack() -> None:
    found, problems = prices_of(Client(PriceBook({"p5*": 60.0, "g6*": 1.0})))
    assert (found.settings, problems) == ({"p5*": 50.0, "g6*": 1.0}, [])


def test_prices_that_cannot_be_read_are_named_and_not_guessed() -> None:
    found, (problem,) = prices_of(Client(None))
    assert (found, "no such route" in problem) == (OWN, True)


def test_ec2_itself_knows_no_prices() -> None:
    assert prices_of(Client(None, api_url=None)) == (OWN, [])
