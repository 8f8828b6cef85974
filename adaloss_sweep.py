"""The entry point: importing this module imports the tool's packages from the folder it is in.

``adaloss``, ``runners`` and ``analysis`` are common names. Python could import a user's folder of
the same name, for example one on ``PYTHONPATH``, in place of the tool's package. Every process of
the tool therefore imports this module first. It imports the three packages from its own folder,
and Python then finds their modules through them.
"""

import importlib
import sys
from pathlib import Path
from typing import NoReturn

HERE = str(Path(__file__).resolve().parent)
PACKAGES = ("adaloss", "runners", "analysis")


def import_packages() -> None:
    """Import the packages next to this file. They import nothing that takes time."""
    sys.path.insert(0, HERE)
    try:
        for name in PACKAGES:
            importlib.import_module(name)
    finally:
        sys.path.remove(HERE)


def main() -> NoReturn:
    """Run the command line."""
    from runners.__main__ import main as run_command_line

    run_command_line()


import_packages()

if __name__ == "__main__":
    main()
