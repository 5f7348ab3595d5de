"""The CDK app: checks the context of cdk.json, then synthesizes the stack.

Run by the CDK command line, or by hand as `python app.py`; needs no AWS call, credential or Docker.
"""

import os
import sys
from pathlib import Path

from infra.asset import AssetError, lambda_asset
from infra.context import Context, ContextError, merge_context, parse_context
from infra.node import use_bundled_node

CDK_JSON = Path(__file__).with_name("cdk.json")


def main() -> int:
    """Synthesize; 1 with the problems on stderr when the context or the asset is wrong."""
    try:
        raw = merge_context(CDK_JSON.read_text("utf-8"), os.environ.get("CDK_CONTEXT_JSON"))
        region = os.environ.get("CDK_DEFAULT_REGION") or None
        synthesize(parse_context(raw, default_region=region), raw)
    except ContextError as error:
        print("The context of cdk.json is wrong:", file=sys.stderr)
        print(*(f"  {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 1
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def synthesize(context: Context, raw: dict[str, object]) -> None:
    """Write the cloud assembly to where CDK asks for it (CDK_OUTDIR, else a temporary one)."""
    use_bundled_node()
    from aws_cdk import App

    from infra.forwarding import forwarding_stacks
    from infra.functions import Deployment
    from infra.stack import TruffleStack

    app = App(context=raw)
    forwarding_stacks(app, context)
    if context.home_account is not None:
        app.synth()
        return
    with lambda_asset(context.alerts) as asset:
        TruffleStack(app, context.stack_name, Deployment(context, asset))
        app.synth()


if __name__ == "__main__":
    sys.exit(main())
