"""The account and region of an EventBridge event of EC2; nothing else in it is trusted.

AWS's own pages disagree about the names of events and the shape of their envelopes, and delivery is
best effort (EC2 User Guide, capacity-blocks-monitor; EventBridge events reference).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from truffle.core.model import Scope
from truffle.core.regions import REGION_FORM

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(REGION_FORM)
_NAME_LENGTH = 100


def scope_of(envelope: object) -> Scope | None:
    """The scope of an event; None if the event does not name one.

    The envelope's own account and region; if one is missing, that of CloudTrail's record or of the
    first ARN. Accepts any JSON value.
    """
    account = next(_matching(_ACCOUNT, _accounts(envelope)), None)
    region = next(_matching(_REGION, _regions(envelope)), None)
    return Scope(account, region) if account and region else None


def name_of(envelope: object) -> str:
    """An event's detail-type, and CloudTrail's name for it, for the logs."""
    names = [
        _get(envelope, "detail-type") or _get(envelope, "detail_type"),
        _get(_get(envelope, "detail"), "eventName"),
    ]
    return ": ".join(name[:_NAME_LENGTH] for name in names if isinstance(name, str))


def _accounts(envelope: object) -> Iterator[object]:
    detail = _get(envelope, "detail")
    yield _get(envelope, "account")
    yield _get(detail, "recipientAccountId")
    yield from (parts[4] for parts in _arns(envelope))


def _regions(envelope: object) -> Iterator[object]:
    yield _get(envelope, "region")
    yield _get(_get(envelope, "detail"), "awsRegion")
    yield from (parts[3] for parts in _arns(envelope))


def _arns(envelope: object) -> Iterator[list[str]]:
    """The parts of each ARN among the resources of the envelope and of CloudTrail's record:
    ``arn:aws:ec2:<region>:<account>:capacity-reservation/cr-…``."""
    named = _items(_get(envelope, "resources"))
    recorded = _items(_get(_get(envelope, "detail"), "resources"))
    for arn in [*named, *(_get(resource, "ARN") for resource in recorded)]:
        parts = arn.split(":", 5) if isinstance(arn, str) else []
        if len(parts) == 6 and parts[0] == "arn":
            yield parts


def _get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _matching(pattern: re.Pattern[str], values: Iterator[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and pattern.fullmatch(value))
