"""The door of the tool: importing it imports the tool's own packages, whatever shadows them.

``adaloss``, ``runners`` and ``analysis`` are common names. A folder of the user's with one of them,
on ``PYTHONPATH`` say, would be imported in place of the tool's. Every process of the tool therefore
imports this module first, which has a name of its own: the packages beside it are imported here,
and from then on Python finds their modules through them.
"""

import importlib
import sys
from pathlib import Path
from typing import NoReturn

HERE = str(Path(__file__).resolve().parent)
PACKAGES = ("adaloss", "runners", "analysis")


def import_packages() -> None:
    """Import the packages that lie beside this file; they import nothing that takes time."""
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
