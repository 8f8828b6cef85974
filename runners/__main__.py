"""``adaloss-sweep``, which is ``python -m runners`` too: nothing but its start."""

import sys
from typing import NoReturn

from runners.interrupt import ctrl_c_after_imports

# What a shell expects of a command that was interrupted.
INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line; a Ctrl-C as it is imported is no traceback either."""
    try:
        with ctrl_c_after_imports():
            from runners.cli.app import main as command_line

            command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    # `python -m` puts the working folder first on the path: nothing of the user's is imported here.
    if not sys.flags.safe_path:
        del sys.path[0]
    import adaloss_sweep

    adaloss_sweep.main()
