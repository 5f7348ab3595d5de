"""The monthly bill by line: list prices of us-east-1 in USD, without the free tier.

Sources, as of 2026-11-30: https://aws.amazon.com/lambda/pricing/ (arm64),
https://aws.amazon.com/dynamodb/pricing/on-demand/, https://aws.amazon.com/s3/pricing/,
https://aws.amazon.com/sqs/pricing/, https://aws.amazon.com/cloudwatch/pricing/,
https://aws.amazon.com/api-gateway/pricing/.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNS = 730
"""Runs per month: one per hour."""

QUERIES = 30_000
"""Queries per month."""

GB_SECOND = 0.0000133334
INVOCATION = 0.20 / 1e6
WRITE_UNIT = 0.625 / 1e6
READ_UNIT = 0.125 / 1e6
DYNAMODB_GB = 0.25
PUT = 0.005 / 1e3
GET = 0.0004 / 1e3
S3_GB = 0.023
SQS_REQUEST = 0.40 / 1e6
API_REQUEST = 1.00 / 1e6
LOG_GB = 0.50

POLLS = 648_000
"""Requests of Lambda's polling of the queue of units, 15 per minute."""

LOG_BYTES = 1_000
"""Bytes per invocation: Lambda's own lines, and one of the function."""

FIXED = 6.20
"""14 alarms, 6 metrics, and the dashboard (free if it is one of the first three)."""

DAYS_KEPT = 400
"""``snapshot_retention_days``, after which the bucket stops growing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The cost of one run: GB-seconds and invocations of all functions, units and bytes.
    ``latest_gb_seconds`` are those of the invocation that writes ``latest/`` after it."""

    gb_seconds: float
    latest_gb_seconds: float
    invocations: int
    write_units: int
    read_units: int
    puts: int
    gets: int
    messages: int
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class Question:
    """The cost of one warm query."""

    gb_seconds: float
    read_units: float


def bill(run: Run, question: Question, table_bytes: int) -> dict[str, float]:
    """The USD per month of such runs and queries, by line."""
    logs = LOG_BYTES * (run.invocations * RUNS + QUERIES) / 1e9
    return {
        "Lambda: runs": RUNS * (run.gb_seconds * GB_SECOND + run.invocations * INVOCATION),
        "Lambda: latest/ and report": RUNS * run.latest_gb_seconds * GB_SECOND,
        "Lambda: queries": QUERIES * (question.gb_seconds * GB_SECOND + INVOCATION),
        "DynamoDB: writes": RUNS * run.write_units * WRITE_UNIT,
        "DynamoDB: reads of runs": RUNS * run.read_units * READ_UNIT,
        "DynamoDB: reads of queries": QUERIES * question.read_units * READ_UNIT,
        "DynamoDB: storage": table_bytes / 1e9 * DYNAMODB_GB,
        "S3: PUT": RUNS * run.puts * PUT,
        "S3: GET": RUNS * run.gets * GET,
        f"S3: storage after {DAYS_KEPT} days": run.bytes_kept * 24 * DAYS_KEPT / 1e9 * S3_GB,
        # Each message is sent, and deleted.
        "SQS": (RUNS * run.messages * 2 + POLLS) * SQS_REQUEST,
        "API Gateway": QUERIES * API_REQUEST,
        "CloudWatch: logs": logs * LOG_GB,
        "CloudWatch: alarms, metrics, dashboard": FIXED,
    }
