"""Facts about AWS's two types of capacity, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2026-11-23"
"""When the sources were read."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement about AWS and its source."""

    text: str
    source: str

    def to_json(self) -> dict[str, str]:
        return {"text": self.text, "source": self.source}


BLOCK_DURATION = Fact(
    "Blocks are sold in steps of 1 day to 14 days, then of 7 days to 182 days.",
    "EC2 User Guide, capacity-blocks-purchase",
)
BLOCK_BOOKING = Fact(
    "Starts are offered from about 30 minutes to 8 weeks ahead.",
    "EC2 User Guide, ec2-capacity-blocks",
)
BLOCK_EXTENSION = Fact(
    "An active or scheduled block can be extended until 1 hour before its end, to 182 days in "
    "total.",
    "EC2 User Guide, capacity-blocks-extend",
)
BLOCK_CANCELLATION = Fact(
    "A block cannot be cancelled.",
    "EC2 API Reference, CancelCapacityReservation",
)
BLOCK_SIZE = Fact(
    "A block has up to 64 instances, and an organization up to 256 in blocks on any date.",
    "EC2 User Guide, ec2-capacity-blocks; EC2 API, DescribeCapacityBlockOfferings, InstanceCount",
)
BLOCK_END = Fact(
    "A block ends at 11:30 UTC, and AWS starts to terminate its instances 30 minutes before "
    "(60 for UltraServers).",
    "EC2 User Guide, ec2-capacity-blocks",
)
BLOCK_PRICE = Fact(
    "A block is paid upfront in full; its rate can be at or below On-Demand "
    "(p5.48xlarge: $37.76-41.53 per hour in July 2026, $55.04 On-Demand).",
    "EC2 API, CapacityBlockOffering, UpfrontFee; published price list of 2026-07-22 (third party)",
)
BLOCK_NETWORK = Fact(
    "The instances of a block are placed close together in an EC2 UltraCluster.",
    "EC2 User Guide, ec2-capacity-blocks",
)
BLOCK_TYPES = (
    "p4d.24xlarge",
    "p4de.24xlarge",
    "p5.4xlarge",
    "p5.48xlarge",
    "p5e.48xlarge",
    "p5en.48xlarge",
    "p6-b200.48xlarge",
    "p6-b300.48xlarge",
    "p6e-gb200.36xlarge",
    "trn1.32xlarge",
    "trn2.3xlarge",
    "trn2.48xlarge",
    "trn2u.48xlarge",
)
"""Types sold as blocks, including those of UltraServers; `truffle offerings` queries AWS itself."""

ULTRASERVER_TYPES = ("p6e-gb200.36xlarge", "trn2u.48xlarge")
"""The types among them that are instances of UltraServers."""

BLOCK_INSTANCES = Fact(
    f"Blocks are sold for {', '.join(BLOCK_TYPES)}.",
    "Published price list of 2026-07-22 (third party); EC2 API, DescribeInstanceTypes, "
    "SupportedUsageClasses",
)
ODCR_BILLING = Fact(
    "An ODCR is billed at the On-Demand rate whether it is used or not, by the second.",
    "EC2 User Guide, capacity-reservations-pricing-billing",
)
ODCR_FREEDOM = Fact(
    "A plain ODCR begins at once where there is capacity, needs no end date, and can be cancelled "
    "at any time.",
    "EC2 User Guide, ec2-capacity-reservations",
)
ODCR_FUTURE = Fact(
    "A future-dated ODCR is requested 5 to 120 days ahead and carries a commitment: cancelling it "
    "early requires a paid quote.",
    "EC2 API, CreateCapacityReservation, CreateCapacityReservationCancellationQuote",
)
FUTURE_DATED_FAMILIES: Final = ("C", "M", "R", "I", "T", "G")
"""Families of instance types available for future-dated ODCRs (botocore 1.44,
CreateCapacityReservation, InstanceType)."""

ODCR_FUTURE_TYPES = Fact(
    f"Future-dated ODCRs are available only for the families "
    f"{', '.join(FUTURE_DATED_FAMILIES)} (no P or Trn types), with at least 32 vCPUs, and not in a "
    "placement group.",
    "EC2 API, CreateCapacityReservation, InstanceType, InstanceCount, PlacementGroupArn",
)
ODCR_NETWORK = Fact(
    "An ODCR can be created in a cluster placement group, for low latency between its instances; "
    "otherwise it uses standard EC2 networking.",
    "EC2 User Guide, cr-cpg",
)
ODCR_INSTANCES = Fact(
    "ODCRs can be created for almost any instance type, in any number within the account's limits.",
    "EC2 User Guide, ec2-capacity-reservations",
)
INFERENCE_ON_BLOCKS = Fact(
    "AWS names training, fine-tuning and inference as uses of blocks; its fixed end makes a block "
    "unsuitable for a service that never stops.",
    "EC2 User Guide, ec2-capacity-blocks",
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the comparison of both types."""

    feature: str
    blocks: str
    odcrs: str
    sources: tuple[Fact, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "feature": self.feature,
            "capacity_blocks": self.blocks,
            "odcrs": self.odcrs,
            "sources": list(dict.fromkeys(fact.source for fact in self.sources)),
        }


COMPARISON: tuple[Comparison, ...] = (
    Comparison(
        "Duration",
        "1-14 days, then weeks to 182 days",
        "No fixed end, or any end date",
        (BLOCK_DURATION, ODCR_FREEDOM),
    ),
    Comparison(
        "Advance booking",
        "30 minutes to 8 weeks",
        "At once; future-dated 5-120 days",
        (BLOCK_BOOKING, ODCR_FUTURE),
    ),
    Comparison(
        "Cancellation",
        "No; can be extended",
        "Any time, if not future-dated",
        (BLOCK_CANCELLATION, BLOCK_EXTENSION, ODCR_FREEDOM, ODCR_FUTURE),
    ),
    Comparison(
        "Networking",
        "EC2 UltraCluster",
        "Standard, or cluster placement group",
        (BLOCK_NETWORK, ODCR_NETWORK),
    ),
    Comparison(
        "Size",
        "Up to 64 instances a block, 256 in total",
        "Any number within the limits",
        (BLOCK_SIZE, ODCR_INSTANCES),
    ),
    Comparison(
        "Instances",
        "P4d to P6, Trn1, Trn2, UltraServers",
        "Almost any type",
        (BLOCK_INSTANCES, ODCR_INSTANCES),
    ),
    Comparison(
        "Pricing",
        "Paid upfront, in full",
        "On-Demand rate, used or not",
        (BLOCK_PRICE, ODCR_BILLING),
    ),
    Comparison(
        "Use",
        "Training with known dates",
        "Inference, development, open-ended work",
        (INFERENCE_ON_BLOCKS, ODCR_FREEDOM),
    ),
)
"""The present comparison table of the guide."""
