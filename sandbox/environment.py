"""The environments of the sandbox's processes, without any of the caller's AWS settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lambdas.clients import SANDBOX_CLOCK
from lambdas.delivery.webhook import ALLOW_LOOPBACK
from sandbox.ec2.services import SERVICES

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "123456789012"
ACCESS_KEY = SECRET_KEY = "test"
"""The embedded AWS's root caller."""

EC2_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_EC2"
PRICING_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_PRICING"
COST_EXPLORER_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_COST_EXPLORER"
SIMULATED = (
    EC2_ENDPOINT_VARIABLE,
    COST_EXPLORER_ENDPOINT_VARIABLE,
    *(f"AWS_ENDPOINT_URL_{name.upper()}" for name in SERVICES),
)
"""The endpoints of services that one simulator serves."""
"""The EC2 simulator also has the price list, which the embedded AWS lacks."""

ORGANIZATION_NAME = "organization.json"
ORGANIZATION_FILE = "TRUFFLE_SANDBOX_ORGANIZATION"
"""The variable that names the file with the accounts of the organization, for the embedded AWS."""

_KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT")


def account_of(caller: Mapping[str, str]) -> str:
    """The account of the embedded AWS."""
    return caller.get("MINISTACK_ACCOUNT_ID") or ACCOUNT


def no_credentials() -> dict[str, str]:
    """Variables that prevent a process from finding credentials, profiles or regions by itself."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
    }


def embedded_aws(
    caller: Mapping[str, str],
    port: int,
    ec2_endpoint: str,
    temporary: Path,
    clock: Path,
    trust: Path,
) -> dict[str, str]:
    """The environment of the embedded AWS, which its functions inherit.

    ``temporary`` is a folder, ``clock`` the file that the functions' time follows, ``trust`` the
    certificates of the authorities that they trust.
    """
    return {
        **_kept(caller),
        **no_credentials(),
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": account_of(caller),
        "MINISTACK_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        **dict.fromkeys(SIMULATED, ec2_endpoint),
        PRICING_ENDPOINT_VARIABLE: caller.get(PRICING_ENDPOINT_VARIABLE) or ec2_endpoint,
        # Otherwise it would clean up containers of any Docker that it finds.
        "DOCKER_HOST": f"unix://{temporary / 'no-docker.sock'}",
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        # Idle functions are not stopped after five minutes: on a small machine, several that start
        # at once take longer than the time limit of a message.
        "LAMBDA_WARM_TTL_SECONDS": "86400",
        # The destinations of webhooks listen on the loopback interface, as everything here does.
        ALLOW_LOOPBACK: "1",
        "SSL_CERT_FILE": str(trust),
        SANDBOX_CLOCK: str(clock),
        ORGANIZATION_FILE: str(clock.with_name(ORGANIZATION_NAME)),
    }


def server(caller: Mapping[str, str], clock: Path) -> dict[str, str]:
    """The environment of the simulator and the sink, which use the functions' time."""
    return {
        **_kept(caller),
        **no_credentials(),
        "PYTHONUNBUFFERED": "1",
        SANDBOX_CLOCK: str(clock),
    }


def synthesis(caller: Mapping[str, str], output: Path, context: str) -> dict[str, str]:
    """The environment of the CDK app: the caller's own without AWS, because pip may need its
    proxies.

    ``context`` is JSON that overrides cdk.json.
    """
    own = {name: value for name, value in caller.items() if not name.startswith(("AWS_", "CDK_"))}
    return {
        **own,
        **no_credentials(),
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": context,
    }


def _kept(caller: Mapping[str, str]) -> dict[str, str]:
    return {name: caller[name] for name in _KEPT if name in caller}
