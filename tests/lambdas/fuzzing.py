"""Schemathesis, started as its command line, and the hooks that it loads there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from sys import executable
from typing import Any

import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase

ROOT = Path(__file__).resolve().parent.parent.parent
SIGNING_REGION = "FUZZING_SIGNING_REGION"
"""The variable that makes every request signed, with the credentials of the environment."""

NOT_CHECKED = "missing_required_header"
"""It wants 401 for unsigned requests, to which API Gateway answers 403."""


def fuzz(
    document: str, folder: Path, arguments: Sequence[str], environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """The findings of schemathesis for the API of a document, run in a folder."""
    return subprocess.run(
        [
            *(executable, "-m", "schemathesis.cli", "run", document, *arguments),
            *("--checks", "all", "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--suppress-health-check", "all"),
        ],
        cwd=folder,
        env={
            **os.environ,
            **environment,
            "SCHEMATHESIS_HOOKS": __name__,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Of the right form, and refused all the same: a ``next_token`` of no answer, or of another
    one, the name of an account that nothing has, an ``as_of`` that is yet to come, and a ``since``
    that does not lie before its ``until``. No schema can express this."""
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    refused = response.json().get("parameter")
    allowed = ("next_token", "account", "as_of", "since")
    return refused not in allowed or refused not in (case.query or {})


class Signed(AuthBase):
    """Signature Version 4 for the service ``execute-api``."""

    def __init__(self, region: str) -> None:
        secrets = (os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        self._signer = SigV4Auth(Credentials(*secrets), "execute-api", region)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        signed = AWSRequest(request.method, request.url, data=request.body)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


if SIGNING_REGION in os.environ:
    auth: Any = schemathesis.auth
    auth.set_from_requests(Signed(os.environ[SIGNING_REGION]))
