"""Show a sweep in the browser while it runs, or afterwards, from its records alone."""

import contextlib
import io
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from adaloss.store import Store
from adaloss.sweep import Sweep
from adaloss.user_error import UserError
from runners.tracking.ledger import Ledger
from runners.tracking.mirror import Mirror
from runners.tracking.trackio_runs import TrackioTarget, fresh_trackio, serve

SECONDS_BETWEEN_LOOKS = 2.0
Say = Callable[[str], None]


class WatchError(UserError):
    """The dashboard cannot be shown; the message says why."""


def watch(sweep: Sweep, store: Store, *, port: int | None, browser: bool, say: Say) -> None:
    """Show the sweep until it is interrupted.

    Raises:
        WatchError: another process shows this sweep, or the port is taken.
    """
    folder = store.root / "trackio"
    address = folder / "address"
    store.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(store.root / ".watch.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WatchError(f"{sweep.name} is shown already: {read_address(address)}") from None
    with lock:
        # Trackio has much to say on its standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            target = TrackioTarget(fresh_trackio(folder), project=sweep.name)
            mirror = Mirror(sweep, store, target, Ledger(folder, target.name))
            mirror.catch_up(lambda: None)
            try:
                url, stop = serve(target, port)
            except OSError as error:
                where = "no port is free" if port is None else f"port {port} is taken"
                raise WatchError(f"{where}: name another with --port") from error
            address.write_text(url)
        say(f"{sweep.name}: {url} (stop with Ctrl-C)")
        if browser:
            webbrowser.open(url)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                while not mirror.given_up:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    mirror.catch_up(lambda: None)
            stop()
            raise WatchError(f"{sweep.name}: {next(iter(mirror.problems.values()))}")
        except KeyboardInterrupt:
            stop()


def read_address(path: Path) -> str:
    """Where the other process shows it, if it has come so far."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return "its address comes in a moment"
