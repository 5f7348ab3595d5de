"""Ports of the loopback interface."""

from __future__ import annotations

import random
import socket

from sandbox.environment import HOST

_PORTS = range(10_000, 32_768)
"""Below the ports of outgoing connections (Linux: 32768 to 60999, ip(7), ``ip_local_port_range``),
one of which could take a port between its selection and its use."""


def free_port() -> int:
    """A free port of the loopback interface."""
    return next(port for port in random.SystemRandom().sample(_PORTS, len(_PORTS)) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server can listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
