"""Which files of a sweep's results go wherever the results go, by their paths.

All others belong to one machine or to one moment: locks, indexes, partial files, claims.
"""

from itertools import takewhile

from adaloss.records.places import FILES_FOLDER
from adaloss.records.store import LOCK_FILE, OWNER_FILE
from adaloss.records.writing import is_partial

# At the top of the results. Names that begin with a dot are of this machine as well.
LOCAL = frozenset({LOCK_FILE, OWNER_FILE, "index"})


def is_shared(path: str) -> bool:
    """Whether a file or folder belongs to the results; the path is below theirs."""
    return path.partition("/")[0] not in LOCAL and is_of_trial(path)


def is_of_trial(path: str) -> bool:
    """The same of a path below a trial's folder.

    A program may give its own files, which are in a folder of their own, any names.
    """
    parts = path.split("/")
    records = takewhile(lambda part: part != FILES_FOLDER, parts)
    return not any(part.startswith(".") for part in records) and not is_partial(parts[-1])
