import json
from typing import Any

import pytest

from adaloss.tasks.program.row import Row
from adaloss.tasks.program.wandb_file import FolderReader

# The `Trial` of conftest.py, which tests cannot import.
Trial = Any

# What tutorials of W&B's sweeps do, and what a trial must survive.
TUTORIAL = """
import json, os
import torch, wandb
os.environ["WANDB_API_KEY"] = "x" * 40
os.environ["WANDB_MODE"] = "online"
assert wandb.login(key="x" * 40, relogin=True) is True
sweep_id = wandb.sweep({"method": "random", "parameters": {}}, project="mine")

def main():
    defaults = {"lr": 9, "epochs": 2, "optimizer": {"name": "sgd", "eps": 1}}
    with wandb.init(
        mode="online", dir="elsewhere", project="mine", entity="me", id="mine", config=defaults
    ) as run:
        config = wandb.config
        seen = [config.lr, config["optimizer"], run.config.get("epochs"), "absent" in config]
        model = torch.nn.Linear(2, 1)
        wandb.watch(model, log="all", log_freq=1)
        model(torch.ones(2)).backward()
        with open("model.pt", "wb") as file:
            file.write(b"weights")
        wandb.save("model.pt")
        artifact = wandb.Artifact("model", type="model")
        artifact.add_file("model.pt")
        wandb.log_artifact(artifact)
        for epoch in range(config.epochs):
            run.log({"loss": 1 / (epoch + 1)})
        print(json.dumps([*seen, run.id, run.name, run.sweep_id, sweep_id]))

wandb.agent(sweep_id, function=main, count=5)
wandb.agent(sweep_id, main, count=5)
"""


@pytest.mark.slow
def test_a_script_that_starts_its_own_sweep(trial: Trial) -> None:
    trial.base["HOME"] = str(trial.folder / "home")
    parameters = {"lr": 1e-05, "optimizer": {"name": "adam"}}
    run = trial.run(TUTORIAL, **parameters)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [
        *(1e-05, {"name": "adam", "eps": 1}, 2, False),
        *("trial-1", "trial-1", "adaloss-sweep", "adaloss-sweep"),
    ]
    assert run.stderr == (
        "adaloss-sweep: wandb.agent does nothing: ValueError: a trial calls one function once\n"
    )
    assert [row.values for row in trial.rows()] == [{"loss": 1}, {"loss": 0.5}]
    # torch parses command lines with libraries of its own.
    assert [read["config"] for read in trial.reads() if "config" in read] == [
        ["lr"],
        ["optimizer"],
        ["epochs"],
        ["absent"],
    ]
    assert not (trial.folder / "elsewhere").exists()
    written = {path.name for path in (trial.folder / "home").rglob("*") if path.is_file()}
    assert not written & {"model.pt", ".netrc"}


@pytest.mark.slow
def test_a_function_that_fails_fails_the_trial(trial: Trial) -> None:
    run = trial.run("""
import wandb
def main():
    wandb.init()
    wandb.log({"loss": 1})
    raise RuntimeError("out of luck")
wandb.agent("id", function=main)
""")
    assert run.returncode == 1
    assert "RuntimeError: out of luck" in run.stderr
    reader = FolderReader(trial.folder)
    assert reader.new_rows() == [Row(0, {"loss": 1})]
    assert [file.exit_code for file in reader.readers.values()] == [1]


# Each process starts runs: the script, a script that it starts, and a process of its own.
PROCESSES = """
import multiprocessing, os, subprocess, sys
import wandb

def train(name):
    with wandb.init(config={"lr": 9}) as run:
        run.log({name: run.config.lr})

if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("WANDB_X") or "SILENT" in name]:
        del os.environ[name]
    os.environ["WANDB_DIR"] = "elsewhere"
    wandb.setup(wandb.Settings(mode="online", root_dir="elsewhere"))
    processes = [
        multiprocessing.get_context(method).Process(target=train, args=[method])
        for method in ("spawn", "fork")
    ]
    for process in processes:
        process.start()
    code = "import script; script.train('started')"
    started = subprocess.Popen([sys.executable, "-c", code])
    train("first")
    train("second")
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert started.wait() == 0
    for mode in (
        {"mode": "disabled"}, {"settings": {"mode": "disabled"}},
        {"settings": wandb.Settings(mode="disabled")},
    ):
        with wandb.init(**mode) as run:
            run.log({"disabled": 1})
    with wandb.init(settings={"mode": "shared"}) as run:
        print(dict(run.config))
        run.log({"shared": 1})
"""


@pytest.mark.slow
def test_runs_of_several_processes(trial: Trial) -> None:
    run = trial.run(PROCESSES, lr=0.5)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "{'lr': 0.5}\n"
    reader = FolderReader(trial.folder)
    rows = [row.values for row in reader.new_rows()]
    order = [next(iter(row)) for row in rows]
    assert {name: row[name] for name, row in zip(order, rows, strict=True)} == {
        "first": 0.5,
        "second": 0.5,
        "spawn": 0.5,
        "fork": 0.5,
        "started": 0.5,
        "shared": 1,
    }
    assert order.index("first") < order.index("second") < order.index("shared") == 5
    assert trial.reads() == [{"config": ["lr"]}, {"config": "all"}]
    assert not list(trial.folder.glob("elsewhere/**/*.wandb"))


READ_ALL = """
import os, wandb
run = wandb.init(config={"own": 1})
print(wandb.config, run.config)
wandb.config.update({"more": 2})
run.log({"a": 1})
assert not os.path.exists("reads.jsonl")
print(sorted({**wandb.config}))
"""


@pytest.mark.slow
def test_printing_the_config_is_no_read_of_it(trial: Trial) -> None:
    run = trial.run(READ_ALL, lr=0.5)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("['lr', 'more', 'own']\n")
    assert trial.reads()[0] == {"config": "all"}
