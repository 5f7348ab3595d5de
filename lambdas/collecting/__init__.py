"""Collecting a unit: list, compare, write, plan rechecks, and close the run."""
