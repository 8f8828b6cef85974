"""Notes on a grid for ``plan`` and ``run``: ignored keys, reinterpreted values, defaults."""

from collections.abc import Iterator

from adaloss.grid.sweep import GridError, Sweep, load_sweep
from adaloss.records.store import Store
from runners.planning import Plan


def grid_notes(sweep: Sweep, plan: Plan, store: Store, limit: int | None = None) -> Iterator[str]:
    """Properties of the grid that may surprise its author, in sentences."""
    yield from sweep.notes
    if "name" in sweep.defaulted:
        yield (
            f"the grid has no name: the name of its file, {sweep.name}, is used; the results are "
            f"in {store.root}"
        )
        if is_of_another_grid(sweep, store):
            yield (
                f"{store.root} has the results of another grid: they are kept, but its tables, "
                "figures and report are replaced by those of this grid; give the grids different "
                "names to separate them"
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
    """The effect of W&B's limit of runs."""
    missing = len(plan.missing)
    if limit:
        return f"the limit of {limit:,} overrides it"
    if missing <= cap:
        return f"it has no effect, because only {missing:,} trials are missing"
    return (
        f"a run starts at most this many of the {missing:,} missing trials, and the next run "
        "continues; W&B would skip the others"
    )


def is_of_another_grid(sweep: Sweep, store: Store) -> bool:
    """Whether the storage was last used for a grid that shares no trial with this one."""
    try:
        there = load_sweep(store.root / "grid.yaml").trials
    except GridError:
        return False
    return {trial.trial_id for trial in there}.isdisjoint(trial.trial_id for trial in sweep.trials)
