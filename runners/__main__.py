"""The start of ``adaloss-sweep``, also as ``python -m runners``."""

import sys
from typing import NoReturn

from runners.interrupt import ctrl_c_after_imports

# The exit code that shells expect of an interrupted command.
INTERRUPTED = 130
USAGE = 2


def main() -> NoReturn:
    """Run the command line; Ctrl-C during its imports gives no traceback."""
    try:
        with ctrl_c_after_imports():
            try:
                from runners.cli.app import main as command_line
            except ModuleNotFoundError as missing:
                print(without_dependencies(missing), file=sys.stderr)
                sys.exit(USAGE)

            command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def without_dependencies(missing: ModuleNotFoundError) -> str:
    """What to do where only the optimizers work."""
    return (
        f"adaloss-sweep: {missing.name} is not installed for {sys.executable}, and without it only "
        "the optimizers work: install adaloss-sweep with its dependencies, without --no-deps"
    )


if __name__ == "__main__":
    # `python -m` puts the working folder first on the path, whose modules must not be imported.
    if not sys.flags.safe_path:
        del sys.path[0]
    import adaloss_sweep

    adaloss_sweep.main()
