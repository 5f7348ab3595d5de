"""Queries as parameters."""

EVERY_TYPE = frozenset({"odcr", "capacity-block", "training-plan", "db-capacity-reservation"})


def some(*values: str) -> frozenset[str]:
    return frozenset(values)


RUN = {"instance_type": ["p5.48xlarge"], "count": ["8"], "days": ["2.5"]}
