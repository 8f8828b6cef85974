"""A sweep of eight short trials whose records can be altered."""

from epochs import changed_epoch

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store

GRID = """\
name: small
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.001, 1]
  lr: 1
  epochs: 3
  batch_size: 128
seeds: 2
resources: {gpu: 0}
"""
ONE = ("--only", "b0=1,optimizer=adaloss,seed=0")


class Records:
    """A sweep that has finished, whose records can be altered."""

    def __init__(self, grid):
        self.grid = grid
        self.trials = load_sweep(grid).trials
        self.store = Store(grid.parent / "results" / "small")

    def trial(self, **values):
        (found,) = [trial for trial in self.trials if values.items() <= trial.values.items()]
        return found

    @property
    def one(self):
        return self.trial(b0=1.0, optimizer="adaloss", seed=0)

    def change_epoch(self, trial, number, **values):
        history = list(self.store.read_metrics(trial))
        history[number - 1] = changed_epoch(history[number - 1], **values)
        self.store.keep_metrics(trial, tuple(history))

    def change_result(self, trial, **values):
        result = self.store.read_result(trial).model_copy(update=values)
        self.store.write_result(trial, result)

    def change_provenance(self, trial, **values):
        provenance = self.store.read_result(trial).provenance
        self.change_result(trial, provenance=provenance.model_copy(update=values))

    def files(self):
        root = self.store.root
        return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
