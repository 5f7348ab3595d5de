"""Snippets that target one reservation, by tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from truffle.core.model import Reservation
from truffle.render.use.ec2 import run_instances
from truffle.render.use.eks import node_group
from truffle.render.use.karpenter import node_pool
from truffle.render.use.parallelcluster import queue
from truffle.render.use.rds import db_instance
from truffle.render.use.sagemaker import hyperpod, training_plan

SNIPPETS: Mapping[str, Callable[[Reservation], str]] = {
    "parallelcluster": queue,
    "karpenter": node_pool,
    "eks-nodegroup": node_group,
    "ec2-run-instances": run_instances,
    "sagemaker": training_plan,
    "hyperpod": hyperpod,
    "rds": db_instance,
}
