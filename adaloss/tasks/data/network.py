"""Patience with a network that is silent while data are downloaded."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

NETWORK_TIMEOUT_SECONDS = 15.0


@contextmanager
def patience_with_the_network() -> Iterator[None]:
    """Set a timeout for a silent network; urllib has none of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
