"""Which instance types carry an accelerator: by EC2's description, never by a name's prefix."""

import re
from pathlib import Path

import pytest

from truffle.core.accelerators import (
    accelerator,
    accelerator_of,
    bundled,
    recorded,
    unknown_types,
)
from truffle.core.model import Accelerator

H100 = Accelerator("H100", "NVIDIA", 8)

SAMPLE = Path(__file__).parent.parent / "samples" / "ec2" / "accelerated_types.txt"
GUIDE = [tuple(line.split("|")) for line in SAMPLE.read_text().splitlines()]
"""Types and devices as the Amazon EC2 Instance Types guide has them: accelerated computing, and P3
of the previous generation."""


def described(devices: str) -> Accelerator | None:
    """``8 x NVIDIA H100 GPU`` as an accelerator; FPGA and media devices are none."""
    kinds = "GPU|inference accelerator|accelerators"
    match = re.fullmatch(rf"([0-9.]+) x (\S+) (.+?) ({kinds})", devices)
    return match and Accelerator(match[3], match[2], float(match[1]))


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


@pytest.mark.parametrize(("instance_type", "devices"), GUIDE)
def test_the_table_has_what_the_instance_types_guide_has(instance_type: str, devices: str) -> None:
    found = accelerator_of(instance_type, {})

    assert devices == "No" or found == described(devices)


def test_trn2u_has_its_chips_though_ec2_describes_none() -> None:
    chips = Accelerator("Trainium2", "AWS", 16)

    assert accelerator_of("trn2u.48xlarge", {}) == chips
    assert accelerator_of("trn2u.48xlarge", {"trn2u.48xlarge": None}) == chips


def test_no_accelerated_type_is_plain_because_a_recording_has_a_gap() -> None:
    plain = {name for name, carried in recorded().items() if carried is None}
    other_devices = {
        name for name, devices in GUIDE if devices.endswith(("FPGA", "media accelerator"))
    }

    assert plain & {name for name, _ in GUIDE} == other_devices


def test_every_bundled_accelerator_has_devices_and_a_name() -> None:
    carried = [entry for entry in bundled().values() if entry]

    assert len(carried) > 50
    assert all(entry.count and entry.name and entry.manufacturer for entry in carried)


def test_what_ec2_said_fills_the_bundled_tables_gaps() -> None:
    said = {"p9.48xlarge": Accelerator("R100", "NVIDIA", 8)}

    assert accelerator_of("p9.48xlarge", said) == Accelerator("R100", "NVIDIA", 8)


def test_what_ec2_said_comes_before_the_bundled_table() -> None:
    said = Accelerator("R100", "NVIDIA", 1)

    assert accelerator_of("p5.48xlarge", {"p5.48xlarge": said}) == said
    assert accelerator_of("m5.large", {"m5.large": said}) == said


def test_only_types_without_a_description_are_unknown() -> None:
    asked = ["p9.48xlarge", "m99.large", "p5.48xlarge", "m5.large", "p8.48xlarge", "p9.48xlarge"]

    assert unknown_types(asked, {"p8.48xlarge": None}) == ["m99.large", "p9.48xlarge"]


def test_ec2_is_asked_for_types_that_only_a_guide_describes() -> None:
    assert unknown_types(["trn2u.48xlarge"], {}) == ["trn2u.48xlarge"]
    assert unknown_types(["trn2u.48xlarge"], {"trn2u.48xlarge": None}) == []


@pytest.mark.parametrize(
    ("count", "logical", "partition", "expected"),
    [
        (8, 8, 1.0, "8"),
        (8, None, None, "8"),
        (0, 1, 0.125, "0.125"),
        (0, 2, 0.5, "1"),
        (0, 0, 0, "0"),
        (0, None, None, "None"),
        (None, None, None, "None"),
    ],
)
def test_a_partitioned_gpu_counts_as_its_fraction_and_no_number_is_unknown(
    count: int | None, logical: int | None, partition: float | None, expected: str
) -> None:
    assert str(accelerator("L4", "NVIDIA", count, logical, partition).count) == expected


@pytest.mark.parametrize(
    ("count", "instances", "total"),
    [
        (8, 16, "128"),
        (0.125, 8, "1"),
        (0.125, 3, "0.375"),
        (8, 0, "0"),
        (8, None, "None"),
        (None, 8, "None"),
    ],
)
def test_the_total_is_the_count_times_the_instances(
    count: float | None, instances: int | None, total: str
) -> None:
    assert str(Accelerator("L4", "NVIDIA", count).times(instances).total_count) == total
