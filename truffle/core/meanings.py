"""A sentence about each field of a reservation, for the documentation of tables."""

from __future__ import annotations

from collections.abc import Mapping

from truffle.core.kinds.registry import KINDS, TYPES

_OTHER_IDS = "; ".join(
    f"of {kind.one} `{kind.id_prefix}…`" for kind in KINDS.values() if kind.listing
)

MEANINGS: Mapping[str, str] = {
    "reservation_id": f"EC2's id, `cr-…`; {_OTHER_IDS}.",
    "reservation_arn": "Its ARN; the key of a join with CUR 2.0. Null for capacity blocks.",
    "type": f"One of {', '.join(f'`{name}`' for name in TYPES)}.",
    "account_id": "The account whose listing shows the row.",
    "owner_id": "The account that owns the reservation.",
    "region": "The region, such as `us-east-1`.",
    "availability_zone": "The zone, such as `us-east-1a`, different in each account.",
    "availability_zone_id": "The zone's id, such as `use1-az1`, the same in every account.",
    "instance_type": "The instance type, such as `p5.48xlarge`.",
    "platform": "The operating system, as EC2 names it.",
    "tenancy": "`default` or `dedicated`.",
    "ebs_optimized": "Whether instances must be EBS-optimized.",
    "match_criteria": "`open` or `targeted`: which instances run in the reservation.",
    "state": "EC2's state, such as `active` or `scheduled`.",
    "total_capacity": "Reserved instances; 0 before a capacity block starts.",
    "available_capacity": "Reserved instances that are free.",
    "used_capacity": "Reserved instances in use; null unless the reservation is active.",
    "utilization": "Used over total, 0 to 1; null unless the reservation is active.",
    "start_date": "When it starts, or started.",
    "end_date": "When it ends; null if it has no end.",
    "end_date_type": "`limited` or `unlimited`.",
    "create_date": "When it was created, or purchased.",
    "fleet_id": "The Capacity Reservation Fleet that it belongs to.",
    "placement_group_arn": "The cluster placement group that it is in.",
    "outpost_arn": "The Outpost that it is on.",
    "interruptible": "Whether instances in it may be interrupted.",
    "commitment": "What a future-dated ODCR is committed to; the duration in seconds.",
    "delivery_preference": "`fixed` or `incremental`, of a future-dated ODCR.",
    "unused_billing_owner_id": "The account that is billed for unused capacity.",
    "accelerator": "The accelerators: `count` of one instance, `total_count` of all.",
    "tags": "A map; keys keep their case. `try(tags['Team'])` is null if there is no such tag.",
    "observed_at": "When the listing began.",
    "seen_by": "The collected accounts that list the reservation.",
    "account_name": "The name of the account in AWS Organizations.",
    "organizational_unit": "The account's organizational units, joined by slashes.",
    "consumers": "The accounts that use a shared reservation, with their used instances.",
    "original_start_date": "The first start that was requested of a future-dated ODCR.",
    "adjustment": "A requested change of dates, and the values after it.",
    "interruptible_allocation": "The instances that an ODCR lends to an interruptible one.",
    "source_reservation_id": "The ODCR that lends its instances to an interruptible one.",
    "billing_request": "The latest request to bill unused capacity to a consumer.",
    "capacity_block_id": "EC2's id of the capacity block, `cb-…`, or the id of its reservation.",
    "reservation_ids": "All reservations of the block; an UltraServer block may have several.",
    "instance_count": "Instances of the block, also before it starts; null for ODCRs.",
    "duration_hours": "The block's length in hours.",
    "effective_end": "When AWS begins to terminate the block's instances.",
    "ultra_cluster_placement": "Whether the block is in an EC2 UltraCluster.",
    "ultraserver_type": "Such as `u-p6e-gb200x72`.",
    "health": "The block's health: interconnect status and unavailable instances.",
    **{name: text for kind in KINDS.values() for name, text in kind.meanings.items()},
}
