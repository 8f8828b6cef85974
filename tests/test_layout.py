"""The walls of the house: what may import what, and what answers at once."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "ray", "wandb", "pandas", "timm", "matplotlib", "sklearn")


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(finished.stdout.splitlines()[-1].split())


def test_describing_a_sweep_needs_nothing_heavy():
    modules = (
        "adaloss.grid.sweep",
        "adaloss.records.store",
        "adaloss.records.result",
        "adaloss.trial",
        "runners.cli.app",
    )
    imported = imported_by(f"import {', '.join(modules)}")
    assert imported.issuperset(modules)
    assert not imported & set(HEAVY)


def test_help_imports_nothing_heavy():
    statement = (
        "import runners.cli.app\n"
        "try: runners.cli.app.app(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0"
    )
    assert not imported_by(statement) & {*HEAVY, "pydantic", "ruamel"}


def test_the_optimizers_are_at_the_top_of_the_package():
    from adaloss import AdaGradNorm, AdaGradNormRowwise, AdaLoss, SGDConstant, SGDDecaySqrt

    classes = (AdaGradNorm, AdaGradNormRowwise, AdaLoss, SGDConstant, SGDDecaySqrt)
    assert all(issubclass(each, torch.optim.Optimizer) for each in classes)


def test_an_unknown_name_is_an_import_error():
    import adaloss

    with pytest.raises(AttributeError, match="no attribute 'Adam'"):
        _ = adaloss.Adam


OWN = """
import torch

class Own(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for weight in self.param_groups[0]["params"]:
            self.state[weight]["steps"] = 1
            weight -= 0.01 * weight.grad
"""


@pytest.fixture(scope="module")
def imported_by_trials(tmp_path_factory):
    """What a process has imported that trained and went on from checkpoints."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.py").write_text(OWN)
    return imported_by(
        "from pathlib import Path\n"
        "import adaloss.execution\n"
        "from adaloss.tasks.images.data.splits import load_splits, spec_of\n"
        "from adaloss.tasks.images.training import Training\n"
        "from adaloss.tasks.images.fields import ImageTrial\n"
        "from adaloss.records.places import Places\n"
        f"places = Places(data_root=Path(), own=(Path({str(folder)!r}),))\n"
        "for optimizer in ('adaloss', 'adamloss', 'own:Own'):\n"
        "    trial = ImageTrial(dataset='digits', model='mlp', optimizer=optimizer, seed=0, lr=1,\n"
        "                       epochs=1, batch_size=500)\n"
        "    splits = load_splits(spec_of(trial), Path(), 'cpu')\n"
        "    training = Training(trial, splits, places)\n"
        "    training.run_epoch()\n"
        "    training.load_state_dict(training.state_dict())"
    )


def test_neither_training_nor_its_checkpoints_import_torchs_compiler(imported_by_trials):
    # It takes as long as torch itself, in every worker.
    assert "torch" in imported_by_trials
    assert "torch._dynamo" not in imported_by_trials


def test_a_trial_needs_neither_ray_nor_wandb_nor_pandas(imported_by_trials):
    assert not imported_by_trials & {"ray", "wandb", "pandas", "runners"}


@pytest.mark.slow
def test_who_has_figures_drawn_by_others_does_not_wait_for_the_import_of_matplotlib():
    statement = "import analysis.outputs, analysis.report, analysis.stats.page.page"
    assert "matplotlib" not in imported_by(statement)


@pytest.mark.parametrize(
    ("library", "place"), [("ray", "runners/on_ray/"), ("wandb", "runners/tracking/")]
)
def test_a_library_has_one_door(library, place):
    importing = [
        path.relative_to(ROOT).as_posix()
        for package in ("adaloss", "runners", "analysis")
        for path in (ROOT / package).rglob("*.py")
        if any(
            line.split()[:2] in (["import", library], ["from", library])
            or line.startswith((f"import {library}.", f"from {library}."))
            for line in map(str.strip, path.read_text().splitlines())
        )
    ]
    assert importing
    assert all(path.startswith(place) for path in importing)


def test_a_worker_is_up_before_it_imports_what_takes_time():
    # Tune kills a worker that is still being set up where a free one takes its trial.
    takes_time = {"torch", "timm", "sklearn"}
    statement = (
        "import sys\n"
        "from runners.on_ray.actor import TrialWorker; TrialWorker({})\n"
        "assert not {'ray.tune', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "from runners.on_ray.trials import TrialTrainable; TrialTrainable({})"
    )
    assert not imported_by(statement) & takes_time


def test_without_the_dependencies_the_command_says_which_is_missing():
    # Without site-packages, as after pip install --no-deps.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import adaloss_sweep as a; a.main()"
    ended = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("adaloss-sweep: typer is not installed")
    assert "Traceback" not in ended.stderr
