"""The guide's decision tree, with today's facts."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from truffle.core import aws_facts
from truffle.core.aws_facts import COMPARISON
from truffle.core.recommendation import Choice, Purpose, Recommendation, Workload, recommend

TODAY = date(2026, 11, 24)


def asked(purpose: str = "training", **facts_of: object) -> Recommendation:
    return recommend(Workload(Purpose(purpose), **facts_of), TODAY)  # type: ignore[arg-type]


class TestTree:
    def test_training_with_a_known_length_is_a_block(self) -> None:
        answer = asked(days=10, instance_type="p5.48xlarge", count=64)
        assert answer.choice is Choice.BLOCK
        assert "a block of 10 days covers" in answer.because[0]
        assert answer.commands == (
            "truffle validate --instance-type p5.48xlarge --count 64 --days 10",
            "truffle offerings --instance-type p5.48xlarge --count 64 --days 10",
            "truffle capacity --blocks --instance-types p5.48xlarge",
        )

    def test_ultraservers_are_bought_whole_and_hold_instances(self) -> None:
        answer = asked(days=7, instance_type="u-p6e-gb200x72", count=2)
        assert answer.choice is Choice.BLOCK
        assert "from 10:30 UTC" in answer.watch[0]
        assert answer.commands == (
            "truffle validate --instance-type p6e-gb200.36xlarge --count 36 --days 7",
            "truffle offerings --instance-type u-p6e-gb200x72 --count 2 --days 7",
            "truffle capacity --blocks --instance-types p6e-gb200.36xlarge",
        )

    @pytest.mark.parametrize(
        ("instance_type", "last"), [("p5.48xlarge", "11:00"), ("p6e-gb200.36xlarge", "10:30")]
    )
    def test_it_says_when_instances_are_terminated(self, instance_type: str, last: str) -> None:
        assert f"from {last} UTC" in asked(days=7, instance_type=instance_type).watch[0]

    def test_its_length_is_one_that_is_sold(self) -> None:
        answer = asked(days=15)
        assert "a block of 21 days" in answer.because[0]
        assert "--days 21" in answer.commands[1]

    def test_training_without_an_end_is_an_odcr(self) -> None:
        assert asked().choice is Choice.ODCR

    @pytest.mark.parametrize("purpose", ["inference", "development"])
    def test_inference_and_development_are_odcrs(self, purpose: str) -> None:
        answer = asked(purpose, instance_type="inf2.xlarge", count=20)
        assert answer.choice is Choice.ODCR
        assert answer.commands == (
            "truffle capacity --odcr --instance-types inf2.xlarge --min-capacity 20",
        )

    @pytest.mark.parametrize(
        ("workload", "why"),
        [
            ({"days": 183}, "183 days exceed the longest block, 182 days"),
            ({"days": 7, "instance_type": "g6.xlarge"}, "g6.xlarge is not sold as blocks"),
            ({"days": 7, "count": 257}, "257 instances exceed the limit of 256"),
        ],
    )
    def test_what_no_block_can_hold(self, workload: dict[str, Any], why: str) -> None:
        answer = asked(**workload)
        assert answer.choice is Choice.ODCR
        assert why in " ".join(answer.because)

    def test_several_blocks_are_no_single_network(self) -> None:
        answer = asked(days=7, count=128)
        assert answer.choice is Choice.BLOCK
        assert "128 instances need several blocks of at most 64" in " ".join(answer.watch)
        assert "--count 64" in answer.commands[1]

    def test_a_start_within_8_weeks_can_be_bought(self) -> None:
        assert asked(days=7, start=date(2027, 1, 19)).choice is Choice.BLOCK

    def test_a_later_quarter_s_block_cannot_be_bought_yet(self) -> None:
        answer = asked(days=7, start=date(2027, 1, 20))
        assert answer.choice is Choice.FUTURE_DATED_ODCR
        assert "a block that starts on 2027-01-20 is for sale from 2026-11-25" in answer.because[0]
        assert "57 days ahead" in answer.because[1]

    @pytest.mark.parametrize("instance_type", ["p5.48xlarge", "trn1.32xlarge", "u-p6e-gb200x72"])
    def test_types_of_blocks_have_no_future_dated_odcr(self, instance_type: str) -> None:
        answer = asked(days=7, start=date(2027, 1, 20), instance_type=instance_type)
        assert answer.choice is Choice.BLOCK
        assert "is for sale from 2026-11-25" in answer.because[-2]
        assert "no P or Trn types" in answer.because[-1]

    @pytest.mark.parametrize(
        ("instance_type", "start", "is_offered"),
        [
            ("g6.xlarge", date(2026, 12, 24), True),
            ("g6.xlarge", date(2026, 11, 28), False),
            ("inf2.xlarge", date(2026, 12, 24), False),
            ("trn1.2xlarge", date(2026, 12, 24), False),
        ],
    )
    def test_an_odcr_with_a_start_may_be_future_dated(
        self, instance_type: str, start: date, is_offered: bool
    ) -> None:
        answer = asked("inference", start=start, instance_type=instance_type)
        assert answer.choice is Choice.ODCR
        assert any("future-dated" in line for line in answer.watch) == is_offered

    def test_beyond_120_days_only_waiting_is_left(self) -> None:
        answer = asked(days=7, start=date(2027, 4, 15))
        assert answer.choice is Choice.BLOCK
        assert "is for sale from 2027-02-18" in answer.because[-1]

    def test_multi_node_training_on_an_odcr_needs_a_placement_group(self) -> None:
        assert "cluster placement group" in " ".join(asked(count=8).watch)
        assert "cluster placement group" not in " ".join(asked(count=1).watch)


class TestBounds:
    @pytest.mark.parametrize(
        ("workload", "choice"),
        [
            ({"days": 182}, Choice.BLOCK),
            ({"days": 182.5}, Choice.ODCR),
            ({"days": 7, "count": 256}, Choice.BLOCK),
            ({"days": 7, "instance_type": "u-p6e-gb200x72", "count": 14}, Choice.BLOCK),
            ({"days": 7, "instance_type": "u-p6e-gb200x72", "count": 15}, Choice.ODCR),
            ({"days": 7, "start": date(2027, 3, 24)}, Choice.FUTURE_DATED_ODCR),
            ({"days": 7, "start": date(2027, 3, 25)}, Choice.BLOCK),
        ],
    )
    def test_of_a_choice(self, workload: dict[str, Any], choice: Choice) -> None:
        assert asked(**workload).choice is choice

    @pytest.mark.parametrize(
        ("start", "is_offered"),
        [
            (date(2026, 11, 28), False),
            (date(2026, 11, 29), True),
            (date(2027, 3, 24), True),
            (date(2027, 3, 25), False),
        ],
    )
    def test_of_a_future_dated_odcr(self, start: date, is_offered: bool) -> None:
        answer = asked("inference", start=start, instance_type="g6.xlarge")
        assert (aws_facts.ODCR_FUTURE in answer.facts) == is_offered
        assert (f"For {start} a future-dated ODCR can be requested now" in answer.watch[-1]) == (
            is_offered
        )

    @pytest.mark.parametrize(("count", "warns"), [(64, False), (65, True), (None, False)])
    def test_of_one_block(self, count: int | None, warns: bool) -> None:
        assert (len(asked(days=7, count=count).watch) == 3) == warns

    @pytest.mark.parametrize(
        ("purpose", "count", "needs_a_group"),
        [
            ("training", None, True),
            ("training", 2, True),
            ("training", 1, False),
            ("inference", 2, False),
        ],
    )
    def test_of_multi_node_training(
        self, purpose: str, count: int | None, needs_a_group: bool
    ) -> None:
        assert (len(asked(purpose, count=count).watch) == 2) == needs_a_group


class TestTexts:
    @pytest.mark.parametrize(
        ("purpose", "facts_of", "because"),
        [
            ("training", {}, "Its end is not known, and a block has a fixed end."),
            (
                "development",
                {},
                "Development comes and goes: it needs capacity without a schedule.",
            ),
            (
                "inference",
                {},
                "An inference service runs without an end, and its base load must always launch.",
            ),
            (
                "training",
                {"days": 1},
                "It is training with a known length, which a block of 1 day covers.",
            ),
        ],
    )
    def test_the_first_reason(self, purpose: str, facts_of: dict[str, Any], because: str) -> None:
        assert asked(purpose, **facts_of).because[0] == because

    @pytest.mark.parametrize(("days", "length"), [(1, "1 day"), (2.5, "2.5 days")])
    def test_inference_with_an_end_may_be_cheaper_on_a_block(
        self, days: float, length: str
    ) -> None:
        answer = asked("inference", days=days)
        assert answer.watch[-1] == (
            f"It ends after {length}: a block may be cheaper, if the type is sold as blocks."
        )
        assert answer.facts[-1] is aws_facts.INFERENCE_ON_BLOCKS

    def test_a_start_is_part_of_the_commands(self) -> None:
        assert asked(days=7, start=date(2026, 12, 1)).commands == (
            "truffle validate --instance-type TYPE --count COUNT --days 7 --start-by 2026-12-01",
            "truffle offerings --instance-type TYPE --count COUNT --days 7 "
            "--start-after 2026-12-01",
            "truffle capacity --blocks --instance-types TYPE",
        )

    def test_an_odcr_of_an_unknown_size_must_have_free_instances(self) -> None:
        assert asked().commands == ("truffle capacity --odcr --gpu-only --available-only",)


class TestFacts:
    @pytest.mark.parametrize(
        ("purpose", "facts_of", "names"),
        [
            ("training", {}, "ODCR_FREEDOM BLOCK_DURATION ODCR_BILLING ODCR_NETWORK"),
            ("inference", {}, "ODCR_FREEDOM ODCR_BILLING ODCR_NETWORK"),
            (
                "training",
                {"days": 7, "instance_type": "g6.xlarge"},
                "BLOCK_INSTANCES ODCR_BILLING ODCR_FREEDOM ODCR_NETWORK",
            ),
            (
                "training",
                {"days": 200, "count": 300},
                "BLOCK_DURATION BLOCK_SIZE ODCR_BILLING ODCR_FREEDOM ODCR_NETWORK",
            ),
            (
                "training",
                {"days": 7},
                "BLOCK_DURATION BLOCK_BOOKING BLOCK_EXTENSION BLOCK_CANCELLATION BLOCK_NETWORK "
                "BLOCK_SIZE BLOCK_END BLOCK_PRICE",
            ),
            (
                "training",
                {"days": 7, "start": date(2027, 1, 20)},
                "BLOCK_BOOKING ODCR_FUTURE ODCR_FUTURE_TYPES ODCR_BILLING",
            ),
        ],
    )
    def test_are_those_of_the_reasons(
        self, purpose: str, facts_of: dict[str, Any], names: str
    ) -> None:
        expected = [getattr(aws_facts, name) for name in names.split()]
        assert list(asked(purpose, **facts_of).facts) == expected

    def test_an_odcr_is_billed_whether_it_is_used_or_not(self) -> None:
        answer = asked("inference")
        assert aws_facts.ODCR_BILLING in answer.facts
        assert "used or not" in answer.watch[0]

    def test_blocks_run_to_182_days_and_can_be_extended(self) -> None:
        known = {fact.text for fact in asked(days=7).facts}
        assert any("182 days" in text for text in known)
        assert any("can be extended" in text for text in known)

    def test_every_fact_has_its_source(self) -> None:
        known = [value for value in vars(aws_facts).values() if isinstance(value, aws_facts.Fact)]
        assert len(known) > 10
        assert all(fact.text and fact.source for fact in known)
        assert all(row.sources for row in COMPARISON)

    def test_the_guide_s_dated_claims_are_gone(self) -> None:
        found = json.dumps(asked(days=7).to_json()) + json.dumps(asked("inference").to_json())
        for claim in ("only pay when", "Pay per use", "1-14 days (fixed)", "cannot be changed"):
            assert claim not in found

    def test_its_json(self) -> None:
        answer = asked(days=10, start=date(2026, 12, 1)).to_json()
        assert json.loads(json.dumps(answer)) == answer
        assert answer["choice"] == "capacity-block"
        assert answer["workload"]["start"] == "2026-12-01"
        assert answer["facts_as_of"] == "2026-11-23"


def test_what_is_open_is_left_to_the_reader_of_the_commands() -> None:
    commands = asked(days=7).commands

    assert commands[0] == "truffle validate --instance-type TYPE --count COUNT --days 7"
    assert commands[1] == "truffle offerings --instance-type TYPE --count COUNT --days 7"


def test_a_type_is_one_word_of_a_shell() -> None:
    commands = asked(
        days=7, instance_type="p5; touch x", count=1, purpose=Purpose.INFERENCE
    ).commands

    assert commands == ("truffle capacity --odcr --instance-types 'p5; touch x' --min-capacity 1",)
