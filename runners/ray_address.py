"""The cluster that RAY_ADDRESS names: whether anything answers there, asked before Ray does."""

import re
import socket

# Ray itself goes on asking for minutes.
SECONDS_TO_ANSWER = 5.0


def no_answer(address: str) -> str | None:
    """Why nothing answers at the address; None where something does, or it is Ray's to resolve."""
    named = re.fullmatch(r"(?:ray://)?\[?([^/\]]+?)\]?:(\d+)", address)
    if named is None:
        return None
    try:
        socket.create_connection((named[1], int(named[2])), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        return (isinstance(error, OSError) and error.strerror) or str(error)
    return None
