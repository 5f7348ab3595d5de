"""A DynamoDB table and an S3 bucket in memory, for tests that write thousands of times: moto takes
20 ms for each.

It knows the calls and the expressions that the stores use, and refuses all others. A test compares
it with moto.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import eq, le, lt
from typing import Any

from botocore.exceptions import ClientError

from lambdas.store.scopes import ScopeStore

Item = dict[str, Any]
Key = tuple[str, str]

_ATOM = re.compile(
    r"(?P<function>attribute_exists|attribute_not_exists)\((?P<of>\w+)\)"
    r"|(?P<name>\w+) (?P<operator><=|<|=) (?P<value>:\w+)"
)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le}


def _error(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Memory")


class _Exceptions:
    """The classes by which callers distinguish errors; these calls raise no others."""

    ConditionalCheckFailedException = ClientError


@dataclass
class MemoryTable:
    """A DynamoDB client with one table, whatever its name."""

    items: dict[Key, Item] = field(default_factory=dict)
    partitions: dict[str, set[str]] = field(default_factory=dict)
    exceptions = _Exceptions

    def get_item(self, **call: Any) -> Item:
        item = self.items.get(_key(call["Key"]))
        return {} if item is None else {"Item": _copy(item)}

    def query(self, **call: Any) -> Item:
        values = call["ExpressionAttributeValues"]
        condition, _, prefix = call["KeyConditionExpression"].partition(" AND ")
        assert condition == "pk = :pk"
        assert prefix in ("", "begins_with(sk, :prefix)")
        wanted, start = values[":pk"]["S"], values[":prefix"]["S"] if prefix else ""
        keys = [sk for sk in self.partitions.get(wanted, ()) if sk.startswith(start)]
        found = [self.items[wanted, sk] for sk in sorted(keys)]
        return {"Items": _copy(found)}

    def scan(self, **_: Any) -> Item:
        return {"Items": _copy(list(self.items.values()))}

    def batch_get_item(self, **call: Any) -> Item:
        ((table, wanted),) = call["RequestItems"].items()
        keys = [_key(each) for each in wanted["Keys"]]
        assert len(keys) <= 100
        assert len(set(keys)) == len(keys), "one call, one item twice"
        found = [self.items[each] for each in keys if each in self.items]
        return {"Responses": {table: _copy(found)}, "UnprocessedKeys": {}}

    def update_item(self, **call: Any) -> Item:
        if not self._allows(call):
            raise _error("ConditionalCheckFailedException")
        self._update(call)
        return {"Attributes": _copy(self.items[_key_of(call)])}

    def put_item(self, **call: Any) -> None:
        if not self._allows(call):
            raise _error("ConditionalCheckFailedException")
        self.put(call)

    def transact_write_items(self, **call: Any) -> None:
        actions = [next(iter(entry.items())) for entry in call["TransactItems"]]
        keys = [_key_of(action) for _, action in actions]
        assert len(actions) <= 100
        assert len(set(keys)) == len(keys), "one transaction, two actions on one item"
        allowed = [self._allows(action) for _, action in actions]
        if not all(allowed):
            reasons = [{"Code": "None" if it else "ConditionalCheckFailed"} for it in allowed]
            raise _error("TransactionCanceledException", CancellationReasons=reasons)
        for kind, action in actions:
            {"Put": self.put, "Update": self._update, "Delete": self.delete}[kind](action)

    def _allows(self, action: Item) -> bool:
        """Whether an action's condition holds."""
        item = self.items.get(_key_of(action), {})
        values = action.get("ExpressionAttributeValues", {})

        def decide(atom: re.Match[str]) -> str:
            if atom["function"]:
                return str((atom["of"] in item) == (atom["function"] == "attribute_exists"))
            left, right = item.get(atom["name"]), values[atom["value"]]
            compare = _OPERATORS[atom["operator"]]
            return str(left is not None and compare(_plain(left), _plain(right)))

        text = _ATOM.sub(decide, _named(action, "ConditionExpression"))
        assert re.fullmatch(r"(True|False|AND|OR|[() ])+", text), text
        return _decided(text)

    def put(self, action: Item) -> None:
        item = self._item(action)
        item.clear()
        item.update(_copy(action["Item"]))

    def _item(self, action: Item) -> Item:
        """The item of an action, created if it does not exist."""
        pk, sk = _key_of(action)
        self.partitions.setdefault(pk, set()).add(sk)
        return self.items.setdefault((pk, sk), {})

    def delete(self, action: Item) -> None:
        pk, sk = _key_of(action)
        self.items.pop((pk, sk), None)
        self.partitions.get(pk, set()).discard(sk)

    def _update(self, action: Item) -> None:
        item = self._item(action)
        item.update(_copy(action["Key"]))
        expression = _named(action, "UpdateExpression")
        values = action.get("ExpressionAttributeValues", {})
        clauses = re.split(r"(?:^| )(SET|REMOVE|ADD|DELETE) ", expression)[1:]
        for kind, clause in zip(clauses[::2], clauses[1::2], strict=True):
            self._apply(kind, clause, item, values)

    def _apply(self, kind: str, clause: str, item: Item, values: Item) -> None:
        if kind == "SET":
            for name, kept, value in re.findall(r"(\w+) = (if_not_exists\(\w+, )?(:\w+)", clause):
                if not (kept and name in item):
                    item[name] = _copy(values[value])
        elif kind == "REMOVE":
            for name in clause.split(", "):
                item.pop(name, None)
        else:
            for part in clause.split(", "):
                name, value = part.split(" ")
                _combine(kind, name, item, values[value])


def timeless(items: list[Item]) -> list[Item]:
    """Items in the order of their keys, without the durations of attempts in heartbeats; sets
    in an order."""

    def plain(name: str, value: Item) -> Item:
        if "SS" in value:
            return {"SS": sorted(value["SS"])}
        if name.isdigit():
            heartbeat = json.loads(value["S"])
            return {"S": json.dumps([*heartbeat[:2], *heartbeat[3:]])}
        return value

    found = [{name: plain(name, value) for name, value in item.items()} for item in items]
    return sorted(found, key=_key)


def _named(action: Item, expression: str) -> str:
    """An expression with the names of attributes in place of their aliases."""
    names = action.get("ExpressionAttributeNames", {})
    return re.sub(r"#\w+", lambda alias: str(names[alias[0]]), action.get(expression, "True"))


def _combine(kind: str, name: str, item: Item, value: Item) -> None:
    """ADD and DELETE, of numbers and of sets of text; an empty set removes the attribute."""
    if kind == "ADD" and "N" in value:
        item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(value["N"]))}
        return
    held, given = set(item.get(name, {"SS": ()})["SS"]), set(value["SS"])
    left = held | given if kind == "ADD" else held - given
    item.pop(name, None)
    if left:
        item[name] = {"SS": sorted(left)}


def scopes_in(table: Any) -> ScopeStore:
    """The scopes of a table that stands in for DynamoDB's client."""
    return ScopeStore(table, "table")


def memory_scopes() -> ScopeStore:
    return scopes_in(MemoryTable())


@cache
def _decided(text: str) -> bool:
    return bool(eval(text.replace("AND", "and").replace("OR", "or")))


def _copy(value: Any) -> Any:
    """A copy of items, which are dictionaries, lists and text; deepcopy takes much longer."""
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list | tuple) else value


def _key_of(action: Item) -> Key:
    return _key(action.get("Key") or action["Item"])


def _key(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _plain(value: Item) -> Any:
    ((kind, text),) = value.items()
    return float(text) if kind == "N" else text


class MemoryBucket:
    """An S3 client that keeps what it is given, and counts the requests."""

    class exceptions:
        class NoSuchKey(Exception):
            pass

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuses = False
        self.reads = self.writes = 0

    def put_object(self, **parameters: Any) -> None:
        self.writes += 1
        self.objects[parameters["Key"]] = parameters["Body"]

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        self.reads += 1
        if self.refuses:
            raise _error("AccessDenied")
        if parameters["Key"] not in self.objects:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(self.objects[parameters["Key"]])}
