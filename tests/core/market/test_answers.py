"""Answers of regions to watches: their JSON, their object in the bucket, an offering's identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, NOON
from tests.core.market.builders import PART, TOMORROW, a_question, an_answer, an_offering, in_parts
from truffle.core.market.answers import (
    Outcome,
    answers_key,
    answers_of_lines,
    answers_to_lines,
)


def test_answers_are_read_back_as_they_were_written() -> None:
    limited = a_question(
        start_after=NOON, end_by=NOON + 9 * DAY, max_accelerator_hour_price=Decimal("41.5")
    )
    answers = [
        an_answer(an_offering(40.25), in_parts(), an_offering(None), question=limited),
        an_answer(),
        an_answer(outcome=Outcome.UNKNOWN_TYPE, code="Unsupported", message="not supported"),
        an_answer(outcome=Outcome.NOT_ASKED),
        an_answer(outcome=Outcome.FAILED, code="InternalError", message="again"),
    ]
    assert answers_of_lines(answers_to_lines(answers)) == answers


def test_a_line_says_of_each_offering_whether_it_is_within_the_limit() -> None:
    question = a_question(max_accelerator_hour_price=Decimal(40))
    answer = an_answer(
        an_offering(40), an_offering(40.01), an_offering(None), question=question
    ).to_json()
    assert [it["is_within_limit"] for it in answer["offerings"]] == [True, False, True]


def test_a_line_of_another_version_is_refused() -> None:
    line = answers_to_lines([an_answer()]).replace(b'"schema_version": 1', b'"schema_version": 2')
    with pytest.raises(ValueError, match="schema_version 2"):
        answers_of_lines(line)


def test_the_same_answers_have_the_same_key_in_the_folder_of_their_hour() -> None:
    at = NOON + timedelta(minutes=7, seconds=5)
    key = answers_key("us-east-2", at, b"content")
    assert key == answers_key("us-east-2", at, b"content")
    assert key.startswith("offerings/dt=2026-11-24/hour=12/us-east-2-120705-")
    assert key != answers_key("us-east-2", at, b"other content")


def test_a_block_keeps_its_identity_while_its_id_its_start_and_its_price_move() -> None:
    block = an_offering()
    later = replace(
        block, offering_id="cb-9", start_date=NOON + timedelta(hours=1), upfront_fee="1.00"
    )
    assert block.identity == later.identity


@pytest.mark.parametrize(
    "facts",
    [
        {"end_date": TOMORROW + 2 * DAY},
        {"availability_zone": "us-east-2b"},
        {"instance_count": 2},
        {"instance_type": "p5e.48xlarge"},
        {"region": "us-east-1"},
        {"ultraserver_type": "u-trn2x64", "ultraserver_count": 1},
        {"segments": (PART, PART)},
    ],
    ids=str,
)
def test_another_block_has_another_identity(facts: dict[str, Any]) -> None:
    assert an_offering(**facts).identity != an_offering().identity
