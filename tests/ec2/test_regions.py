"""The regions that an account can use, by EC2's own answer."""

from __future__ import annotations

from typing import Any

from tests.ec2.stubbed import Raw, sample
from truffle.ec2.regions import enabled_regions


class Answering:
    """A client whose DescribeRegions gives this answer."""

    def __init__(self, answer: Raw) -> None:
        self.answer = answer

    def describe_regions(self, **parameters: Any) -> Raw:
        assert parameters == {}
        return self.answer


def test_are_those_of_the_answer_sorted() -> None:
    answer = sample("DescribeRegions", "describe_regions")
    names = [region["RegionName"] for region in answer["Regions"]]

    assert enabled_regions(Answering(answer)) == sorted(names)
    assert len(names) == 6


def test_are_only_those_that_are_enabled() -> None:
    answer = {
        "Regions": [
            {"RegionName": "us-east-2", "OptInStatus": "opt-in-not-required"},
            {"RegionName": "eu-south-1", "OptInStatus": "opted-in"},
            {"RegionName": "af-south-1", "OptInStatus": "not-opted-in"},
            {"RegionName": "eu-west-1"},
        ]
    }

    assert enabled_regions(Answering(answer)) == ["eu-south-1", "eu-west-1", "us-east-2"]


def test_may_be_none() -> None:
    assert enabled_regions(Answering({})) == []
