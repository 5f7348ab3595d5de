"""The MCP server, as the SDK's own client sees it."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from sandbox.ec2.faults import FaultKind
from tests.builders import HOME, OHIO, an_event
from tests.builders import an_odcr as odcr_row
from tests.cli.conftest import variables
from tests.cli.deployed import Deployed
from tests.core.market.builders import a_question, an_answer, an_offering
from tests.sandbox.worlds import World, a_block, an_odcr
from truffle import Truffle
from truffle.agents import MOST, server_of
from truffle.core.market.answers import Outcome
from truffle.core.model import Scope
from truffle.core.spans import Span


def call(client: Truffle, name: str, **arguments: Any) -> Any:
    """The structured answer of a tool; its text where it is an error."""

    async def asked() -> Any:
        async with Client(server_of(client)) as agent:
            found = await agent.call_tool(name, arguments)
            return found.content[0].text if found.is_error else found.structured_content  # type: ignore[union-attr]

    return asyncio.run(asked())


def tools(client: Truffle) -> dict[str, Any]:
    async def asked() -> Any:
        async with Client(server_of(client)) as agent:
            return (await agent.list_tools()).tools

    return {tool.name: tool for tool in asyncio.run(asked())}


def test_every_tool_reads_and_has_typed_results(world: World, api_url: str) -> None:
    found = tools(Truffle(api_url=api_url))
    of_stack = {"usage", "events", "status"}
    assert set(found) == {"capacity", "reservation", "offerings", "validate"} | of_stack
    for tool in found.values():
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert "collection" in tool.output_schema["properties"]
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description


def test_live_there_are_no_tools_that_need_a_stack(world: World) -> None:
    assert set(tools(Truffle())) == {"capacity", "reservation", "offerings", "validate"}


def test_capacity_names_the_failed_regions(world: World) -> None:
    world.has(an_odcr(1), a_block(2))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    found = call(Truffle(), "capacity")
    assert found["count"] == 2
    assert found["collection"]["complete"] is False
    assert [scope["region"] for scope in found["collection"]["failed_scopes"]] == ["eu-west-1"]


def test_a_long_list_is_cut_and_says_so(world: World) -> None:
    world.has(*[an_odcr(number) for number in range(5)])
    found = call(Truffle(), "capacity", limit=2)
    assert (len(found["items"]), found["count"], found["truncated"]) == (2, 5, True)


@pytest.mark.parametrize("limit", [0, MOST + 1])
def test_an_unbounded_answer_is_refused(world: World, limit: int) -> None:
    assert "limit" in call(Truffle(), "capacity", limit=limit)


def test_a_wrong_argument_is_named_with_what_is_allowed(world: World) -> None:
    assert "Did you mean us-east-1" in call(Truffle(), "capacity", regions=["us-esat-1"])


def test_an_unknown_argument_is_refused_by_name(world: World) -> None:
    assert "kind" in call(Truffle(), "capacity", kind="block")


def test_validate_says_what_fits_and_which_regions_failed(world: World) -> None:
    world.has(a_block(2))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    found = call(Truffle(), "validate", instance_type="p5.48xlarge", count=4, days=0.5)
    assert found["answer"]["ok"] is True
    assert found["collection"]["failed"] == 1


def test_one_reservation_is_shown_and_an_unknown_one_named(world: World) -> None:
    world.has(an_odcr(1))
    name = f"cr-{1:017x}"
    assert call(Truffle(), "reservation", reservation_id=name)["answer"]["reservation_id"] == name
    assert "was not found in" in call(Truffle(), "reservation", reservation_id="cr-0000")


def test_the_stack_says_what_happened_and_how_old_it_is(deployed: Deployed, api_url: str) -> None:
    deployed.collected(OHIO, odcr_row("cr-1"))
    deployed.failed(Scope(HOME, "eu-west-1"), "Throttled")
    deployed.events = [an_event(observed_at=deployed.clock())]
    client = Truffle(api_url=api_url)
    found = call(client, "events")
    assert [event["type"] for event in found["items"]] == ["state_changed"]
    assert found["collection"]["failed"] == 1
    assert call(client, "status")["answer"]["totals"]["scopes"] == 2


def test_offerings_of_a_stack_are_what_its_watches_found(deployed: Deployed, api_url: str) -> None:
    question = a_question(count=8, duration_hours=24)
    offered, now = an_offering(40), deployed.clock()
    deployed.market = [
        an_answer(offered, at=now - timedelta(hours=1), question=question),
        an_answer(
            outcome=Outcome.FAILED, region="us-east-1", question=question, code="InternalError"
        ),
    ]
    client = Truffle(api_url=api_url)

    found = call(client, "offerings", instance_type="p5.48xlarge", count=8, days=1)
    assert [item["offering_id"] for item in found["items"]] == [offered.offering_id]
    assert found["items"][0]["observed_at"] == found["collection"]["observed_at"]
    assert [it["region"] for it in found["collection"]["failed_scopes"]] == ["us-east-1"]

    other = call(client, "offerings", instance_type="p5en.48xlarge", days=1)
    assert other["items"] == []
    assert other["collection"]["warnings"] == [
        "No watch searches for this block, so whether it is for sale is unknown."
    ]


def test_without_a_stack_offerings_are_live(world: World) -> None:
    offer = {
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": "us-east-2a",
        "Count": 8,
        "FirstStart": "+1d@11:30",
        "HourlyPrice": "31.464",
    }
    world.has(Market=[offer])
    found = call(Truffle(), "offerings", instance_type="p5.48xlarge", days=1)
    assert {item["region"] for item in found["items"]} == {"us-east-2"}
    refused = call(Truffle(), "offerings", instance_type="p5.48xlarge", days=1, source="stack")
    assert "TRUFFLE_API_URL" in refused or "api_url" in refused


def test_usage_is_added_up_and_what_is_missing_named(deployed: Deployed, api_url: str) -> None:
    deployed.collected(OHIO, odcr_row("cr-1"))
    end = deployed.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    row = odcr_row("cr-1", total_capacity=4, available_capacity=1)
    deployed.spans = [Span(row, end - timedelta(hours=10), end)]
    found = call(Truffle(api_url=api_url), "usage", since="2d", by=["region"])
    (item,) = found["items"]
    assert (item["reserved_hours"], item["idle_hours"]) == (40, 10)
    assert item["group"] == {"region": "us-east-2"}
    assert item["reserved_cost"] is None
    assert found["collection"]["complete"] is True


def test_the_command_speaks_the_protocol_on_stdio(world: World) -> None:
    world.has(an_odcr(1))
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "truffle", "mcp"], env=variables(world.url)
    )

    async def asked() -> Any:
        async with Client(command) as agent:
            return await agent.call_tool("capacity", {"regions": ["us-east-2"]})

    assert asyncio.run(asked()).structured_content["count"] == 1
