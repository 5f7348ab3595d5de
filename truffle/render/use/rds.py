"""``aws rds create-db-instance`` (RDS API Reference, CreateDBInstance,
DBCapacityReservationIdentifier; botocore 1.44)."""

from __future__ import annotations

from truffle.core.codec import Json, encode
from truffle.core.model import Reservation
from truffle.core.quoting import aws_cli
from truffle.core.quoting.shell import comment_word
from truffle.render.use.target import described


def db_instance(row: Reservation) -> str:
    """A DB instance of the reservation's class and engine, in one of its zones with free
    capacity."""
    facts = encode(row)
    engine, license_model = facts.get("engine") or "ENGINE", facts.get("license_model")
    zones: list[Json] = facts.get("available_by_zone") or []
    zone = _with_room(zones)
    options = [
        "aws rds create-db-instance",
        aws_cli.option("region", row.region),
        '--db-instance-identifier "$NAME"',
        aws_cli.option("db-instance-class", row.instance_type),
        aws_cli.option("engine", engine),
        *([aws_cli.option("license-model", license_model)] if license_model else []),
        *([aws_cli.option("availability-zone", zone)] if zone else []),
        aws_cli.option("db-capacity-reservation-identifier", row.reservation_id),
        *_of_engine(engine),
    ]
    return "\n".join(
        [
            f"# {described(row)}",
            f"# One DB instance; {_free(zones)}. A Multi-AZ one takes a unit in each of two zones.",
            "# The DB subnet group must cover its zone, in a VPC of default tenancy.",
            " \\\n  ".join(options),
        ]
    )


def _of_engine(engine: str) -> list[str]:
    """Options by engine: a DB instance of Aurora belongs to a cluster, which has the storage and
    the user."""
    if engine.startswith("aurora"):
        return ['--db-cluster-identifier "$CLUSTER"']
    return [
        '--allocated-storage "$GIGABYTES"',
        '--master-username "$USER_NAME"',
        "--manage-master-user-password",
    ]


def _with_room(zones: list[Json]) -> str | None:
    """A zone with a free DB instance, else the first one; None if no zone is known."""
    ordered = sorted(zones, key=lambda it: not it["available_capacity"])
    return ordered[0]["availability_zone"] if ordered else None


def _free(zones: list[Json]) -> str:
    """``2 free in us-east-1a, 0 free in us-east-1b``."""
    each = [
        f"{'?' if it['available_capacity'] is None else it['available_capacity']} free in "
        f"{comment_word(it['availability_zone'])}"
        for it in zones
    ]
    return ", ".join(each) or "its zones are not known"
