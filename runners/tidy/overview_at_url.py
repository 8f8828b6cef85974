"""What a storage at a URL has, without the working copies: only grids and results are read."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adaloss.errors import UserError
from adaloss.records.remote.address import Remote, reaching
from adaloss.records.store import GRID_FILE, RESULT_FILE, Store
from runners.storage.lease import LEASE_FILE, Lease
from runners.tidy.overview import Overview, counted
from runners.tidy.sizes import Size


def overviews_at(url: str) -> Iterator[Overview]:
    """Every sweep of the storage at a URL, by name.

    Raises:
        RemoteError: it cannot be reached.
    """
    with TemporaryDirectory() as temporary:
        here = Path(temporary)
        storage = Remote(url, here)
        with reaching(storage):
            system, top = storage.where
            system.invalidate_cache()
            by_sweep: dict[str, dict[str, int]] = defaultdict(dict)
            found: dict[str, dict[str, Any]] = system.find(top, detail=True)
            for path, about in found.items():
                name, _, file = path.removeprefix(f"{top}/").partition("/")
                if file:
                    by_sweep[name][file] = int(about.get("size") or 0)
            wanted = [
                f"{name}/{file}"
                for name, files in by_sweep.items()
                for file in files
                if file == GRID_FILE or (file.startswith("trials/") and is_result(file))
            ]
            for each in wanted:
                (here / each).parent.mkdir(parents=True, exist_ok=True)
            system.get([storage.at(each) for each in wanted], [str(here / each) for each in wanted])
            owners = {
                name: owner_at(Remote(f"{url}/{name}", here / name))
                for name, files in by_sweep.items()
                if LEASE_FILE in files
            }
        for name, files in sorted(by_sweep.items()):
            size = Size(len(files), sum(files.values()))
            try:
                counts = counted(Store(here / name), hashlib.sha256().hexdigest())
            except UserError as error:
                problem = str(error).splitlines()[0].removeprefix(f"{here / name}: ")
                yield Overview(name=name, size=size, problem=problem.replace(temporary, url))
            else:
                yield Overview(name=name, size=size, counts=counts, running=owners.get(name))


def is_result(file: str) -> bool:
    """Whether this is a trial's result, not one that was set aside."""
    return file.count("/") == 2 and file.endswith(f"/{RESULT_FILE}")


def owner_at(remote: Remote) -> str | None:
    """The run that has the lease; one that has died leaves it, until another takes it over."""
    holder = Lease(remote).read()
    return None if holder is None else str(holder["owner"])
