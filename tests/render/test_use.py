"""The snippets: what targets a reservation in each tool."""

from __future__ import annotations

import json
import re
import shlex

import boto3
import pytest
import yaml
from botocore.validate import ParamValidator

from tests.builders import a_block, an_odcr
from truffle.core.model import Accelerator, Reservation
from truffle.render.terraform import to_terraform
from truffle.render.use import SNIPPETS

BLOCK = a_block("cr-0b")
ACTIVE = a_block("cr-0a", state="active")
LENT = an_odcr("cr-0e", interruptible=True)
RING = an_odcr(
    "cr-0c", placement_group_arn="arn:aws:ec2:us-east-2:123456789012:placement-group/ring"
)


def loaded(tool: str, row: Reservation) -> list[dict[str, object]]:
    return list(yaml.safe_load_all(SNIPPETS[tool](row)))


def words(tool: str, row: Reservation) -> list[str]:
    return shlex.split(SNIPPETS[tool](row), comments=True)


def validated(service: str, operation: str, parameters: dict[str, object]) -> None:
    """Raises where botocore's model of the service has no such parameters."""
    model = boto3.client(service, region_name="us-east-2").meta.service_model
    report = ParamValidator().validate(parameters, model.operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()


class TestRunInstances:
    def test_a_block_needs_its_market_type(self) -> None:
        output = words("ec2-run-instances", BLOCK)
        assert output[:3] == ["aws", "ec2", "run-instances"]
        assert output[output.index("--instance-market-options") + 1] == "MarketType=capacity-block"
        assert output[output.index("--capacity-reservation-specification") + 1] == (
            "CapacityReservationTarget={CapacityReservationId=cr-0b}"
        )
        assert output[output.index("--count") + 1] == "16"

    def test_an_odcr_has_none_and_joins_its_placement_group(self) -> None:
        output = words("ec2-run-instances", RING)
        assert "--instance-market-options" not in output
        assert output[output.index("--placement") + 1] == "GroupName=ring"
        assert output[output.index("--count") + 1] == "3"

    def test_an_interruptible_odcr_needs_its_market_type(self) -> None:
        output = words("ec2-run-instances", LENT)
        market = output[output.index("--instance-market-options") + 1]
        assert market == "MarketType=interruptible-capacity-reservation"
        assert "an interruptible ODCR" in SNIPPETS["ec2-run-instances"](LENT)


class TestAnUnknownSize:
    """A block of another account before its start: EC2 counts 0, and its tags are not shared."""

    ROW = a_block("cr-0d", instance_count=None, total_capacity=0, available_capacity=0)

    @pytest.mark.parametrize(
        ("tool", "option", "value"),
        [
            ("ec2-run-instances", "--count", "$COUNT"),
            ("eks-nodegroup", "--scaling-config", "minSize=0,maxSize=$COUNT,desiredSize=0"),
            ("sagemaker", "--instance-count", "$COUNT"),
        ],
    )
    def test_is_left_to_the_reader_of_a_command(self, tool: str, option: str, value: str) -> None:
        output = words(tool, self.ROW)
        assert output[output.index(option) + 1] == value
        assert "COUNT: how many instances" in SNIPPETS[tool](self.ROW)

    def test_is_left_to_the_reader_of_a_queue(self) -> None:
        (config,) = loaded("parallelcluster", self.ROW)
        (queue,) = config["Scheduling"]["SlurmQueues"]  # type: ignore[index]
        assert queue["ComputeResources"][0]["MinCount"] == "COUNT"

    def test_is_a_question_mark_in_words(self) -> None:
        assert SNIPPETS["karpenter"](self.ROW).startswith("# ? x p5.48xlarge in us-east-2a")
        assert "# ? x p5.48xlarge" in to_terraform([self.ROW])

    def test_a_search_for_an_odcr_s_capacity_has_no_length_to_go_by(self) -> None:
        output = words("sagemaker", an_odcr(instance_type="p5.48xlarge"))
        assert output[output.index("--duration-hours") + 1] == "$HOURS"


class TestEks:
    def test_an_interruptible_odcr_s_market_type_is_in_the_launch_template(self) -> None:
        output = words("eks-nodegroup", LENT)
        data = json.loads(output[output.index("--launch-template-data") + 1])
        assert data["InstanceMarketOptions"] == {"MarketType": "interruptible-capacity-reservation"}
        assert output[output.index("--capacity-type") + 1] == "ON_DEMAND"

    @pytest.mark.parametrize(
        ("row", "kind", "scaling"),
        [
            (BLOCK, "CAPACITY_BLOCK", "minSize=0,maxSize=16,desiredSize=0"),
            (ACTIVE, "CAPACITY_BLOCK", "minSize=0,maxSize=2,desiredSize=2"),
            (RING, "ON_DEMAND", "minSize=0,maxSize=3,desiredSize=3"),
        ],
    )
    def test_the_node_group(self, row: Reservation, kind: str, scaling: str) -> None:
        output = words("eks-nodegroup", row)
        assert output[output.index("--capacity-type") + 1] == kind
        assert output[output.index("--scaling-config") + 1] == scaling

    @pytest.mark.parametrize(
        ("name", "maker", "image"),
        [
            ("p5.48xlarge", "NVIDIA", "AL2023_x86_64_NVIDIA"),
            ("p6e-gb200.36xlarge", "NVIDIA", "AL2023_ARM_64_NVIDIA"),
            ("g5g.xlarge", "NVIDIA", "AL2023_ARM_64_NVIDIA"),
            ("g6e.xlarge", "NVIDIA", "AL2023_x86_64_NVIDIA"),
            ("trn2.48xlarge", "AWS", "AL2023_x86_64_NEURON"),
            ("m7gd.large", None, "AL2023_ARM_64_STANDARD"),
            ("m7i.large", None, "AL2023_x86_64_STANDARD"),
            ("dl1.24xlarge", "Habana", None),
        ],
    )
    def test_the_image_has_the_drivers(
        self, name: str, maker: str | None, image: str | None
    ) -> None:
        carried = Accelerator("?", maker, 1) if maker else None
        output = words("eks-nodegroup", an_odcr(instance_type=name, accelerator=carried))
        if image is None:
            assert "--ami-type" not in output
        else:
            assert output[output.index("--ami-type") + 1] == image
            model = boto3.client("eks", region_name="us-east-2").meta.service_model
            assert image in model.shape_for("AMITypes").enum

    def test_an_image_of_another_platform_is_named_in_the_launch_template(self) -> None:
        output = words("eks-nodegroup", an_odcr(platform="Red Hat Enterprise Linux"))
        assert "--ami-type" not in output
        assert json.loads(output[output.index("--launch-template-data") + 1])["ImageId"] == "AMI_ID"

    def test_windows_has_an_image_of_eks_s(self) -> None:
        output = words("eks-nodegroup", an_odcr(platform="Windows"))
        image = output[output.index("--ami-type") + 1]
        model = boto3.client("eks", region_name="us-east-2").meta.service_model
        assert image in model.shape_for("AMITypes").enum

    def test_a_dedicated_reservation_is_launched_dedicated(self) -> None:
        output = words("eks-nodegroup", an_odcr(tenancy="dedicated"))
        data = json.loads(output[output.index("--launch-template-data") + 1])
        assert data["Placement"] == {"Tenancy": "dedicated"}

    @pytest.mark.parametrize("row", [BLOCK, RING, LENT])
    def test_the_launch_template_is_one_of_ec2_s(self, row: Reservation) -> None:
        output = words("eks-nodegroup", row)
        data = json.loads(output[output.index("--launch-template-data") + 1])
        validated(
            "ec2", "CreateLaunchTemplate", {"LaunchTemplateData": data, "LaunchTemplateName": "x"}
        )
        target = data["CapacityReservationSpecification"]["CapacityReservationTarget"]
        assert target == {"CapacityReservationId": row.reservation_id}


class TestParallelCluster:
    def test_the_nodes_of_a_block_are_static(self) -> None:
        (config,) = loaded("parallelcluster", BLOCK)
        (queue,) = config["Scheduling"]["SlurmQueues"]  # type: ignore[index]
        (resource,) = queue["ComputeResources"]
        assert queue["CapacityType"] == "CAPACITY_BLOCK"
        assert resource["MinCount"] == resource["MaxCount"] == 16
        assert resource["CapacityReservationTarget"] == {"CapacityReservationId": "cr-0b"}

    def test_there_are_no_nodes_on_interruptible_reservations(self) -> None:
        assert loaded("parallelcluster", LENT) == []

    def test_there_are_no_windows_nodes(self) -> None:
        output = SNIPPETS["parallelcluster"](an_odcr(platform="Windows"))
        assert "no nodes for Windows" in output
        assert yaml.safe_load(output) is None

    def test_an_odcr_in_a_placement_group(self) -> None:
        (config,) = loaded("parallelcluster", RING)
        (queue,) = config["Scheduling"]["SlurmQueues"]  # type: ignore[index]
        assert queue["CapacityType"] == "ONDEMAND"
        assert queue["Networking"]["PlacementGroup"] == {"Enabled": True, "Name": "ring"}
        assert queue["ComputeResources"][0]["MaxCount"] == 3


@pytest.mark.parametrize(("row", "release"), [(RING, "1.3"), (BLOCK, "1.6"), (LENT, "1.10")])
def test_karpenter_has_to_be_new_enough(row: Reservation, release: str) -> None:
    assert f"Karpenter {release} or later" in SNIPPETS["karpenter"](row)


@pytest.mark.parametrize("row", [BLOCK, RING])
def test_karpenter_selects_it_by_id(row: Reservation) -> None:
    node_class, pool = loaded("karpenter", row)
    assert node_class["kind"] == "EC2NodeClass"
    assert node_class["spec"]["capacityReservationSelectorTerms"] == [  # type: ignore[index]
        {"id": row.reservation_id}
    ]
    requirements = pool["spec"]["template"]["spec"]["requirements"]  # type: ignore[index]
    assert requirements[0]["values"] == ["reserved"]
    assert requirements[2]["values"] == [row.instance_type]


@pytest.mark.parametrize(
    ("platform", "family", "system"),
    [
        ("Linux/UNIX", {"amiSelectorTerms": [{"alias": "al2023@latest"}]}, "linux"),
        ("Windows", {"amiSelectorTerms": [{"alias": "windows2022@latest"}]}, "windows"),
        (
            "Red Hat Enterprise Linux",
            {"amiFamily": "Custom", "amiSelectorTerms": [{"id": "AMI_ID"}]},
            "linux",
        ),
    ],
)
def test_karpenters_image_is_of_the_platform(
    platform: str, family: dict[str, object], system: str
) -> None:
    node_class, pool = loaded("karpenter", an_odcr(platform=platform))
    spec = node_class["spec"]
    assert family.items() <= spec.items()  # type: ignore[attr-defined]
    requirements = pool["spec"]["template"]["spec"]["requirements"]  # type: ignore[index]
    assert {"key": "kubernetes.io/os", "operator": "In", "values": [system]} in requirements


class TestSageMaker:
    def test_it_says_that_no_reservation_can_be_targeted(self) -> None:
        output = SNIPPETS["sagemaker"](BLOCK)
        assert "cannot be pointed at an EC2 reservation" in output
        search = words("sagemaker", BLOCK)
        assert search[:3] == ["aws", "sagemaker", "search-training-plan-offerings"]
        validated(
            "sagemaker",
            "SearchTrainingPlanOfferings",
            {
                "InstanceType": search[search.index("--instance-type") + 1],
                "InstanceCount": int(search[search.index("--instance-count") + 1]),
                "TargetResources": [search[search.index("--target-resources") + 1]],
                "DurationHours": int(search[search.index("--duration-hours") + 1]),
            },
        )

    def test_a_type_without_training_plans(self) -> None:
        output = SNIPPETS["sagemaker"](an_odcr(instance_type="g6.xlarge"))
        assert "Training plans are not available for g6.xlarge" in output


class TestTerraform:
    def test_what_one_owns_is_imported_by_region(self) -> None:
        output = to_terraform([an_odcr("cr-0a")])
        assert re.search(
            r'import \{\n  to = aws_ec2_capacity_reservation\.cr_0a\n  id = "cr-0a@us-east-2"\n\}',
            output,
        )

    @pytest.mark.parametrize(
        ("row", "kind"),
        [
            (BLOCK, "aws_ec2_capacity_block_reservation"),
            (an_odcr("cr-0b", owner_id="210987654321"), "aws_ec2_capacity_reservation"),
        ],
    )
    def test_what_cannot_be_managed_is_read(self, row: Reservation, kind: str) -> None:
        output = to_terraform([row])
        assert f'data "{kind}" "cr_0b" {{\n  region = "us-east-2"\n  id     = "cr-0b"\n}}' in output
        assert "import {" not in output

    def test_what_is_over_is_a_comment(self) -> None:
        output = to_terraform([an_odcr("cr-0a", state="cancelled")])
        assert output.splitlines()[-1] == "# cr-0a is cancelled: nothing to manage or to read."
