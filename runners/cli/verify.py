"""The command that repeats finished trials: verify."""

from typing import TYPE_CHECKING, Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import (
    COMPLETE,
    FAILED,
    INTERRUPTED,
    RESULTS,
    AsJson,
    Grid,
    Only,
    Storage,
    open_sweep,
    plan_of,
)
from runners.cli.output import print_json
from runners.pages.command_lines import command

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from runners.planning import Plan
    from runners.verify.verify import Verification


def verify(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    sample: Annotated[
        str, typer.Option(metavar="N", help="The number of finished trials to repeat, or all.")
    ] = "3",
    seed: Annotated[int, typer.Option(help="Another seed chooses other trials.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run finished trials again, without Ray, and compare every epoch with its record."""
    from adaloss.records.result import TrialState
    from runners.pages.verify import Audit, audit_record, summary, tolerance_lines
    from runners.verify.verify import choose

    count = sample_size(sample)
    sweep, store = open_sweep(grid, storage)
    made = plan_of(sweep, sweep.trials, only, store)
    finished = finished_trials(made, sweep, store)
    chosen = choose(finished, count, seed)
    verifications = verified(chosen, sweep, store, quiet=as_json)
    audit = Audit(
        sweep=sweep.name,
        seed=seed,
        finished=len(finished),
        failed=len(made.in_state(TrialState.FAILED)),
        verifications=verifications,
    )
    if as_json:
        print_json(audit_record(audit))
    else:
        for line in (*tolerance_lines(verifications), summary(audit)):
            typer.echo(line)
    raise typer.Exit(FAILED if audit.differing else COMPLETE)


def sample_size(text: str) -> int | None:
    """The number of trials for ``--sample``, None for all.

    Raises:
        UserError: the text is neither a positive number nor "all".
    """
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--sample {text}: write a number of at least 1, or all")
    return int(text)


def finished_trials(made: "Plan", sweep: "Sweep", store: "Store") -> "tuple[Trial, ...]":
    """The trials that have numbers: complete and diverged ones.

    Raises:
        UserError: there are none.
    """
    from adaloss.records.result import TrialState

    finished = made.in_state(TrialState.COMPLETE) + made.in_state(TrialState.DIVERGED)
    if not finished:
        failed = len(made.in_state(TrialState.FAILED))
        raise UserError(
            f"no trial of {sweep.name} is complete or diverged ({failed} failed, "
            f"{len(made.missing)} missing): nothing to verify. First run: "
            f"{command('run', sweep, store)}"
        )
    return finished


def verified(
    chosen: "tuple[Trial, ...]", sweep: "Sweep", store: "Store", *, quiet: bool
) -> "tuple[Verification, ...]":
    """Run the trials again and report each as it ends; Ctrl-C exits with its code."""
    from contextlib import closing

    from runners.pages.verify import verification_lines
    from runners.prepare import prepare
    from runners.verify.verify import verify as run_again

    found: list[Verification] = []
    try:
        prepare(chosen, sweep.places)
        with closing(run_again(chosen, store, sweep.places)) as running:
            for verification in running:
                found.append(verification)
                for line in () if quiet else verification_lines(verification):
                    typer.echo(line)
    except KeyboardInterrupt:
        typer.echo(f"stopped; {len(found)} of {len(chosen)} trials were verified", err=True)
        raise typer.Exit(INTERRUPTED) from None
    return tuple(found)
