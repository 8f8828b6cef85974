"""A warning before trials in bf16 on a processor that only imitates it."""

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.preflight.machine import gpus, precision
from runners.preflight.planned import Planned

OLD = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f\n"
NEW = OLD.replace("avx512f", "avx512f avx512_bf16")
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n"


@pytest.fixture
def found(grid, tmp_path, monkeypatch):
    """The warnings for the small grid in a precision, on a machine with this processor."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(gpus, "visible_gpus", lambda: 0)
    monkeypatch.setattr(gpus, "AMD_DEVICE", tmp_path / "none")

    def look(text, written="  precision: bf16\n", extra=""):
        path = tmp_path / "bf16.yaml"
        path.write_text(
            grid.read_text().replace("parameters:\n", f"parameters:\n{written}") + extra
        )
        sweep = load_sweep(path)
        processors = tmp_path / "cpuinfo"
        processors.write_text(text)
        planned = Planned(
            sweep=sweep, trials=sweep.trials, store=Store(tmp_path / "results"), mode="disabled"
        )
        return [each.sentence for each in precision.bf16_on_processors(planned, processors)]

    return look


def test_bf16_without_instructions_for_it_is_slow(found):
    (sentence,) = found(OLD)
    assert sentence.startswith("precision: this processor has no instructions for bf16")
    assert "write precision: fp32, or auto" in sentence
    # One of several is enough.
    assert found(OLD, "  precision: [fp32, bf16]\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (NEW, "  precision: bf16\n"),
        (ARM, "  precision: bf16\n"),
        # A system that does not tell.
        ("", "  precision: bf16\n"),
        (OLD, "  precision: auto\n"),
        (OLD, ""),
    ],
)
def test_nothing_is_said_otherwise(found, text, written):
    assert found(text, written) == []


def test_nothing_is_said_of_trials_on_gpus_or_elsewhere(found, monkeypatch):
    monkeypatch.setattr(gpus, "visible_gpus", lambda: 1)
    assert found(OLD) == []
    assert found(OLD, extra="resources: {gpu: 0}\n")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    assert found(OLD, extra="resources: {gpu: 0}\n") == []
