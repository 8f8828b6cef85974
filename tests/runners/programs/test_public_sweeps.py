"""W&B sweep files with scripts that read their parameters as such projects do, from file to table.

``public/README.md`` says where each file is from.
"""

import csv
import importlib.util
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store

PUBLIC = Path(__file__).parent / "public"


@dataclass(frozen=True)
class Example:
    """A sweep file, which of its trials are tried, and the axes of its table.

    ``code`` has the metric's formula, ``library`` what the script needs besides wandb.
    """

    sweep: str
    code: str
    trials: int
    axes: set[str]
    only: str | None = None
    library: str | None = None


EXAMPLES = {
    "flexible_probing": Example(
        "sweep.yml",
        "run.py",
        4,
        {"l1-weight", "l2-weight"},
        "l1-weight=0,l1-weight=1e-7,l2-weight=0.1,l2-weight=1",
    ),
    "correlations": Example(
        "sweep.yml",
        "run.py",
        4,
        {"layer_type", "decor_lr", "fwd_lr", "dataset"},
        "dataset=CIFAR10,layer_type=BP,layer_type=DFAConv,decor_lr=0,decor_lr=1e-08,fwd_lr=0.01",
        "hydra",
    ),
    "nested": Example(
        "sweep-nested.yaml",
        "train-nested-cli.py",
        4,
        {"batch_size", "optimizer.lr", "optimizer.nadam.beta"},
        "batch_size=32",
    ),
    "sweep_grid": Example(
        "sweep-grid.yaml",
        "train.py",
        3,
        {"direction", "base", "increment"},
        "base=10,increment=0.1",
    ),
    "boilerplate": Example(
        "sweep.yml", "main.py", 4, {"lr"}, "lr=-1e-3,lr=1.0,seed=12345,seed=67890"
    ),
    "augmentations": Example(
        "sweep_grid.yaml",
        "training_sweep.py",
        3,
        {"transform"},
        "transform=none,transform=random_noise(0, 0.1),transform=color_jitter",
    ),
    "gdcbf": Example(
        "sweep_grid.yaml",
        "launcher/examples/train_offline.py",
        4,
        {"env_id", "cost_critic_hyperparam"},
        "env_id=0,env_id=6,cost_critic_hyperparam=0.9,seed=10,seed=20",
    ),
    "fisher_edl": Example(
        "sweep_grid.yaml",
        "run_cifar_experiment.py",
        4,
        {"beta", "gamma"},
        "beta=0.1,beta=1,gamma=1,gamma=2",
    ),
    "emotions": Example("sweep_grid.yaml", "run_cqa.py", 1, set()),
    "alexnet": Example(
        "grid_sweep.yaml",
        "train.py",
        4,
        {"snip_factor", "init_lr", "weight_decay_rate", "batch_size", "epochs"},
        "snip_factor=0.3,snip_factor=1.0,init_lr=0.1,weight_decay_rate=5e-5,batch_size=50",
    ),
    "scaling_laws": Example(
        "grid_sweep.yaml",
        "run_exp_vit.py",
        4,
        {"lr", "block", "batch_size", "layers"},
        "lr=1e-3,lr=1e-05,block=postnorm,batch_size=64,layers=2,hidden_dim=128,patch_size=4,"
        "epochs=100,epochs=400",
    ),
    "envelope": Example("sweep_config.yaml", "ppo_vmap/ppo.py", 3, {"env_name"}, library="tyro"),
    "ppml": Example(
        "sweep.yaml", "simulate.py", 3, {"n_clients", "l2_norm_clip"}, "l2_norm_clip=5"
    ),
    "bio_chem_lm": Example("sweep.yaml", "train.py", 5, set()),
    "absl_flags": Example(
        "sweep.yaml", "train.py", 4, {"hidden_dims", "actor_lr"}, "actor_lr=1e-5", "absl"
    ),
    "click_options": Example(
        "wandb_sweep.yaml",
        "src/train.py",
        4,
        {"learning-rate", "optimizer", "amp"},
        "learning-rate=1e-5",
        "click",
    ),
    "json_file": Example(
        "sweep.yaml",
        "tools/cli.py",
        4,
        {f"optimizer_config/optimizer/init_args/{name}" for name in ("lr", "betas")},
    ),
    "agent": Example("sweep.yaml", "sweep.py", 4, {"learning_rate", "focal"}),
    "hydra_append": Example(
        "sweep.yaml", "train.py", 4, {"depth", "optimizer.lr"}, library="hydra"
    ),
}
# Each starts a Python that imports wandb. The scripts' defaults are no values of the sweep files.
MOST_TRIALS = 2
# The script that starts an agent itself needs the most of its surroundings, and runs through Ray.
THROUGH_RAY = {"agent"}
# Whose formula takes the mapping itself: its names are no names of arguments.
TAKES_A_MAPPING = "json_file"


@pytest.fixture(autouse=True)
def activated(monkeypatch):
    """The environment is activated: some commands start ``python``. The mirror is off."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("WANDB_MODE", "disabled")


def copied(name: str, folder: Path) -> Path:
    """The sweep file of an example in a folder of its own."""
    shutil.copytree(PUBLIC / name, folder, dirs_exist_ok=True)
    return folder / EXAMPLES[name].sweep


def formula_of(name: str) -> Callable[[Mapping[str, object]], float]:
    """What the script of an example must log for the parameters."""
    path = PUBLIC / name / EXAMPLES[name].code
    spec = importlib.util.spec_from_file_location(f"public_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if name == TAKES_A_MAPPING:
        return module.metric
    return lambda values: module.metric(
        **{key.replace("-", "_").replace(".", "_"): value for key, value in values.items()}
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_sweep_file_runs_unchanged_to_a_table(command, cli_without_ray, name, tmp_path):
    example = EXAMPLES[name]
    if example.library is not None:
        pytest.importorskip(example.library, reason="the script reads its parameters with it")
    path = copied(name, tmp_path)
    limit = ["--limit", str(MOST_TRIALS)]
    only = [] if example.only is None else ["--only", example.only]
    sweep = load_sweep(path)
    store = Store(tmp_path / "results" / sweep.name)
    if name in THROUGH_RAY:
        ended = command("run", path.name, "--yes", "--no-figures", *limit, *only)
    else:
        ended = cli_without_ray("run", path.name, "--yes", *limit, *only)
    assert ended.returncode == (0 if example.trials <= MOST_TRIALS else 3), ended.stderr
    assert "did not read" not in ended.stderr

    results = {trial: store.read_result(trial) for trial in sweep.trials}
    done = {trial: result for trial, result in results.items() if result is not None}
    run = min(example.trials, MOST_TRIALS)
    assert len(done) == run
    formula = formula_of(name)
    for trial, result in done.items():
        assert result.state is TrialState.COMPLETE, result.failure
        assert result.unread is None
        values = dict(trial.parameters)
        if trial.seed_parameter is not None:
            values[trial.seed_parameter] = trial.seed
        assert result.last.values[trial.metric] == pytest.approx(formula(values), rel=1e-12)

    (table,) = sweep.tables
    assert example.axes <= {table.rows, table.columns, *table.per}
    shown = cli_without_ray("table", path.name, "--format", "csv")
    assert shown.returncode in (0, None), shown.stderr
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert {(row["row_field"], row["column_field"]) for row in rows} == {
        (table.rows, table.columns)
    }
    assert sum(int(row["n"]) for row in rows) == run


@pytest.mark.slow
def test_a_misspelt_parameter_is_noticed(cli_without_ray, tmp_path):
    path = copied("sweep_grid", tmp_path)
    path.write_text(path.read_text().replace("increment:", "incremnet:"))
    chosen = ("--only", "base=10,direction=1", "--limit", "1")
    ended = cli_without_ray("run", path.name, "--yes", *chosen)
    assert "train.py did not read the parameter incremnet" in ended.stderr
    assert "its value changes nothing; is the name right?" in ended.stderr


@pytest.mark.slow
def test_each_example_has_a_plan(cli, tmp_path):
    for name, example in EXAMPLES.items():
        path = copied(name, tmp_path / name)
        code, output, errors = cli("plan", path, "--json")
        assert code in (0, None), errors
        assert json.loads(output)["trials"] >= example.trials
