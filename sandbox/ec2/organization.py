"""The sample organization of ``sandbox/fleet.json``, generated deterministically.

``python -m sandbox.ec2.organization > sandbox/fleet.json`` writes the file. Special cases are
listed below; ordinary reservations are derived from a hash of their name. The types sold in each
region are those of the EC2 User Guide (Capacity Blocks), the prices are invented.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.ec2.zones import zone_type

Json = dict[str, Any]

ACCOUNT = "123456789012"
PARTNER = "210987654321"
"""Another account of the organization, which shares some of its capacity."""

EVERYDAY = {
    "us-east-1": 54,
    "us-west-2": 42,
    "us-east-2": 38,
    "eu-west-1": 28,
    "eu-central-1": 24,
    "ap-northeast-1": 20,
    "eu-west-2": 16,
    "ap-southeast-2": 14,
    "ap-south-1": 14,
    "ap-southeast-1": 12,
    "eu-north-1": 10,
    "us-west-1": 9,
    "ca-central-1": 9,
    "ap-northeast-2": 9,
    "sa-east-1": 8,
    "eu-west-3": 7,
    "ap-northeast-3": 4,
}
"""The enabled regions, and the number of ordinary reservations in each."""

NOT_OPTED_IN = ("ap-east-1", "il-central-1", "me-central-1")
DENIED = "ap-northeast-3"
"""A region that is enabled but denied by a policy of the organization."""

# fmt: off
_PLAIN = (
    "m7i.4xlarge", "m7i.24xlarge", "m7g.2xlarge", "m6i.8xlarge", "c7i.8xlarge", "c7g.4xlarge",
    "r7i.4xlarge", "r7g.8xlarge", "c6i.16xlarge",
)
_GPU = (
    "g4dn.xlarge", "g4dn.12xlarge", "g5.2xlarge", "g5.12xlarge", "g5.48xlarge", "inf1.xlarge",
)
_NEWER = (
    "g6.xlarge", "g6.12xlarge", "g6e.12xlarge", "g6e.48xlarge", "inf2.xlarge", "inf2.24xlarge",
    "gr6.4xlarge",
)
_LARGEST = (
    "p4d.24xlarge", "p5.48xlarge", "trn1.32xlarge", "g6f.xlarge", "g6f.4xlarge",
)
_NEWER_REGIONS = (
    "us-east-1", "us-east-2", "us-west-2", "eu-west-2", "eu-central-1", "eu-north-1",
    "ap-northeast-1", "ap-south-1", "ap-southeast-2", "sa-east-1",
)
_LARGEST_REGIONS = ("us-east-1", "us-east-2", "us-west-2", "ap-northeast-1")
# fmt: on

_PROJECTS = {
    "research": ("llm-pretrain", "alignment", "scaling-laws"),
    "speech": ("asr-train", "tts-serving"),
    "vision": ("detector-train", "video-index"),
    "recsys": ("ranker-serving", "embedding-refresh"),
    "robotics": ("sim-farm", "policy-train"),
    "inference": ("chat-api", "batch-scoring", "rag-search"),
    "platform": ("ci-runners", "notebooks", "feature-store"),
}


def _number(seed: str, below: int) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % below


def _pick(seed: str, options: Sequence[str]) -> str:
    return options[_number(seed, len(options))]


def _id(prefix: str, name: str) -> str:
    return f"{prefix}-0{hashlib.sha256(f'{prefix} {name}'.encode()).hexdigest()[:16]}"


def cr(name: str) -> str:
    """The id of the reservation with this name."""
    return _id("cr", name)


def cb(name: str) -> str:
    """The id of the block with this name."""
    return _id("cb", name)


def _tags(team: str, project: str, environment: str, name: str) -> list[Json]:
    values = {"Name": name, "Team": team, "Project": project, "Environment": environment}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _everyday(region: str, index: int) -> Json:
    """A typical active ODCR: partly used, mostly tagged, mostly without an end."""
    seed = f"{region} {index}"
    team = _pick(f"{seed} team", sorted(_PROJECTS))
    project = _pick(f"{seed} project", _PROJECTS[team])
    total = (1, 2, 2, 4, 4, 6, 8, 12, 16, 20)[_number(f"{seed} total", 10)]
    available = 0 if _number(f"{seed} full", 3) == 0 else _number(f"{seed} free", total + 1)
    age = 3 + _number(f"{seed} age", 300)
    item: Json = {
        "CapacityReservationId": cr(seed),
        "InstanceType": _everyday_type(region, seed),
        "AvailabilityZone": region + _pick(f"{seed} zone", "abc"),
        "TotalInstanceCount": total,
        "AvailableInstanceCount": available,
        "EbsOptimized": True,
        "StartDate": f"-{age}d",
        "CreateDate": f"-{age}d",
    }
    if _number(f"{seed} end", 6) == 0:
        item["EndDate"] = f"+{2 + _number(f'{seed} days', 60)}d@00:00"
    if _number(f"{seed} match", 2):
        item["InstanceMatchCriteria"] = "targeted"
    if _number(f"{seed} tagged", 8):
        environment = _pick(f"{seed} environment", ("prod", "prod", "staging", "dev"))
        item["Tags"] = _tags(team, project, environment, f"{project}-{environment}-{index:02}")
    return item


def _everyday_type(region: str, seed: str) -> str:
    families = [_PLAIN, _PLAIN, _GPU]
    families += [_NEWER, _NEWER] if region in _NEWER_REGIONS else []
    families += [_LARGEST] if region in _LARGEST_REGIONS else []
    return _pick(f"{seed} type", families[_number(f"{seed} family", len(families))])


def _block(
    name: str,
    instance_type: str,
    zone: str,
    size: int,
    start: str,
    end: str,
    state: str = "scheduled",
    free: int = 0,
    team: str = "research",
    **fields: Any,
) -> Json:
    """A capacity block; before its start the counts are 0 and a tag holds its size."""
    has_started = state in ("active", "expired", "unavailable")
    own = _tags(team, name.rsplit("-", 1)[0], "prod", name)
    system = {
        "incrementalRequestedQuantity": str(size),
        "capacityReservationType": "capacity-block",
    }
    marks = [
        {"Key": f"aws:ec2capacityreservation:{key}", "Value": value}
        for key, value in system.items()
    ]
    return {
        "CapacityReservationId": cr(name),
        "ReservationType": "capacity-block",
        "CapacityBlockId": cb(name),
        "InstanceType": instance_type,
        "AvailabilityZone": zone,
        "State": state,
        "TotalInstanceCount": size if has_started else 0,
        "AvailableInstanceCount": free if has_started else 0,
        "InstanceMatchCriteria": "targeted",
        "StartDate": start,
        "EndDate": end,
        "CreateDate": "-20d",
        "Tags": [*marks, *own],
        **fields,
    }


def _odcr(
    name: str, instance_type: str, zone: str, total: int, free: int = 0, **fields: Any
) -> Json:
    team = next((team for team, names in _PROJECTS.items() if name[:-3] in names), "platform")
    return {
        "CapacityReservationId": cr(name),
        "InstanceType": instance_type,
        "AvailabilityZone": zone,
        "TotalInstanceCount": total,
        "AvailableInstanceCount": free,
        "EbsOptimized": True,
        "StartDate": "-60d",
        "CreateDate": "-60d",
        "Tags": _tags(team, name[:-3], "prod", name),
        **fields,
    }


def _future(name: str, instance_type: str, zone: str, size: int, state: str, **fields: Any) -> Json:
    """A future-dated reservation, with a commitment but no capacity yet."""
    quantity = "aws:ec2capacityreservation:incrementalRequestedQuantity"
    item = _odcr(
        name,
        instance_type,
        zone,
        0,
        State=state,
        StartDate="+25d@08:00",
        CreateDate="-9d",
        OriginalStartDate="+25d@08:00",
        DeliveryPreference="incremental",
        CommitmentInfo={"CommittedInstanceCount": size, "CommitmentDuration": 14 * 86400},
    )
    tags = [{"Key": quantity, "Value": str(size)}, *item["Tags"]]
    return {**item, "Tags": tags, **fields}


def _partner(item: Json, *, shared: bool = True) -> Json:
    """The same, owned by the partner account."""
    hints = {"Simulator": {"SharedWith": [ACCOUNT]}} if shared else {}
    return {**item, "OwnerId": PARTNER, **hints}


def _us_east_1() -> Iterator[Json]:
    dfw = "us-east-1-dfw-2a"
    yield _block(
        "llm-pretrain-07", "p5.48xlarge", "us-east-1a", 16, "-3d@11:30", "+4d@11:30", "active"
    )
    yield _block("llm-pretrain-08", "p5en.48xlarge", "us-east-1b", 8, "+2h", "+7d@11:30")
    yield _block("alignment-03", "p6-b200.48xlarge", "us-east-1c", 4, "+6d@11:30", "+20d@11:30")
    yield _block(
        "detector-train-02", "p4de.24xlarge", "us-east-1d", 4, "-6d@11:30", "+1d@11:30", "active",
        4, "vision",
    )  # fmt: skip
    yield _block(
        "asr-train-05", "p5.4xlarge", "us-east-1a", 6, "+3d@11:30", "+5d@11:30", "payment-pending",
        0, "speech", CreateDate="-1h",
        Simulator={"Timeline": [{"At": "+150m", "Set": {"State": "payment-failed"}}]},
    )  # fmt: skip
    for part in ("a", "b"):
        item = _block(
            f"scaling-laws-01{part}", "p6e-gb200.36xlarge", dfw, 9, "-2d@11:30", "+12d@11:30",
            "active", 1 if part == "b" else 0, LaunchStatus="launchable",
        )  # fmt: skip
        yield {**item, "CapacityBlockId": cb("scaling-laws-01")}
    yield _block(
        "scaling-laws-02", "p6e-gb200.36xlarge", dfw, 9, "+9d@11:30", "+16d@11:30",
        LaunchStatus="unlaunchable",
    )  # fmt: skip
    yield _odcr(
        "chat-api-90", "p5.48xlarge", "us-east-1a", 6, 1,
        PlacementGroupArn=f"arn:aws:ec2:us-east-1:{ACCOUNT}:placement-group/chat-pg",
        Simulator={
            "SharedWith": [PARTNER],
            "UsedBy": {PARTNER: 2},
            "BillingRequest": {
                "UnusedReservationBillingOwnerId": PARTNER,
                "LastUpdateTime": "-1h",
            },
        },
    )  # fmt: skip
    yield _odcr("batch-scoring-91", "g6f.2xlarge", "us-east-1b", 8, 5)
    yield _odcr("notebooks-92", "m7i.4xlarge", "us-east-1c", 3, 3, State="pending", StartDate="-1m")
    yield _odcr("ci-runners-93", "c7i.8xlarge", "us-east-1d", 10, State="cancelled")
    yield _odcr("feature-store-94", "r7i.4xlarge", "us-east-1a", 4, State="expired", EndDate="-5h")
    yield _odcr("rag-search-95", "g6e.12xlarge", "us-east-1b", 0, State="failed")
    yield _future("ranker-serving-96", "g6e.48xlarge", "us-east-1a", 12, "scheduled")
    yield _future("video-index-97", "m7i.24xlarge", "us-east-1b", 40, "assessing")
    yield _partner(_odcr("policy-train-80", "p5.48xlarge", "us-east-1a", 8, 3))
    yield _partner(_odcr("sim-farm-81", "g5.12xlarge", "us-east-1b", 20, 12))
    yield _partner(_odcr("tts-serving-82", "inf2.24xlarge", "us-east-1c", 6, 2), shared=False)


def _us_east_2() -> Iterator[Json]:
    yield _block(
        "llm-pretrain-09", "p5en.48xlarge", "us-east-2c", 32, "-1d@08:55", "+6d@11:30", "active", 2
    )
    yield _block("alignment-04", "trn2.48xlarge", "us-east-2a", 4, "+10d@11:30", "+24d@11:30")
    yield _block(
        "asr-train-06", "trn1.32xlarge", "us-east-2b", 8, "+1d@11:30", "+2d@11:30",
        "payment-failed", 0, "speech",
    )  # fmt: skip
    yield _block(
        "policy-train-01", "p4d.24xlarge", "us-east-2a", 8, "-9d@11:30", "-2d@11:30", "expired", 8,
        "robotics",
    )  # fmt: skip
    yield _block("scaling-laws-03", "trn2u.48xlarge", "us-east-2a", 4, "+14d@11:30", "+21d@11:30")
    yield _partner(
        _block("embedding-refresh-01", "p5.48xlarge", "us-east-2b", 4, "-2d@11:30", "+5d@11:30",
               "active", 1, "recsys"),
    )  # fmt: skip
    source, lent = cr("batch-scoring-20"), cr("batch-scoring-21")
    yield _odcr(
        "batch-scoring-20", "g5.48xlarge", "us-east-2a", 6, 0,
        InterruptibleCapacityAllocation={
            "InstanceCount": 4, "TargetInstanceCount": 4, "Status": "active",
            "InterruptibleCapacityReservationId": lent, "InterruptionType": "adhoc",
        },
    )  # fmt: skip
    yield _odcr(
        "batch-scoring-21", "g5.48xlarge", "us-east-2a", 4, 1, Interruptible=True,
        InstanceMatchCriteria="targeted",
        InterruptionInfo={"SourceCapacityReservationId": source, "InterruptionType": "adhoc"},
    )  # fmt: skip
    yield _future("video-index-22", "c7i.8xlarge", "us-east-2b", 60, "unsupported")
    yield _odcr("notebooks-23", "g4dn.xlarge", "us-east-2c", 2, 2, InstancePlatform="Windows")


def _us_west_2() -> Iterator[Json]:
    yield _block("llm-pretrain-10", "p6-b300.48xlarge", "us-west-2a", 8, "+5d@11:30", "+33d@11:30")
    yield _block(
        "alignment-05", "p5.48xlarge", "us-west-2b", 8, "-12d@11:30", "+2d@11:30", "active", 1
    )
    yield _block(
        "ranker-serving-04", "p5e.48xlarge", "us-west-2c", 2, "-1d@11:30", "+1d@11:30",
        "unavailable", 0, "recsys",
    )  # fmt: skip
    yield _block(
        "detector-train-03", "p4de.24xlarge", "us-west-2a", 2, "-20h", "+2d@11:30", "scheduled",
        0, "vision",
    )  # fmt: skip
    fleet = _id("crf", "chat-api fleet")
    for index, kind in enumerate(("g6.12xlarge", "g6e.12xlarge", "g5.12xlarge")):
        yield _odcr(
            f"chat-api-{30 + index}", kind, "us-west-2a", 4, index, CapacityReservationFleetId=fleet
        )
    yield _odcr("sim-farm-33", "trn3.48xlarge", "us-west-2d", 2, 1)
    yield _odcr("video-index-34", "vt1.3xlarge", "us-west-2b", 3, 1)
    yield _odcr("notebooks-35", "dl1.24xlarge", "us-west-2c", 1, 1)
    yield _future(
        "embedding-refresh-36", "c7i.8xlarge", "us-west-2a", 30, "delayed", StartDate="-2d@08:00",
        OriginalStartDate="-2d@08:00",
    )  # fmt: skip
    yield _future(
        "rag-search-37", "r7i.4xlarge", "us-west-2b", 16, "cancelling", StartDate="-20d@08:00"
    )
    yield _partner(_odcr("policy-train-83", "g6e.48xlarge", "us-west-2a", 5, 5))
    yield _partner(_odcr("asr-train-84", "p4d.24xlarge", "us-west-2b", 4, 0), shared=False)


def _eu_west_1() -> Iterator[Json]:
    outpost = f"arn:aws:outposts:eu-west-1:{ACCOUNT}:outpost/op-0e1f2a3b4c5d60718"
    yield _odcr("notebooks-40", "g4dn.12xlarge", "eu-west-1a", 4, 2, OutpostArn=outpost)
    yield _odcr("feature-store-41", "m6i.8xlarge", "eu-west-1a", 6, 1, OutpostArn=outpost)
    yield _odcr(
        "ci-runners-42", "c7g.4xlarge", "eu-west-1b", 12, 9,
        UnusedReservationBillingOwnerId=PARTNER, Simulator={"SharedWith": [PARTNER]},
    )  # fmt: skip
    yield _odcr("rag-search-43", "m7i.24xlarge", "eu-west-1c", 2, 0, Tenancy="dedicated")


def _rest() -> dict[str, list[Json]]:
    """The blocks and special cases of the other regions."""
    return {
        "us-west-1": [
            _block("alignment-06", "p5e.48xlarge", "us-west-1a", 2, "+11d@11:30", "+18d@11:30"),
        ],
        "eu-central-1": [
            _odcr(
                "tts-serving-50", "g6.12xlarge", "eu-central-1a", 8, 0, EndDate="+20d@00:00",
                AdjustmentStatus="requested", AdjustmentDetails={"EndDate": "+40d@00:00"},
            ),
        ],
        "eu-west-2": [
            _block("asr-train-07", "p5.48xlarge", "eu-west-2a", 4, "-5d@11:30", "+2d@11:30",
                   "active", 0, "speech"),
            _block("asr-train-08", "p5.4xlarge", "eu-west-2b", 3, "+8d@11:30", "+9d@11:30",
                   "payment-pending", 0, "speech", CreateDate="-2h",
                   Simulator={"Timeline": [{"At": "+5h", "Set": {"State": "scheduled"}}]}),
        ],
        "eu-north-1": [
            _block("policy-train-02", "trn1.32xlarge", "eu-north-1b", 16, "-4d@11:30", "+10d@11:30",
                   "active", 3, "robotics"),
        ],
        "ap-northeast-1": [
            _block("llm-pretrain-11", "p5.48xlarge", "ap-northeast-1a", 8, "-8d@11:30", "+6d@11:30",
                   "active"),
            _block("ranker-serving-05", "p5e.48xlarge", "ap-northeast-1c", 2, "+4d@11:30",
                   "+11d@11:30", team="recsys"),
        ],
        "ap-northeast-2": [
            _block("detector-train-04", "p5e.48xlarge", "ap-northeast-2a", 4, "+16d@11:30",
                   "+30d@11:30", team="vision"),
        ],
        "ap-south-1": [
            _block("asr-train-09", "p5.4xlarge", "ap-south-1a", 2, "-1d@11:30", "+1d@11:30",
                   "active", 2, "speech"),
            _odcr("chat-api-60", "g5.2xlarge", "ap-south-1b", 5, 0, State="failed"),
        ],
        "ap-southeast-2": [
            _block("policy-train-03", "trn1.32xlarge", "ap-southeast-2b", 4, "+20d@11:30",
                   "+27d@11:30", team="robotics"),
        ],
        "sa-east-1": [
            _block("alignment-07", "trn2.3xlarge", "sa-east-1a", 2, "-2d@11:30", "+3d@11:30",
                   "active", 1),
        ],
    }  # fmt: skip


def _market() -> dict[str, list[Json]]:
    """Capacity for sale; a count is the maximum for one block."""
    return {
        "us-east-1": [
            _offer("p5.48xlarge", "us-east-1a", 8, "+2d@11:30", "31.464"),
            _offer("p5.4xlarge", "us-east-1a", 4, "-1d", "3.933"),
            _offer("p4de.24xlarge", "us-east-1d", 2, "+1d@11:30", "14.700"),
            _offer("p6-b200.48xlarge", "us-east-1c", 2, "+9d@11:30", "65.920"),
            _offer("p6e-gb200.36xlarge", "us-east-1-dfw-2a", 1, "+12d@11:30", "755.950",
                   "u-p6e-gb200x72"),
        ],
        "us-east-2": [
            _offer("p5.48xlarge", "us-east-2a", 4, "-1d", "31.464"),
            _offer("p5.48xlarge", "us-east-2c", 16, "+7d@11:30", "31.464"),
            _offer("p5en.48xlarge", "us-east-2c", 4, "+3d@11:30", "34.608"),
            _offer("p4d.24xlarge", "us-east-2a", 8, "-1d", "11.800"),
            _offer("trn2.48xlarge", "us-east-2a", 8, "+1d@11:30", "35.764"),
            _offer("trn2u.48xlarge", "us-east-2a", 1, "+4d@11:30", "143.056", "u-trn2"),
        ],
        "us-west-2": [
            _offer("p5.48xlarge", "us-west-2b", 2, "+5d@11:30", "31.464"),
            _offer("p6-b300.48xlarge", "us-west-2a", 2, "+21d@11:30", "89.700"),
            _offer("trn1.32xlarge", "us-west-2d", 16, "-1d", "9.532"),
        ],
        "eu-north-1": [_offer("p5.48xlarge", "eu-north-1a", 4, "+3d@11:30", "36.184")],
        "ap-northeast-1": [_offer("p5.48xlarge", "ap-northeast-1a", 2, "+1d@11:30", "39.330")],
        "sa-east-1": [_offer("p5.4xlarge", "sa-east-1a", 2, "-1d", "6.686")],
    }  # fmt: skip


def _offer(
    instance_type: str, zone: str, count: int, first: str, price: str, server: str | None = None
) -> Json:
    return {
        "InstanceType": instance_type,
        **({"UltraserverType": server} if server else {}),
        "AvailabilityZone": zone,
        "Count": count,
        "FirstStart": first,
        "HourlyPrice": price,
    }


def _more_of_us_east_1() -> Json:
    """UltraServers, their health, and an extension that is not paid yet."""
    return {
        "CapacityBlocks": [
            {"CapacityBlockId": cb("scaling-laws-01"), "UltraserverType": "u-p6e-gb200x72"},
            {"CapacityBlockId": cb("scaling-laws-02"), "UltraserverType": "u-p6e-gb200x36"},
        ],
        "CapacityBlockStatuses": [
            {
                "CapacityBlockId": cb("scaling-laws-01"),
                "InterconnectStatus": "impaired",
                "TotalUnavailableCapacity": 1,
            },
        ],
        "CapacityBlockExtensions": [
            {
                "CapacityReservationId": cr("llm-pretrain-07"),
                "InstanceType": "p5.48xlarge",
                "InstanceCount": 16,
                "AvailabilityZone": "us-east-1a",
                "CapacityBlockExtensionOfferingId": _id("cbe", "llm-pretrain-07"),
                "CapacityBlockExtensionDurationHours": 48,
                "CapacityBlockExtensionStatus": "payment-pending",
                "CapacityBlockExtensionPurchaseDate": "-1h",
                "CapacityBlockExtensionStartDate": "+4d@11:30",
                "CapacityBlockExtensionEndDate": "+6d@11:30",
                "UpfrontFee": "24164.35",
                "CurrencyCode": "USD",
                "ZoneType": zone_type("us-east-1a"),
            },
        ],
    }


def _plans() -> list[Json]:
    """Training plans of SageMaker: one in use, and one before its start."""
    part = {"InstanceType": "ml.p5.48xlarge", "AvailabilityZone": "us-east-1a"}
    plan = {"TargetResources": ["hyperpod-cluster"], "ReservedCapacitySummaries": [part]}
    return [
        {
            "TrainingPlanName": "llm-finetune-02",
            "StartTime": "-2d@11:30",
            "EndTime": "+5d@11:30",
            "TotalInstanceCount": 4,
            "AvailableInstanceCount": 1,
            "InUseInstanceCount": 3,
            "UnhealthyInstanceCount": 0,
            "UpfrontFee": "26544.00",
            **plan,
        },
        {
            "TrainingPlanName": "llm-finetune-03",
            "StartTime": "+9d@11:30",
            "EndTime": "+16d@11:30",
            "TotalInstanceCount": 8,
            "AvailableInstanceCount": 0,
            "UpfrontFee": "53088.00",
            **plan,
        },
    ]


def _databases() -> list[Json]:
    """DB capacity reservations of RDS: one in three zones, and a future one."""
    zones = [{"AvailabilityZone": f"us-east-1{zone}", "AvailableCapacity": 1} for zone in "abc"]
    database = {"DBInstanceClass": "db.r7g.4xlarge", "Engine": "postgres"}
    commitment = {"CommittedCapacityPerAvailabilityZone": 6, "CommitmentEndDate": "+29d@00:00"}
    return [
        {
            "DBCapacityReservationName": "feature-store",
            "CreateDate": "-40d",
            "ReservedCapacityPerAvailabilityZone": 4,
            "AvailableCapacityPerAvailabilityZoneList": zones,
            "TagList": [{"Key": "Team", "Value": "platform"}],
            **database,
        },
        {
            "DBCapacityReservationName": "rag-search",
            "CreateDate": "-3d",
            "StartDate": "+8d@00:00",
            "EndDate": "+40d@00:00",
            "CommitmentInfo": commitment,
            "ReservedCapacityPerAvailabilityZone": 6,
            "AvailableCapacityPerAvailabilityZoneList": zones[:1],
            "TagList": [{"Key": "Team", "Value": "inference"}],
            **database,
        },
    ]


def _fleet_of_us_west_2(listed: Iterable[Json]) -> Json:
    """A Capacity Reservation Fleet below its target."""
    members = [item for item in listed if "CapacityReservationFleetId" in item]
    return {
        "CapacityReservationFleetId": members[0]["CapacityReservationFleetId"],
        "State": "partially_fulfilled",
        "TotalTargetCapacity": 16,
        "TotalFulfilledCapacity": 12.0,
        "Tenancy": "default",
        "InstanceMatchCriteria": "open",
        "AllocationStrategy": "prioritized",
        "CreateTime": "-30d",
        "InstanceTypeSpecifications": [
            {
                "CapacityReservationId": item["CapacityReservationId"],
                "InstanceType": item["InstanceType"],
                "AvailabilityZone": item["AvailabilityZone"],
                "TotalInstanceCount": item["TotalInstanceCount"],
                "FulfilledCapacity": float(item["TotalInstanceCount"]),
                "Weight": 1.0,
                "Priority": priority,
            }
            for priority, item in enumerate(members, 1)
        ],
    }


def _network(listed: Iterable[Json], types: Sequence[str]) -> list[Json]:
    """The network nodes of the reservations of some types: those in one zone share the upper two
    nodes, and each pair the lowest."""
    chosen = [item for item in listed if item["InstanceType"] in types]
    return [
        {
            "CapacityReservationId": item["CapacityReservationId"],
            "NetworkNodes": [
                _id("nn", item["AvailabilityZone"]),
                _id("nn", f"{item['AvailabilityZone']} spine"),
                _id("nn", f"{item['AvailabilityZone']} leaf {number // 2}"),
            ],
        }
        for number, item in enumerate(chosen)
    ]


def _plan_offer() -> Json:
    """Training plans for sale."""
    return {
        "InstanceType": "ml.p5.48xlarge",
        "AvailabilityZone": "us-east-1a",
        "Count": 8,
        "FirstStart": "+4d@11:30",
        "HourlyPrice": "33.304",
    }


def organization() -> Json:
    """The content of the fleet file."""
    rest, market = _rest(), _market()
    special: Mapping[str, Iterable[Json]] = {
        "us-east-1": _us_east_1(),
        "us-east-2": _us_east_2(),
        "us-west-2": _us_west_2(),
        "eu-west-1": _eu_west_1(),
        **rest,
    }
    regions: Json = {}
    for name, count in EVERYDAY.items():
        listed = [*special.get(name, ()), *(_everyday(name, index) for index in range(count))]
        regions[name] = {"CapacityReservations": listed}
        if name in market:
            regions[name]["Market"] = market[name]
    regions["us-east-1"] |= _more_of_us_east_1()
    regions["us-east-1"] |= {"TrainingPlanMarket": [_plan_offer()]}
    regions["us-east-1"] |= {"TrainingPlans": _plans(), "DBCapacityReservations": _databases()}
    regions["us-east-2"]["CapacityBlocks"] = [
        {"CapacityBlockId": cb("scaling-laws-03"), "UltraserverType": "u-trn2"}
    ]
    west, east = regions["us-west-2"], regions["us-east-2"]
    west["CapacityReservationFleets"] = [_fleet_of_us_west_2(west["CapacityReservations"])]
    east["CapacityReservationTopology"] = _network(
        east["CapacityReservations"], ("p5.48xlarge", "p5en.48xlarge", "p4d.24xlarge")
    )
    regions |= {name: {"OptInStatus": "not-opted-in"} for name in NOT_OPTED_IN}
    return {
        "description": "A made-up organization, written by python -m sandbox.ec2.organization",
        "account": ACCOUNT,
        "faults": [{"kind": "unauthorized", "region": DENIED}],
        "regions": regions,
    }


_WIDTH = 100


def text_of(value: Any, indent: int = 0) -> str:
    """Compact JSON: everything that fits is on one line, and fields share lines."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + len(flat) <= _WIDTH or not value or not isinstance(value, dict | list):
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, list):
        lines = [text_of(item, indent + 2) for item in value]
        return f"[\n{inner}" + f",\n{inner}".join(lines) + f"\n{' ' * indent}]"
    parts = [f"{json.dumps(name)}: {text_of(item, indent + 2)}" for name, item in value.items()]
    return "{\n" + _packed(parts, inner) + f"\n{' ' * indent}}}"


def _packed(parts: Sequence[str], inner: str) -> str:
    lines: list[str] = []
    for part in parts:
        room = _WIDTH - len(inner) - len(part) - 3
        if lines and "\n" not in part and "\n" not in lines[-1] and len(lines[-1]) <= room:
            lines[-1] = f"{lines[-1]}, {part}"
        else:
            lines.append(part)
    return ",\n".join(inner + line for line in lines)


if __name__ == "__main__":
    print(text_of(organization()))
