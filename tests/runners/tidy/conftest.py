"""Results to look after, and another process that uses them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store

HOLD = """\
import sys, time
from pathlib import Path
from filelock import FileLock
with FileLock(sys.argv[1]):
    Path(sys.argv[1]).with_name("run.owner").write_text("process 7 on elsewhere\\n")
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def small(grid: Path, finished: Store) -> Store:
    """The finished small sweep with the copy of its grid."""
    finished.write_text(finished.grid_path, load_sweep(grid).text)
    return finished


@pytest.fixture
def held() -> Iterator[Callable[[Path], None]]:
    """Have another process hold a lock."""
    processes = []

    def hold(lock: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

    yield hold
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """The files below a folder by name, without locks and caches."""

    def files(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
            and path.name not in ("run.lock", "run.owner", "counts.json")
            and path.suffix != ".parquet"
        }

    return files
