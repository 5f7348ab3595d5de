"""An event as SNS publishes it: JSON for machines, prose for e-mail, attributes to filter on."""

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_block, a_scope_event, an_event
from tests.strategies import hostile_texts
from truffle.core.events import from_message, message_attributes, to_message
from truffle.messages import email
from truffle.messages.card import event_card
from truffle.messages.sns import publication

TOPIC = "arn:aws:sns:us-east-1:123456789012:truffle"
MOST_BYTES = 256 * 1024


def test_machines_get_the_message_and_people_the_prose() -> None:
    event = an_event()

    shown = json.loads(publication(event)["Message"])

    assert shown.keys() == {"default", "email"}
    assert json.loads(shown["default"]) == to_message(event)
    assert shown["email"] == email.text(event_card(event))


def test_the_message_reads_back_as_the_event() -> None:
    shown = json.loads(publication(an_event())["Message"])

    assert from_message(json.loads(shown["default"])) == an_event()


def test_the_subject_is_the_e_mails() -> None:
    assert publication(an_event())["Subject"] == email.subject(event_card(an_event()))


@pytest.mark.parametrize("event", [an_event(), a_scope_event()], ids=["reservation", "scope"])
def test_the_attributes_are_strings_and_those_of_the_event(event: Any) -> None:
    attributes = publication(event)["MessageAttributes"]

    assert {name: value["StringValue"] for name, value in attributes.items()} == (
        message_attributes(event)
    )
    assert {value["DataType"] for value in attributes.values()} == {"String"}


def test_sns_takes_it_as_it_is() -> None:
    client = boto3.client(
        "sns", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    stubber = Stubber(client)
    stubber.add_response("publish", {"MessageId": "1"})
    stubber.activate()

    assert client.publish(TopicArn=TOPIC, **publication(an_event()))["MessageId"] == "1"


def size(publication: dict[str, Any]) -> int:
    """The size that SNS counts: the message and its attributes, in bytes."""
    attributes = [
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in publication["MessageAttributes"].items()
    ]
    return len(publication["Message"].encode()) + sum(attributes)


@pytest.mark.parametrize("character", ["😀", '"', "\\", "\x01", "é"])
def test_a_reservation_with_all_the_tags_that_ec2_allows_fits_in_a_message(character: str) -> None:
    """50 tags with keys of 128 and values of 256 characters."""
    tags = {f"{number:02}{character * 126}": character * 256 for number in range(50)}
    row = a_block(tags={**tags, "Name": character * 256})

    assert size(publication(an_event(row))) < MOST_BYTES


@given(
    hostile_texts,
    st.dictionaries(hostile_texts.map(lambda it: it[:128]), hostile_texts.map(lambda it: it[:256])),
)
def test_any_texts_come_through_unchanged(reason: str, tags: dict[str, str]) -> None:
    event = an_event(a_block(tags=tags), reason=reason)

    shown = json.loads(publication(event)["Message"])

    assert from_message(json.loads(shown["default"])) == event
