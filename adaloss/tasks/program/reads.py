"""Which parameters a script has looked at, from what its hook has noted."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What is known of a script's reads.

    ``config`` are the names read from ``wandb.config``, None if all were; ``options`` those that
    argparse knows, None if the script uses no argparse, and ``given`` those that argparse got;
    ``refuses_unknown`` says whether another library reads the command line, all of which refuse an
    option that they do not know.
    """

    config: frozenset[str] | None
    options: frozenset[str] | None
    given: frozenset[str]
    refuses_unknown: bool

    def unread(self, names: Iterable[str], *, on_command_line: bool) -> tuple[str, ...]:
        """Those of the parameters that the script certainly has not looked at."""
        if self.config is None or (on_command_line and self.refuses_unknown):
            return ()
        if self.options is None and not self.config:
            # It may read its arguments by itself.
            return ()
        known = set(self.config)
        if on_command_line and self.options is not None:
            known |= self.options
            # What argparse did not get may have been read before, such as by a script of a shell.
            names = [name for name in names if is_among(name, self.given)]
        return tuple(name for name in names if not is_among(name, known))


def is_among(name: str, known: Iterable[str]) -> bool:
    """Whether the parameter, or the group or a member of the group that it is, was looked at."""
    own = plain(name)
    return any(
        own == other or own.startswith(f"{other}.") or other.startswith(f"{own}.")
        for other in map(plain, known)
    )


def plain(name: str) -> str:
    """The name as argparse has it."""
    return name.lstrip("-").replace("-", "_")


def reads_in(file: Path) -> Reads | None:
    """What was noted in the file; None if the script is not one of Python's."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        return None
    config: set[str] = set()
    options: set[str] = set()
    given: set[str] = set()
    everything = uses_argparse = other_parser = False
    for line in lines:
        try:
            noted = json.loads(line)
        except ValueError:
            # Cut off: the script was killed while it was written.
            continue
        read = noted.get("config", ())
        everything |= read == ALL
        config.update(read if read != ALL else ())
        uses_argparse |= "argparse" in noted
        options.update(noted.get("argparse", ()))
        given.update(noted.get("given", ()))
        other_parser |= "parser" in noted
    return Reads(
        config=None if everything else frozenset(config),
        options=frozenset(options) if uses_argparse else None,
        given=frozenset(given),
        refuses_unknown=other_parser,
    )
