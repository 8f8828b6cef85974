"""Records are as private as the user's files, and contain no environment variables."""

import json
import os
import stat
import subprocess
import sys

import pytest

from adaloss.execution import Execution
from adaloss.records.provenance import collect_provenance
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState

SECRETS = {
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "AWS_SECRET_ACCESS_KEY": "fake-aws-secret-for-a-test",
    "HF_TOKEN": "hf_fakeTokenForATest",
    "DATABASE_URL": "postgres://someone:fake-password@host/db",
    "HTTPS_PROXY": "http://someone:fake-proxy-password@proxy:8080",
}


def run(execution):
    while execution.advance() is not None:
        pass
    return execution.result


@pytest.fixture
def umask():
    """Sets the umask for the test."""
    before = os.umask(0)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(
    ("mask", "files", "folders"), [(0o027, 0o640, 0o750), (0o077, 0o600, 0o700)]
)
def test_everything_below_the_results_follows_the_umask(
    store, start, make_trial, umask, mask, files, folders
):
    umask(mask)
    trial = make_trial()
    run(start(trial, keep_checkpoints=True))
    store.set_aside(trial)
    run(start(trial, keep_checkpoints=True))
    store.write_text(store.tables_folder / "tables.md", "a table")
    found = [store.root, *store.root.rglob("*")]
    names = {path.name for path in found}
    assert {"result.json", "metrics.jsonl", "trial.json", "checkpoint.pt", "log.txt"} <= names
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found}
    assert {mode for path, mode in modes.items() if path.is_file()} == {files}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {folders}


@pytest.mark.parametrize("fields", [{}, {"model": "no_such_model"}, {"max_loss": 0.001}])
def test_no_value_of_the_environment_is_recorded(
    store, start, make_trial, monkeypatch, fields, tmp_path
):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    usual = start(make_trial(**fields))
    provenance = collect_provenance("cpu", 1)
    execution = Execution(usual.trial, store, usual.settings, usual.code, provenance)
    result = run(execution)
    assert result.provenance == provenance
    assert (result.state is TrialState.COMPLETE) == (not fields)
    written = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    assert len(written) >= 3
    for value in SECRETS.values():
        assert not [path for path, content in written.items() if value.encode() in content]


def test_the_locale_does_not_change_the_records(store, make_trial):
    script = (
        "import json, sys; from pathlib import Path; from adaloss.records.store import Store\n"
        "from adaloss.records.result import TrialResult\n"
        "from adaloss.tasks.table import trial_from\n"
        "Store(Path(sys.argv[1])).write_result(\n"
        "    trial_from(json.loads(sys.argv[2])), TrialResult.model_validate_json(sys.argv[3]))"
    )
    trial = make_trial()
    result = TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.FAILED,
        epochs=0,
        failure=Failure(kind=FailureKind.DATA, message="no such folder: Größe"),
        seconds=0.0,
        finished_at="",
    )
    # Without an explicit encoding Python writes text in the locale's encoding, here ASCII.
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    records = (trial.model_dump_json(), json.dumps(json.loads(result.model_dump_json())))
    command = [sys.executable, "-c", script, str(store.root), *records]
    subprocess.run(command, check=True, env=os.environ | ascii_only)
    assert store.read_result(trial) == result
