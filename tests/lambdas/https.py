"""The sandbox's destination, for the functions' tests."""

from sandbox.sink.destination import Destination, Reply, listening

__all__ = ["Destination", "Reply", "listening"]
