"""The end of the log of each failed trial in the report."""

from collections.abc import Sequence

import pandas as pd

from adaloss.records.file import last_lines
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial

MOST_FAILURES = 20
MOST_LINES = 20
MOST_CHARACTERS = 300


def shown_failures(frame: pd.DataFrame) -> pd.DataFrame:
    """The failed trials that the report lists: the first ones, each once."""
    failed = frame[(frame["state"] == TrialState.FAILED.value).to_numpy(dtype=bool)]
    return failed.drop_duplicates("trial_id").head(MOST_FAILURES)


def failure_logs(
    frame: pd.DataFrame, trials: Sequence[Trial], store: Store
) -> dict[str, tuple[str, ...]]:
    """The last lines of the logs of :func:`shown_failures`, by trial id; empty without a log."""
    shown = set(shown_failures(frame)["trial_id"])
    return {
        trial.trial_id: last_lines(store.log_path(trial), MOST_LINES, MOST_CHARACTERS)
        for trial in trials
        if trial.trial_id in shown
    }
