"""The quotas of AWS that a synthesized stack exceeds, and the settings to shorten."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from infra.context import Context
from infra.quotas import QUOTAS, Stack

_FIXED = frozenset({"home_account", "home_region", "log_level", "removal_policy"})
"""Settings whose values cannot be made shorter."""

_MINOR = 4
"""A setting that contributes less than this fraction of the largest one is not named."""


class QuotaError(ValueError):
    """Stacks exceed AWS's quotas; `problems` has a line for each quota."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def quota_problems(stack: Stack, context: Context) -> list[str]:
    """A line for each quota that the stack exceeds: the size, AWS's limit with its source, and the
    settings to shorten."""
    return list(dict.fromkeys(_problems(stack, context)))


def _problems(stack: Stack, context: Context) -> Iterator[str]:
    for quota in QUOTAS:
        for owner, measured in quota.find(stack):
            size = quota.size(measured)
            if size > quota.limit:
                named = quota.settings or _settings_in(measured, context)
                yield (
                    f"{owner}, {quota.what}: {size:,} {quota.unit}, AWS allows {quota.limit:,} "
                    f"({quota.source}); shorten {' or '.join(named)}"
                )


def _settings_in(measured: str | int, context: Context) -> Sequence[str]:
    """The settings whose values make up most of a text, the largest first; else stack_name, which
    every name begins with."""
    if isinstance(measured, int):
        return ("stack_name",)
    shares = {
        name: sum(measured.count(value) * len(value) for value in values)
        for name, values in _texts(context).items()
    }
    greatest = max(shares.values())
    named = [name for name, share in shares.items() if share and share * _MINOR >= greatest]
    return sorted(named, key=shares.__getitem__, reverse=True) or ("stack_name",)


def _texts(context: Context) -> Mapping[str, set[str]]:
    """The texts in the template that come from each setting."""
    settings = {
        one.name: getattr(context, one.name) for one in fields(context) if one.name not in _FIXED
    }
    found = {
        name: {value} if isinstance(value, str) else set(value)
        for name, value in settings.items()
        if isinstance(value, str | tuple)
    }
    found["alerts_file"] = set(_texts_of_destinations(context))
    return {name: {value for value in values if value} for name, values in found.items()}


def _texts_of_destinations(context: Context) -> Iterator[str]:
    for destination in context.alerts.destinations:
        # The logical ids of the template contain names without hyphens.
        yield from {destination.name, re.sub(r"[^A-Za-z0-9]", "", destination.name)}
        yield from filter(None, (destination.secret, destination.queue_arn))
