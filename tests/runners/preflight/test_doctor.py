"""The doctor looks at the machine and at a grid."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


@pytest.fixture
def doctor():
    """``adaloss-sweep doctor`` in this process: exit status and output."""
    import typer
    from typer.testing import CliRunner

    from runners.cli.doctor import doctor as command

    app = typer.Typer()
    app.command()(command)

    def run(*arguments):
        finished = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return finished.exit_code, finished.output

    return run


def test_the_doctor_looks_at_the_machine_alone(doctor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, message = doctor("--wandb", "disabled")
    assert status == 0, message
    for subject in ("GPUs", "memory", "open files", "results", "clock", "W&B", "packages", "Ray"):
        assert f" {subject}: " in message
    assert "names: " not in message
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_looks_at_a_grid(doctor, grid, tmp_path):
    status, message = doctor(
        grid, "--storage", tmp_path / "results", "--wandb", "disabled", "--json"
    )
    assert status == 0, message
    record = json.loads(message)
    assert (record["refused"], record["warnings"]) == (0, 0)
    assert {"processors", "names", "data"} < {finding["about"] for finding in record["findings"]}
    assert not (tmp_path / "results").exists()


def test_the_doctor_refuses_with_status_2(doctor, grid, tmp_path):
    grid.write_text(grid.read_text() + "resources: {gpu: 64}\n")
    status, message = doctor(grid, "--storage", tmp_path / ("x" * 300), "--wandb", "disabled")
    assert status == 2
    assert "a trial asks for 64" in message
    assert "a name may have 255" in message
    assert "2 refused" in message
