"""The enrichments of a listing: status, blocks, instance types."""

import pytest
from botocore.stub import ANY

from tests.ec2.listings import (
    BLOCKS,
    RESERVATIONS,
    STATUS,
    TYPES,
    a_block,
    an_odcr,
    failure_of,
    ids,
    snapshot_of,
)
from tests.ec2.stubbed import StubbedEC2, page
from truffle.core.model import Accelerator, CapacityBlock, Unanswered
from truffle.ec2.listing import FILTER_VALUES, DescribedTypes


class TestEnrichment:
    def test_without_blocks_nothing_is_asked_of_blocks(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1")))

        snapshot_of(ec2)

        assert ec2.asked == [RESERVATIONS]

    def test_with_a_block_blocks_and_their_status_are_asked_once(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1"), a_block("cr-2")))
        ec2.answers(BLOCKS, {"CapacityBlocks": []})
        ec2.answers(STATUS, {"CapacityBlockStatuses": []})

        snapshot_of(ec2)

        assert sorted(ec2.asked) == sorted([RESERVATIONS, BLOCKS, STATUS])

    def test_every_page_of_the_further_calls_is_read(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.answers(
            BLOCKS,
            {"CapacityBlocks": [], "NextToken": "more"},
            {
                "CapacityBlocks": [
                    {
                        "CapacityBlockId": "cb-1",
                        "CapacityReservationIds": ["cr-1"],
                        "UltraserverType": "u-1",
                    }
                ]
            },
        )
        ec2.answers(
            STATUS,
            {"CapacityBlockStatuses": [], "NextToken": "more"},
            {"CapacityBlockStatuses": [{"CapacityBlockId": "cb-1", "InterconnectStatus": "ok"}]},
        )

        (row,) = snapshot_of(ec2).reservations

        assert isinstance(row, CapacityBlock)
        assert row.ultraserver_type == "u-1"
        assert row.health is not None

    @pytest.mark.parametrize(
        ("name", "code"),
        [("unauthorized", "UnauthorizedOperation"), ("unsupported", "UnsupportedOperation")],
    )
    def test_a_refused_enrichment_is_named_and_leaves_its_fields_empty(
        self, name: str, code: str
    ) -> None:
        # Given a block, of which this account may ask nothing more
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(BLOCKS, name).refuses(STATUS, name)

        # When its scope is listed
        answer = snapshot_of(ec2)

        # Then it is listed, and the missing values are named
        assert ids(answer) == ["cr-1"]
        assert answer.unanswered == (
            Unanswered("DescribeCapacityBlocks", code),
            Unanswered("DescribeCapacityBlockStatus", code),
        )
        (row,) = answer.reservations
        assert isinstance(row, CapacityBlock)
        assert (row.health, row.ultraserver_type) == (None, None)

    def test_one_refusal_takes_nothing_from_the_other_answers(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(BLOCKS, "unauthorized")
        status = {"CapacityBlockId": "cb-1", "InterconnectStatus": "ok"}
        ec2.answers(STATUS, {"CapacityBlockStatuses": [status]})

        answer = snapshot_of(ec2)

        assert [refused.operation for refused in answer.unanswered] == ["DescribeCapacityBlocks"]
        (row,) = answer.reservations
        assert isinstance(row, CapacityBlock)
        assert row.health is not None

    @pytest.mark.parametrize("operation", [BLOCKS, STATUS])
    @pytest.mark.parametrize("name", ["throttled", "internal", "region_disabled"])
    def test_a_further_call_that_fails_fails_the_scope(self, operation: str, name: str) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.refuses(operation, name)
        (other,) = {BLOCKS, STATUS} - {operation}
        ec2.answers(other, {})

        failure = failure_of(ec2, asks_all=False)

        assert failure.operation == "".join(word.title() for word in operation.split("_"))

    def test_an_answer_without_its_list_is_an_empty_one(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(a_block("cr-1")))
        ec2.answers(BLOCKS, {}).answers(STATUS, {})

        assert snapshot_of(ec2).unanswered == ()


class TestUnknownInstanceTypes:
    def test_are_asked_of_ec2_all_at_once(self) -> None:
        ec2 = StubbedEC2().answers(
            RESERVATIONS,
            page(
                an_odcr("cr-1", InstanceType="z9.large"),
                an_odcr("cr-2", InstanceType="p99.48xlarge"),
                an_odcr("cr-3", InstanceType="p99.48xlarge"),
                an_odcr("cr-4", InstanceType="p5.48xlarge"),
            ),
        )
        gpus = [{"Name": "R100", "Manufacturer": "NVIDIA", "Count": 8}]
        described = {"InstanceType": "p99.48xlarge", "GpuInfo": {"Gpus": gpus}}
        asked = [{"Name": "instance-type", "Values": ["p99.48xlarge", "z9.large"]}]
        ec2.answers(TYPES, {"InstanceTypes": [described]}, Filters=asked)

        answer = snapshot_of(ec2)

        names = [row.accelerator and row.accelerator.name for row in answer.reservations]
        assert names == [None, "R100", "R100", "H100"]

    def test_are_asked_once_for_all_listings_that_share_what_ec2_said(self) -> None:
        # Given a first listing, in which EC2 described one type and not the other
        types = DescribedTypes()
        rows = page(
            an_odcr("cr-1", InstanceType="p99.48xlarge"), an_odcr("cr-2", InstanceType="z9.large")
        )
        first = StubbedEC2().answers(RESERVATIONS, rows)
        gpus = [{"Name": "R100", "Manufacturer": "NVIDIA", "Count": 8}]
        described = {"InstanceType": "p99.48xlarge", "GpuInfo": {"Gpus": gpus}}
        first.answers(TYPES, {"InstanceTypes": [described]}, Filters=ANY)
        known = snapshot_of(first, types)

        # When the same types come again
        second = StubbedEC2().answers(RESERVATIONS, rows)
        again = snapshot_of(second, types)

        # Then EC2 is not asked for them again
        assert second.asked == [RESERVATIONS]
        assert again == known

    def test_that_may_not_be_described_count_as_no_gpus_and_are_asked_again_next_time(self) -> None:
        types = DescribedTypes()
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1", InstanceType="p99.48xlarge")))
        ec2.refuses(TYPES, "unauthorized")

        answer = snapshot_of(ec2, types)

        assert answer.reservations[0].accelerator is None
        assert answer.unanswered == (Unanswered("DescribeInstanceTypes", "UnauthorizedOperation"),)
        assert types.known == {}

    def test_that_cannot_be_asked_for_now_fail_the_scope(self) -> None:
        ec2 = StubbedEC2().answers(RESERVATIONS, page(an_odcr("cr-1", InstanceType="p99.48xlarge")))
        ec2.refuses(TYPES, "throttled")

        assert failure_of(ec2).operation == "DescribeInstanceTypes"

    def test_are_asked_for_in_as_many_calls_as_ec2s_filter_takes_values(self) -> None:
        names = sorted(f"z{number}.large" for number in range(FILTER_VALUES + 1))
        ec2 = StubbedEC2()
        for part in (names[:FILTER_VALUES], names[FILTER_VALUES:]):
            filters = [{"Name": "instance-type", "Values": part}]
            ec2.answers(TYPES, {"InstanceTypes": []}, Filters=filters)
        types = DescribedTypes()

        types.learn(ec2, names)

        ec2.assert_all_asked()
        assert types.known == dict.fromkeys(names)

    def test_that_others_have_learnt_meanwhile_are_not_asked_for(self) -> None:
        types = DescribedTypes({"p99.48xlarge": Accelerator("R100", "NVIDIA", 8)})
        ec2 = StubbedEC2()

        types.learn(ec2, ["p99.48xlarge", "p5.48xlarge", "m5.large"])

        assert ec2.asked == []
