"""What a run leaves beside its records: made anew when anything of it, or of them, has changed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from small_grid import GRID

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import METRICS_FILE
from analysis.figures.writing.files import figures_of, save_figures, shares_of, write_share
from analysis.outputs import save_everything
from analysis.results import read_results
from analysis.tables.wording import file_name


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "demo.yaml"
    path.write_text(GRID)
    return load_sweep(path)


@pytest.fixture
def compile_all(sweep, records):
    """Compile everything; gives the files that were written."""

    def compile_now(version="1", swept=sweep, **options):
        before = times(records.store.root)
        save_everything(read_results(swept, swept.trials, records.store), version, **options)
        after = times(records.store.root)
        return {name for name, time in after.items() if before.get(name) != time}

    return compile_now


def times(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "trials" not in path.parts
    }


@pytest.mark.slow
def test_a_sweep_on_its_way_has_everything_and_says_that_it_is_incomplete(
    sweep, records, compile_all
):
    for trial in sweep.trials[:3]:
        records.complete(trial, 90.0)
    written = compile_all()
    assert {
        "grid.yaml",
        "report.html",
        "tables/tables.md",
        "tables/tables.csv",
        "tables/tables.tex",
        "tables/tables.siunitx.tex",
        "tables/tables.html",
        "tables/statistics.md",
        "figures/against-b0.png",
        "figures/curves-mlp.png",
        "figures/heatmap.png",
        "figures/differences.png",
    } <= written
    assert {Path(name).suffix for name in written if name.startswith("figures/")} == {".png"}
    root = records.store.root
    assert "INCOMPLETE: 3 of 8 trials" in (root / "tables" / "tables.md").read_text()
    assert "INCOMPLETE: 3 of 8 trials" in (root / "tables" / "statistics.md").read_text()
    assert "Incomplete: 3 of 8 trials" in (root / "report.html").read_text()
    assert compile_all() == set()


@pytest.fixture
def few_figures(monkeypatch):
    """What takes the most time is drawn in part."""
    monkeypatch.setattr("analysis.outputs.FIGURES", ("curves", "heatmap"))
    monkeypatch.setattr("analysis.figures.writing.files.FIGURE_FORMATS", ("svg",))
    # Others would not know of it.
    monkeypatch.setattr("analysis.figures.writing.processes.processors", lambda: 1)


@pytest.fixture
def compiled(sweep, records, compile_all, few_figures):
    """A finished sweep whose files are there."""
    for number, trial in enumerate(sweep.trials):
        records.complete(trial, 90.0 + number)
    compile_all()
    return records.store


@pytest.mark.slow
@pytest.mark.usefixtures("few_figures")
def test_a_new_epoch_of_an_unfinished_trial_is_drawn(sweep, records, compile_all, ordinary_epoch):
    trial = sweep.trials[0]
    records.store.open_trial(trial)
    records.store.append_metrics(trial, ordinary_epoch(80.0, epoch=1))
    compile_all()
    records.store.append_metrics(trial, ordinary_epoch(81.0, epoch=2))
    assert {"figures/curves-mlp.svg", "report.html"} <= compile_all()


@pytest.mark.slow
@pytest.mark.usefixtures("few_figures")
def test_what_was_made_of_records_that_were_read_too_early_is_made_again(
    sweep, records, compile_all
):
    early = read_results(sweep, sweep.trials, records.store)
    for trial in sweep.trials:
        records.complete(trial, 90.0)
    save_everything(early, "1")
    assert {"tables/tables.md", "report.html"} <= compile_all()
    assert compile_all() == set()


@pytest.mark.slow
def test_without_figures_there_is_everything_else_and_none_is_outdated(
    sweep, records, compiled, compile_all
):
    # Nothing has changed, so that the figures are right.
    assert compile_all(draw=False) == set()
    records.complete(sweep.trials[0], 12.0)
    assert {"tables/tables.md", "tables/statistics.md", "report.html"} <= compile_all(draw=False)
    assert list(compiled.figures_folder.iterdir()) == []
    assert {"figures/heatmap.svg", "figures/curves-mlp.svg"} <= compile_all()
    assert compile_all() == set()


@pytest.mark.slow
def test_without_figures_none_in_a_format_of_the_users_choice_is_outdated_either(
    sweep, records, compiled, compile_all
):
    named = figures_of(read_results(sweep, sweep.trials, compiled), ("heatmap",))
    assert list(save_figures(named, compiled.figures_folder, ("pdf",)))
    records.complete(sweep.trials[0], 12.0)
    compile_all(draw=False)
    assert list(compiled.figures_folder.iterdir()) == []


@pytest.mark.slow
def test_a_figure_in_a_format_of_the_users_choice_comes_back_after_runs_without_figures(
    sweep, records, compiled, compile_all
):
    named = figures_of(read_results(sweep, sweep.trials, compiled), ("heatmap",))
    assert list(save_figures(named, compiled.figures_folder, ("pdf",)))
    for value in (12.0, 13.0):
        records.complete(sweep.trials[0], value)
        compile_all(draw=False)
    assert {"figures/heatmap.svg", "figures/heatmap.pdf"} <= compile_all()
    assert not (compiled.figures_folder / "curves-mlp.pdf").exists()
    assert compile_all() == set()
    # One that the user has deleted stays away.
    (compiled.figures_folder / "heatmap.pdf").unlink()
    assert "figures/heatmap.pdf" not in compile_all()


@pytest.mark.slow
def test_a_figure_drawn_between_two_runs_without_figures_is_not_outdated(
    sweep, records, compiled, compile_all
):
    for value in (12.0, 13.0):
        records.complete(sweep.trials[0], value)
        compile_all(draw=False)
        assert list(compiled.figures_folder.iterdir()) == []
        named = figures_of(read_results(sweep, sweep.trials, compiled), ("heatmap",))
        assert list(save_figures(named, compiled.figures_folder, ("svg",)))


@pytest.mark.slow
def test_a_figure_in_a_format_of_the_users_choice_is_kept_up_to_date(
    sweep, records, compiled, compile_all
):
    # As `plot --format pdf` writes it.
    pdf = compiled.figures_folder / "heatmap.pdf"
    results = read_results(sweep, sweep.trials, compiled)
    named = figures_of(results, ("heatmap",))
    assert pdf in save_figures(named, compiled.figures_folder, ("pdf",))
    before = pdf.read_bytes()
    assert compile_all() == set()
    records.complete(sweep.trials[0], 12.0)
    assert {"figures/heatmap.svg", "figures/heatmap.pdf"} <= compile_all()
    assert pdf.read_bytes() != before
    assert not (compiled.figures_folder / "curves-mlp.pdf").exists()


@pytest.mark.slow
def test_another_result_or_another_version_makes_all_anew(sweep, records, compiled, compile_all):
    records.complete(sweep.trials[0], 12.0)
    assert "tables/tables.md" in compile_all()
    assert "53.00" in (compiled.tables_folder / "tables.md").read_text()
    assert compile_all() == set()
    assert "report.html" in compile_all(version="2")


@pytest.mark.slow
def test_who_draws_beside_does_not_tell_again_what_cannot_be_read(
    sweep, records, ordinary_epoch, monkeypatch
):
    trial = sweep.trials[0]
    records.store.open_trial(trial)
    records.store.append_metrics(trial, ordinary_epoch(80.0, epoch=1))
    damaged = records.store.trial_folder(trial) / METRICS_FILE
    damaged.write_text(damaged.read_text() + "{}\n")
    printed = records.store.root / "said.txt"

    # Nested, as that of the command line, it cannot be taken to another process.
    def say(error):
        with printed.open("a") as lines:
            lines.write(f"{os.getpid()} {error.path}\n")

    store = replace(records.store, unreadable=say)
    monkeypatch.setattr("analysis.figures.writing.processes.processors", lambda: 2)
    monkeypatch.setattr("analysis.outputs.FIGURES", ("curves",))
    save_everything(read_results(sweep, sweep.trials, store), "1")
    assert (store.figures_folder / "curves-mlp.png").exists()
    assert set(printed.read_text().splitlines()) == {f"{os.getpid()} {damaged}"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tables/tables.csv", "report.html", "figures/heatmap.svg"])
def test_a_file_that_is_gone_or_was_changed_is_made_again(compiled, compile_all, name):
    path = compiled.root / name
    content = path.read_bytes()
    path.unlink()
    assert name in compile_all()
    path.write_bytes(b"something else")
    assert name in compile_all()
    assert path.read_bytes() == content


@pytest.mark.slow
def test_what_is_none_of_the_sweep_any_more_is_taken_away(
    tmp_path, sweep, records, compiled, compile_all
):
    own = compiled.figures_folder / "mine.png"
    own.write_bytes(b"a figure of the user's")
    path = tmp_path / "other.yaml"
    path.write_text(GRID.replace("model: mlp", "model: small_cnn"))
    compile_all(swept=load_sweep(path))
    figures = {path.name for path in compiled.figures_folder.iterdir()}
    assert "curves-small_cnn.svg" in figures
    assert "curves-mlp.svg" not in figures
    assert own.exists()


@pytest.mark.slow
def test_a_forged_list_of_files_deletes_nothing_elsewhere(compiled, compile_all, tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    listed = compiled.root / "index" / "compiled.json"
    record = next(compiled.trials_folder.glob("*/result.json"))
    names = {"../precious.txt": [1, 1], record.relative_to(compiled.root).as_posix(): [1, 1]}
    listed.write_text(f'{{"stamp": "x", "files": {names}}}'.replace("'", '"'))
    compile_all()
    assert precious.exists()
    assert record.exists()


def test_figures_whose_names_become_the_same_are_all_kept(tmp_path, records):
    from matplotlib.figure import Figure

    named = [(name, Figure) for name in ("curves-a b", "curves-a_b", "curves-a/b")]
    names = ["curves-a_b.svg", "curves-a_b-2.svg", "curves-a_b-3.svg"]
    paths = list(save_figures(named, tmp_path / "one", ["svg"]))
    assert [path.name for path in paths] == names
    assert all(path.exists() for path in paths)
    # Whoever draws a part of them gives each the same name.
    for number in range(3):
        (path,) = save_figures(named, tmp_path / "three", ["svg"], (number, 3))
        assert path.name == names[number]


@pytest.mark.slow
def test_several_who_draw_the_curves_draw_all_of_them_between_them(tmp_path, records):
    path = tmp_path / "demo.yaml"
    path.write_text(GRID.replace("model: mlp", "model: [mlp, small_cnn, cifar_resnet20]"))
    sweep = load_sweep(path)
    for trial in sweep.trials:
        records.complete(trial, 90.0)
    results = read_results(sweep, sweep.trials, records.store)
    assert shares_of(results, "heatmap", 4) == [(0, 1)]
    assert shares_of(results, "curves", 4) == [(0, 3), (1, 3), (2, 3)]
    shares = shares_of(results, "curves", 2)
    drawn = [
        {path.stem for path in write_share(results, "curves", share).written} for share in shares
    ]
    assert drawn == [{"curves-mlp", "curves-cifar_resnet20"}, {"curves-small_cnn"}]


def test_long_names_that_differ_at_the_end_are_different_files():
    first, second = (file_name("x" * 300 + end) for end in "ab")
    assert first != second
    assert len(first) == len(second) == 100
    assert file_name("../../etc/passwd") == ".._.._etc_passwd"
