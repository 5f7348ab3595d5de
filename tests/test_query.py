"""Arguments of the command line and of Python as one question, and as the API's parameters."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from inspect import signature
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from truffle.core.declared_filters import BY_ARGUMENT, DECLARED
from truffle.core.filters import Filter
from truffle.core.model import TYPES, ReservationType
from truffle.core.queries import parse_list
from truffle.core.regions import COMMERCIAL, KNOWN_REGIONS
from truffle.core.suggest import nearest
from truffle.errors import TruffleError
from truffle.query import BadArgument, Filters, list_query
from truffle.sources.deployed import query_of


class TestDeclaration:
    def test_every_declared_filter_is_a_field(self) -> None:
        assert {it.field for it in DECLARED} == {it.name for it in fields(Filter)}

    def test_every_declared_filter_is_an_argument(self) -> None:
        named = {*Filters.__annotations__, *signature(list_query).parameters}
        assert BY_ARGUMENT.keys() <= named
        assert Filters.__annotations__.keys() <= BY_ARGUMENT.keys()


class TestAsk:
    def test_nothing_asks_for_active_odcrs(self) -> None:
        assert list_query().filter == Filter(
            types=frozenset({ReservationType.ODCR}), active_only=frozenset({ReservationType.ODCR})
        )
        assert list_query().regions is None

    def test_one_text_or_several(self) -> None:
        one = list_query(instance_types="p5*,g6.xlarge", regions=["us-east-1"], states="active")
        assert one.filter.instance_types == {"p5*", "g6.xlarge"}
        assert one.regions == ("us-east-1",)
        assert one == list_query(
            instance_types=["p5*", "g6.xlarge"], regions="us-east-1", states=["active"]
        )

    def test_both_types(self) -> None:
        both = list_query(reservation_type=list(ReservationType))
        assert both.filter.types == set(TYPES)
        assert both.filter.active_only == {ReservationType.ODCR}

    @pytest.mark.parametrize(
        ("active_only", "states", "types"),
        [
            (None, None, {ReservationType.ODCR}),
            (None, "expired", set()),
            (True, "expired", set(ReservationType)),
            (False, None, set()),
        ],
    )
    def test_activity(self, active_only: bool | None, states: str | None, types: set[str]) -> None:
        assert list_query(active_only=active_only, states=states).filter.active_only == types

    def test_tags_as_a_mapping_or_as_texts(self) -> None:
        expected = {"team": frozenset({"a", "b"}), "x": frozenset({"1"})}
        assert list_query(tags={"team": ["a", "b"], "x": "1"}).filter.tags == expected
        assert list_query(tags=["team=a", "team=b,x=1"]).filter.tags == expected
        assert list_query(tags="aws:cloudformation:stack-name=a:b=c").filter.tags == {
            "aws:cloudformation:stack-name": frozenset({"a:b=c"})
        }
        assert list_query(tags={"a=b": "c=d"}).filter.tags == {"a=b": frozenset({"c=d"})}
        assert list_query(tags="a\\=b=c=d").filter.tags == {"a=b": frozenset({"c=d"})}
        assert list_query(tags="a=b\\,c").filter.tags == {"a": frozenset({"b,c"})}
        assert list_query(tags="a=").filter.tags == {"a": frozenset({""})}

    def test_dates(self) -> None:
        noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
        asked = list_query(starts_after=noon, ends_before="2026-12-01")
        assert (asked.filter.starts_after, asked.filter.ends_before) == (
            noon,
            noon.replace(hour=0),
        )
        with pytest.raises(BadArgument, match="time zone"):
            list_query(starts_after=datetime(2026, 12, 1))  # noqa: DTZ001

    def test_empty_arguments_ask_for_everything(self) -> None:
        assert list_query(instance_types=[], regions=(), tags={}) == list_query()

    def test_a_bad_argument_is_a_truffle_error_that_says_what_to_do(self) -> None:
        with pytest.raises(TruffleError, match=r"Did you mean p5\.48xlarge\?") as found:
            list_query(instance_types=["p5.48xlarg"])
        assert isinstance(found.value, BadArgument)
        assert found.value.name == "instance_types"
        assert found.value.nearest == "p5.48xlarge"

    @pytest.mark.parametrize("wrong", [{"accounts": 123456789012}, {"tags": {"Team": None}}])
    def test_an_argument_of_another_type_is_a_bad_one(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(BadArgument, match="It must be a string or a list of strings"):
            list_query(**wrong)

    @pytest.mark.parametrize(
        "name",
        ["p5.48xlarge", "u-6tb1.112xlarge", "mac2-m2.metal", "c7i.metal-24xl", "zz9.nano", "trn*"],
    )
    def test_types_that_may_exist(self, name: str) -> None:
        assert list_query(instance_types=name).filter.instance_types == {name}

    @pytest.mark.parametrize("name", ["us-east-1a", "us-gov-west-1b", "us-west-2-lax-1a"])
    def test_zones_of_regions_that_there_are(self, name: str) -> None:
        assert list_query(availability_zones=name).filter.availability_zones == {name}

    def test_a_zone_of_no_region(self) -> None:
        with pytest.raises(BadArgument, match=r"Did you mean us-east-1a\?") as found:
            list_query(availability_zones=["us-esat-1a"])
        assert found.value.name == "availability_zones"


class TestRegions:
    def test_botocore_knows_no_other(self) -> None:
        session = get_session()
        known = {
            region
            for partition in session.get_available_partitions()
            for region in session.get_available_regions("ec2", partition)
        }
        assert known <= set(KNOWN_REGIONS)
        assert len(known) > 40

    def test_the_commercial_ones_are_one_partition(self) -> None:
        assert {"us-east-1", "mx-central-1", "ap-southeast-7"} <= set(COMMERCIAL)
        assert not [name for name in COMMERCIAL if name.startswith(("cn-", "us-gov", "us-iso"))]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("us-esat-1", "us-east-1"),
        ("US-EAST-1", "us-east-1"),
        ("us-east-1a", "us-east-1"),
        ("moon", None),
    ],
)
def test_the_nearest_match(word: str, expected: str | None) -> None:
    assert nearest(word, KNOWN_REGIONS) == expected


TEXT = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\\"), min_size=1
).filter(lambda text: text == text.strip())

FILTERS = st.builds(
    Filter,
    types=st.just(frozenset({ReservationType.ODCR})),
    instance_types=st.frozensets(st.sampled_from(["p5*", "g6.xlarge", "[gp]*.48xlarge"])),
    regions=st.frozensets(st.sampled_from(["us-east-1", "eu-west-1"])),
    availability_zones=st.frozensets(st.sampled_from(["us-east-1a", "us-west-2-lax-1b"])),
    accounts=st.frozensets(st.sampled_from(["123456789012", "210987654321"])),
    owners=st.frozensets(st.sampled_from(["123456789012", "210987654321"])),
    states=st.frozensets(st.sampled_from(["active", "payment-failed"])),
    names=st.frozensets(TEXT),
    gpu_only=st.booleans(),
    available_only=st.booleans(),
    min_capacity=st.none() | st.integers(0, 1000),
    tags=st.dictionaries(
        TEXT.filter(lambda key: not key.startswith("aws:")),
        st.frozensets(TEXT, min_size=1),
        max_size=3,
    ),
    starts_after=st.none() | st.just(datetime(2026, 12, 1, 11, 30, tzinfo=UTC)),
    starts_before=st.none() | st.just(datetime(2026, 12, 2, tzinfo=UTC)),
    ends_after=st.none() | st.just(datetime(2026, 12, 8, 0, 0, 0, 500_000, tzinfo=UTC)),
    ends_before=st.none() | st.just(datetime(2026, 12, 9, 11, 30, tzinfo=UTC)),
)


@given(FILTERS)
def test_the_api_reads_a_filter_as_it_was_meant(asked: Filter) -> None:
    text = urlencode([*query_of(asked, ReservationType.ODCR), ("type", ReservationType.ODCR)])
    params: dict[str, Any] = parse_qs(text, keep_blank_values=True)
    assert parse_list(params).filter == asked
