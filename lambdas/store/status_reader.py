"""The statuses of scopes, from their heartbeats and their own items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lambdas.store.beside import BesideStore, Items, to_items
from lambdas.store.groups import GroupStore
from lambdas.store.heartbeats import (
    Heartbeats,
    HeartbeatStore,
    heartbeat_writes,
    heartbeats_key,
    in_parts,
    is_plain,
    scopes_of,
    to_heartbeats,
    with_heartbeat,
)
from lambdas.store.latest import LatestRegions
from lambdas.store.reports import ReportStore, baselines_key, to_baselines
from lambdas.store.statuses import StoredStatus, to_status
from lambdas.store.table import (
    BASELINES,
    HEARTBEATS,
    RETIRED,
    SCOPES,
    Client,
    Item,
    body,
    fetch,
    key,
    query,
    read_body,
    scope_key,
    text,
    to_scope,
)
from lambdas.store.transactions import transact
from truffle.core.model import Scope
from truffle.core.runs import Unit, unit_name


@dataclass(frozen=True, slots=True)
class UnitState:
    """The statuses of a unit's scopes, the heartbeats of other scopes stored with them, the number
    of the region's last first snapshot, and the additional data."""

    statuses: dict[Scope, StoredStatus]
    others: dict[Scope, str]
    baselines: int
    beside: Items


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Reads the statuses of scopes. ``known_groups`` has the groups of accounts as far as they were
    read."""

    client: Client
    table: str
    known_groups: dict[str, int] = field(default_factory=dict, compare=False, kw_only=True)

    @property
    def heartbeats(self) -> HeartbeatStore:
        return HeartbeatStore(self.client, self.table)

    @property
    def groups(self) -> GroupStore:
        return GroupStore(self.client, self.table, self.known_groups)

    @property
    def reports(self) -> ReportStore:
        return ReportStore(self.client, self.table)

    def statuses(self) -> list[StoredStatus]:
        """The statuses of every scope that was ever attempted, except retired ones."""
        return self.cache().statuses()

    def cache(self, latest: LatestRegions | None = None) -> StatusCache:
        """A cache for reading all statuses repeatedly; the first read also uses ``latest``."""
        return StatusCache(self, latest)

    def status(self, scope: Scope) -> StoredStatus:
        """The status of one scope; revision 0 if nothing is stored."""
        return self.statuses_of([scope])[scope]

    def statuses_of(self, scopes: Iterable[Scope]) -> dict[Scope, StoredStatus]:
        """The statuses of these scopes, including retired ones; revision 0 if nothing is stored."""
        wanted = sorted(set(scopes))
        if not wanted:
            return {}
        units = self.groups.units_of(wanted)
        heartbeats = self.heartbeats.get(units.values())
        beats = {
            scope: heartbeats[units[scope]][scope.account_id]
            for scope in wanted
            if scope.account_id in heartbeats[units[scope]]
        }
        return self.merged(wanted, beats)

    def read_unit(self, unit: Unit) -> UnitState:
        """The state of a unit before its scopes are listed."""
        if unit.group is None:
            statuses, beside = self.statuses_of(unit.scopes), BesideStore(self.groups)
            baselines = self.reports.baselines(unit.region)
            return UnitState(statuses, {}, baselines, beside.of_scopes(unit.scopes))
        # The message is newer than the groups that were read: an account that came back may be in
        # another group.
        self.known_groups.update(dict.fromkeys(unit.accounts, unit.group))
        stored = list(self._partition(unit.name))
        beats = next((to_heartbeats(it) for it in stored if it["sk"]["S"] == HEARTBEATS), {})
        wanted = {it: beats[it.account_id] for it in unit.scopes if it.account_id in beats}
        others = {it: beats[it.account_id] for it in scopes_of(unit.name, beats)}
        keys = [*_own_keys(unit.scopes, wanted), baselines_key(unit.region)]
        own = list(fetch(self.client, self.table, keys))
        return UnitState(
            _merged(unit.scopes, wanted, [it for it in own if it["pk"]["S"] == SCOPES]),
            {scope: beat for scope, beat in others.items() if scope not in set(unit.scopes)},
            to_baselines(next((it for it in own if it["pk"]["S"] == BASELINES), None)),
            to_items(stored),
        )

    def _partition(self, unit: str) -> Iterator[Item]:
        """The stored heartbeats of a unit, and its additional data."""
        return query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": heartbeats_key(unit)["pk"]},
            ConsistentRead=True,
        )

    def group_of(self, scope: Scope) -> int | None:
        """The group of a scope that runs cover; None for any other scope."""
        group = self.groups.of([scope.account_id])[scope.account_id]
        unit = unit_name(scope.region, group)
        return group if scope.account_id in self.heartbeats.get([unit])[unit] else None

    def merged(
        self, scopes: Iterable[Scope], beats: Mapping[Scope, str]
    ) -> dict[Scope, StoredStatus]:
        """The statuses of scopes, from their heartbeats and, if needed, their own items."""
        wanted = list(scopes)
        return _merged(wanted, beats, fetch(self.client, self.table, _own_keys(wanted, beats)))

    def before_heartbeats(self) -> dict[Scope, StoredStatus]:
        """The scopes of a table from before heartbeats existed, except retired ones."""
        return {it.scope: it for it in self._own_items() if not it.is_retired}

    def retired_before_reports(self) -> list[Scope]:
        """The scopes whose rows have no reports, because they were retired before reports
        existed."""
        answer = self.client.get_item(TableName=self.table, Key=key(RETIRED, RETIRED))
        if "Item" in answer:
            return [to_scope(name) for name in read_body(answer["Item"])]
        return sorted(it.scope for it in self._own_items() if it.is_retired)

    def _own_items(self) -> Iterator[StoredStatus]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(SCOPES)},
            ConsistentRead=True,
        )
        return map(to_status, items)

    def held(self) -> frozenset[Scope]:
        """The scopes of every unit that held reservations at their last listing."""
        if self.groups.read() is None:
            return frozenset(it.scope for it in self.statuses() if it.reservations)
        return frozenset(
            scope
            for unit, beats in self.heartbeats.get(self.heartbeats.versions()).items()
            for scope in scopes_of(unit, beats)
            if with_heartbeat(StoredStatus(scope=scope), beats[scope.account_id]).reservations
        )

    def adopt(self) -> None:
        """Create the heartbeats of the scopes of an older table, and record which ones were already
        retired."""
        retired = [scope_key(scope) for scope in self.retired_before_reports()]
        self.client.put_item(
            TableName=self.table, Item={**key(RETIRED, RETIRED), "body": body(retired)}
        )
        units: dict[str, list[StoredStatus]] = {}
        present = self.before_heartbeats()
        names = self.groups.units_of(present)
        for scope, status in present.items():
            units.setdefault(names[scope], []).append(status)
        for unit, statuses in units.items():
            for part in in_parts(statuses):
                *actions, last = self.heartbeats.adopt(unit, part)
                transact(self.client, actions, last)


def _own_keys(scopes: Iterable[Scope], beats: Mapping[Scope, str]) -> list[Item]:
    """The keys of the own items of scopes that need one."""
    return [key(SCOPES, scope_key(it)) for it in scopes if not is_plain(beats.get(it))]


def _merged(
    scopes: Iterable[Scope], beats: Mapping[Scope, str], items: Iterable[Item]
) -> dict[Scope, StoredStatus]:
    """The statuses of scopes from their heartbeats and own items."""
    own = {it.scope: it for it in map(to_status, items)}
    known = {scope: own.get(scope, StoredStatus(scope=scope)) for scope in scopes}
    return {
        scope: with_heartbeat(status, beats[scope]) if scope in beats else status
        for scope, status in known.items()
    }


Statuses = Mapping[Scope, StoredStatus]


FEW_ITEMS = 500
"""Own items of scopes that a request without rows reads from the table rather than from the objects
of up to 30 regions: five calls."""


class StatusCache:
    """Reads the heartbeats of all units at first, then one small item for each unit and the
    heartbeats of those written since the last read, and the own items of scopes whose item was
    written."""

    def __init__(self, scopes: StatusReader, latest: LatestRegions | None = None) -> None:
        self._scopes = scopes
        self._latest = latest
        self._versions: dict[str, int] = {}
        self._units: dict[str, Statuses] = {}
        self._is_assigned = False
        self._found: list[StoredStatus] = []

    def statuses(self, *, with_rows: bool = False) -> list[StoredStatus]:
        """The statuses of every scope that was ever attempted, except retired ones, in order. If
        nothing was written since, the same list is returned.

        ``with_rows`` is whether the reservations are read next: those in the bucket have statuses
        beside them.
        """
        if not self._versions:
            versions, beats = self._scopes.heartbeats.everything()
        else:
            versions = self._scopes.heartbeats.versions()
            moved = [unit for unit in versions if self._versions.get(unit) != versions[unit]]
            beats = self._scopes.heartbeats.get(moved) if moved else {}
        if self._is_assigned and versions == self._versions:
            return self._found
        self._units |= self._read(beats, with_rows)
        self._units = {unit: self._units[unit] for unit in versions}
        self._versions = versions
        found = {scope: it for unit in self._units.values() for scope, it in unit.items()}
        if not self._is_assigned:
            self._is_assigned = self._scopes.groups.read() is not None
        if not self._is_assigned:
            found = {**self._scopes.before_heartbeats(), **found}
        self._found = sorted(found.values(), key=_place)
        return self._found

    def _read(self, units: Mapping[str, Heartbeats], with_rows: bool) -> dict[str, Statuses]:
        beats = {
            unit: {scope: heartbeats[scope.account_id] for scope in scopes_of(unit, heartbeats)}
            for unit, heartbeats in units.items()
        }
        known = {scope: it for unit in units for scope, it in self._units.get(unit, {}).items()}
        if self._latest is not None:
            unknown = {scope: beat for unit in beats.values() for scope, beat in unit.items()}
            requested = [
                it for it, beat in unknown.items() if it not in known and not is_plain(beat)
            ]
            if with_rows or len(requested) > FEW_ITEMS:
                known |= self._latest.statuses(requested)
        new = {
            scope: beat
            for unit in beats.values()
            for scope, beat in unit.items()
            if not _is_same(known.get(scope), beat)
        }
        read = self._scopes.merged(new, new)
        return {
            unit: {
                scope: read[scope] if scope in read else with_heartbeat(known[scope], beat)
                for scope, beat in of_unit.items()
            }
            for unit, of_unit in beats.items()
        }


def _place(status: StoredStatus) -> tuple[str, str]:
    return status.scope.account_id, status.scope.region


def _is_same(known: StoredStatus | None, beat: str) -> bool:
    """Whether only the heartbeat of a known status was written."""
    if known is None or is_plain(known.heartbeat) or is_plain(beat):
        return False
    return known.writes == heartbeat_writes(beat)
