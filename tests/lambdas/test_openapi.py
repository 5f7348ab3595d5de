"""The description of the API is valid, complete, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate as validate_document
from openapi_spec_validator.versions import OPENAPIV31, get_spec_version

from lambdas.alert_settings import FILE_VARIABLE
from lambdas.api.openapi import document
from lambdas.clients import service
from lambdas.routes.request import app
from lambdas.settings import QuerySettings
from lambdas.store.beside import BesideStore
from lambdas.store.events import event_item
from lambdas.store.fleets import NOTHING_STORED, FleetStore
from lambdas.store.placements import PlacementStore, ScopePlacements
from lambdas.store.runs import RunStore
from lambdas.store.stranded import StrandedResult, StrandedStore
from tests.builders import (
    HOUR,
    NOON,
    OHIO,
    OTHER,
    a_block,
    a_run,
    an_event,
    an_odcr,
    an_on_demand_instance,
)
from tests.core.market.builders import an_answer, an_offering, in_parts
from tests.lambdas.api import Answer, ask
from tests.lambdas.aws import FEED_TOKEN, Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.markets import watched
from tests.lambdas.query.builders import Api, inventory_of
from tests.strategies import inventories
from truffle.core import parameters
from truffle.core.codec import FIELD_NAMES
from truffle.core.fleet_watch import FleetError, ScopeFleets, Shortfall
from truffle.core.fleets import CapacityFleet, FleetMember
from truffle.core.market.answers import Outcome
from truffle.core.market.queries import HISTORY, OFFERINGS
from truffle.core.model import Health, Reservation, Scope
from truffle.core.parameters import Parameter
from truffle.core.stranded import stranded
from truffle.core.topology import Placement

Json = dict[str, Any]


def operations() -> Mapping[str, Json]:
    """The operation of every path; each has one."""
    paths = {path: list(item.values()) for path, item in document()["paths"].items()}
    assert all(len(found) == 1 for found in paths.values())
    return {path: found[0] for path, found in paths.items()}


def method_of(path: str) -> str:
    (method,) = document()["paths"][path]
    return str(method).upper()


def schema_of(path: str, status: int) -> tuple[str, Json]:
    """The content type and the schema of a described answer."""
    ((content_type, content),) = operations()[path]["responses"][str(status)]["content"].items()
    return content_type, content["schema"]


def errors_of(value: Any, schema: Json) -> list[str]:
    """The deviations of a value from its schema, including references to the document."""
    whole = {**schema, "components": document()["components"]}
    found = Draft202012Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def assert_described(answer: Answer, path: str) -> None:
    """That an answer is one that the document describes."""
    content_type, schema = schema_of(path, answer.status)
    assert answer.content_type.partition(";")[0] == content_type
    assert errors_of(answer.text if answer.body is None else answer.body, schema) == []


# --- valid ---------------------------------------------------------------------------------------


def test_the_document_is_valid_openapi_3_1() -> None:
    assert get_spec_version(document()) == OPENAPIV31
    validate_document(document())


def test_the_document_is_json() -> None:
    assert json.loads(json.dumps(document())) == document()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names) == 25
    assert all(re.fullmatch("(get|post)[A-Z][A-Za-z]+", name) for name in names)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(document())
    referenced = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert referenced == set(document()["components"]["schemas"])


def test_every_call_has_to_be_signed() -> None:
    assert document()["security"] == [{"sigv4": []}]
    assert all("403" in operation["responses"] for operation in operations().values())


# --- complete ------------------------------------------------------------------------------------


def routes() -> Iterator[tuple[str, str]]:
    """The methods and routes of the function, as the document writes paths."""
    for route in app._static_routes + app._dynamic_routes:
        yield route.method, re.sub(r"<\w+>", "{id}", route.path)


def test_the_document_has_the_functions_routes_and_no_others() -> None:
    assert sorted(routes()) == sorted((method_of(path), path) for path in operations())


TAKEN: Mapping[str, tuple[Parameter, ...]] = {
    "/reservations": parameters.LIST,
    "/odcrs": parameters.list_of("odcr"),
    "/capacity-blocks": parameters.list_of("capacity-block"),
    "/training-plans": parameters.list_of("training-plan"),
    "/db-capacity-reservations": parameters.list_of("db-capacity-reservation"),
    "/reservations/{id}": parameters.ONE,
    "/summary": parameters.SUMMARY,
    "/prices": parameters.PRICES,
    "/stranded": parameters.STRANDED,
    "/usage": parameters.USAGE,
    "/offerings": OFFERINGS,
    "/offerings/history": HISTORY,
    "/events": parameters.EVENTS,
    "/status": parameters.STATUS,
    "/fleets": parameters.FLEETS,
    "/topology": parameters.TOPOLOGY,
    "/validate": parameters.VALIDATE,
    "/report": parameters.FILTERS,
    "/calendar.ics": parameters.FILTERS,
    "/calendar-feed.ics": parameters.CALENDAR_FEED,
    "/metrics": parameters.METRICS,
    "/alerts/explain": parameters.EXPLAIN,
    "/alerts/test": parameters.TEST,
    "/alerts/republish": parameters.REPUBLISH,
    "/openapi.json": (),
}


@pytest.mark.parametrize("path", TAKEN)
def test_a_path_describes_the_parameters_that_it_takes(path: str) -> None:
    described = [it for it in operations()[path].get("parameters", ()) if it["in"] == "query"]
    assert [(it["name"], it["required"]) for it in described] == [
        (parameter.name, parameter.required) for parameter in TAKEN[path]
    ]


@pytest.mark.parametrize("path", TAKEN)
def test_a_path_takes_the_parameters_that_it_describes(
    path: str, stack: Stack, deploy: Callable[..., None]
) -> None:
    stack.stranded = "on"
    deploy(QuerySettings)
    for parameter in TAKEN[path]:
        answer = ask(path, f"{parameter.name}=%00", method_of(path))
        refused = answer.status == 400 and answer.body["parameter"] == parameter.name
        required_first = answer.status == 400 and "required" in answer.body["allowed"]
        assert refused or required_first, parameter.name


@pytest.mark.parametrize("path", TAKEN)
def test_a_parameter_of_several_values_is_described_as_a_comma_separated_list(path: str) -> None:
    for described, parameter in zip(
        operations()[path].get("parameters", ()), TAKEN[path], strict=False
    ):
        is_list = described["schema"].get("type") == "array"
        assert is_list == parameter.many
        assert (described.get("style"), described.get("explode")) == (
            ("form", False) if parameter.many else (None, None)
        )


@pytest.mark.parametrize("name", ["Odcr", "CapacityBlock"])
def test_a_reservations_schema_has_every_field_and_requires_it(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    assert tuple(schema["properties"]) == tuple(schema["required"]) == FIELD_NAMES[name]


# --- true ----------------------------------------------------------------------------------------

EVENT_ID = an_event().event_id
REAL = {
    "/reservations": ["/reservations", "/reservations?limit=1", "/reservations?state=none"],
    "/odcrs": ["/odcrs"],
    "/capacity-blocks": ["/capacity-blocks"],
    "/training-plans": ["/training-plans"],
    "/db-capacity-reservations": ["/db-capacity-reservations"],
    "/reservations/{id}": ["/reservations/cr-a", "/reservations/cr-b", "/reservations/cr-gone"],
    "/summary": ["/summary", "/summary?state=none"],
    "/prices": ["/prices", "/prices?type=odcr"],
    "/stranded": ["/stranded"],
    "/usage": ["/usage", "/usage?interval=total&by=owner,tag:Team"],
    "/offerings": ["/offerings", "/offerings?limit=1", "/offerings?since=2026-11-20&watch=hunt"],
    "/offerings/history": ["/offerings/history", "/offerings/history?limit=1"],
    "/events": ["/events", "/events?limit=1", "/events?severity=warning"],
    "/status": ["/status", "/status?state=failed", "/status?limit=1"],
    "/fleets": ["/fleets", "/fleets?limit=1"],
    "/topology": ["/topology", "/topology?instance_type=p5*"],
    "/validate": [
        "/validate?instance_type=p5.48xlarge&count=8&days=7",
        "/validate?instance_type=p5.48xlarge&count=99&days=2.5&start_by=2026-12-01",
        "/validate?instance_type=p4d.24xlarge&count=1&days=1",
        "/validate?instance_type=m7i.large&count=1&days=1",
    ],
    "/report": ["/report", "/report?type=odcr"],
    "/calendar.ics": ["/calendar.ics"],
    "/calendar-feed.ics": [f"/calendar-feed.ics?token={FEED_TOKEN}"],
    "/metrics": ["/metrics", "/metrics?by=reservation"],
    "/alerts/explain": [f"/alerts/explain?event_id={EVENT_ID}"],
    "/alerts/test": ["/alerts/test?route=all"],
    "/alerts/republish": ["/alerts/republish?since=2026-11-24"],
    "/openapi.json": ["/openapi.json"],
}


A_FLEET = CapacityFleet(
    fleet_id="crf-1",
    region="us-east-2",
    state="active",
    target_capacity=20,
    members=(FleetMember(reservation_id="cr-a", instance_type="p5.48xlarge"),),
)
ALERTS = {
    "destinations": {"oncall": {"kind": "slack", "secret": "truffle/slack"}},
    "routes": [{"name": "all", "to": ["oncall"]}],
}


@pytest.fixture
def api(
    stack: Stack,
    deploy: Callable[..., None],
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Api:
    """A scope with a history, one that fails, runs in every state, an alert and its route."""
    (tmp_path / "alerts.json").write_text(json.dumps(ALERTS))
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "alerts.json"))
    stack.destination("oncall")
    stack.stranded = "on"
    deploy(QuerySettings)
    service("dynamodb").put_item(TableName=stack.table, Item=event_item(an_event(), 400))
    api = Api(stack, clock)
    api.collects(an_odcr("cr-a"), an_odcr("cr-gone"), a_block("cr-b"))
    clock.advance(HOUR)
    health = Health("impaired", 1)
    api.collects(an_odcr("cr-a", state="expired"), a_block("cr-b", state="active", health=health))
    api.fails(Scope(OTHER, "eu-west-1"))
    watched(stack, an_answer(an_offering(), in_parts(), at=clock()))
    failed = an_answer(at=clock(), outcome=Outcome.FAILED, region="us-east-1", code="InternalError")
    watched(stack, failed)
    known = ScopeFleets((A_FLEET,), {"crf-1": Shortfall(NOON)}, FleetError("Throttling", NOON))
    FleetStore(BesideStore(stack.scopes.groups)).write(OHIO, NOTHING_STORED, known, [])
    placed = Placement(reservation_id="cr-a", region="us-east-2", network_nodes=("nn-1", "nn-2"))
    placements = ScopePlacements(frozenset({"cr-a"}), (placed,), NOON, "Throttling", NOON)
    PlacementStore(BesideStore(stack.scopes.groups)).write(OHIO, placements)
    beside = stranded([an_odcr("cr-a", available_capacity=2)], [an_on_demand_instance()])
    found = StrandedStore(service("dynamodb"), stack.table)
    found.write(StrandedResult(OHIO, clock(), tuple(beside)))
    found.write(StrandedResult(Scope(OTHER, "eu-west-1"), clock(), error="Denied", message="No."))
    runs = RunStore(service("dynamodb"), stack.table)
    runs.open(a_run(run_id="open", pending=frozenset({"us-east-1"})))
    finished = runs.open(a_run(run_id="finished", pending=frozenset({"us-east-1"})))
    runs.finish(replace(finished, succeeded=1, failed=1), clock())
    return api


def test_every_path_is_asked() -> None:
    assert set(REAL) == set(operations())


def test_real_answers_are_as_described(api: Api, subtests: pytest.Subtests) -> None:
    for path, asked in [(path, one) for path, several in REAL.items() for one in several]:
        with subtests.test(asked):
            name, _, raw_query = asked.partition("?")
            answer = ask(name, raw_query, method_of(path))
            assert answer.status == 200
            assert_described(answer, path)


@pytest.mark.parametrize("path", REAL)
def test_a_refusal_is_as_described(path: str) -> None:
    answer = ask(path.replace("{id}", "cr-a"), method=method_of(path), colour="red")
    assert answer.status == 400
    assert_described(answer, path)


UNKNOWN = {
    "/reservations/{id}": "/reservations/cr-unknown",
    "/alerts/explain": f"/alerts/explain?event_id={'0' * 32}",
    **{
        path: f"{path}?as_of=2020-01-01"
        for path in (
            *("/reservations", "/odcrs", "/capacity-blocks", "/training-plans"),
            "/db-capacity-reservations",
            *("/summary", "/status"),
        )
    },
}


def test_every_path_that_may_know_nothing_is_asked_for_that() -> None:
    optional = {"/calendar-feed.ics"}
    found = {path for path, it in operations().items() if "404" in it["responses"]}
    assert found == set(UNKNOWN) | optional


def test_an_unknown_id_or_time_is_answered_as_described(
    api: Api, subtests: pytest.Subtests
) -> None:
    for path, asked in UNKNOWN.items():
        with subtests.test(asked):
            answer = ask(*asked.split("?"))
            assert answer.status == 404
            assert_described(answer, path)


@given(rows=inventories)
def test_any_inventory_is_answered_as_described(rows: list[Reservation]) -> None:
    with inventory_of(rows):
        assert_described(ask("/reservations"), "/reservations")
        assert_described(ask("/summary"), "/summary")


def test_the_document_that_is_served_is_the_document(
    stack: Stack, deploy: Callable[..., None]
) -> None:
    deploy(QuerySettings)
    assert ask("/openapi.json").body == document()


def test_the_routes_of_alerts_are_those_of_the_stack(api: Api) -> None:
    assert ask("/openapi.json").body == document(("all",))
    (route,) = document(("all", "night"))["paths"]["/alerts/test"]["post"]["parameters"]
    assert route["schema"] == {"type": "string", "enum": ["all", "night"]}


def test_what_is_not_as_described_is_found() -> None:
    _, schema = schema_of("/reservations", 200)
    assert errors_of({"items": [{"reservation_id": 7}]}, schema)
