"""The table's keys and how values are written in items.

| pk | sk | item |
|---|---|---|
| ``UNITS`` | ``<region>/<group>`` | the number of writes of the statuses of the unit's scopes |
| ``UNIT#<region>/<group>`` | ``HEARTBEATS`` | the last attempt at each of the unit's scopes |
| ``UNIT#<region>/<group>`` | ``FLEETS#<account>`` | its Capacity Reservation Fleets |
| ``UNIT#<region>/<group>`` | ``PLACEMENTS#<account>`` | the network nodes of its reservations |
| ``UNIT#<region>/<group>`` | ``SHARED#<account>`` | its reservations that others list |
| ``UNIT#<region>/<group>`` | ``EXTENSIONS#<account>`` | the purchased extensions of its blocks |
| ``BESIDE`` | ``<kind>#<region>/<group>`` | the number of writes of such items of the unit |
| ``SCOPES`` | ``<account>#<region>`` | the other state of a scope that is not simply empty |
| ``GROUPS`` | ``GROUPS`` | the group of each account |
| ``GROUPS`` | ``UNITS`` | the names of all units, and of some that no longer exist |
| ``RETIRED`` | ``RETIRED`` | the scopes that were retired before reports existed |
| ``SCOPE#<account>#<region>`` | ``<reservation id>`` | a reservation as that scope sees it |
| ``REPORT#<reservation id>`` | ``REPORT`` | its last reported state, and who lists it |
| ``BASELINES`` | ``<region>`` | the number of the last first snapshot in a region |
| ``OUTAGE#<account>`` | ``<name>`` | an outage shared by several of its scopes |
| ``GONE`` | ``<reservation id>`` | the last known row of a reservation that EC2 no longer lists |
| ``EVENT#<date>`` | ``<time>#<event id>`` | an event; index ``by-reservation`` |
| ``RUNS`` | ``<run id>`` | a run |
| ``PLANS`` | ``<run id>`` | the units of a run |
| ``HINTS`` | ``<account>#<region>#<time>#<turn>`` | a collection requested by a hint |
| ``PENDING#<destination>#<run id>`` | ``EVENT#<event id>`` | an event that waits for its run |
| ``PENDING#<destination>#<run id>`` | ``ROUND#<number>`` | the events of a batch |
| ``PENDING#<destination>#<run id>`` | ``STATE`` | whether a flush of these is queued |
| ``DELIVERY#<event id or run id>`` | ``<destination>`` | the delivery of an event to it |
| ``THREADS#<destination>`` | ``<subject>`` | the chat thread about a subject |
| ``DOCUMENT`` | ``<name>`` | the head of a document that may exceed an item |
| ``DOCUMENT#<name>`` | ``<version>#<number>`` | a part of its content, compressed |
| ``WATCHES`` | ``<region>/<watch>`` | a region's answer to a watch, and what was published |
| ``BUDGETS`` | ``<region>`` | the remaining calls of watches in a region |
| ``STRANDED`` | ``<region>#<account>`` | the instances that run beside a scope's idle capacity |
| ``RESOLVED#<destination>`` | ``<incident key>`` | when an incident was last resolved |
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from truffle.core.model import Scope

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Client: TypeAlias = "DynamoDBClient"

Item = Mapping[str, Any]

SCOPES = "SCOPES"
UNITS = "UNITS"
UNIT = "UNIT"
HEARTBEATS = "HEARTBEATS"
GROUPS = "GROUPS"
RETIRED = "RETIRED"
GONE = "GONE"
REPORT = "REPORT"
BESIDE = "BESIDE"
BASELINES = "BASELINES"
OUTAGES = "OUTAGE"
RUNS = "RUNS"
PLANS = "PLANS"
HINTS = "HINTS"
DOCUMENTS = "DOCUMENT"
WATCHES = "WATCHES"
BUDGETS = "BUDGETS"
STRANDED = "STRANDED"
EVENT_PREFIX = "EVENT#"
PENDING_PREFIX = "PENDING#"
DELIVERIES_PREFIX = "DELIVERY#"
THREADS_PREFIX = "THREADS#"
RESOLVED_PREFIX = "RESOLVED#"
BY_RESERVATION = "by-reservation"

MOST_PARTITION_KEY = 2048
MOST_SORT_KEY = 1024
"""The maximum size of a sort key: bytes in UTF-8 (Amazon DynamoDB Developer Guide, quotas,
"Partition keys and sort keys")."""


def scope_key(scope: Scope) -> str:
    return f"{scope.account_id}#{scope.region}"


def to_scope(key: str) -> Scope:
    account_id, _, region = key.partition("#")
    return Scope(account_id, region)


def reservations_key(scope: Scope) -> str:
    return f"SCOPE#{scope_key(scope)}"


def text(value: str) -> dict[str, str]:
    return {"S": value}


def number(value: float) -> dict[str, str]:
    return {"N": str(value)}


def key(pk: str, sk: str) -> dict[str, dict[str, str]]:
    """A key of the table; a part that exceeds DynamoDB's limit ends in its hash."""
    return {
        "pk": text(_shortened(pk, MOST_PARTITION_KEY)),
        "sk": text(_shortened(sk, MOST_SORT_KEY)),
    }


def _shortened(value: str, most: int) -> str:
    content = value.encode(errors="replace")
    if len(content) <= most:
        return value
    end = f"#{sha256(content).hexdigest()}"
    return content[: most - len(end)].decode(errors="ignore") + end


def body(value: Any) -> dict[str, str]:
    """A JSON document as an attribute: DynamoDB has no floats, and a document is read faster than
    attributes."""
    return text(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def read_body(item: Item) -> Any:
    return json.loads(item["body"]["S"])


def packed(plain: bytes) -> bytes:
    """A JSON text, compressed: thousands of similar objects shrink to a tenth."""
    return zlib.compress(plain, 6)


def unpacked(content: bytes) -> Any:
    """The value of a packed JSON text."""
    return json.loads(zlib.decompress(content))


def packed_body(value: Any) -> dict[str, bytes]:
    """A JSON document that may be too large for ``body``: an item is limited to 400 KB."""
    return {"B": packed(json.dumps(value, separators=(",", ":")).encode())}


def read_packed_body(item: Item) -> Any:
    return unpacked(bytes(item["body"]["B"]))


def query(client: Client, **parameters: Any) -> Iterator[Item]:
    """All items of a query, page by page."""
    while True:
        page = client.query(**parameters)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


BATCH = 100
"""The maximum number of items in one BatchGetItem (DynamoDB API Reference)."""


def fetch(client: Client, table: str, keys: Sequence[Item]) -> Iterator[Item]:
    """The existing items of these keys, read consistently, in any order."""
    for first in range(0, len(keys), BATCH):
        wanted: dict[str, Any] = {
            table: {"Keys": list(keys[first : first + BATCH]), "ConsistentRead": True}
        }
        while wanted:
            answer = client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(table, ())
            wanted = dict(answer.get("UnprocessedKeys") or {})
