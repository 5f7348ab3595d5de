"""The services other than EC2 in the simulator, and their kinds of reservations."""

from __future__ import annotations

from typing import Final

from sandbox.ec2.rds import DB_CAPACITY_RESERVATIONS, RDS
from sandbox.ec2.sagemaker import SAGEMAKER
from sandbox.ec2.training_plans import TRAINING_PLANS

SERVICES: Final = {service.name: service for service in (SAGEMAKER, RDS)}
"""The services by the name in their signatures."""

FORMS: Final = {form.path: form for form in (TRAINING_PLANS, DB_CAPACITY_RESERVATIONS)}
"""The kinds by their name in the control API."""
