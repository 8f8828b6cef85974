"""Starts commands by fork from a process with all imports done; each import takes seconds.

A started command has its own process, environment, working folder, output and exit code, like one
that a shell starts. Run as a program, this file is the server; requests and answers are lines of
JSON.
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

IMPORTED = (
    "runners.__main__",
    "runners.cli.app",
    "runners.on_ray.trials",
    "runners.tracking.mirror",
    "torch",
    "pandas",
    "matplotlib.pyplot",
    "analysis.results",
    "analysis.outputs",
    "analysis.report",
)

Finished = subprocess.CompletedProcess[bytes]


class CommandServer:
    """The client's side of the server, which starts with the first command."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.server: subprocess.Popen[str] | None = None

    def run(
        self, arguments: list[str], folder: Path, environment: Mapping[str, str], timeout: float
    ) -> Finished:
        """Run a command to its end. Two at the same time are ended in the order of the calls.

        Raises:
            subprocess.TimeoutExpired: the command did not end in time and was killed.
        """
        names = ("out", "err")
        with self.lock, tempfile.TemporaryDirectory() as temporary:
            here = Path(temporary)
            request = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "umask": current_umask(),
                "files": [str(here / name) for name in names],
            }
            code = self.answer(request, timeout)
            if code is None:
                raise subprocess.TimeoutExpired(arguments, timeout)
            output, errors = ((here / name).read_bytes() for name in names)
        return Finished(arguments, code, output, errors)

    def answer(self, request: dict[str, Any], timeout: float) -> int | None:
        """The exit code of the request's command, None if it did not end in time."""
        if self.server is None:
            self.server = subprocess.Popen(
                [sys.executable, "-P", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=1,
                text=True,
            )
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        pid = int(self.server.stdout.readline())
        ended, _, _ = select.select([self.server.stdout], [], [], timeout)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        code = int(self.server.stdout.readline())
        return code if ended else None

    def stop(self) -> None:
        """End the server."""
        if self.server is not None:
            # Closes both pipes, at which the server ends.
            self.server.communicate()


def current_umask() -> int:
    """The umask of this process."""
    before = os.umask(0o077)
    os.umask(before)
    return before


def serve() -> None:
    """Answer each request with the process's id, and then with its exit code."""
    before = dict(os.environ)
    sys.path.insert(0, str(Path(__file__).parents[2]))
    importlib.import_module("adaloss_sweep")
    del sys.path[0]
    for name in IMPORTED:
        importlib.import_module(name)
    set_by_imports = {name: value for name, value in os.environ.items() if name not in before}
    # What is shared with the commands is not copied by their garbage collection.
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            become(json.loads(line), set_by_imports)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(request: dict[str, Any], set_by_imports: dict[str, str]) -> NoReturn:
    """Turn this process into the command."""
    os.environ.clear()
    os.environ.update(set_by_imports | request["environment"])
    os.umask(request["umask"])
    os.chdir(request["folder"])
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    targets = (os.open(os.devnull, os.O_RDONLY), *(os.open(f, flags) for f in request["files"]))
    for descriptor, target in enumerate(targets):
        os.dup2(target, descriptor)
        os.close(target)
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    main = sys.modules["__main__"] = sys.modules["runners.__main__"]
    sys.argv = [str(main.__file__), *request["arguments"]]
    try:
        main.main()
    except SystemExit as end:
        # As at the end of an interpreter, but without freeing every module, which takes a second.
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve()
