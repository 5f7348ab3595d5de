"""A fuzzer finds the deployed API to be as described: with API Gateway's routes in front of it.

Once a week: with every change, tests/lambdas/test_fuzzing.py asks the function itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.access import get
from sandbox.box import Sandbox
from sandbox.environment import ACCESS_KEY, REGION, SECRET_KEY
from tests.lambdas.fuzzing import NOT_CHECKED, SIGNING_REGION, fuzz


@pytest.mark.long
def test_a_fuzzer_finds_the_deployed_api_to_be_as_described(box: Sandbox, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(get(f"{box.api_url}/openapi.json").body)

    found = fuzz(
        str(document),
        tmp_path,
        [
            *("--url", box.api_url, "--exclude-checks", NOT_CHECKED),
            *("--exclude-path", "/alerts/test"),
            *("--phases", "fuzzing", "--max-examples", "2", "--request-timeout", "60"),
            *("--seed", "8"),
        ],
        {
            SIGNING_REGION: REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        },
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 24" in found.stdout
