"""The CDK app: checks the context of cdk.json, then synthesizes the stack.

Run by the CDK command line, or by hand as `python app.py`; needs no AWS call, credential or Docker.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.asset import AssetError, duckdb_layer, lambda_asset
from infra.context import Context, ContextError, merge_context, parse_context
from infra.node import use_bundled_node
from infra.quota_check import QuotaError, quota_problems
from infra.quotas import Stack

if TYPE_CHECKING:
    from aws_cdk import App

CDK_JSON = Path(__file__).with_name("cdk.json")
NO_RESOURCE_LIMIT = "@aws-cdk/core:stackResourceLimit"
"""Disables CDK's own check of the number of resources, which ends in a traceback;
``infra/quotas.py`` has it too."""
UNKNOWN_REGION = "unknown-region"
"""CDK's region of a stack without one (cx-api, `UNKNOWN_REGION`)."""


def main() -> int:
    """Synthesize; return 1, with the problems on stderr, if the context or the asset is invalid, or
    the result exceeds a quota of AWS."""
    try:
        raw = merge_context(CDK_JSON.read_text("utf-8"), os.environ.get("CDK_CONTEXT_JSON"))
        region = os.environ.get("CDK_DEFAULT_REGION") or None
        synthesize(parse_context(raw, default_region=region), raw)
    except ContextError as error:
        print("The context of cdk.json is wrong:", file=sys.stderr)
        print(*(f"  {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 1
    except QuotaError as error:
        print("The stack would exceed quotas of AWS:", file=sys.stderr)
        print(*(f"  {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 1
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def synthesize(context: Context, raw: dict[str, object]) -> None:
    """Write the cloud assembly to CDK's directory (CDK_OUTDIR, else a temporary one).

    Raises:
        AssetError: the functions' zip cannot be assembled.
        QuotaError: a stack exceeds quotas of AWS.
    """
    use_bundled_node()
    from aws_cdk import App

    from infra.forwarding import forwarding_stacks
    from infra.functions import Deployment
    from infra.organization import OrganizationStack
    from infra.stack import TruffleStack

    app = App(context={**raw, NO_RESOURCE_LIMIT: 0})
    forwarding_stacks(app, context)
    organization = f"{context.stack_name}-organization"
    if context.collector_role_arn is not None:
        OrganizationStack(app, organization, context, context.collector_role_arn)
    if not context.has_own_stack:
        _finish(app, context)
        return
    with lambda_asset(context.alerts, context.account_settings) as asset:
        stack = TruffleStack(app, context.stack_name, Deployment(context, asset, duckdb_layer()))
        if context.organization_stack:
            OrganizationStack(app, organization, context, stack.collector_role_arn)
        _finish(app, context)


def _finish(app: "App", context: Context) -> None:
    problems = []
    for stack in app.synth().stacks:
        template = json.loads(Path(stack.template_full_path).read_text("utf-8"))
        region = stack.environment.region
        known = None if region == UNKNOWN_REGION else region
        problems += quota_problems(Stack(stack.stack_name, template, known), context)
    if problems:
        raise QuotaError(problems)


if __name__ == "__main__":
    sys.exit(main())
