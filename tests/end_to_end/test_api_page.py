"""The API page's requests, asked with this machine's curl, signatures, and the open feed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.box import Sandbox
from tests.end_to_end.conftest import restore, rows
from truffle import Truffle

PAGE = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text()
ASK = re.search(r"^ask\(\) \{\n.*?^\}\n", PAGE, re.DOTALL | re.MULTILINE)
QUESTIONS = re.findall(r'^ask "(.*?)"', PAGE, re.MULTILINE)

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(autouse=True, scope="module")
def healthy(box: Sandbox) -> None:
    """Once for all tests here: they ask, and change nothing."""
    restore(box)


def answered(box: Sandbox, question: str, **environment: str) -> tuple[int, Any]:
    """Status and JSON of one of the page's lines, run by bash; the text if it is not JSON."""
    assert ASK is not None
    ask = ASK[0].replace("curl ", "curl --write-out '\\n%{http_code}' ")
    done = subprocess.run(
        ["bash", "-c", f'{ask}ask "{question}"'],
        env={"PATH": os.environ["PATH"], **box.environment(), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body.startswith("{") else body


@needs_curl
def test_every_question_of_the_readme_is_answered(box: Sandbox) -> None:
    known = rows(box)[0]["reservation_id"]
    moment = quote(f"{box.now():%Y-%m-%dT%H:%M:%SZ}", safe="")
    asked = [
        re.sub("as_of=[^&]+", f"as_of={moment}", re.sub(r"cr-[0-9a-f]+", known, question))
        for question in QUESTIONS
    ]
    assert len(asked) >= 8
    assert {question: answered(box, question)[0] for question in asked} == dict.fromkeys(asked, 200)


@needs_curl
def test_a_wrong_secret_is_refused(box: Sandbox) -> None:
    assert answered(box, "status", AWS_SECRET_ACCESS_KEY="WRONG")[0] == 403


@needs_curl
def test_temporary_credentials_are_taken_with_their_token_alone(box: Sandbox) -> None:
    temporary = box.client("sts").get_session_token()["Credentials"]
    key = {
        "AWS_ACCESS_KEY_ID": temporary["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": temporary["SecretAccessKey"],
    }
    assert answered(box, "status", **key, AWS_SESSION_TOKEN=temporary["SessionToken"])[0] == 200
    assert answered(box, "status", **key)[0] == 403


def signed(box: Sandbox, query: str, secret: str = "test", sent: str | None = None) -> int:
    """The status of a request, signed by botocore; ``sent`` is another query than was signed."""
    request = AWSRequest("GET", f"{box.api_url}/odcrs?{query}")
    SigV4Auth(Credentials("test", secret), "execute-api", "us-east-1").add_auth(request)
    url = f"{box.api_url}/odcrs?{query if sent is None else sent}"
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url, headers=dict(request.headers.items()))) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_the_signature_of_a_request_is_verified(box: Sandbox) -> None:
    query = "instance_type=p5%2A&limit=1"
    assert signed(box, query) == 200
    assert signed(box, query, secret="WRONG") == 403
    assert signed(box, query, sent="instance_type=p5%2A&limit=2") == 403


def test_signed_parameters_may_come_in_any_order(box: Sandbox) -> None:
    assert signed(box, "limit=1&region=us-east-1", sent="region=us-east-1&limit=1") == 200


def test_the_client_signs_whatever_is_asked_for(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)
    asked = {"Team": "a b+c/d~e%20&f=ü*"}
    assert Truffle(api_url=box.api_url).capacity(tags=asked) == []


def test_the_calendar_feed_is_open_to_its_secret_alone(box: Sandbox) -> None:
    secrets = box.client("secretsmanager")
    token = secrets.get_secret_value(SecretId="truffle/calendar-feed")["SecretString"]
    read = {it: unsigned(box, f"calendar-feed.ics?token={it}") for it in (token, token[::-1])}
    assert read[token].startswith("BEGIN:VCALENDAR")
    assert read[token[::-1]] == "403"


def unsigned(box: Sandbox, question: str) -> str:
    """The body of a request without a signature, or the status of one that was refused."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{box.api_url}/{question}", timeout=60) as response:
            return str(response.read().decode())
    except HTTPError as refused:
        return str(refused.code)
