"""Which files of a program a result knows, and what is said of results that know others."""

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Fingerprint
from adaloss.records.store import Store

SCRIPT = """
import json, os, sys
values = dict(word.lstrip("-").split("=") for word in sys.argv[1:])
with open(os.environ["ADALOSS_REPORT"], "a") as file:
    for epoch in range(3):
        loss = float(values["lr"]) * epoch + int(values.get("seed", 0))
        print(json.dumps({"epoch": epoch, "loss": loss}), file=file, flush=True)
"""
ONE_WORKER = "execution: {max_concurrent: 1}\n"


@pytest.fixture
def without_a_mirror(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.mark.slow
def test_results_of_which_another_file_was_digested_are_named_and_not_lost(
    cli_without_ray, tmp_path, without_a_mirror
):
    grid = (
        "program: train.v2.py\nmetric: {name: loss}\n"
        f"parameters: {{lr: [0.1, 0.5]}}\nseeds: 1\n{ONE_WORKER}"
    )
    store = Store(tmp_path / "results" / "grid")
    (tmp_path / "grid.yaml").write_text(grid)
    (tmp_path / "train.v2.py").write_text(SCRIPT)
    ran = cli_without_ray("run", "grid.yaml")
    assert ran.returncode == 0, ran.stderr
    # As they were recorded before: nothing, or the file that has the name up to the dot.
    earlier = load_sweep(tmp_path / "grid.yaml").trials
    for trial, digests in zip(earlier, ({}, {"train.py": "0" * 16}), strict=True):
        result = store.read_result(trial)
        assert list(result.fingerprint.program) == ["train.v2.py"]
        as_before = {"fingerprint": Fingerprint(program=digests)}
        store.write_result(trial, result.model_copy(update=as_before))

    (tmp_path / "grid.yaml").write_text(grid.replace("seeds: 1", "seeds: 2"))
    more = cli_without_ray("run", "grid.yaml")
    assert more.returncode == 0, more.stderr
    assert "train.v2.py: the version used for 2 results" in more.stderr
    assert "retry grid.yaml --changed` computes them again" in more.stderr
    table = cli_without_ray("table", "grid.yaml").stdout
    assert "2 of 4 results were computed with an unrecorded version of program" in table
    assert "†" in table
    repeated = cli_without_ray("retry", "grid.yaml", "--changed")
    assert repeated.returncode == 0, repeated.stderr
    assert "2 ran now" in repeated.stderr
    assert "unrecorded" not in repeated.stdout
    # What is on record now is compared.
    (tmp_path / "train.v2.py").write_text(SCRIPT.replace("* epoch", "* 2 * epoch"))
    (tmp_path / "grid.yaml").write_text(grid.replace("seeds: 1", "seeds: 3"))
    refused = cli_without_ray("run", "grid.yaml")
    assert refused.returncode == 2
    assert "train.v2.py: train.v2.py changed after the computation of 4 results" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("program", ["mine.train", "of-another-machine"])
def test_a_command_may_start_something_else_than_the_program(
    cli_without_ray, tmp_path, without_a_mirror, program
):
    grid = (
        f"program: {program}\ncommand: ['${{interpreter}}', -m, mine.train, '${{args}}']\n"
        "metric: {name: loss}\nparameters: {lr: [0.1, 0.5]}\n"
    )
    store = Store(tmp_path / "results" / "grid")
    (tmp_path / "grid.yaml").write_text(grid)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.py").write_text(SCRIPT)
    ran = cli_without_ray("run", "grid.yaml")
    assert ran.returncode == 0, ran.stderr
    expected = ["mine/train.py"] if program == "mine.train" else []
    for trial in load_sweep(tmp_path / "grid.yaml").trials:
        assert list(store.read_result(trial).fingerprint.program) == expected
    for words in (("plan", "grid.yaml"), ("table", "grid.yaml")):
        said = cli_without_ray(*words)
        assert "version" not in (said.stdout + said.stderr).replace("Code version", "")
