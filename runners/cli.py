"""The command line of adaloss-sweep.

Heavy imports live inside the command that needs them, so that ``--help`` answers at once.
"""

import errno
import gc
from typing import NoReturn

import typer

from adaloss.user_error import UserError
from runners import cli_doctor, cli_files, cli_look, cli_run, cli_tables, cli_tracking, cli_verify
from runners.cli_options import COMPLETE, USER_ERROR, Version
from runners.output_encoding import make_readable_everywhere

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    cli_run.run,
    cli_run.retry,
    cli_look.plan,
    cli_doctor.doctor,
    cli_look.status,
    cli_look.show,
    cli_tables.table,
    cli_files.plot,
    cli_tables.stats,
    cli_tables.compare,
    cli_files.report,
    cli_files.export,
    cli_tracking.watch,
    cli_tracking.sync,
    cli_tracking.dashboard,
    cli_run.trial,
    cli_verify.verify,
    cli_look.init,
    cli_look.schema,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def say_version(version: Version = False) -> None:
    """Settle an optimizer question with a table: run a grid of trials, compile mean±std."""
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(installed_version("adaloss-sweep"))
        raise typer.Exit(COMPLETE)


def main() -> NoReturn:
    """Run the command line; a user's mistake is a message and exit code 2, never a traceback."""
    make_readable_everywhere()
    # A sweep is many small objects that all live on: to look for garbage among them again and
    # again takes a tenth of the time of a large table.
    gc.set_threshold(100_000, 50, 100)
    try:
        app()
    except (UserError, OSError) as error:
        typer.echo(f"adaloss-sweep: {error}{advice(error)}", err=True)
        raise SystemExit(USER_ERROR) from None
    raise SystemExit(COMPLETE)


def advice(error: Exception) -> str:
    """What to do about an error of the system's that says only what is wrong."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ": make room, then give the same command again"
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES):
        return ": allow writing there, or name another place with -o or --storage"
    return ""
