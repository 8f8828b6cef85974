"""Two results of a sweep become one: no record is lost, and a conflict is the user's to settle."""

import json
import shutil
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_records import epoch_of, finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store, ignore
from adaloss.tasks.metrics import numbers
from runners.tidy.merge import ConflictError, merge_into, plan_merge
from runners.tidy.merged_grid import MergedGrid

GRID = """\
# Which b0?
name: s
parameters:
  {dataset: digits, model: mlp, optimizer: adaloss, b0: [0.01, 1, 3], lr: 1, epochs: 2,
   batch_size: 128}
seeds: 1
"""
KINDS = (
    "absent", "begun", "half", "complete", "later", "other", "failed", "broken", "with files",
)  # fmt: skip


def put(store, trial, kind):
    """A trial's records of this kind: ``later`` has the numbers of ``complete``, not its times."""
    if kind == "absent":
        return
    folder = store.open_trial(trial)
    if kind == "begun":
        return
    seconds = 9.0 if kind == "later" else 2.0
    history = [epoch_of(trial, epoch) for epoch in (1, 2)][: 1 if kind == "half" else 2]
    if kind == "other":
        history[1] = epoch_of(trial.with_seed(7), 2)
    for metrics in history:
        store.append_metrics(trial, metrics.model_copy(update={"seconds": seconds}))
    if kind == "half":
        (folder / "checkpoint.pt").write_text("half")
        return
    failure = Failure(kind=FailureKind.CODE, message="no") if kind == "failed" else None
    last = store.read_metrics(trial)[-1]
    result = TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.FAILED if failure else TrialState.COMPLETE,
        epochs=2, last=None if failure else last, best_val=None if failure else last,
        failure=failure, seconds=seconds, finished_at=f"2026-03-01T12:00:0{seconds:g}+00:00",
    )  # fmt: skip
    (folder / "result.json").write_text(
        "{" if kind == "broken" else result.model_dump_json(indent=2)
    )
    if kind == "with files":
        (folder / "attempts" / "1").mkdir(parents=True)
        (folder / "attempts" / "1" / "result.json").write_text(f"of {store.root.name}")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "grid.yaml"
    path.write_text(GRID)
    return load_sweep(path)


def made(root, sweep, kinds):
    store = Store(root, ignore)
    store.write_text(store.grid_path, sweep.text)
    store.trials_folder.mkdir()
    for trial, kind in zip(sweep.trials, kinds, strict=True):
        put(store, trial, kind)
    return store


def contents(store):
    return {
        path.relative_to(store.root).as_posix(): path.read_bytes()
        for path in store.root.rglob("*")
        if path.is_file()
    }


def told(store, sweep):
    """What tables and the next run see of each trial."""
    seen = {}
    for trial in sweep.trials:
        result = store.read_result(trial)
        history = [numbers(metrics) for metrics in store.read_metrics(trial)]
        seen[trial.trial_id] = (result and result.state, history, store.is_open(trial))
    return seen


def merged(first, second, prefer=None):
    text = first.grid_path.read_text()
    plan = plan_merge(first, second, prefer)
    return plan, merge_into(first, second, plan, MergedGrid(text=text, origin=text, source=""))


def conflicts(first, second):
    try:
        plan_merge(first, second, None)
    except ConflictError as error:
        return {line.split(":")[0].strip() for line in str(error).splitlines() if "seed" in line}
    return set()


BOTH = st.tuples(*(st.tuples(*(st.sampled_from(KINDS) for _ in range(3))) for _ in range(2)))


@pytest.mark.slow
@settings(max_examples=60)
@given(kinds=BOTH, prefer=st.sampled_from(["first", "second"]))
def test_nothing_is_lost_and_the_order_changes_nothing_but_conflicts(sweep, kinds, prefer):
    with TemporaryDirectory() as temporary:
        stores = [
            made(Path(temporary, name), sweep, k) for name, k in zip("ab", kinds, strict=True)
        ]
        first, second = stores
        before = [contents(store) for store in stores]
        named = conflicts(first, second)
        assert named == conflicts(second, first)
        turned = [Store(Path(temporary, f"{s.root.name}2"), ignore) for s in stores]
        for store, copy in zip(stores, turned, strict=True):
            shutil.copytree(store.root, copy.root)
        if named:
            with pytest.raises(ConflictError):
                merged(first, second)
            assert [contents(store) for store in stores] == before
        merged(first, second, prefer)
        merged(turned[1], turned[0], "second" if prefer == "first" else "first")
        assert contents(second) == before[1]
        assert told(first, sweep) == told(turned[1], sweep)
        after = set(contents(first).values())
        for trial, *two in zip(sweep.trials, *kinds, strict=True):
            same_numbers = {*two} <= {"complete", "later", "with files"}
            for files, kind in zip(before, two, strict=True):
                mine = {n: c for n, c in files.items() if trial.trial_id in n}
                if same_numbers and kind != "with files":
                    continue
                assert set(mine.values()) <= after, kind
        # A finished trial stays finished, whatever the other has.
        for trial, *two in zip(sweep.trials, *kinds, strict=True):
            if {*two} & {"complete", "later", "other", "with files"}:
                assert first.read_result(trial).state is TrialState.COMPLETE
        settled = {n: c for n, c in contents(first).items() if n.startswith("trials/")}
        plan, _ = merged(first, second, prefer)
        assert plan.added == ()
        assert {n: c for n, c in contents(first).items() if n.startswith("trials/")} == settled


@pytest.mark.parametrize(("one", "other"), [*product(KINDS[1:], repeat=2)])
def test_which_record_is_taken(sweep, tmp_path, one, other):
    first, second = (
        made(tmp_path / name, sweep, (kind, "absent", "absent"))
        for name, kind in (("a", one), ("b", other))
    )
    rank = {"broken": 0, "begun": 1, "half": 2, "failed": 3}
    ranks = [rank.get(kind, 4) for kind in (one, other)]
    is_conflict = ranks == [4, 4] and (one == "other") is not (other == "other")
    assert bool(conflicts(first, second)) is is_conflict
    plan, aside = merged(first, second, "second")
    (meeting,) = plan.meetings
    assert meeting.takes_second is (ranks[0] < ranks[1] or is_conflict)
    same = ranks[0] == ranks[1] and not is_conflict
    assert meeting.is_same is same
    assert (aside is not None) is (not same or other == "with files")


def test_a_merge_that_is_killed_anywhere_is_finished_by_the_same_command(
    sweep, tmp_path, monkeypatch
):
    kinds = (("half", "complete", "absent"), ("complete", "other", "later"))
    wanted = None
    for moment in range(20):
        here = tmp_path / str(moment)
        first, second = (made(here / n, sweep, k) for n, k in zip("ab", kinds, strict=True))
        every = {**contents(first), **contents(second)}
        rename, left = Path.rename, [moment]

        def killed(self, target, rename=rename, left=left):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", killed)
        # A killed process does not tidy up.
        monkeypatch.setattr("runners.tidy.merge.shutil.rmtree", lambda *a, **o: None)
        try:
            merged(first, second, "second")
            was_killed = False
        except KeyboardInterrupt:
            was_killed = True
        monkeypatch.undo()
        assert set(every.values()) <= {*contents(first).values(), *contents(second).values()}
        merged(first, second, "second")
        wanted = wanted or told(second, sweep)
        assert told(first, sweep) == wanted
        if not was_killed:
            break
    assert 3 < moment < 19


@pytest.fixture
def halves(grid, small, tmp_path):
    """The small sweep with a seed on each of two machines, each with its own grid."""
    other = Store(tmp_path / "far" / "small")
    shutil.copytree(small.root, other.root)
    text = small.grid_path.read_text()
    for store, seed in ((small, 0), (other, 1)):
        store.grid_path.write_text(text.replace("seeds: 2", f"seeds: [{seed}]  # mine"))
        for folder in store.root.glob("trials/*"):
            if f"seed{1 - seed}" in folder.name:
                shutil.rmtree(folder)
    return small, other


def test_half_of_the_seeds_from_each_of_two_machines(cli, halves, files_of):
    first, second = halves
    before = files_of(second.root)
    code, said, errors = cli("merge", "small", "far/small")
    assert (code, errors) == (0, "")
    assert "4 trials added, 0 the same in both" in said
    assert "with the seeds of both" in said
    assert load_sweep(first.grid_path).grid.seeds == (0, 1)
    assert "# mine" in first.grid_path.read_text()
    assert "8 of 8 trials are done" in cli("status", first.root)[1]
    assert files_of(second.root) == before
    assert not list(first.root.glob(".tidy-*"))


@pytest.mark.parametrize("without", [(), ("results",), ("far",)])
def test_seeds_of_both_are_united_where_an_optimizer_is_not_found(cli, grid, tmp_path, without):
    """It is only needed to run trials; what it takes is known from its trials of either."""
    module = tmp_path / "since_removed.py"
    module.write_text("class Mine:\n    def __init__(self, params, lr): ...\n")
    text = grid.read_text().replace("sgd_constant", "'since_removed:Mine'")
    text = text.replace("parameters:\n", "parameters:\n  momentum: 0.5\n")
    for seed, folder in ((0, "results"), (1, "far")):
        grid.write_text(text.replace("seeds: 2", f"seeds: [{seed}]"))
        sweep = load_sweep(grid)
        store = Store(tmp_path / folder / "small")
        for trial in sweep.trials:
            if folder not in without or trial.optimizer == "adaloss":
                finish(store, trial, TrialState.COMPLETE)
        store.write_text(store.grid_path, sweep.text)
    module.unlink()
    code, said, errors = cli("merge", "small", "far/small")
    assert (code, errors) == (0, "")
    assert "with the seeds of both" in said
    done = 8 - 2 * len(without)
    assert f"{done} of 8 trials are done" in cli("status", "results/small")[1]


def test_a_new_folder_for_both_leaves_both_as_they_are(cli, halves, files_of):
    before = [files_of(store.root) for store in halves]
    code, said, _ = cli("merge", "small", "far/small", "--into", "results/both")
    assert (code, said.splitlines()[-1]) == (0, "merged: results/both")
    assert [files_of(store.root) for store in halves] == before
    both = load_sweep(halves[0].root.with_name("both") / "grid.yaml")
    assert (both.name, both.grid.seeds) == ("both", (0, 1))
    assert "8 of 8 trials are done" in cli("status", "results/both")[1]
    assert "already exists" in cli("merge", "small", "far/small", "--into", "results/both")[2]
    assert "cannot be a sweep's name" in cli("merge", "small", "far/small", "--into", "a b")[2]
    assert {path.name for path in halves[0].root.parent.iterdir()} == {"small", "both"}


def test_a_conflict_is_named_and_settled_by_the_user(cli, small, tmp_path, files_of):
    other = Store(tmp_path / "far" / "small")
    shutil.copytree(small.root, other.root)
    folder = next(other.root.glob("trials/mlp-adaloss-b0=1-seed0*"))
    for name in ("metrics.jsonl", "result.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("88.0", "89.0"))
    before = files_of(small.root)
    code, _, errors = cli("merge", "small", "far/small")
    assert code == 2
    assert "1 trial with different results in results/small and far/small:" in errors
    assert f"{folder.name}: epoch 2 val/top1 is 88.0 and 89.0" in errors
    assert files_of(small.root) == before
    assert "must be first or second" in cli("merge", "small", "far/small", "--prefer", "b")[2]
    code, printed, _ = cli("merge", "small", "far/small", "--prefer", "second", "--json")
    about = json.loads(printed)
    assert (code, about["replaced"], about["equal"]) == (0, [folder.name], 7)
    place = f"trials/{folder.name}/result.json"
    assert (small.root / place).read_bytes() == (other.root / place).read_bytes()
    assert (Path(about["kept_aside"]) / place).read_bytes() == before[place]
    assert "kept in" not in cli("merge", "small", "far/small")[1]
    for name in ("metrics.jsonl", "result.json"):
        (folder / name).write_text((folder / name).read_text().replace("89.0", "88.0"))
    said = cli("merge", "small", "far/small", "--prefer", "second")[1]
    assert said.splitlines()[-2].startswith("kept in results/small/conflicts/")
    assert said.splitlines()[-2].endswith(": the other records of 1 trial")


def test_a_grid_that_is_kept_aside_is_named(cli, halves):
    _, second = halves
    second.grid_path.write_text(second.grid_path.read_text().replace("[1]  # mine", "3"))
    aside = "kept in results/small/conflicts/"
    said = [line for line in cli("merge", "small", "far/small")[1].splitlines() if aside in line]
    assert [line.partition(": ")[2] for line in said] == ["first.grid.yaml"]


def test_grids_of_which_one_has_all_trials_of_the_other(cli, halves):
    first, second = halves
    whole = second.grid_path.read_text().replace("[1]  # mine", "3")
    second.grid_path.write_text(whole)
    said = cli("merge", "small", "far/small")[1]
    assert "the grid is that of far/small" in said
    assert first.grid_path.read_text() == whole
    # Its own, of which the other has more.
    assert "# mine" in next(first.root.glob("conflicts/*/first.grid.yaml")).read_text()


def test_other_grids_are_explained_and_need_one_for_both(cli, halves, tmp_path, files_of):
    first, second = halves
    text = second.grid_path.read_text()
    second.grid_path.write_text(text.replace("lr: 1", "lr: 2").replace("b0: [0.01, 1]", "b0: 1"))
    before = files_of(first.root)
    code, _, errors = cli("merge", "small", "far/small")
    assert code == 2
    assert "the grids differ in parameters.b0, parameters.lr, seeds" in errors
    assert "results/small has 4 trials that far/small lacks, and lacks 2" in errors
    assert files_of(first.root) == before
    (tmp_path / "both.yaml").write_text(text.replace("[1]  # mine", "2").replace("small", "any"))
    assert cli("merge", "small", "far/small", "--grid", "both.yaml")[0] == 0
    # The name stays.
    assert load_sweep(first.grid_path).name == "small"
    assert "8 of 8 trials are done" in cli("status", first.root)[1]


def test_trials_that_the_users_grid_lacks_are_counted(cli, halves, tmp_path):
    first, _ = halves
    text = first.grid_path.read_text()
    (tmp_path / "first.yaml").write_text(text)
    code, said, errors = cli("merge", "small", "far/small", "--grid", "first.yaml")
    assert (code, "4 trials added" in said) == (0, True)
    assert errors.startswith("note: 4 trials of far/small are not in first.yaml, so that no table")
    (tmp_path / "other.yaml").write_text(text.replace("b0: [0.01, 1]", "b0: 1"))
    errors = cli("merge", "small", "far/small", "--grid", "other.yaml")[2]
    assert errors.startswith("note: 6 trials of results/small and 4 trials of far/small are not in")
    (tmp_path / "both.yaml").write_text(text.replace("[0]  # mine", "2"))
    assert cli("merge", "small", "far/small", "--grid", "both.yaml")[2] == ""
    assert "8 of 8 trials are done" in cli("status", first.root)[1]


def test_a_grid_of_other_trials_is_refused(cli, halves, tmp_path, files_of):
    first, _ = halves
    before = files_of(first.root)
    (tmp_path / "wrong.yaml").write_text(first.grid_path.read_text().replace("lr: 1", "lr: 2"))
    code, _, errors = cli("merge", "small", "far/small", "--grid", "wrong.yaml")
    assert code == 2
    assert (
        "--grid wrong.yaml has none of the trials on record: 4 trials of results/small and"
        in errors
    )
    assert files_of(first.root) == before


def test_a_file_among_the_trials_of_both_is_no_conflict(cli, halves):
    for store in halves:
        (store.trials_folder / "Thumbs.db").write_text("made by a file manager")
    code, said, _ = cli("merge", "small", "far/small")
    assert (code, "4 trials added" in said) == (0, True)


def test_what_is_not_taken_is_named_for_programs(cli, small, tmp_path):
    other = Store(tmp_path / "far" / "small")
    shutil.copytree(small.root, other.root)
    folder = next(other.root.glob("trials/mlp-adaloss-b0=1-seed0*"))
    (folder / "result.json").unlink()
    about = json.loads(cli("merge", "small", "far/small", "--json")[1])
    assert (about["declined"], about["replaced"], about["equal"]) == ([folder.name], [], 7)


def test_what_w_and_b_has_of_the_second_is_known_to_the_first(cli, halves):
    first, second = halves
    trial = load_sweep(second.grid_path).trials[0]
    entry = second.root / "wandb" / "mirrored" / "online" / f"{trial.trial_id}.json"
    run = second.root / "wandb" / "offline" / trial.trial_id / "run.wandb"
    for path in (entry, run):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    assert cli("merge", "small", "far/small")[0] == 0
    for path in (entry, run):
        assert (first.root / path.relative_to(second.root)).read_text() == "{}"


@pytest.mark.slow
def test_tables_are_compiled_again(cli, halves):
    first, _ = halves
    first.write_text(first.tables_folder / "tables.md", "old")
    assert cli("merge", "small", "far/small")[0] == 0
    assert "over 2 seeds" in (first.tables_folder / "tables.md").read_text()


def test_a_folder_is_not_merged_with_itself_nor_with_one_that_runs(cli, halves, held):
    assert "name two folders" in cli("merge", "small", "results/small")[2]
    held(halves[1].root / "run.lock")
    code, _, errors = cli("merge", "small", "far/small")
    assert (code, "another run is using far/small" in errors) == (2, True)
