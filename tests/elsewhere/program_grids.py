"""Grids of programs that several tests start from."""

GRID = """\
name: demo
program: train.py
metric: {name: val_loss}
parameters:
  optimizer.lr: [0.1, 1]
  batch-size: [32, 64, 128]
seeds: 2
"""
RANDOM = """\
name: demo
program: train.py
metric: {name: val_loss}
method: random
run_cap: 6
parameters:
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  layers: {min: 1, max: 4}
  model: [small, large]
"""
NO_SEEDS = (
    "the grid has no seeds: each cell runs once, and the program gets no seed; write seeds: 5 for "
    "means with their spread"
)


def values(sweep, *names):
    return [tuple(trial.value(name) for name in names) for trial in sweep.trials]


def with_parameters(*lines, grid=GRID):
    """The grid with these parameters, each of which is on a line of its own."""
    before, _, rest = grid.partition("parameters:\n")
    after = "".join(line for line in rest.splitlines(keepends=True) if not line.startswith(" "))
    return f"{before}parameters:\n" + "".join(f"  {line}\n" for line in lines) + after


POINTS = with_parameters(
    "optimizer.lr: [0.1, 1]", "task: [a, b]", "größe: ['1', 2, null]", "sizes: [[1, 2], [3]]"
)

CHOSEN = with_parameters(
    "optimizer.lr: [0.1, 1, 0.012345678901]",
    "batch-size: ['1', 1, null, a|b]",
    "task: [yes, true]",
    "größe: [[1, 2], [], [a, null]]",
)
