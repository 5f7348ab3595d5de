"""Expected denials: scopes that a policy or a missing opt-in closes on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from truffle.core.filters import matches_globs
from truffle.core.model import CLOSED_KINDS, Failure, Snapshot

_PATTERN = re.compile(r"([0-9*?]{1,12})/([a-z0-9*?-]{1,32})")

EXPECTED_FORM = "account/region with globs, such as */ap-* or 111122223333/us-west-2"
"""The form of a pattern, for error messages."""


@dataclass(frozen=True, slots=True)
class ExpectedDenials:
    """Globs of ``account/region``: a matching scope that is denied or not enabled is closed.

    Any other failure of such a scope stays a failure.
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def covers(self, account_id: str, region: str, kind: str) -> bool:
        """Whether a failure of this kind is expected in a scope."""
        return kind in CLOSED_KINDS and any(
            matches_globs(account_id, [account]) and matches_globs(region, [name])
            for account, name in self.patterns
        )

    def marked(self, result: Snapshot | Failure) -> Snapshot | Failure:
        """Mark an expected failure as such; other results stay as they are."""
        if isinstance(result, Snapshot):
            return result
        scope = result.scope
        is_expected = self.covers(scope.account_id, scope.region, result.kind)
        return replace(result, is_expected=is_expected)


NOTHING_EXPECTED = ExpectedDenials()


def expected_denials(texts: Iterable[str]) -> ExpectedDenials:
    """Parse patterns. Raises ValueError."""
    return ExpectedDenials(tuple(map(_pattern, texts)))


def _pattern(text: str) -> tuple[str, str]:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {EXPECTED_FORM}")
    return match[1], match[2]
