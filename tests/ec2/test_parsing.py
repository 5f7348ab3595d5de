"""EC2's answers are parsed to exactly what botocore makes of them, only faster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.parsers import DEFAULT_TIMESTAMP_PARSER, EC2QueryParser, ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from tests.ec2.stubbed import SAMPLES
from tests.ec2.wire import (
    NAMESPACE,
    TIMES,
    Shape,
    answer,
    everything,
    model,
    output_of,
    values,
)
from truffle.ec2.parsing import FastEC2Parser, FastEC2ParserFactory, parse_ec2_time

BULK = (
    "DescribeCapacityReservations",
    "DescribeCapacityBlocks",
    "DescribeCapacityBlockStatus",
    "DescribeCapacityBlockOfferings",
    "DescribeInstanceTypes",
    "DescribeRegions",
)
"""The operations that truffle calls."""

ANSWERS = {
    "describe_capacity_reservations": "DescribeCapacityReservations",
    "describe_capacity_blocks": "DescribeCapacityBlocks",
    "describe_capacity_block_status": "DescribeCapacityBlockStatus",
    "describe_capacity_block_offerings": "DescribeCapacityBlockOfferings",
    "describe_capacity_block_extension_history": "DescribeCapacityBlockExtensionHistory",
    "get_capacity_reservation_usage": "GetCapacityReservationUsage",
    "describe_regions": "DescribeRegions",
}
"""The operations of the samples, by how their names begin."""

RESERVATIONS = output_of("DescribeCapacityReservations")


class AlwaysFast(FastEC2Parser):
    """Fails where the fast parser would ask botocore's."""

    def _do_parse(self, response: Any, shape: Shape) -> Any:
        return self._fast_parse(response, shape)


def plain(value: Any) -> Any:
    """Values with their types, so 1 differs from True; a time as its moment, in any UTC."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return ("time", value.utcoffset(), value.replace(tzinfo=None))
    if isinstance(value, ElementTree.Element):
        return ("element", ElementTree.tostring(value))
    return (type(value).__name__, value)


def outcome(parser: EC2QueryParser, body: bytes, shape: Shape, status: int = 200) -> Any:
    """The result of a parser, or the class and the text of its exception."""
    response = {"body": body, "headers": {}, "status_code": status, "context": {}}
    try:
        return plain(parser.parse(response, shape))
    except Exception as error:
        return (type(error), str(error))


def assert_same(body: bytes, shape: Shape = RESERVATIONS, status: int = 200) -> None:
    expected = outcome(EC2QueryParser(), body, shape, status)
    assert outcome(FastEC2Parser(), body, shape, status) == expected


def sample_names() -> list[str]:
    return sorted(path.stem for path in SAMPLES.glob("*.json") if operation_of(path.stem))


def operation_of(name: str) -> str | None:
    prefixes = [prefix for prefix in ANSWERS if name.startswith(prefix)]
    return ANSWERS[max(prefixes, key=len)] if prefixes else None


def reservation(content: str) -> bytes:
    """An answer with one reservation of this content."""
    listed = f"<capacityReservationSet><item>{content}</item></capacityReservationSet>"
    root = "DescribeCapacityReservationsResponse"
    return f"<{root}{NAMESPACE}><requestId>0a1b</requestId>{listed}</{root}>".encode()


class TestAnswers:
    def test_there_are_samples_of_every_kind(self) -> None:
        assert {operation_of(name) for name in sample_names()} == set(ANSWERS.values())
        assert len(sample_names()) == 14

    @pytest.mark.parametrize("name", sample_names())
    def test_a_sample_is_parsed_as_botocore_does(self, name: str) -> None:
        shape = output_of(str(operation_of(name)))
        value = json.loads((SAMPLES / f"{name}.json").read_text())
        value.pop("ResponseMetadata", None)

        assert_same(answer(shape, value), shape)

    @pytest.mark.parametrize("operation", BULK)
    def test_what_truffle_calls_is_parsed_the_fast_way(self, operation: str) -> None:
        shape = output_of(operation)
        body = answer(shape, everything(shape))

        expected = outcome(EC2QueryParser(), body, shape)

        assert isinstance(expected, Mapping)
        assert outcome(AlwaysFast(), body, shape) == expected

    def test_every_operation_of_ec2_is_parsed_as_botocore_does(self) -> None:
        fast, slow = FastEC2Parser(), EC2QueryParser()
        operations = [name for name in model().operation_names if output_of(name) is not None]

        different = [
            name
            for name in operations
            for shape in [output_of(name)]
            for body in [answer(shape, everything(shape))]
            if outcome(fast, body, shape) != outcome(slow, body, shape)
        ]

        assert different == []
        assert len(operations) > 600

    @pytest.mark.parametrize("operation", BULK)
    @given(data=st.data())
    def test_whatever_ec2_may_answer_is_parsed_as_botocore_does(
        self, operation: str, data: st.DataObject
    ) -> None:
        shape = output_of(operation)
        namespace = data.draw(st.sampled_from([NAMESPACE, "", ' xmlns="urn:another"']))

        assert_same(answer(shape, data.draw(values(shape)), namespace), shape)

    def test_an_operation_without_an_answer_is_parsed_as_botocore_does(self) -> None:
        assert_same(b"<R><requestId>0a1b</requestId></R>", None)

    def test_one_parser_reads_answers_of_any_namespace_and_operation(self) -> None:
        parser, slow = FastEC2Parser(), EC2QueryParser()

        for namespace in ("", NAMESPACE, ' xmlns="urn:another"', NAMESPACE):
            for operation in BULK:
                shape = output_of(operation)
                body = answer(shape, everything(shape), namespace)
                assert outcome(parser, body, shape) == outcome(slow, body, shape)


class TestUnusualAnswers:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "<unknown>1</unknown>",
            "<unknown><state>active</state></unknown>",
            "<unknown/><unknown/>",
            "<state/>",
            "<state></state>",
            "<state> active </state>",
            "<state><![CDATA[a < b]]></state>",
            "<state>a&amp;b &lt;c&gt; &#x41;&#233;</state>",
            "<state>act<!-- not this -->ive</state>",
            "<state>active<more/></state>",
            "<state one='1' two='2'>active</state>",
            "<!-- nothing --><?also nothing?>",
            "<tagSet/>",
            "<tagSet></tagSet>",
            "<tagSet><item/></tagSet>",
            "<tagSet><item><key>a</key></item>\n  <item><value>b</value></item></tagSet>",
            "<tagSet><entry><key>a</key></entry></tagSet>",
            "<commitmentInfo/>",
            "<ebsOptimized>TRUE</ebsOptimized>",
            "<ebsOptimized/>",
            "<totalInstanceCount> 8 </totalInstanceCount>",
            "<totalInstanceCount>1_000</totalInstanceCount>",
            "<x:state xmlns:x='urn:x'>active</x:state>",
            "<State>active</State>",
        ],
    )
    def test_is_parsed_the_fast_way_as_botocore_does(self, content: str) -> None:
        body = reservation(content)

        expected = outcome(EC2QueryParser(), body, RESERVATIONS)

        assert isinstance(expected, Mapping)
        assert outcome(AlwaysFast(), body, RESERVATIONS) == expected

    @pytest.mark.parametrize(
        "content",
        [
            "<state>active</state><state>failed</state>",
            "<state>active</state><x:state xmlns:x='urn:x'>failed</x:state>",
            "<tagSet><item><key>a</key></item></tagSet><tagSet><item><key>b</key></item></tagSet>",
            "<tagSet><item><key>a</key><key>b</key></item></tagSet>",
            "<commitmentInfo><committedInstanceCount>1</committedInstanceCount></commitmentInfo>"
            "<commitmentInfo><committedInstanceCount>2</committedInstanceCount></commitmentInfo>",
            "<totalInstanceCount>1</totalInstanceCount><totalInstanceCount>2</totalInstanceCount>",
            "<totalInstanceCount/>",
            "<totalInstanceCount>eight</totalInstanceCount>",
            "<startDate/>",
            "<startDate>soon</startDate>",
            "<startDate>Tue, 24 Nov 2026 11:30:00 GMT</startDate>",
            "<startDate>1795519800</startDate>",
        ],
    )
    def test_that_botocore_treats_specially_is_left_to_botocore(self, content: str) -> None:
        assert_same(reservation(content))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"not XML",
            b"<R>",
            b"<R></S>",
            b"<R>&nbsp;</R>",
            b"<R>\xff</R>",
            b"<R/><R/>",
            b"<DescribeCapacityReservationsResponse><requestId>1</requestId>"
            b"<requestId>2</requestId></DescribeCapacityReservationsResponse>",
            reservation("<state>active</state>")[:-20],
        ],
    )
    def test_that_is_not_an_answer_fails_as_it_does_with_botocore(self, body: bytes) -> None:
        assert_same(body)

    def test_that_is_not_well_formed_is_a_parser_error(self) -> None:
        body = reservation("<state>active</state>")[:-20]

        assert outcome(FastEC2Parser(), body, RESERVATIONS)[0] is ResponseParserError

    @pytest.mark.parametrize(
        "body",
        [
            b"<html><body>Sign in</body></html>",
            b"<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>",
            b"<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>",
        ],
    )
    def test_that_does_not_answer_the_call_is_not_an_empty_listing(self, body: bytes) -> None:
        assert outcome(FastEC2Parser(), body, RESERVATIONS)[0] is ResponseParserError

    @given(data=st.data())
    def test_that_was_damaged_on_its_way_is_what_it_is_with_botocore(
        self, data: st.DataObject
    ) -> None:
        body = answer(RESERVATIONS, data.draw(values(RESERVATIONS)))
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 8)))
        damage = data.draw(st.binary(max_size=3) | st.sampled_from([b"<a>", b"</a>", b"<item/>"]))

        assert_same(body[:start] + damage + body[end:])


class TestErrors:
    @pytest.mark.parametrize("status", [400, 403, 500, 503])
    @pytest.mark.parametrize(
        "body",
        [
            b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Slow &amp; steady"
            b"</Message></Error></Errors><RequestID>0a1b</RequestID></Response>",
            b"<Response><Errors/></Response>",
            b"<html>busy</html>",
            b"",
        ],
    )
    def test_are_parsed_as_botocore_does(self, body: bytes, status: int) -> None:
        assert_same(body, status=status)

    @pytest.mark.parametrize(
        "body", [b"busy", b"<!DOCTYPE html><html><br></html>", b"<HTML xmlns='x'>busy</HTML>"]
    )
    def test_without_a_document_of_ec2s_have_their_status_as_code(self, body: bytes) -> None:
        """botocore takes only ``<html>`` for a proxy's page; what it cannot read is not retried."""
        found = outcome(FastEC2Parser(), body, RESERVATIONS, 503)

        assert found["Error"] == plain({"Code": "503", "Message": "Service Unavailable"})

    def test_of_the_request_without_a_document_are_what_they_are_with_botocore(self) -> None:
        assert_same(b"not here", status=404)


class TestTimes:
    @given(text=TIMES)
    def test_ec2s_own_format_is_the_same_moment_in_utc(self, text: str) -> None:
        parsed = parse_ec2_time(text)

        assert parsed == DEFAULT_TIMESTAMP_PARSER(text)
        assert str(parsed.tzinfo) == "UTC"

    @given(
        text=st.text("0123456789-:.,+TZWtz ", min_size=1, max_size=26)
        | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", fullmatch=True)
        | st.from_regex(r"[12]\d{3}-W\d\d-\dT\d\d:\d\d:\d\dZ", fullmatch=True)
    )
    def test_any_other_text_is_what_botocore_makes_of_it(self, text: str) -> None:
        def made(parse: Any) -> Any:
            try:
                return plain(parse(text))
            except Exception as error:
                return type(error)

        assert made(parse_ec2_time) == made(DEFAULT_TIMESTAMP_PARSER)


class TestTheFactory:
    def test_gives_the_fast_parser_for_ec2_only(self) -> None:
        factory = FastEC2ParserFactory()

        assert isinstance(factory.create_parser("ec2"), FastEC2Parser)
        assert not isinstance(factory.create_parser("query"), FastEC2Parser)

    def test_gives_every_answer_the_same_parser_which_knows_the_shapes(self) -> None:
        factory = FastEC2ParserFactory()

        assert factory.create_parser("ec2") is factory.create_parser("ec2")
