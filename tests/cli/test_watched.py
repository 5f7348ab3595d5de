"""``truffle offerings`` of a deployed stack: what its watches found, the matrix, the history."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal

import pytest

from tests.builders import DAY, HOUR, OHIO
from tests.cli.conftest import Run, calls_of
from tests.cli.deployed import Deployed
from tests.core.market.builders import an_answer, an_offering
from tests.sandbox.worlds import NOW, World
from truffle import Truffle, clock
from truffle.core.market.answers import Answer, Outcome
from truffle.query import BadArgument


def answered(hours: float, *prices: float, region: str = "us-east-2", **facts: object) -> Answer:
    """An answer of that many hours ago."""
    at = NOW - hours * HOUR
    offerings = [
        an_offering(
            price,
            offering_id=f"cb-{price}",
            region=region,
            availability_zone=f"{region}a",
            start_date=NOW + DAY,
        )
        for price in prices
    ]
    return an_answer(*offerings, at=at, region=region, **facts)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def stack(deployed: Deployed, api_url: str, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """Watches whose answers have the same age however long the tests before this one took."""
    monkeypatch.setenv("TRUFFLE_API_URL", api_url)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    deployed.clock = lambda: NOW
    deployed.market = [
        answered(1, 40, 36),
        answered(3, 50, region="us-east-1"),
        answered(1, region="us-east-1", outcome=Outcome.FAILED, code="InternalError"),
        answered(1, region="eu-west-1", outcome=Outcome.UNKNOWN_TYPE, code="Unsupported"),
    ]
    return deployed


class TestFinds:
    def test_they_are_listed_with_their_age_and_what_is_missing(self, truffle: Run) -> None:
        found = truffle("offerings", "--source", "api")
        assert found.status == 3
        assert "3 offerings" in found.out
        assert "3 h ago" in found.out
        assert found.err == "Warning: hunt in us-east-1: failed (InternalError); known 3 h ago\n"

    def test_sort_and_filters(self, truffle: Run) -> None:
        asked = ("offerings", "--source", "api", "--sort", "price", "-o", "json")
        assert [it["upfront_fee"] for it in truffle(*asked).json] == [
            "6912.00",
            "7680.00",
            "9600.00",
        ]
        assert truffle(*asked, "-r", "eu-*").json == []
        assert len(truffle(*asked, "--instance-type", "p5.*", "-r", "us-east-2").json) == 2

    def test_csv_has_a_column_for_each_part_of_the_request(self, truffle: Run) -> None:
        out = truffle("offerings", "--source", "api", "-o", "csv").out
        rows = list(csv.DictReader(io.StringIO(out)))
        assert {row["requested_instance_type"] for row in rows} == {"p5.48xlarge"}
        assert [row["price_per_gpu_hour"] for row in rows] == ["36.0", "40.0", "50.0"]

    def test_a_url_alone_does_not_turn_a_search_of_ec2_into_one_of_the_stack(
        self, truffle: Run, world: World, deployed: Deployed
    ) -> None:
        truffle("offerings", "--instance-type", "p5.48xlarge", "--days", "1")
        assert deployed.requests == []
        assert calls_of(world) > 0

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (["--source", "api", "--days", "2"], "--days"),
            (["--instance-type", "p5.48xlarge", "--days", "2", "--watch", "hunt"], "--watch"),
            (["--days", "2"], "--instance-type"),
            (["--history", "--count", "2"], "--count"),
        ],
    )
    def test_what_does_not_go_together_is_named(
        self, truffle: Run, arguments: list[str], text: str
    ) -> None:
        found = truffle("offerings", *arguments)
        assert (found.status, text in found.err) == (2, True)

    def test_without_a_url_it_says_where_finds_come_from(
        self, truffle: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("TRUFFLE_API_URL")
        found = truffle("offerings", "--matrix")
        assert found.status == 2
        assert "set TRUFFLE_API_URL" in found.err


class TestMatrix:
    def test_each_kind_of_nothing_has_its_word(self, truffle: Run, deployed: Deployed) -> None:
        deployed.market += [
            answered(1, region="eu-north-1"),
            answered(1, region="ap-south-1", outcome=Outcome.NOT_ASKED),
            answered(1, region="ap-east-1", outcome=Outcome.FAILED, code="InternalError"),
        ]
        out = truffle("offerings", "--matrix").out
        words = ("unknown type", "not sold now", "not asked", "failed", "$36.00", "(3 h ago)")
        assert [word for word in words if word not in out] == []

    def test_its_json_is_a_list_of_cells(self, truffle: Run) -> None:
        cells = {it["region"]: it for it in truffle("offerings", "--matrix", "-o", "json").json}
        assert (cells["us-east-2"]["price_per_gpu_hour"], cells["us-east-2"]["offerings"]) == (
            36,
            2,
        )
        assert cells["us-east-1"]["outcome"] == "offered"
        assert cells["us-east-1"]["unanswered"] == [{"watch": "hunt", "why": "InternalError"}]
        assert cells["eu-west-1"]["outcome"] == "unknown-type"

    def test_of_ec2_itself_it_has_the_regions_that_were_asked(
        self, truffle: Run, world: World
    ) -> None:
        sold = {
            "InstanceType": "p5.48xlarge",
            "AvailabilityZone": "us-east-2a",
            "Count": 16,
            "FirstStart": "+1d@11:30",
            "HourlyPrice": "32",
        }
        world.has_regions({"us-east-2": {"Market": [sold]}, "eu-west-1": {}})
        asked = ("offerings", "--matrix", "--instance-type", "p5.48xlarge", "--days", "2")
        cells = truffle(*asked, "-o", "json").json
        prices = {it["region"]: it["price_per_gpu_hour"] for it in cells}
        assert prices["us-east-2"] == pytest.approx(4)
        assert prices["eu-west-1"] is None

    def test_many_regions_are_a_list(self, truffle: Run, deployed: Deployed) -> None:
        deployed.market += [answered(1, 40, region=f"eu-west-{n}") for n in range(2, 9)]
        out = truffle("offerings", "--matrix").out
        assert "| Region    " in out
        assert out.count("| p5.48xlarge ") == 10


class TestHistory:
    def test_answers_with_the_same_price_are_one_row(
        self, truffle: Run, deployed: Deployed
    ) -> None:
        deployed.market = [answered(hours, 40) for hours in (5, 4, 3)]
        deployed.market += [answered(2, 36), answered(1)]
        out = truffle("offerings", "--history").out
        rows = [line.split("|")[4:8] for line in out.splitlines() if line.startswith("| hunt")]
        assert [row[2].strip() for row in rows] == ["3", "1", "1"]
        assert [row[3].strip() for row in rows] == ["$40.00", "$36.00", "not sold now"]

    def test_json_and_csv_have_each_answer(self, truffle: Run, deployed: Deployed) -> None:
        deployed.market = [answered(hours, 40) for hours in (5, 4, 3)]
        points = truffle("offerings", "--history", "-o", "json").json
        assert [it["lead_hours"] for it in points] == [29, 28, 27]
        rows = truffle("offerings", "--history", "-o", "csv").out.splitlines()
        assert len(rows) == 4

    def test_a_time_chooses_the_answers(self, truffle: Run) -> None:
        found = truffle("offerings", "--history", "--since", "2h", "-o", "json").json
        assert {it["outcome"] for it in found} == {"offered", "failed", "unknown-type"}
        assert len(found) == 3


class TestForARun:
    RUN = ("--instance-type", "p5.48xlarge", "--count", "1", "--days", "1")

    @pytest.fixture(autouse=True)
    def nothing_held(self, deployed: Deployed) -> None:
        deployed.collected(OHIO)

    def test_validate_shows_what_watches_know_with_its_age(self, truffle: Run) -> None:
        found = truffle("validate", *self.RUN, "--offerings")
        assert re.search(r"For sale, as found by watches \d+ min ago to 3 h ago:", found.out)
        assert "hunt in us-east-1: failed (InternalError)" in found.out
        market = truffle("validate", *self.RUN, "--offerings", "-o", "json").json["market"]
        assert [it["price_per_gpu_hour"] for it in market["offerings"]] == [36, 40, 50]

    def test_where_no_watch_asks_nothing_is_known(self, truffle: Run, deployed: Deployed) -> None:
        deployed.market = []
        found = truffle("validate", *self.RUN, "--offerings")
        assert "For sale: unknown, as no watch searches for this block" in found.out

    def test_nothing_on_sale_has_its_age(self, truffle: Run, deployed: Deployed) -> None:
        deployed.market = [answered(1)]
        out = truffle("validate", *self.RUN, "--offerings").out
        known = r"no suitable block, as found by watches \d+ min ago \(us-east-2\)"
        assert re.search(known, out)

    def test_a_recommendation_has_it_where_it_is_asked_for(self, truffle: Run) -> None:
        asked = ("recommend", "--purpose", "training", *self.RUN)
        assert "For sale" not in truffle(*asked).out
        assert truffle(*asked, "-o", "json").json["market"] is None
        assert "For sale, as found by watches" in truffle(*asked, "--source", "api").out

    def test_a_recommendation_of_an_odcr_has_no_market(self, truffle: Run) -> None:
        asked = ("recommend", "--purpose", "inference", "--source", "api", "-o", "json")
        assert truffle(*asked).json["market"] is None


class TestPython:
    def test_finds_and_history(self, api_url: str, deployed: Deployed) -> None:
        client = Truffle(api_url=api_url)
        found = client.offerings("p5*", source="api", regions="us-east-2")
        assert [find.price for find in found] == [Decimal(36), Decimal(40)]
        assert found.failures == []
        assert len(client.offering_history(since="2h")) == 3

    def test_a_recommendation_knows_the_market(self, api_url: str) -> None:
        advice = Truffle(api_url=api_url).recommend(
            "training", 1, instance_type="p5.48xlarge", count=1, source="api"
        )
        assert advice.market is not None
        assert advice.market.finds[0].price == Decimal(36)

    def test_failures_are_those_that_did_not_say_what_is_sold(self, api_url: str) -> None:
        found = Truffle(api_url=api_url).offerings(source="api")
        (failure,) = found.failures
        assert (failure.region, failure.last_success) == ("us-east-1", NOW - 3 * HOUR)
        assert "hunt: InternalError" in str(failure)

    def test_what_a_watch_has_set_itself_is_refused(self, api_url: str) -> None:
        with pytest.raises(BadArgument, match="applies only to EC2 itself"):
            Truffle(api_url=api_url).offerings("p5*", source="api", days=2)  # type: ignore[call-overload]
