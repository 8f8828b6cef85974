"""From the results of a sweep to a table, statistics and figures of one's own.

    adaloss-sweep run quickstart
    python docs/example_analysis.py results/quickstart

with the Python that adaloss-sweep is installed in. Every function here works in a notebook as well.
"""

import sys
from pathlib import Path

import numpy as np

import analysis
from analysis import Measure, TableSpec, compile_tables, stats_frames
from analysis.figures import accuracy_against, save_figure
from analysis.render.render import render

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/quickstart")

# One row per trial: the fields of the grid, the state, and each metric at the last epoch
# (last:…) and at the best one by validation accuracy (best_val:…).
early = min(3, analysis.load(folder)["epochs"].min())
frame = analysis.load(folder, epochs=(early,))
print(frame.groupby(["model", "state"]).size(), "\n")

# A table that the grid does not ask for: the loss after three epochs, with standard errors.
spec = TableSpec(transpose=True, spread="sem", at=f"epoch {early}")
tables = compile_tables(
    frame, [spec], metric="test/loss", at="last", goal="minimize", sweep_name=folder.name
)
print(render(tables, "md"))

# Paired differences per seed, with Holm's correction, as a frame.
measure = Measure(metric="test/top1", at="last", goal="maximize")
pairs = stats_frames(frame, measure=measure, generator=np.random.default_rng(0))["pairs"]
over_all_b0 = pairs[pairs["scope"] == "all rows"]
print(over_all_b0[["part", "first", "second", "n", "mean", "p", "holm_p"]].to_string(index=False))

# A figure for one column of a two-column paper.
figure = accuracy_against(
    frame[frame["model"] == "mlp"], metric="test/top1", at="last", title="", width=3.3
)
save_figure(figure, Path("example.pdf"))

# The epochs of every trial: here how fast the loss falls.
history = analysis.load_history(folder)
print(history.groupby(["optimizer", "epoch"])["train/loss"].median().unstack("epoch").round(3))
