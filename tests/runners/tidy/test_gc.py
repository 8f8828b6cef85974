"""``gc`` frees what nothing needs, says so first, and touches nothing else."""

import json
import shutil

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store
from runners.tracking.ledger import Ledger, Mirrored


def write(path, text="x" * 5000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mirrored(store, target, run, **fields):
    about = {"state": "finished", "epochs": 2, "digest": "d", "where": "p"}
    Ledger(store.root / "wandb", target).write(run, Mirrored(**(about | fields)))


@pytest.fixture
def trials(small):
    """The folders of a complete, a diverged, a failed and an unfinished trial."""
    sweep = load_sweep(small.grid_path)
    of = {(t.optimizer, t.b0, t.seed): t for t in sweep.trials}
    complete, diverged, failed, unfinished = (
        of[key]
        for key in (
            ("adaloss", 1.0, 0), ("sgd_constant", 0.01, 0), ("adaloss", 1.0, 1),
            ("adaloss", 0.01, 0),
        )
    )  # fmt: skip
    (small.trial_folder(unfinished) / "result.json").unlink()
    failure = Failure(kind=FailureKind.WORKER_LOST, message="gone")
    small.write_result(
        failed,
        TrialResult(
            trial_id=failed.trial_id, state=TrialState.FAILED, epochs=2, failure=failure,
            seconds=1.0, finished_at="2026-03-01T12:00:00+00:00",
        ),
    )  # fmt: skip
    return complete, diverged, failed, unfinished


@pytest.fixture
def needless(small, trials):
    """The paths that can be freed, beside others that must stay."""
    complete, diverged, failed, _ = trials
    folders = [small.trial_folder(trial) for trial in trials]
    gone = [write(folder / "checkpoint.pt") for folder in folders[:3]]
    gone += [write(folders[0] / "files" / "checkpoint" / "state")]
    gone += [write(folders[0] / "attempts" / n / "result.json") for n in "12"]
    gone += [write(folders[1] / "quarantine" / "1" / "result.json")]
    gone += [write(folders[0] / ".result.json.123-abc"), write(folders[1] / ".capture" / "rows")]
    for target in ("offline", "online"):
        where = "https://host/team/p" if target == "online" else "p"
        written = "2026-03-01T12:00:00+00:00"
        mirrored(small, target, complete.trial_id, where=where, result_written_at=written)
        mirrored(small, target, "sweep-1", where=where)
    # Uploaded before its result changed, to another project, not at all, and not finished.
    mirrored(small, "online", diverged.trial_id, where="a/p", result_written_at="2025-01-01")
    mirrored(small, "online", failed.trial_id, where="a/q", result_written_at=written)
    mirrored(small, "offline", failed.trial_id, where="p", result_written_at=written)
    mirrored(small, "online", "sweep-2", where="a/p", digest="e")
    mirrored(small, "offline", "sweep-2")
    runs = [*(trial.trial_id for trial in trials), "sweep-1", "sweep-2"]
    files = {run: write(small.root / "wandb" / "offline" / run / "run.wandb") for run in runs}
    gone += [files[complete.trial_id], files["sweep-1"]]
    gone += [write(small.root / "index" / "results.parquet"), write(small.root / "trackio" / "db")]
    for kept in (
        folders[3] / "checkpoint.pt", folders[3] / ".capture" / "rows", folders[3] / "attempts/1/a",
        folders[2] / "attempts" / "1" / "result.json", folders[0] / "files" / "model.pt",
        folders[0] / "log.txt", small.root / "conflicts" / "a" / "trials" / "x" / "result.json",
        small.root / "index" / "compiled.json", small.root / "tables" / "tables.md",
    ):  # fmt: skip
        write(kept)
    return {path.relative_to(small.root).as_posix() for path in gone}


def everything(store):
    names = (path.relative_to(store.root) for path in store.root.rglob("*") if path.is_file())
    return {name.as_posix() for name in names} - {"run.lock", "run.owner", "index/counts.json"}


def test_exactly_what_is_needless_is_freed(cli, small, needless):
    before = everything(small)
    code, said, errors = cli("gc", "small")
    assert code == 2
    assert "add --yes" in errors
    assert everything(small) == before
    assert "  4 checkpoints of finished trials: " in said
    assert "  2 earlier attempts of finished trials: " in said
    assert "  1 quarantined records of finished trials: " in said
    assert "  2 files that were needed while trials ran: " in said
    assert "  2 offline W&B runs that are uploaded: " in said
    code, table, _ = cli("table", small.root)
    assert (code, "adaloss" in table) == (0, True)
    listed = json.loads(cli("gc", "small", "--json")[1])
    assert everything(small) == before
    assert listed["freed"] is False
    code, said, _ = cli("gc", "small", "--yes")
    assert code == 0
    assert said.splitlines()[-1].startswith("freed ")
    gone = before - everything(small)
    assert gone == needless
    assert not (small.root / "trials" / "attempts").exists()
    assert cli("table", small.root)[1] == table
    # The table has made its index again.
    assert " indexes and caches" in cli("gc", "small", "--yes")[1]
    assert "there is nothing to free" in cli("gc", "small", "--yes")[1]


def test_the_size_that_is_named_is_the_size_that_is_freed(cli, small, needless):
    def space():
        return sum(p.lstat().st_blocks * 512 for p in small.root.rglob("*") if p.is_file())

    listed = json.loads(cli("gc", "small", "--json")[1])
    before = space()
    freed = json.loads(cli("gc", "small", "--json", "--yes")[1])
    assert freed["freed"] is True
    assert listed["bytes"] == freed["bytes"] == before - space()


def test_checkpoints_that_the_grid_keeps_stay_unless_they_are_named(cli, small, trials):
    small.grid_path.write_text(
        small.grid_path.read_text() + "execution: {keep_checkpoints: true}\n"
    )
    checkpoint = write(small.checkpoint_path(trials[0]))
    unfinished = write(small.checkpoint_path(trials[3]))
    said = cli("gc", "small", "--yes")[1]
    assert "checkpoints that the grid keeps stay: 1 file" in said
    assert checkpoint.exists()
    assert cli("gc", "small", "--yes", "--kept-checkpoints")[0] == 0
    assert not checkpoint.exists()
    assert unfinished.exists()


def test_a_grid_that_cannot_be_read_may_keep_them(cli, small, trials):
    small.grid_path.write_text("name: small\n")
    checkpoint = write(small.checkpoint_path(trials[0]))
    assert cli("gc", "small", "--yes")[0] == 0
    assert checkpoint.exists()


def test_a_trial_whose_records_cannot_be_read_keeps_everything(cli, small, trials):
    folder = small.trial_folder(trials[0])
    kept = [write(folder / name) for name in ("checkpoint.pt", "attempts/1/a", ".capture/b")]
    (folder / "result.json").write_text("{")
    assert cli("gc", "small", "--yes")[0] == 0
    assert all(path.exists() for path in kept)


def test_links_are_not_followed(cli, small, trials, tmp_path):
    outside = write(tmp_path / "outside" / "precious")
    folder = small.trial_folder(trials[0])
    (folder / "attempts").symlink_to(outside.parent)
    (folder / "checkpoint.pt").symlink_to(outside)
    (small.root / "trackio").symlink_to(outside.parent)
    assert cli("gc", "small", "--yes")[0] == 0
    assert outside.exists()


def test_several_sweeps_are_freed_with_one_answer(cli, small, trials, monkeypatch):
    other = Store(small.root.with_name("other"))
    shutil.copytree(small.root, other.root)
    paths = [write(store.checkpoint_path(trials[0])) for store in (small, other)]
    monkeypatch.setattr("runners.pages.terminal.is_attended", lambda: True)
    asked = []
    monkeypatch.setattr("runners.pages.terminal.agreed", lambda text: asked.append(text) or False)
    assert cli("gc", "small", "results/other")[0] == 2
    assert all(path.exists() for path in paths)
    monkeypatch.setattr("runners.pages.terminal.agreed", lambda text: asked.append(text) or True)
    assert cli("gc", "small", "results/other")[0] == 0
    assert not any(path.exists() for path in paths)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("lock", "who"),
    [("run.lock", "process 7 on elsewhere"), ("wandb/mirror.lock", "`sync`"),
     (".watch.lock", "`watch`")],
)  # fmt: skip
def test_results_in_use_are_refused(cli, small, needless, held, lock, who):
    before = everything(small)
    held(small.root / lock)
    code, _, errors = cli("gc", "small", "--yes")
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert who in errors
    assert "nothing was changed" in errors
    assert everything(small) >= before


def test_the_working_copy_of_a_url_is_refused(cli, small):
    (small.root.parent / ".address").write_text("memory://bucket\n")
    for arguments in (("gc", "--yes"), ("rm", "--yes"), ("rename", "new")):
        code, _, errors = cli(arguments[0], small.root, *arguments[1:])
        assert code == 2
        assert "memory://bucket/small is at a URL" in errors
    assert small.grid_path.exists()
