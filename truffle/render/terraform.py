"""Reservations as Terraform: import blocks for one's own, data sources for the others.

An import block only names the resource: Terraform generates its configuration from what it reads,
so no argument written here can make it replace a reservation. Blocks and shared reservations cannot
be managed, so they are data sources (terraform-provider-aws: aws_ec2_capacity_reservation,
aws_ec2_capacity_block_reservation; `@region` in import ids and `region` arguments since 6.0).
"""

from __future__ import annotations

from collections.abc import Iterable

from truffle.core.model import TERMINAL_STATES, Reservation
from truffle.core.quoting import hcl
from truffle.core.quoting.terminal import visible

_HEAD = """\
# Terraform 1.5 or later, provider hashicorp/aws 6. Its data source for blocks is of July 2026, the
# one for ODCRs is newer: where your release lacks one, leave those data blocks out.
# terraform plan -generate-config-out=reservations.tf writes the resources of the import blocks."""


def to_terraform(rows: Iterable[Reservation]) -> str:
    """One block per reservation, in the order of the rows."""
    return "\n\n".join([_HEAD, *map(_block, rows)])


def _block(row: Reservation) -> str:
    if row.state in TERMINAL_STATES:
        return visible(f"# {row.reservation_id} is {row.state}: nothing to manage or to read.")
    kind = row.kind
    if kind.terraform_resource is None or row.owner_id not in (None, row.account_id):
        return _data(kind.terraform_data, row)
    return "\n".join(
        [
            _comment(row),
            "import {",
            f"  to = {kind.terraform_resource}.{hcl.name(row.reservation_id)}",
            f"  id = {hcl.string(f'{row.reservation_id}@{row.region}')}",
            "}",
        ]
    )


def _data(kind: str, row: Reservation) -> str:
    return "\n".join(
        [
            _comment(row),
            f'data "{kind}" "{hcl.name(row.reservation_id)}" {{',
            f"  region = {hcl.string(row.region)}",
            f"  id     = {hcl.string(row.reservation_id)}",
            "}",
        ]
    )


def _comment(row: Reservation) -> str:
    size = "?" if row.size is None else row.size
    where = row.availability_zone or row.region
    return visible(f"# {size} x {row.instance_type} in {where}, {row.state}")
