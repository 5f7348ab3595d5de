"""Which instance types carry an accelerator: by EC2's description, never by a name's prefix."""

import pytest

from truffle.core.accelerators import accelerator, accelerator_of, bundled, unknown_types
from truffle.core.model import Accelerator

H100 = Accelerator("H100", "NVIDIA", 8)


@pytest.mark.parametrize(
    ("instance_type", "carried"),
    [
        ("p5.48xlarge", H100),
        ("p5.4xlarge", Accelerator("H100", "NVIDIA", 1)),
        ("g6.48xlarge", Accelerator("L4", "NVIDIA", 8)),
        ("g6f.large", Accelerator("L4", "NVIDIA", 0.125)),
        ("gr6f.4xlarge", Accelerator("L4", "NVIDIA", 0.5)),
        ("trn2.48xlarge", Accelerator("Trainium2", "AWS", 16)),
        ("inf2.xlarge", Accelerator("Inferentia2", "AWS", 1)),
        ("dl2q.24xlarge", Accelerator("Qualcomm AI100", "Qualcomm", 8)),
    ],
)
def test_gpus_trainium_inferentia_and_inference_accelerators_are_known(
    instance_type: str, carried: Accelerator
) -> None:
    assert accelerator_of(instance_type, {}) == carried


@pytest.mark.parametrize(
    "instance_type", ["m7i.24xlarge", "m5.large", "f2.48xlarge", "vt1.3xlarge", "p9.48xlarge", ""]
)
def test_plain_fpga_media_and_unknown_types_have_none(instance_type: str) -> None:
    assert accelerator_of(instance_type, {}) is None


def test_every_bundled_accelerator_has_devices_and_a_name() -> None:
    carried = [entry for entry in bundled().values() if entry]

    assert len(carried) > 50
    assert all(entry.count > 0 and entry.name and entry.manufacturer for entry in carried)


def test_what_ec2_said_fills_the_bundled_tables_gaps() -> None:
    said = {"p9.48xlarge": Accelerator("R100", "NVIDIA", 8)}

    assert accelerator_of("p9.48xlarge", said) == Accelerator("R100", "NVIDIA", 8)


def test_the_bundled_table_comes_first() -> None:
    assert accelerator_of("p5.48xlarge", {"p5.48xlarge": Accelerator("R100", "NVIDIA", 1)}) == H100


def test_only_types_that_nobody_has_described_are_unknown() -> None:
    asked = ["p9.48xlarge", "m99.large", "p5.48xlarge", "m5.large", "p8.48xlarge", "p9.48xlarge"]

    assert unknown_types(asked, {"p8.48xlarge": None}) == ["m99.large", "p9.48xlarge"]


@pytest.mark.parametrize(
    ("count", "logical", "partition", "expected"),
    [(8, 8, 1.0, "8"), (0, 1, 0.125, "0.125"), (0, 2, 0.5, "1"), (0, 0, 0, "0")],
)
def test_a_partitioned_gpu_counts_as_its_fraction(
    count: int, logical: int, partition: float, expected: str
) -> None:
    assert str(accelerator("L4", "NVIDIA", count, logical, partition).count) == expected


@pytest.mark.parametrize(
    ("count", "instances", "total"),
    [(8, 16, "128"), (0.125, 8, "1"), (0.125, 3, "0.375"), (8, 0, "0"), (8, None, "None")],
)
def test_the_total_is_the_count_times_the_instances(
    count: float, instances: int | None, total: str
) -> None:
    assert str(Accelerator("L4", "NVIDIA", count).times(instances).total_count) == total
