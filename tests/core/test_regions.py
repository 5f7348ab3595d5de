"""Names of regions: which are misspelt, and which may be new."""

from __future__ import annotations

import re

import pytest
from botocore.session import get_session

from truffle.core.regions import KNOWN_REGIONS, REGION_FORM, misspelt_region, partition_of


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("us-esat-1", "us-east-1"),
        ("su-east-1", "us-east-1"),
        ("eu-cental-1", "eu-central-1"),
        ("ap-souteast-2", "ap-southeast-2"),
        ("us-gv-west-1", "us-gov-west-1"),
    ],
)
def test_a_misspelt_name_probably_means_a_region(name: str, meant: str) -> None:
    assert misspelt_region(name) == meant


@pytest.mark.parametrize("name", ["us-east-3", "eu-east-1", "nz-north-1", "ap-northwest-1"])
def test_a_name_of_the_words_that_aws_uses_may_be_a_new_region(name: str) -> None:
    assert misspelt_region(name) is None


@pytest.mark.parametrize("name", KNOWN_REGIONS)
def test_a_known_name_is_right(name: str) -> None:
    assert re.fullmatch(REGION_FORM, name)
    assert misspelt_region(name) is None


@pytest.mark.parametrize("name", KNOWN_REGIONS)
def test_the_partition_is_the_one_that_botocore_knows(name: str) -> None:
    assert partition_of(name) == get_session().get_partition_for_region(name)
