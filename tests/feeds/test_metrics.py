"""Metrics against sums that are written another way, read by the client's own parser."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from tests.effort import examples
from tests.strategies import whole_reservations
from truffle.core.model import Health, Reservation
from truffle.core.organization import Labels
from truffle.core.pricing import PriceBook
from truffle.feeds.inputs import MetricsInput, ScopeState
from truffle.feeds.metrics import NAMES, metrics

DASHBOARD = Path(__file__).parent.parent.parent / "dashboards" / "grafana.json"

Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples(*rows: Reservation, **facts: object) -> Samples:
    given = {"rows": rows, "scopes": (), "now": NOON, "prices": PriceBook(), **facts}
    found: Samples = defaultdict(list)
    for family in text_string_to_metric_families(metrics(MetricsInput(**given)).decode()):  # type: ignore[arg-type, no-untyped-call]
        assert family.name in NAMES
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    return found


def total(found: Samples, name: str) -> float:
    return sum(value for _, value in found[f"truffle_{name}"])


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(whole_reservations, max_size=8, unique_by=lambda row: row.reservation_id))
def test_the_metrics_add_up_to_the_rows(rows: list[Reservation]) -> None:
    found = samples(*rows)
    active = [row for row in rows if row.state == "active"]
    assert total(found, "reservations") == len(rows)
    assert total(found, "reservation_instances") == sum(row.size or 0 for row in rows)
    assert total(found, "reservation_used_instances") == sum(
        row.used_capacity or 0 for row in active
    )
    assert total(found, "reservation_idle_instances") == sum(
        row.available_capacity or 0 for row in active
    )
    assert total(found, "reservations_of_unknown_size") == sum(row.size is None for row in rows)


def test_the_labels_say_what_it_is() -> None:
    [(labels, value)] = samples(an_odcr())["truffle_reservation_accelerators"]
    assert value == 64
    assert labels == {
        "type": "odcr",
        "state": "active",
        "instance_type": "p4d.24xlarge",
        "accelerator": "A100",
        "region": "us-east-2",
        "account_id": "123456789012",
    }


def test_idle_capacity_costs_where_a_price_is_known() -> None:
    rows = an_odcr("cr-1"), an_odcr("cr-2", instance_type="p5.48xlarge")
    found = samples(*rows, prices=PriceBook({"p4d*": 10.0}))
    assert total(found, "reservation_idle_usd_per_hour") == 30
    assert total(found, "reservation_idle_unpriced_instances") == 3


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(an_odcr(total_capacity=None, available_capacity=None))
    assert found["truffle_reservation_instances"] == []
    assert total(found, "reservations_of_unknown_size") == 1


def test_ids_are_labels_where_they_are_asked_for() -> None:
    row = a_block("cr-1", end_date=NOON + DAY, start_date=NOON)
    assert "truffle_block_effective_end_timestamp_seconds" not in samples(row)
    [(labels, value)] = samples(row, by_reservation=True)[
        "truffle_block_effective_end_timestamp_seconds"
    ]
    assert (labels["reservation_id"], value) == ("cr-1", (NOON + DAY - HOUR / 2).timestamp())


def test_unhealthy_blocks_are_counted() -> None:
    sick = a_block("cr-1", state="active", health=Health("impaired", 0))
    assert total(samples(sick, a_block("cr-2", state="active")), "block_unhealthy") == 1


def test_each_scope_has_its_age_and_success() -> None:
    scopes = [
        ScopeState("1", "us-east-1", True, NOON - HOUR),
        ScopeState("1", "us-east-2", False, None),
    ]
    found = samples(scopes=scopes)
    assert [value for _, value in found["truffle_scope_success"]] == [1, 0]
    assert found["truffle_scope_data_age_seconds"] == [
        ({"account_id": "1", "region": "us-east-1"}, 3600)
    ]


def test_names_of_accounts_are_a_metric_of_their_own() -> None:
    named = Labels("research-one", "Research")
    scopes = [
        ScopeState("1", "us-east-1", True, NOON, named),
        ScopeState("1", "us-east-2", True, NOON, named),
        ScopeState("2", "us-east-1", True, NOON),
    ]
    assert samples(scopes=scopes)["truffle_account_info"] == [
        ({"account_id": "1", "account_name": "research-one", "organizational_unit": "Research"}, 1)
    ]


def test_the_same_rows_make_the_same_text_in_whatever_order_they_come() -> None:
    rows: list[Reservation] = [
        an_odcr("cr-1"),
        a_block("cr-2"),
        an_odcr("cr-3", region="eu-west-1"),
    ]
    assert metrics(MetricsInput(rows, (), NOON, PriceBook())) == metrics(
        MetricsInput(rows[::-1], (), NOON, PriceBook())
    )


def test_a_label_cannot_end_its_line() -> None:
    found = samples(an_odcr(instance_type='p5"} 7\nevil 1', accelerator=None))
    assert found["truffle_reservations"][0][0]["instance_type"] == 'p5"} 7\nevil 1'


def test_every_query_of_the_dashboard_names_metrics_that_exist() -> None:
    queries = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", [])
    ]
    named = {name for query in queries for name in re.findall(r"truffle_\w+", query)}
    assert len(queries) >= 10
    assert named <= NAMES
    assert NAMES - named == {"truffle_reservations", "truffle_reservations_of_unknown_size"} & NAMES


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
