"""Karpenter (its page "Utilizing On-Demand Capacity Reservations and Capacity Blocks")."""

from __future__ import annotations

from truffle.core.model import MarketType, Reservation
from truffle.core.quoting.yaml_text import scalar
from truffle.render.use.target import LINUX, WINDOWS, described, label, platform, platform_words

_ALIASES = {LINUX: "al2023@latest", WINDOWS: "windows2022@latest"}
_IMAGE = "amiSelectorTerms:\n    - alias: {}"
_OWN_IMAGE = """\
# AMI_ID: an image for {}; userData has to make its nodes join the cluster.
  amiFamily: Custom
  amiSelectorTerms:
    - id: AMI_ID"""

_SINCE = {MarketType.CAPACITY_BLOCK: "1.6", MarketType.INTERRUPTIBLE: "1.10", None: "1.3"}
"""The first release that launches into each kind; for interruptible ones, see its page
"Scheduling"."""


def node_pool(row: Reservation) -> str:
    """The node pool and class; all kinds are selected alike, and nodes get the capacity type
    ``reserved``."""
    name = f"{label(row)}-reserved"
    alias = _ALIASES.get(platform(row))
    image = _IMAGE.format(alias) if alias else _OWN_IMAGE.format(platform_words(row))
    system = "windows" if platform(row).startswith(WINDOWS) else "linux"
    return f"""\
# {described(row)}
# Karpenter {_SINCE[row.market]} or later with the feature gate ReservedCapacity; once it is on,
# open ODCRs that no EC2NodeClass selects are no longer used.
apiVersion: karpenter.k8s.aws/v1
kind: EC2NodeClass
metadata:
  name: {name}
spec:
  capacityReservationSelectorTerms:
    - id: {scalar(row.reservation_id)}
  # The rest is as in your other EC2NodeClasses.
  {image}
  role: KarpenterNodeRole-CLUSTER_NAME
  subnetSelectorTerms:
    - tags:
        karpenter.sh/discovery: CLUSTER_NAME
  securityGroupSelectorTerms:
    - tags:
        karpenter.sh/discovery: CLUSTER_NAME
---
apiVersion: karpenter.sh/v1
kind: NodePool
metadata:
  name: {name}
spec:
  template:
    spec:
      nodeClassRef:
        group: karpenter.k8s.aws
        kind: EC2NodeClass
        name: {name}
      requirements:
        - key: karpenter.sh/capacity-type
          operator: In
          values: [reserved]
        - key: kubernetes.io/os
          operator: In
          values: [{system}]
        - key: node.kubernetes.io/instance-type
          operator: In
          values: [{scalar(row.instance_type)}]"""
