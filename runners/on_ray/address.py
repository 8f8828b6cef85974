"""Whether the cluster at RAY_ADDRESS answers, before Ray tries to connect and during a sweep."""

import re
import socket
import time

from runners.on_ray.ray_lost import Lost

# Ray itself retries for minutes.
SECONDS_TO_ANSWER = 5.0
# A cluster may be busy, or its server may restart; after 60 s Ray ends this process from C++.
SECONDS_OF_SILENCE = 30.0
SECONDS_BETWEEN_CHECKS = 5.0


def no_answer(address: str) -> str | None:
    """Why nothing answers at the address; None if something does, or only Ray can resolve it."""
    named = re.fullmatch(r"\[?([^/\]]+?)\]?:(\d+)", address)
    if named is None:
        return None
    try:
        socket.create_connection((named[1], int(named[2])), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        return (isinstance(error, OSError) and error.strerror) or str(error)
    return None


def lost_cluster(address: str) -> Lost:
    """A function that reports that the cluster's server has not answered for a while."""
    answered = asked = time.monotonic()

    def lost() -> str | None:
        nonlocal answered, asked
        if time.monotonic() - asked < SECONDS_BETWEEN_CHECKS:
            return None
        why = no_answer(address)
        asked = time.monotonic()
        if why is None:
            answered = asked
        silent = asked - answered
        if silent < SECONDS_OF_SILENCE:
            return None
        return f"the Ray cluster at {address} has not answered for {silent:.0f} s ({why})"

    return lost
