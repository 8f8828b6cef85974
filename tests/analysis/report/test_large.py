"""The report of very many trials stays small."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from read_reports import Read, report_of

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import METRICS
from adaloss.tasks.table import DEFAULT_TASK
from analysis.frame.frame import frame_columns
from analysis.report.page_budget import within_budget
from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.tables import compile_tables

LARGE = """\
name: large
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, adagrad_norm, sgd_constant, sgd_decay_sqrt]
  b0: [{b0}]
  lr: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
  epochs: 10
  batch_size: 32
  weight_decay: [0, 1e-5, 1e-4, 1e-3, 1e-2]
seeds: 5
tables: [{{rows: b0, columns: optimizer, per: [lr, weight_decay]}}]
"""


def large_frames(trials):
    """The frame and the history of trials that were never on a disk: one in fifty has diverged."""
    generator = np.random.default_rng(0)
    diverged = generator.random(len(trials)) < 0.02
    fields = {
        name: pd.Series([trial.values[name] for trial in trials], dtype=object)
        for name in DEFAULT_TASK.field_names
    }
    identity = fields | {
        "trial_id": [trial.trial_id for trial in trials],
        "state": np.where(diverged, "diverged", "complete").astype(object),
    }
    environment = json.dumps({"python": "3.11", "packages": {"torch": "2.1"}, "device": "cpu"})
    metrics = {
        f"{at}:{name}": np.where(diverged, np.nan, generator.normal(90, 1, len(trials)))
        for at in ("last", "best_val")
        for name in METRICS
    }
    frame = pd.DataFrame(
        identity
        | {
            "finished_epochs": 10,
            "seconds": 1.0,
            "finished_at": "2026-01-01T00:00:00+00:00",
            "code_version": "0.1.0",
            "environment": environment,
            "divergence": np.where(diverged, "the loss exceeds 10000", None),
            "failure_kind": None,
            "failure_message": None,
            "fingerprint": None,
            "train_size": 1169,
            "val_size": 269,
            "test_size": 359,
        }
        | metrics
    )[list(frame_columns(DEFAULT_TASK))]
    epochs = pd.DataFrame(
        {
            "trial_id": np.repeat(frame["trial_id"].to_numpy(), 10),
            "epoch": np.tile(np.arange(1, 11), len(trials)),
        }
        | {name: generator.normal(90, 1, 10 * len(trials)) for name in METRICS}
    )
    return frame, epochs


@pytest.mark.slow
def test_the_report_of_twenty_thousand_trials_stays_small(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text(LARGE.format(b0=", ".join(f"{0.001 * 2**n:g}" for n in range(20))))
    sweep = load_sweep(path)
    assert len(sweep.trials) == 20_000
    frame, history = large_frames(sweep.trials)
    records = SimpleNamespace(store=Store(tmp_path / "none"))
    metric = sweep.grid.metric
    tables = compile_tables(
        frame, sweep.tables, metric=metric.name, at="last", goal="maximize", sweep_name="large"
    )
    statistics = stats_page(
        frame,
        measure=Measure(metric="test/top1", at="last", goal="maximize"),
        title="Statistics",
        generator=np.random.default_rng(0),
        per=("lr", "weight_decay"),
    )
    html = report_of(
        sweep,
        records,
        frame=frame,
        history=history,
        tables=tables,
        logs={},
        pages=[statistics],
    )
    assert len(html.encode()) < 5_000_000
    page = Read(html)
    assert "There are too many trials to show each: the curves are the means" in page.text
    assert "The first 200 of 4000; the CSV export has all." in page.text
    assert "more diverged trials." in page.text
    shown = sum(section.table is not None for section in within_budget(statistics).sections)
    assert page.count("table") == len(tables) + shown + 8
    assert shown < len(statistics.sections)
    assert "sections are omitted, so that this page opens" in page.text
    assert len(page.data["cells"]["mean"]) == 4000
