"""An AWS in this process: it responds to the functions' requests, counts them, and simulates
latency.

It uses botocore's ``before-send``, so the clients sign, send, retry and parse as usual. Its own
CPU time is counted separately, so the rest is the functions' own.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from lambdas.store.archive import LATEST_KEYS
from sandbox.ec2.wire import answer_xml
from tests.lambdas.memory import MemoryTable

Item = Mapping[str, Any]

LATENCY = {
    "ec2": 0.15,
    "sagemaker": 0.15,
    "rds": 0.15,
    "sts": 0.05,
    "dynamodb": 0.005,
    "s3": 0.03,
    "sqs": 0.01,
}
"""Seconds of a call with latency."""

_EC2_SCOPE = re.compile(r"Credential=(?:ASIA)?([^/]+)/\d{8}/([a-z0-9-]+)/")
_WRITE_BYTES, _READ_BYTES = 1024, 4096
_PIECE = 1024 * 1024
_UNREAD = ("latest/report", *LATEST_KEYS.values())
"""Objects that the functions write but never read."""


class FakeAWS:
    """The services that the collector uses. ``list_scope`` returns EC2's response for the access
    key's account and a region. ``seconds`` is the CPU time of the fake itself."""

    def __init__(self, list_scope: Callable[[str, str], bytes]) -> None:
        self.table = RangeTable()
        self.objects: dict[str, bytes] = {}
        self.messages: list[str] = []
        self.calls: Counter[str] = Counter()
        self.amounts: Counter[str] = Counter()
        self.has_latency = False
        self.seconds = 0.0
        self.waited = 0.0
        self._waiting, self._since = 0, 0.0
        self._list_scope = list_scope
        self._lock = Lock()

    def attach(self, session: Any) -> None:
        """Respond to every client that a botocore session creates."""
        session.register("before-send", self._answer)

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        began = time.thread_time()
        service, operation = event_name.split(".")[1:]
        with self._lock:
            self.calls[f"{service}.{operation}"] += 1
            status, headers, body = getattr(self, f"_{service}")(operation, request)
            self.seconds += time.thread_time() - began
        if self.has_latency:
            self._wait(LATENCY[service])
        return AWSResponse(request.url, status, headers, _Raw(body))

    def _wait(self, seconds: float) -> None:
        """Wait for the time of a call. ``waited`` is how long any call was in progress."""
        with self._lock:
            self._waiting += 1
            self._since = time.perf_counter() if self._waiting == 1 else self._since
        time.sleep(seconds)
        with self._lock:
            self._waiting -= 1
            self.waited += time.perf_counter() - self._since if not self._waiting else 0

    def _ec2(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        if operation == "DescribeCapacityReservationFleets":
            return 200, {}, answer_xml(operation, "CapacityReservationFleets", (), None, "0")
        if operation == "DescribeCapacityReservationTopology":
            return 200, {}, answer_xml(operation, "CapacityReservations", (), None, "0")
        if operation == "DescribeCapacityReservationBillingRequests":
            member = "CapacityReservationBillingRequests"
            return 200, {}, answer_xml(operation, member, (), None, "0")
        if operation == "DescribeCapacityBlockExtensionHistory":
            return 200, {}, answer_xml(operation, "CapacityBlockExtensions", (), None, "0")
        assert operation == "DescribeCapacityReservations", operation
        found = _EC2_SCOPE.search(str(request.headers["Authorization"], "ascii"))
        assert found is not None
        return 200, {}, self._list_scope(found[1], found[2])

    def _sagemaker(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        assert operation == "ListTrainingPlans", operation
        return 200, {}, b'{"TrainingPlanSummaries": []}'

    def _rds(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        assert operation == "DescribeDBCapacityReservations", operation
        result = f"<{operation}Result><DBCapacityReservations/></{operation}Result>"
        return 200, {}, f"<{operation}Response>{result}</{operation}Response>".encode()

    def _sts(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        account = dict(parse_qsl(_text(request.body)))["RoleArn"].split(":")[4]
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        facts = f"<AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        facts += f"<SessionToken>{'t' * 400}</SessionToken><Expiration>{ends}</Expiration>"
        result = f"<AssumeRoleResult><Credentials>{facts}</Credentials></AssumeRoleResult>"
        body = f"<AssumeRoleResponse>{result}</AssumeRoleResponse>"
        return 200, {}, body.encode()

    def _s3(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        key = urlsplit(request.url).path.lstrip("/")
        if operation == "PutObject":
            if key.startswith(_UNREAD):
                # If kept, they would count as the functions' memory.
                while request.body.read(_PIECE):
                    pass
                return 200, {"ETag": '"x"'}, b""
            content = _content(request)
            if not key.startswith("latest/"):
                # A manifest is written twice; the first version is soon deleted.
                self.amounts["s3.bytes"] += len(content) - len(self.objects.get(key, b""))
            self.objects[key] = content
            return 200, {"ETag": '"x"'}, b""
        if operation == "ListObjectsV2":
            return 200, {}, self._list_objects(dict(parse_qsl(urlsplit(request.url).query)))
        if key not in self.objects:
            return 404, {}, b"<Error><Code>NoSuchKey</Code><Message>None.</Message></Error>"
        content = self.objects[key]
        return 200, {"Content-Length": str(len(content))}, content

    def _list_objects(self, requested: dict[str, str]) -> bytes:
        """A single page: no benchmark has a thousand objects with one prefix."""
        start = requested.get("start-after", "")
        keys = sorted(
            it for it in self.objects if it.startswith(requested["prefix"]) and it > start
        )
        listed = "".join(f"<Contents><Key>{it}</Key></Contents>" for it in keys)
        return f"<ListBucketResult>{listed}</ListBucketResult>".encode()

    def _sqs(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        assert operation == "SendMessage", operation
        self.messages.append(json.loads(request.body)["MessageBody"])
        return 200, {}, b'{"MessageId":"0"}'

    def _dynamodb(self, operation: str, request: Any) -> tuple[int, dict[str, str], bytes]:
        requested = json.loads(request.body)
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        try:
            answer = getattr(self.table, name)(**requested) or {}
        except ClientError as error:
            code = error.response["Error"]["Code"]
            refusal = {"__type": f"com.amazonaws.dynamodb#{code}", "message": code}
            reasons = error.response.get("CancellationReasons", [])
            return 400, {}, json.dumps({**refusal, "CancellationReasons": reasons}).encode()
        self._count(operation, requested, answer)
        return 200, {}, json.dumps(answer).encode()

    def _count(self, operation: str, requested: Item, answer: Item) -> None:
        """Count items, and the request units that DynamoDB bills for them (DynamoDB Developer
        Guide, "Read and write operations")."""
        if operation == "TransactWriteItems":
            actions = [next(iter(it.values())) for it in requested["TransactItems"]]
            self._count_writes(actions, units=2)
        elif operation in ("PutItem", "UpdateItem"):
            self._count_writes([requested], units=1)
        else:
            found = answer.get("Items") or [answer["Item"]] if "Item" in answer else []
            found = answer.get("Items", found)
            for items in answer.get("Responses", {}).values():
                found = items
            self.amounts["dynamodb.read"] += len(found)
            factor = 1.0 if operation == "BatchGetItem" or requested.get("ConsistentRead") else 0.5
            sizes = [_size(item) for item in found] or [0]
            sizes = [sum(sizes)] if operation == "Query" else sizes
            units = sum(max(1, ceil(size / _READ_BYTES)) for size in sizes)
            self.amounts["dynamodb.rru"] += ceil(units * factor)

    def _count_writes(self, actions: list[Item], units: int) -> None:
        for action in actions:
            item = self.table.items[_place(action.get("Key") or action["Item"])]
            size = max(1, ceil(_size(item) / _WRITE_BYTES))
            is_event = item["pk"]["S"].startswith("EVENT#")
            self.amounts["dynamodb.written"] += 1
            # An event is also in the index, whose write is not part of the transaction.
            self.amounts["dynamodb.wru"] += size * (units + is_event)


class RangeTable(MemoryTable):
    """The table with ranges of sort keys, for reading runs."""

    def query(self, **call: Any) -> dict[str, Any]:
        condition, values = call["KeyConditionExpression"], call["ExpressionAttributeValues"]
        plain = {**call, "KeyConditionExpression": "pk = :pk"}
        items = super().query(**plain)["Items"]
        bounds = [values[name]["S"] for name in re.findall(r":\w+", condition)[1:]]
        if "begins_with" in condition:
            items = [it for it in items if it["sk"]["S"].startswith(bounds[0])]
        elif "sk <" in condition:
            items = [it for it in items if it["sk"]["S"] < bounds[0]]
        elif "sk >=" in condition:
            items = [it for it in items if it["sk"]["S"] >= bounds[0]]
        elif "BETWEEN" in condition:
            items = [it for it in items if bounds[0] <= it["sk"]["S"] <= bounds[1]]
        ordered = items if call.get("ScanIndexForward", True) else items[::-1]
        return {"Items": ordered, "ScannedCount": len(ordered)}


class _Raw(io.BytesIO):
    """The raw body of a response."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def _content(request: Any) -> bytes:
    """The stored body of an upload: botocore sends it in chunks, with a checksum at the end."""
    sent = request.body if isinstance(request.body, bytes) else request.body.read()
    if b"aws-chunked" not in request.headers.get("Content-Encoding", b""):
        return bytes(sent)
    pieces, at = list[bytes](), 0
    while True:
        start = sent.index(b"\r\n", at) + 2
        length = int(sent[at : start - 2], 16)
        if not length:
            return b"".join(pieces)
        pieces.append(sent[start : start + length])
        at = start + length + 2


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _place(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _size(item: Item) -> int:
    """The bytes of an item: its names and values (Developer Guide, "Item sizes and formats")."""
    return sum(len(name) + sum(map(_value_size, value.values())) for name, value in item.items())


def _value_size(value: Any) -> int:
    if isinstance(value, list):
        return sum(len(each.encode()) for each in value)
    return len(value.encode()) if isinstance(value, str) else 1
