"""``prices``: fetches AWS's On-Demand prices of held capacity, and finds the fees of blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import wiring
from lambdas.history.exceptions import TooLarge
from lambdas.observability import logger
from lambdas.store.archive import Unreadable
from lambdas.store.prices import Place, PriceList
from truffle.core.fees import blocks_of, fees_of, paid_of
from truffle.core.model import Reservation
from truffle.core.pricing import Fee, Product, Rate, UnansweredCall
from truffle.ec2.extensions import OPERATION as EXTENSION_HISTORY
from truffle.ec2.price_list import SERVICE, filters, rates

if TYPE_CHECKING:
    from types_boto3_pricing.client import PricingClient

FETCHED_EVERY = timedelta(days=7)
SLACK = timedelta(hours=6)
"""A start that is early by this much still fetches what is due on its day."""

LOOKED_FOR = timedelta(days=3)
"""How long after a purchase the fee of a block is searched; later answers do not show it."""

RECORDED_BEFORE = timedelta(days=1)
"""The time before a purchase whose answers are searched for its offering."""

SECOND = timedelta(seconds=1)

PAGE = 100
"""The maximum page size of GetProducts (AWS Price List API Reference)."""

LEAST_MILLISECONDS = 20_000


class NotFetched(Exception):
    """Prices of some types could not be fetched; the text names them. The old ones stay."""


def places_of(rows: Iterable[Reservation]) -> set[Place]:
    """The instance types and regions held as ODCRs: capacity blocks have no list price."""
    return {(row.instance_type, row.region) for row in rows if not row.kind.is_prepaid}


def due(held: set[Place], known: PriceList, now: datetime) -> list[Place]:
    """The prices to request: new ones first, then those of a week ago."""
    old = now - FETCHED_EVERY + SLACK
    never = held - set(known.fetched)
    again = [(at, it) for it, at in known.fetched.items() if at <= old]
    return [*sorted(never), *(it for _, it in sorted(again))]


def fetch(client: PricingClient, place: Place) -> dict[Product, Rate]:
    """The prices of a type in a region, from every page. Raises ClientError and BotoCoreError."""
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=SERVICE, Filters=filters(*place), PaginationConfig={"PageSize": PAGE}
    )
    return rates(text for page in pages for text in page["PriceList"])


def _fetch_due(
    client: PricingClient, known: PriceList, wanted: list[Place], context: LambdaContext
) -> list[str]:
    """Fetch and store prices; return the failures as text."""
    prices, fetched, failures = dict(known.rates), dict(known.fetched), []
    for place in wanted:
        if context.get_remaining_time_in_millis() < LEAST_MILLISECONDS:
            break
        try:
            found = fetch(client, place)
        except (ClientError, BotoCoreError) as error:
            logger.exception("prices not fetched", extra={"place": place})
            failures.append(f"{place[0]} in {place[1]}: {error}")
            continue
        gone = [it for it in prices if (it.instance_type, it.region) == place]
        for product in gone:
            del prices[product]
        prices.update(found)
        fetched[place] = wiring.now()
    now_known = replace(known, rates=prices, fetched=fetched)
    wiring.prices().price_list.write(now_known, wiring.now())
    return failures


def bought_lately(
    rows: Iterable[Reservation], known: Mapping[str, Fee], now: datetime
) -> list[Reservation]:
    """The reservations of blocks whose fee is unknown and may be among the offerings."""
    return [
        row
        for name, block in blocks_of(rows).items()
        if name not in known
        for row in block
        if row.create_date is not None and now - row.create_date <= LOOKED_FOR
    ]


def _with_extensions(rows: Iterable[Reservation], known: PriceList) -> PriceList:
    """The prices with the extensions that the collector listed; those of past blocks are kept.

    Raises what DynamoDB does.
    """
    listed = wiring.prices().extensions.everything()
    found = paid_of(rows, (it for scope in listed.values() for it in scope.extensions))
    unanswered = tuple(
        UnansweredCall(EXTENSION_HISTORY, it.error, scope.account_id, scope.region)
        for scope, it in sorted(listed.items())
        if it.error is not None
    )
    merged = replace(known, extensions={**known.extensions, **found}, unanswered=unanswered)
    if merged != known:
        wiring.prices().price_list.write(merged, wiring.now())
    return merged


def _with_bill(rows: Sequence[Reservation], known: PriceList) -> PriceList:
    """The prices with the fees in Cost Explorer, if the setting is on. Raises what DynamoDB
    does."""
    billing = wiring.prices().billing()
    if billing is None:
        return known
    found = billing.updated(known, rows, wiring.now())
    if found != known:
        wiring.prices().price_list.write(found, wiring.now())
    return found


def _find_fees(rows: list[Reservation], known: PriceList) -> PriceList:
    """The prices with the fees of these blocks. Raises TooLarge, Unreadable and what S3 does."""
    answers = wiring.prices().answers
    fees = dict(known.fees)
    for row in rows:
        assert row.create_date is not None
        since, until = row.create_date - RECORDED_BEFORE, row.create_date + SECOND
        seen = [
            replace(offering, observed_at=answer.observed_at)
            for answer in answers.between(since, until, frozenset({row.region}))
            for offering in answer.offerings
        ]
        block = [each for each in rows if each.block_id == row.block_id]
        fees |= fees_of(block, seen, known.extensions)
    found = replace(known, fees=fees)
    wiring.prices().price_list.write(found, wiring.now())
    return found


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Handle a daily start; return the number of types and regions that were due.

    Raises NotFetched after the others were stored.
    """
    parts = wiring.prices()
    known, rows = parts.price_list.read(), parts.inventory.view().rows
    failures: list[str] = []
    known = _with_extensions(rows, known)
    if blocks := bought_lately(rows, known.fees, wiring.now()):
        try:
            known = _find_fees(blocks, known)
        except (TooLarge, Unreadable, ClientError, BotoCoreError) as error:
            logger.exception("fees not found")
            failures.append(f"fees of blocks: {error}")
    known = _with_bill(rows, known)
    wanted = due(places_of(rows), known, wiring.now())
    if wanted and (client := parts.client) is not None:
        failures += _fetch_due(client, known, wanted, context)
    if failures:
        raise NotFetched("; ".join(failures))
    logger.info("prices fetched", extra={"due": len(wanted)})
    return {"due": len(wanted)}
