"""``--gpu-only``: by the type's accelerators, also where EC2's description has a gap."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.sandbox.worlds import World, a_block


@pytest.mark.parametrize(
    ("instance_type", "devices"),
    [("trn2u.48xlarge", 64), ("p6e-gb200.36xlarge", 16), ("p3.16xlarge", 32)],
)
def test_a_block_of_four_is_shown_with_its_accelerators(
    truffle: Run, world: World, instance_type: str, devices: int
) -> None:
    world.has(a_block(1, 4, InstanceType=instance_type))

    output = truffle(
        "capacity", "--blocks", "--gpu-only", "--instance-types", instance_type, "-o", "json"
    )

    assert [row["accelerator"]["total_count"] for row in output.json] == [devices]


@pytest.mark.parametrize("instance_type", ["f2.6xlarge", "vt1.3xlarge", "m5.large"])
def test_fpga_and_media_devices_are_not_gpus(
    truffle: Run, world: World, instance_type: str
) -> None:
    world.has(a_block(1, 4, InstanceType=instance_type))

    assert truffle("capacity", "--blocks", "--gpu-only", "-o", "json").json == []
