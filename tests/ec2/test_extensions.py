"""Whether a capacity block can be extended, according to EC2."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from tests.ec2.stubbed import a_client
from truffle.ec2.extensions import ExtensionCheck, ask_for_extension

OPERATION = "describe_capacity_block_extension_offerings"
ASKED = {"CapacityReservationId": "cr-1", "CapacityBlockExtensionDurationHours": 24}
OFFERED = {"CapacityBlockExtensionOfferings": [{"CapacityBlockExtensionOfferingId": "cbe-1"}]}


def answer_to(*pages: Any) -> ExtensionCheck:
    client = a_client()
    with Stubber(client) as stub:
        for number, page in enumerate(pages):
            token = {"NextToken": f"page-{number}"} if number else {}
            stub.add_response(OPERATION, page, ASKED | token)
        answer = ask_for_extension(client, "cr-1")
        stub.assert_no_pending_responses()
    return answer


def test_an_offering_is_one() -> None:
    assert answer_to(OFFERED | {"NextToken": "page-1"}) == ExtensionCheck(True)


def test_no_offering_on_any_page_is_none() -> None:
    empty: dict[str, Any] = {"CapacityBlockExtensionOfferings": []}
    assert answer_to(empty | {"NextToken": "page-1"}, empty) == ExtensionCheck(False)


@pytest.mark.parametrize("code", ["CapacityBlockDescribeLimitExceeded", "UnauthorizedOperation"])
def test_a_refusal_is_an_answer_with_its_code(code: str) -> None:
    client = a_client()
    with Stubber(client) as stub:
        stub.add_client_error(OPERATION, code)
        assert ask_for_extension(client, "cr-1") == ExtensionCheck(None, code)
