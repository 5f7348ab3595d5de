"""Reservations of services other than EC2: their form in a fleet file, and the effect of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.ec2.filters import Fields
from sandbox.ec2.shapes import FleetError, from_json, list_of, to_json
from sandbox.ec2.wire import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of one kind.

    ``key`` is its list in a region of the file, ``path`` its name in the control API. ``shape`` is
    botocore's. ``arn`` is the member with the ARN, ``names`` are other identifying members, of
    which a file must have the first. ``steps`` map a value of the member ``state`` to the member
    with the date at which it ends, and the next state. ``complete`` adds the service's default
    members to those of a file, for a region, an account and a moment.
    """

    key: str
    path: str
    shape: Callable[[], Shape]
    arn: str
    names: tuple[str, ...]
    state: str
    steps: Mapping[str, tuple[str, str]]
    complete: Callable[[Fields, str, str, datetime], Fields]


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation of a kind, as defined at ``since``."""

    form: Form
    fields: Fields
    since: datetime

    @property
    def arn(self) -> str:
        return str(self.fields[self.form.arn])

    @property
    def name(self) -> str:
        return str(self.fields[self.form.names[0]])

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def is_named(self, name: str) -> bool:
        return name in (self.arn, *(self.fields.get(member) for member in self.form.names))

    def at(self, now: datetime) -> Fields:
        """The reservation as its service shows it at a moment."""
        state = self.fields[self.form.state]
        while state in self.form.steps:
            member, following = self.form.steps[state]
            date = self.fields.get(member)
            if date is None or not self.since < date <= now:
                break
            state = following
        return {**self.fields, self.form.state: state}

    def patched(self, raw: Mapping[str, Any], now: datetime) -> Held:
        """The reservation with fields set as of now; null removes one. Raises FleetError."""
        fields = from_json(self.form.shape(), raw, now, self.name)
        kept = {name: it for name, it in self.at(now).items() if raw.get(name, it) is not None}
        return Held(self.form, {**kept, **fields}, now)


def held_from_json(
    forms: Iterable[Form],
    raw: Mapping[str, Any],
    region: str,
    account: str,
    now: datetime,
    where: str,
) -> Iterable[tuple[str, Held]]:
    """The reservations of a region, by ARN. Raises FleetError."""
    for form in forms:
        for index, item in enumerate(list_of(raw, form.key, where)):
            here = f"{where}.{form.key}[{index}]"
            fields = from_json(form.shape(), item, now, here)
            if form.names[0] not in fields:
                raise FleetError(f"{here} lacks {form.names[0]}")
            held = Held(form, form.complete(fields, region, account, now), now)
            yield held.arn, held


def held_to_json(
    forms: Iterable[Form], others: Iterable[Held], now: datetime
) -> dict[str, list[Any]]:
    listed = list(others)
    return {form.key: [to_json(it.at(now)) for it in listed if it.form is form] for form in forms}
