"""Rules that once stood in several places: each has one home, and no copy of it may come back.

The sandbox and the oracles state AWS's rules on their own: they are what the code is held against.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from truffle.core.kinds.registry import CLASSES

ROOT = Path(__file__).parent.parent

HOMES = {
    "payment deadline": (r"timedelta\(hours=12\)", {"truffle/core/deadlines.py"}),
    "extension deadline": (r"EXTENSION_NOTICE = ", {"truffle/core/deadlines.py"}),
    "end of use": (
        r"effective_end\b.*\bif\b.*\belse\b.*end_date|getattr\(row, row\.kind\.end_field\)",
        {"truffle/core/deadlines.py"},
    ),
    "usable states": (r"[\"']active[\"'], [\"']scheduled[\"']", {"truffle/core/kinds/parts.py"}),
    "reservation types": (r" = [\"'](odcr|capacity-block)[\"']", {"truffle/core/kinds/kind.py"}),
    "kinds": (
        rf"isinstance\([^)]*\b({'|'.join(cls.__name__ for cls in CLASSES.values())})\b"
        r"|ReservationType\.[A-Z]",
        {
            "truffle/core/kinds/registry.py",
            *(f"{cls.__module__.replace('.', '/')}.py" for cls in CLASSES.values()),
        },
    ),
    "denied": (r"[\"']AccessDeniedException[\"']", {"truffle/core/error_codes.py"}),
    "deadline exceeded": (r"[\"']DeadlineExceeded[\"']", {"truffle/core/model.py"}),
    "ARN of a secret": (r":secretsmanager:\[", {"truffle/core/validators.py"}),
    "e-mail address": (r"@\[\^@", {"truffle/core/validators.py"}),
    "allowed age": (r"minutes=2 \*|2 \* timedelta\(minutes", set[str]()),
    "did you mean": (r"get_close_matches", {"truffle/core/suggest.py"}),
    "limits of SNS": (r"MAX_FILTER_\w+ = ", {"truffle/alerts/routing.py"}),
    "scheduled time": (r"<aws\.scheduler\.scheduled-time>", {"infra/functions.py"}),
    "length of a message": (
        r"\[:1000\]|LONGEST_(MESSAGE|REASON)\b.* = 1000\b",
        {"truffle/core/model.py"},
    ),
    "singular and plural": (
        r"\b(\w+)[\"'] if .* == 1 else [\"']\1s\b|== 1 else [\"']s[\"']|> 1 else [\"']{2}",
        set[str](),
    ),
    "name of an account": (
        r"\{name\} \(\{|account_name\} \(\{",
        {"truffle/core/wording.py"},
    ),
    "warning or worse": (
        r"Severity\.WARNING, Severity\.CRITICAL|[\"']warning[\"'], [\"']critical[\"']",
        {"truffle/core/severity.py"},
    ),
}
"""The form of a rule in the code, and its place."""

OTHER_THINGS = {
    # How long a billing request stays open.
    "payment deadline": {"truffle/core/kinds/parts.py"},
    # The types of the client's results; the keys of a setting; the kinds that a run on EC2 can use.
    "kinds": {
        "truffle/client/capacity.py",
        "truffle/alerts/settings_parser.py",
        "truffle/core/candidates.py",
        "truffle/core/validation.py",
    },
    # A choice to make and EC2's market types, not types; and queries, which stand as people read
    # them.
    "reservation types": {
        "truffle/core/recommendation.py",
        "truffle/core/saved_queries.py",
        "truffle/core/kinds/parts.py",
    },
    "usable states": {"truffle/core/saved_queries.py"},
}


@pytest.mark.parametrize("rule", HOMES)
def test_a_rule_stands_in_one_place(rule: str) -> None:
    pattern, homes = HOMES[rule]
    files = [
        path for room in ("truffle", "lambdas", "infra") for path in (ROOT / room).rglob("*.py")
    ]
    found = {str(path.relative_to(ROOT)) for path in files if re.search(pattern, path.read_text())}
    assert found - OTHER_THINGS.get(rule, set()) == homes
