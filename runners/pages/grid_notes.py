"""What of a grid is not used, read as something else or left open, as plan and run say it."""

from collections.abc import Iterator

from adaloss.grid.sweep import GridError, Sweep, load_sweep
from adaloss.records.store import Store
from runners.plan import Plan


def grid_notes(sweep: Sweep, plan: Plan, store: Store, limit: int | None = None) -> Iterator[str]:
    """What a person may not expect of the grid, in sentences."""
    yield from sweep.notes
    if "name" in sweep.defaulted:
        yield (
            f"the grid gives no name: it is called {sweep.name}, as its file is; the results are "
            f"in {store.root}"
        )
        if is_of_another_grid(sweep, store):
            yield (
                f"{store.root} has the results of another grid: they stay, but its tables, "
                "figures and report are replaced by those of this one; give the grids names to "
                "keep them apart"
            )
    if "seeds" in sweep.defaulted:
        counts = plan.counts()
        yield (
            f"{len(sweep.grid.seeds)} seeds are the default: {counts['cells']:,} cells become "
            f"{counts['trials']:,} trials"
        )
    if sweep.grid.run_cap is not None and plan.missing:
        yield f"run_cap {sweep.grid.run_cap:,}: {capped(sweep.grid.run_cap, plan, limit)}"


def capped(cap: int, plan: Plan, limit: int | None) -> str:
    """What W&B's limit of runs comes to here."""
    missing = len(plan.missing)
    if limit:
        return f"--limit {limit:,} is given and goes before it"
    if missing <= cap:
        return f"as many as the {missing:,} missing trials, or more: none is left out"
    return (
        f"a run starts at most so many of the {missing:,} missing trials, and the next run goes "
        "on; W&B would leave the others out"
    )


def is_of_another_grid(sweep: Sweep, store: Store) -> bool:
    """Whether the storage was last used for a grid that shares no trial with this one."""
    try:
        there = load_sweep(store.root / "grid.yaml").trials
    except GridError:
        return False
    return {trial.trial_id for trial in there}.isdisjoint(trial.trial_id for trial in sweep.trials)
