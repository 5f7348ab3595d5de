"""The recommended type of capacity for a workload: the decision tree, with present facts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from truffle.core import aws_facts
from truffle.core.aws_facts import COMPARISON, Fact
from truffle.core.market.finds import Market
from truffle.core.market.known import KnownMarket, Needed, known_of
from truffle.core.offerings import (
    BOOKING_AHEAD,
    MAX_COUNT,
    MAX_DAYS,
    ULTRASERVERS,
    UltraServer,
    sold_hours,
)
from truffle.core.quoting import shell
from truffle.core.wording import counted

MAX_IN_BLOCKS = 256
"""The maximum number of instances in blocks on any date, per organization (EC2 User Guide,
ec2-capacity-blocks)."""

FUTURE_DATED_DAYS = (5, 120)
"""The days ahead for which a future-dated ODCR can be requested (botocore,
CreateCapacityReservation)."""


class Purpose(StrEnum):
    TRAINING = "training"
    INFERENCE = "inference"
    DEVELOPMENT = "development"


class Choice(StrEnum):
    """A recommendation of what to reserve."""

    BLOCK = "capacity-block"
    ODCR = "odcr"
    FUTURE_DATED_ODCR = "future-dated-odcr"


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload to run. ``days`` None means no known end, ``start`` None means now or not known
    yet."""

    purpose: Purpose
    days: float | None = None
    start: date | None = None
    instance_type: str | None = None
    count: int | None = None

    @property
    def ultraserver(self) -> UltraServer | None:
        """The UltraServer that ``count`` counts, if not instances."""
        return ULTRASERVERS.get(self.instance_type or "")

    @property
    def type_of_instances(self) -> str | None:
        return self.ultraserver.instance_type if self.ultraserver else self.instance_type

    @property
    def instances(self) -> int | None:
        each = self.ultraserver.instances if self.ultraserver else 1
        return self.count and self.count * each

    @property
    def may_be_future_dated(self) -> bool | None:
        """Whether future-dated ODCRs exist for its type; None if the type is not known yet."""
        families = "".join(aws_facts.FUTURE_DATED_FAMILIES)
        if self.type_of_instances is None:
            return None
        return bool(re.match(rf"[{families}]\d", self.type_of_instances, re.IGNORECASE))

    @property
    def is_multi_node(self) -> bool:
        return self.purpose is Purpose.TRAINING and (self.count is None or self.count > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The recommended type and the reasons, caveats, the next commands, the facts.

    ``market`` is what watches know about blocks for sale, None if that was not requested.
    """

    workload: Workload
    choice: Choice
    because: tuple[str, ...]
    watch: tuple[str, ...]
    commands: tuple[str, ...]
    facts: tuple[Fact, ...]
    market: KnownMarket | None = None

    def to_json(self) -> dict[str, Any]:
        work = self.workload
        return {
            "workload": {
                "purpose": work.purpose.value,
                "days": work.days,
                "start": work.start and work.start.isoformat(),
                "instance_type": work.instance_type,
                "count": work.count,
            },
            "choice": self.choice.value,
            "because": list(self.because),
            "watch": list(self.watch),
            "commands": list(self.commands),
            "facts": [fact.to_json() for fact in self.facts],
            "comparison": [row.to_json() for row in COMPARISON],
            "facts_as_of": aws_facts.AS_OF,
            "market": self.market and self.market.to_json(),
        }


@dataclass(slots=True)
class _Reasons:
    """The reasons against a block, and the facts behind them."""

    against: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def add(self, text: str, fact: Fact) -> None:
        self.against.append(text)
        self.facts.append(fact)


def recommend(workload: Workload, today: date) -> Recommendation:
    """Recommend a type of capacity for a workload, as of a day."""
    if workload.purpose is not Purpose.TRAINING:
        return _odcr(workload, [_never_stops(workload)], [aws_facts.ODCR_FREEDOM], today)
    if workload.days is None:
        why = "Its end is not known, and a block has a fixed end."
        return _odcr(workload, [why], [aws_facts.ODCR_FREEDOM, aws_facts.BLOCK_DURATION], today)
    reasons = _against_a_block(workload)
    if reasons.against:
        return _odcr(workload, reasons.against, reasons.facts, today)
    opens = _sale_opens(workload, today)
    if opens is not None:
        return _not_yet_sold(workload, workload.days, opens, today)
    return _block(workload, workload.days)


def with_market(answer: Recommendation, market: Market, now: datetime) -> Recommendation:
    """Add what watches know, if a block of a named type is recommended."""
    work = answer.workload
    if answer.choice is not Choice.BLOCK or work.instance_type is None or work.days is None:
        return answer
    start_by = datetime.combine(work.start, time.max, UTC) if work.start else None
    needed = Needed(work.instance_type, work.count or 1, work.days * 24, start_by)
    return replace(answer, market=known_of(market, needed, now))


def _against_a_block(workload: Workload) -> _Reasons:
    reasons = _Reasons()
    if workload.type_of_instances and workload.type_of_instances not in aws_facts.BLOCK_TYPES:
        reasons.add(f"{workload.instance_type} is not sold as blocks.", aws_facts.BLOCK_INSTANCES)
    if workload.days and workload.days > MAX_DAYS:
        reasons.add(
            f"{workload.days:g} days exceed the longest block, {MAX_DAYS} days.",
            aws_facts.BLOCK_DURATION,
        )
    if workload.instances and workload.instances > MAX_IN_BLOCKS:
        reasons.add(
            f"{workload.instances} instances exceed the limit of {MAX_IN_BLOCKS} in all blocks "
            "together.",
            aws_facts.BLOCK_SIZE,
        )
    return reasons


def _days_ahead(workload: Workload, today: date) -> int | None:
    """Days to its start, if a future-dated ODCR can be requested that far ahead."""
    ahead = (workload.start - today).days if workload.start else 0
    return ahead if FUTURE_DATED_DAYS[0] <= ahead <= FUTURE_DATED_DAYS[1] else None


def _sale_opens(workload: Workload, today: date) -> date | None:
    """The day from which a block with this start is sold, if that is in the future."""
    opens = workload.start and workload.start - BOOKING_AHEAD
    return opens if opens and opens > today else None


def _never_stops(workload: Workload) -> str:
    if workload.purpose is Purpose.DEVELOPMENT:
        return "Development comes and goes: it needs capacity without a schedule."
    return "An inference service runs without an end, and its base load must always launch."


def _block(workload: Workload, length: float) -> Recommendation:
    days = sold_hours(length * 24) // 24
    because = [
        f"It is training with a known length, which a block of {counted(days, 'day')} covers.",
        "All instances of a block are close together, which distributed training needs.",
        "The capacity and its price are fixed the day it is bought.",
    ]
    is_ultraserver = workload.type_of_instances in aws_facts.ULTRASERVER_TYPES
    last = "10:30" if is_ultraserver else "11:00"
    watch = [
        f"Instances are terminated from {last} UTC of the last day: save the last checkpoint "
        "before.",
        "The block is paid upfront and cannot be cancelled; it can be extended.",
    ]
    if workload.instances and workload.instances > MAX_COUNT:
        watch.append(
            f"{workload.instances} instances need several blocks of at most {MAX_COUNT}; AWS does "
            "not promise one low-latency network across blocks."
        )
    return Recommendation(
        workload=workload,
        choice=Choice.BLOCK,
        because=tuple(because),
        watch=tuple(watch),
        commands=tuple(_block_commands(workload, days)),
        facts=(
            aws_facts.BLOCK_DURATION,
            aws_facts.BLOCK_BOOKING,
            aws_facts.BLOCK_EXTENSION,
            aws_facts.BLOCK_CANCELLATION,
            aws_facts.BLOCK_NETWORK,
            aws_facts.BLOCK_SIZE,
            aws_facts.BLOCK_END,
            aws_facts.BLOCK_PRICE,
        ),
    )


def _not_yet_sold(workload: Workload, length: float, opens: date, today: date) -> Recommendation:
    """A start more than 8 weeks ahead: wait for the block, or request a future-dated ODCR."""
    ahead = _days_ahead(workload, today)
    block = _block(workload, length)
    wait = (
        f"Blocks are sold 8 weeks ahead: a block that starts on {workload.start} is for sale from "
        f"{opens}."
    )
    if ahead is None or workload.may_be_future_dated is False:
        no_other = (aws_facts.ODCR_FUTURE_TYPES,) if ahead is not None else ()
        return replace(
            block,
            because=(*block.because, wait, *(fact.text for fact in no_other)),
            facts=(*block.facts, *no_other),
        )
    because = (
        wait,
        f"A future-dated ODCR can be requested now, {ahead} days ahead, if a type of the families "
        f"{', '.join(aws_facts.FUTURE_DATED_FAMILIES)} is suitable.",
    )
    watch = (
        "It carries a commitment, and it is billed at the On-Demand rate whether it is used or "
        "not.",
        f"Waiting until {opens} and buying a block may be cheaper, but AWS does not promise that "
        "one will be available.",
    )
    known = (
        aws_facts.BLOCK_BOOKING,
        aws_facts.ODCR_FUTURE,
        aws_facts.ODCR_FUTURE_TYPES,
        aws_facts.ODCR_BILLING,
    )
    return Recommendation(
        workload=workload,
        choice=Choice.FUTURE_DATED_ODCR,
        because=because,
        watch=watch,
        commands=block.commands,
        facts=known,
    )


def _odcr(workload: Workload, because: list[str], known: list[Fact], today: date) -> Recommendation:
    watch = [
        "It costs the On-Demand rate from the first second, used or not: cancel what is idle.",
        *_network_advice(workload),
    ]
    facts_used = [*known, aws_facts.ODCR_BILLING, aws_facts.ODCR_FREEDOM, aws_facts.ODCR_NETWORK]
    if workload.purpose is Purpose.INFERENCE and workload.days is not None:
        watch.append(
            f"It ends after {counted(f'{workload.days:g}', 'day')}: a block may be cheaper, "
            "if the type is sold as blocks."
        )
        facts_used.append(aws_facts.INFERENCE_ON_BLOCKS)
    if workload.may_be_future_dated and _days_ahead(workload, today) is not None:
        watch.append(
            f"For {workload.start} a future-dated ODCR can be requested now; it carries a "
            "commitment."
        )
        facts_used += [aws_facts.ODCR_FUTURE, aws_facts.ODCR_FUTURE_TYPES]
    return Recommendation(
        workload=workload,
        choice=Choice.ODCR,
        because=tuple(because),
        watch=tuple(watch),
        commands=tuple(_odcr_commands(workload)),
        facts=tuple(dict.fromkeys(facts_used)),
    )


def _network_advice(workload: Workload) -> Iterator[str]:
    if workload.is_multi_node:
        yield (
            "Create it in a cluster placement group: without one, it uses standard EC2 networking."
        )


def _block_commands(workload: Workload, days: int) -> Iterator[str]:
    """The next commands; values that were not given are in capital letters."""
    wanted = shell.word(workload.type_of_instances or "TYPE")
    length = f"--days {workload.days or days:g}"
    run = f"--instance-type {wanted} --count {workload.instances or 'COUNT'} {length}"
    start = f" --start-by {workload.start}" if workload.start else ""
    yield f"truffle validate {run}{start}"
    after = f" --start-after {workload.start}" if workload.start else ""
    count = min(workload.count, MAX_COUNT) if workload.count else "COUNT"
    kind = shell.word(workload.instance_type or "TYPE")
    sold = f"--instance-type {kind} --count {count} --days {days}"
    yield f"truffle offerings {sold}{after}"
    yield f"truffle capacity --blocks --instance-types {wanted}"


def _odcr_commands(workload: Workload) -> Iterator[str]:
    named = workload.type_of_instances
    types = f" --instance-types {shell.word(named)}" if named else " --gpu-only"
    least = f" --min-capacity {workload.instances}" if workload.instances else " --available-only"
    yield f"truffle capacity --odcr{types}{least}"
