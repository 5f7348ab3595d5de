"""The table ``offerings``: the objects of answers, row by row."""

from __future__ import annotations

import gzip
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.builders import HOUR, NOON
from tests.core.market.builders import an_answer, an_offering
from tests.core.market.markets import random_answers
from tests.core.market.test_matrix import price_of
from truffle.core.market.answers import Answer, Outcome, answers_key, answers_to_lines
from truffle.core.saved_queries import SAVED_QUERIES
from truffle.sql.local import SqlError, ask_folder

Json = dict[str, Any]


def keep(folder: Path, *answers: Answer) -> None:
    """An object of each region and time, as the bucket has them."""
    ordered = sorted(answers, key=lambda it: (it.region, it.observed_at))
    for (region, at), members in groupby(ordered, key=lambda it: (it.region, it.observed_at)):
        content = answers_to_lines(members)
        place = folder / answers_key(region, at, content)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(content))


def ask(folder: Path, query: str) -> list[list[Any]]:
    return [list(row) for row in ask_folder(folder, query).rows]


def saved_query(name: str) -> str:
    return next(it.sql for it in SAVED_QUERIES if it.name == name)


def test_a_row_for_each_offering_and_for_each_answer_without_one(tmp_path: Path) -> None:
    failed = an_answer(at=NOON + HOUR, outcome=Outcome.FAILED, code="InternalError")
    keep(tmp_path, an_answer(an_offering(40), an_offering(50)), failed)
    query = (
        "SELECT observed_at, outcome, code, price_per_gpu_hour, upfront_fee, lead_hours, dt "
        "FROM offerings ORDER BY observed_at, upfront_fee"
    )
    assert ask(tmp_path, query) == [
        ["2026-11-24T12:00:00Z", "offered", None, 40, 7680, 23.5, "2026-11-24"],
        ["2026-11-24T12:00:00Z", "offered", None, 50, 9600, 23.5, "2026-11-24"],
        ["2026-11-24T13:00:00Z", "failed", "InternalError", None, None, None, "2026-11-24"],
    ]


def expected_history(answers: list[Json]) -> list[list[Any]]:
    """By day, type and region: the least and the highest price, how many answers of which kind."""

    def key(it: Json) -> tuple[str, str, str]:
        return it["observed_at"][:10], it["instance_type"], it["region"]

    rows = []
    for place, members in groupby(sorted(answers, key=key), key=key):
        result = list(members)
        prices = [
            float(price)
            for it in result
            for offering in it["offerings"]
            if (price := price_of(offering)) is not None
        ]
        outcomes = [it["outcome"] for it in result if it["outcome"] != "offered" or it["offerings"]]
        rows.append(
            [
                *place,
                round(min(prices), 4) if prices else None,
                round(max(prices), 4) if prices else None,
                *(len(result), outcomes.count("offered")),
                outcomes.count("failed") + outcomes.count("not-asked"),
            ]
        )
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_the_price_history_is_that_of_the_answers(tmp_path: Path, seed: int) -> None:
    answers = random_answers(seed)
    keep(tmp_path, *answers)
    found = ask(tmp_path, saved_query("price-history-of-offerings"))
    assert [[*row[:5], *row[6:]] for row in found] == expected_history(
        [it.to_json() for it in answers]
    )


def test_a_block_on_sale_is_one_row_from_its_first_answer_to_its_last(tmp_path: Path) -> None:
    keep(
        tmp_path,
        an_answer(an_offering(40, offering_id="cb-1")),
        an_answer(an_offering(36, offering_id="cb-2"), at=NOON + HOUR),
        an_answer(at=NOON + 2 * HOUR),
    )
    ((_, *facts),) = ask(tmp_path, saved_query("time-on-sale"))
    assert facts == [
        *("p5.48xlarge", "us-east-2", "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z"),
        *(2, 36, 36),
    ]


def test_a_damaged_object_is_named(tmp_path: Path) -> None:
    keep(tmp_path, an_answer())
    (path,) = tmp_path.rglob("*.json.gz")
    path.write_bytes(gzip.compress(b'{"schema_version": 2}\n'))
    with pytest.raises(SqlError, match=path.name):
        ask(tmp_path, "SELECT * FROM offerings")
