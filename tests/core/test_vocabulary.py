"""Names of instance types, accelerators and zones: which are misspelt, which may be new."""

from __future__ import annotations

import pytest

from truffle.core.accelerators import bundled
from truffle.core.vocabulary import (
    misspelt_accelerator,
    misspelt_type,
    misspelt_zone,
    types_with,
    unknown_word,
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("p5.48xlarg", "p5.48xlarge"),
        ("P5.48xlarge", "p5.48xlarge"),
        ("tnr1.32xlarge", "trn1.32xlarge"),
        ("ifn2.xlarge", "inf2.xlarge"),
        ("p5", "p5.*"),
        ("ml.p5.48xlarg", "ml.p5.48xlarge"),
        ("ml.tnr1.32xlarge", "ml.trn1.32xlarge"),
    ],
)
def test_a_misspelt_type(name: str, meant: str) -> None:
    assert misspelt_type(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        "p7.48xlarge",
        "p5x.48xlarge",
        "p6-b400.48xlarge",
        "trn3.48xlarge",
        "inf3.xlarge",
        "p5.96xlarge",
        "g6.49xlarge",
        "zz9.nano",
        "p5*",
        "ml.p5.48xlarge",
        "ml.p7.48xlarge",
        "db.r7g.2xlarge",
        "db.zz9.large",
    ],
)
def test_a_type_that_may_be_new(name: str) -> None:
    assert misspelt_type(name) is None


def test_every_type_of_the_table_is_right() -> None:
    assert [name for name in bundled() if misspelt_type(name)] == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("h100", None), ("Trainium3", None), ("GB300", None), ("Trainum2", "Trainium2")],
)
def test_accelerators(name: str, meant: str | None) -> None:
    assert misspelt_accelerator(name) == meant


def test_the_types_with_an_accelerator() -> None:
    assert types_with("h100") == ["p5.48xlarge", "p5.4xlarge"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("us-esat-1a", "us-east-1a"),
        ("us-east-1a", None),
        ("ap-southeast-9b", None),
        ("us-west-2-lax-1a", None),
    ],
)
def test_zones(name: str, meant: str | None) -> None:
    assert misspelt_zone(name) == meant


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("state", "active"),
        ("region", "us-*"),
        ("region", "us-east-1"),
        ("availability_zone", "us-east-1a"),
        ("instance_type", "p5*"),
        ("accelerator", "h100"),
        ("tag", "anything"),
    ],
)
def test_nothing_is_warned_of_that_is_known(parameter: str, value: str) -> None:
    assert unknown_word(parameter, value) is None


@pytest.mark.parametrize(
    ("parameter", "value", "warning"),
    [
        ("state", "delivering", "This release does not know the state delivering."),
        (
            "availability_zone",
            "ap-southeast-9a",
            "This release does not know the region ap-southeast-9; the closest that it knows is "
            "ap-southeast-7.",
        ),
        (
            "instance_type",
            "p7.48xlarge",
            "This release does not know the instance type p7.48xlarge; the closest that it knows "
            "is p5.48xlarge.",
        ),
    ],
)
def test_an_unknown_word_causes_a_warning(parameter: str, value: str, warning: str) -> None:
    assert unknown_word(parameter, value) == warning
