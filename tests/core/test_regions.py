"""Names of regions: which are misspelt, and which may be new."""

from __future__ import annotations

import re

import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from truffle.core.regions import (
    KNOWN_REGIONS,
    REGION_FORM,
    expanded,
    misspelt_region,
    partition_of,
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("us-esat-1", "us-east-1"),
        ("su-east-1", "us-east-1"),
        ("eu-cental-1", "eu-central-1"),
        ("ap-souteast-2", "ap-southeast-2"),
        ("us-gv-west-1", "us-gov-west-1"),
        ("us-esat-9", "us-east-1"),
        ("ap-norteast-3", "ap-northeast-3"),
        ("us-east-1a", "us-east-1"),
        ("US-EAST-1", "us-east-1"),
        ("us_east_1", "us-east-1"),
    ],
)
def test_a_misspelt_name_probably_means_a_region(name: str, meant: str) -> None:
    assert misspelt_region(name) == meant


@pytest.mark.parametrize("name", ["us-east-3", "eu-east-1", "nz-north-1", "ap-northwest-1"])
def test_a_name_of_the_words_that_aws_uses_may_be_a_new_region(name: str) -> None:
    assert misspelt_region(name) is None


@given(st.sampled_from(KNOWN_REGIONS), st.integers(1, 99))
def test_a_number_alone_is_never_misspelt(known: str, number: int) -> None:
    name = f"{known.rpartition('-')[0]}-{number}"

    assert misspelt_region(name) is None


@given(st.sampled_from(KNOWN_REGIONS), st.integers(1, 99), st.data())
def test_two_letters_that_change_places_are_misspelt(
    known: str, number: int, data: st.DataObject
) -> None:
    """Whatever number follows; a suggestion differs only in the order of its letters."""
    words = known.rpartition("-")[0]
    places = [n for n in range(3, len(words) - 1) if "-" not in words[n : n + 2]]
    place = data.draw(st.sampled_from(places))
    swapped = words[:place] + words[place + 1] + words[place] + words[place + 2 :]
    if swapped == words:
        return

    meant = misspelt_region(f"{swapped}-{number}")

    assert meant in KNOWN_REGIONS
    assert sorted(str(meant).rpartition("-")[0]) == sorted(words)


@given(st.from_regex(REGION_FORM, fullmatch=True))
def test_a_name_is_only_refused_with_a_region_that_there_is(name: str) -> None:
    assert misspelt_region(name) in (None, *KNOWN_REGIONS)


def test_globs_stand_for_what_is_enabled() -> None:
    enabled = ["us-west-2", "us-east-1", "eu-west-1", "ap-southeast-9"]

    assert expanded(["us-*", "eu-west-1", "us-east-?"], enabled) == [
        "us-east-1",
        "us-west-2",
        "eu-west-1",
    ]
    assert expanded(["mars-*"], enabled) == []
    assert expanded(["sa-east-1"], enabled) == ["sa-east-1"]


@pytest.mark.parametrize("name", KNOWN_REGIONS)
def test_a_known_name_is_right(name: str) -> None:
    assert re.fullmatch(REGION_FORM, name)
    assert misspelt_region(name) is None


@pytest.mark.parametrize("name", KNOWN_REGIONS)
def test_the_partition_is_the_one_that_botocore_knows(name: str) -> None:
    assert partition_of(name) == get_session().get_partition_for_region(name)
