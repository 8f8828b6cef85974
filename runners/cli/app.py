"""The command line of adaloss-sweep.

Heavy imports live inside the command that needs them, so that ``--help`` answers at once.
"""

import errno
import gc
from typing import NoReturn

import typer

from adaloss.errors import UserError
from runners.cli import doctor, files, kubernetes, look, run, slurm, tables, tracking, verify
from runners.cli.options import COMPLETE, USER_ERROR, Version
from runners.cli.tidy import freeing, moving
from runners.pages.encoding import make_readable_everywhere
from runners.pages.terminal import open_closed_streams

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    run.run,
    run.retry,
    slurm.slurm,
    kubernetes.kubernetes,
    look.plan,
    doctor.doctor,
    look.status,
    look.show,
    tables.table,
    files.plot,
    tables.stats,
    tables.compare,
    files.report,
    files.export,
    tracking.watch,
    tracking.sync,
    tracking.dashboard,
    run.trial,
    verify.verify,
    look.init,
    look.schema,
):
    app.command()(command)
app.command("list")(freeing.list_sweeps)
app.command()(freeing.gc)
app.command()(moving.archive)
app.command("import")(moving.import_)
app.command()(moving.merge)
app.command()(moving.rename)
app.command()(freeing.rm)


@app.callback(invoke_without_command=True)
def say_version(version: Version = False) -> None:
    """Settle an optimizer question with a table: run a grid of trials, compile mean±std."""
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(installed_version("adaloss-sweep"))
        raise typer.Exit(COMPLETE)


def main() -> NoReturn:
    """Run the command line; a user's mistake is a message and exit code 2, never a traceback."""
    open_closed_streams()
    make_readable_everywhere()
    # A sweep consists of many small objects that all stay alive: repeated garbage collection would
    # take a tenth of the time of a large table.
    gc.set_threshold(100_000, 50, 100)
    try:
        app()
    except (UserError, OSError) as error:
        typer.echo(f"adaloss-sweep: {error}{advice(error)}", err=True)
        raise SystemExit(USER_ERROR) from None
    raise SystemExit(COMPLETE)


def advice(error: Exception) -> str:
    """Advice for an error of the operating system."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ": free some space, then run the same command again"
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES):
        return ": allow writing there, or name another folder with -o or --storage"
    return ""
