"""Permissions to read the history in the bucket."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from infra.acknowledgments import acknowledge_wildcard
from infra.functions import PythonFunction, allow
from infra.storage import Storage
from truffle.core.market.answers import OFFERINGS_PREFIX

SNAPSHOTS, RUNS, USAGE = "snapshots", "runs", "usage"
REGIONS, BESIDE = "latest/regions", "latest/beside"
OFFERINGS = OFFERINGS_PREFIX


def reads(storage: Storage, *prefixes: str) -> list[iam.PolicyStatement]:
    """Statements to list and get the objects below prefixes: without listing, S3 returns 403
    instead of 404 for a missing object (Amazon S3 API Reference, GetObject)."""
    listing = allow("s3", ["ListBucket"], storage.bucket.bucket_arn)
    listing.add_condition("StringLike", {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]})
    return [allow("s3", ["GetObject"], *objects(storage, prefixes)), listing]


def objects(storage: Storage, prefixes: Sequence[str]) -> list[str]:
    """The ARNs of the objects below prefixes."""
    return [storage.bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]


def acknowledge_reads(function: PythonFunction, storage: Storage, *prefixes: str) -> None:
    for prefix in prefixes:
        acknowledge_wildcard(
            function,
            f"<{storage.bucket_logical_id}.Arn>/{prefix}/*",
            f"Object names below {prefix}/ are derived from their content.",
        )
