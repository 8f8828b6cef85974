"""Files of the user that have the names of the tool's own packages."""

import os
from collections.abc import Iterator
from pathlib import Path

import adaloss_sweep
from adaloss.tasks.fingerprints import own_of
from runners.preflight.finding import Finding, fine, warning
from runners.preflight.planned import Planned

ABOUT = "names"


def shadows(planned: Planned) -> Iterator[Finding]:
    """Each such file or folder in the folders of the user's code and on PYTHONPATH."""
    imports = any("model" in own_of(trial) for trial in planned.trials)
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    on_the_path = [Path(entry).absolute() for entry in entries if entry]
    for folder in dict.fromkeys((*planned.sweep.places.own_folders, *on_the_path)):
        for path in same_names(folder):
            found = (
                f"{path} has the name of a package of adaloss-sweep, which is used instead, except "
                "by a script"
            )
            if imports or folder in on_the_path:
                yield warning(ABOUT, found, "rename yours if your own code imports it")
            else:
                yield fine(ABOUT, found)


def same_names(folder: Path) -> Iterator[Path]:
    """The files and folders that could be imported under the name of a package of the tool."""
    for name in adaloss_sweep.PACKAGES:
        for path in (folder / f"{name}.py", folder / name):
            if path.exists() and not Path(adaloss_sweep.HERE, name).samefile(path):
                yield path
