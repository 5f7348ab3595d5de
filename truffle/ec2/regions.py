"""The regions enabled for an account, from EC2."""

from __future__ import annotations

from typing import Any

ENABLED = frozenset({"opt-in-not-required", "opted-in"})
"""OptInStatus values of regions that an account can use (EC2 API Reference, DescribeRegions)."""


def enabled_regions(client: Any) -> list[str]:
    """The regions enabled for the caller's account, sorted. Raises what DescribeRegions does."""
    answer = client.describe_regions()
    return sorted(
        region["RegionName"]
        for region in answer.get("Regions") or ()
        if region.get("OptInStatus", "opt-in-not-required") in ENABLED
    )
