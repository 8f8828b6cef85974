"""``python -m runners`` is ``adaloss-sweep``."""

from runners.cli import main

main()
