"""Our table and figure beside the published ones: theirs at the same places, nothing made up."""

import re

import pytest
from epochs import epoch_with

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep, resolve_grid
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialResult, TrialState
from analysis.comparison.beside import beside
from analysis.comparison.compare import compare
from analysis.comparison.figure.beside import against_beside
from analysis.comparison.file.load import file_side
from analysis.comparison.from_records import records_side
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES
from analysis.published import LATEST, RESNET, VIT, published_cells, published_side
from analysis.render.render import render
from analysis.results import compiled, read_results
from analysis.tables.cells import CellStatus, cell_text

THERE = {"adagrad_norm": "adagrad_norm_rowwise"}
"""What the authors ran under the name of one of our optimizers."""


@pytest.fixture
def paper(store):
    """The paper's grid, of which ViT with AdaLoss and AdaGrad-Norm ran."""
    sweep = load_sweep(resolve_grid("paper"))
    for trial in sweep.trials:
        if trial.model == VIT and trial.optimizer in ("adaloss", "adagrad_norm"):
            finish(store, trial, 90.0 + trial.seed / 10 - (trial.optimizer == "adagrad_norm"))
    return read_results(sweep, sweep.trials, store)


def finish(store, trial, top1):
    last = epoch_with(1.0, epoch=10, step=3520, test_top1=top1)
    store.write_result(
        trial,
        TrialResult(
            trial_id=trial.trial_id,
            state=TrialState.COMPLETE,
            epochs=10,
            last=last,
            best_val=last,
            seconds=1.0,
            finished_at="2026-01-01T00:00:00",
        ),
    )


def side_by_side(results, theirs, spec=None):
    """The comparison and, of each table, ours and theirs."""
    spec = spec or results.spec
    ours = records_side(results.chosen_for(spec), name="ours", measure=results.measure)
    comparison = compare(ours, theirs, results.names)
    return comparison, beside(comparison, spec, compiled(results, [spec]))


@pytest.mark.parametrize("changes", [{}, {"transpose": True}, {"rows": "model", "per": "b0"}])
def test_every_published_number_is_at_its_place(paper, changes):
    spec = TableSpec.model_validate(paper.spec.model_dump() | changes)
    _, pairs = side_by_side(paper, published_side(), spec)
    found = {}
    for pair in pairs:
        theirs = pair.theirs
        for (row, column), cell in theirs.cells.items():
            fields = {**theirs.part_values, theirs.row_field: row, theirs.column_field: column}
            found[fields["model"], fields["b0"], fields["optimizer"]] = cell
    published = {(c.model, c.b0, c.optimizer): c for c in published_cells()}
    assert found.keys() == published.keys()
    for key, cell in found.items():
        assert (cell.mean, cell.std) == (published[key].mean, published[key].std)
        assert (cell.n, cell.expected) == (published[key].runs,) * 2
        assert (cell.status is CellStatus.NA) == (published[key].mean is None)


def test_their_table_has_our_rows_and_columns_and_their_optimizers_names(paper):
    _, (vit, resnet) = side_by_side(paper, published_side())
    assert (vit.ours.part, vit.theirs.part) == (VIT, VIT)
    assert vit.theirs.title == f"{LATEST}: {VIT}"
    assert vit.theirs.row_values == vit.ours.row_values
    columns = tuple(THERE.get(name, name) for name in vit.ours.column_values)
    assert vit.theirs.column_values == resnet.theirs.column_values == columns
    text = render([vit.theirs], "md")
    assert re.search(r"\| 0\.01 \| +90\.65±0\.09 \| .* \| \*\*90\.76±0\.04\*\* \|", text)
    assert "N/A" in text
    assert "test top-1 accuracy (%), mean±standard deviation over 3 runs." in text
    assert "(ddof = 1), which" not in text.partition("assumed")[0]
    assert "these are different optimizers." in vit.theirs.caption
    assert "Other differences: " in vit.theirs.caption


def test_the_withdrawn_numbers_are_called_so_beside_their_table_alone(paper):
    _, (vit, resnet) = side_by_side(paper, published_side("published:2021-12-13"))
    assert "were withdrawn" in resnet.theirs.caption
    assert "were withdrawn" not in vit.theirs.caption
    assert (vit.theirs.part, resnet.theirs.part) == (VIT, RESNET)


@pytest.mark.slow
def test_it_is_said_that_theirs_are_at_the_values_tuned_for_ours(paper):
    tuned = {"rows": "model", "per": None, "tune": "b0", "only": {"model": (VIT,)}}
    spec = TableSpec.model_validate(paper.spec.model_dump() | tuned)
    comparison, (pair,) = side_by_side(paper, published_side(), spec)
    (choice,) = {c.choice.values for (_, name), c in pair.ours.cells.items() if name == "adaloss"}
    (there,) = {
        c.mean
        for c in published_cells()
        if (c.model, c.optimizer, c.b0) == (VIT, "adaloss", *choice)
    }
    assert pair.theirs.cells[VIT, "adaloss"].mean == there
    said = "Theirs are at the b0 chosen for ours, which need not be their best."
    assert said in pair.theirs.caption
    figure = against_beside(comparison, spec, [pair], title="")
    assert said in figure.texts[-1].get_text().replace("\n", " ")
    _, (other, _) = side_by_side(paper, published_side())
    assert "chosen for ours" not in other.theirs.caption


@pytest.fixture
def small(records, tmp_path):
    """Two optimizers at two b0 on the digits."""
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\nparameters: {dataset: digits, model: [mlp, small_cnn], epochs: 2,\n"
        "  optimizer: [adaloss, sgd_constant], b0: [0.01, 1], lr: 0.1, batch_size: 32}\nseeds: 2\n"
    )
    sweep = load_sweep(path)
    for trial in sweep.trials:
        records.complete(trial, 90.0 + trial.seed)
    return read_results(sweep, sweep.trials, records.store)


@pytest.fixture
def file(tmp_path):
    def written(text, measure):
        path = tmp_path / "theirs.csv"
        path.write_text(text)
        return file_side(path, measure=measure)

    return written


def spec_of(results, **changes):
    return results.spec.model_copy(update=changes)


@pytest.mark.parametrize("spread", ["std", "sem", "ci95"])
def test_what_the_source_does_not_say_is_not_made_up(small, file, spread):
    text = "model,optimizer,b0,mean\nmlp,adaloss,0.01,91.5\nmlp,adaloss,1,91\nmlp,sgd_constant,1,\n"
    spec = spec_of(small, spread=spread, show_n="always", decimals=4, mark="none")
    _, (mlp, cnn) = side_by_side(small, file(text, small.measure), spec)
    assert cnn.theirs is None
    lines = [line.split("|")[1:-1] for line in render([mlp.theirs], "md").splitlines()[2:6]]
    assert [[cell.strip() for cell in line] for line in lines[2:]] == [
        ["0.01", "91.5", ""],
        ["1", "91.0", "N/A"],
    ]
    caption = mlp.theirs.caption
    assert "over an unknown number of runs." in caption
    assert "Where no spread is shown, it is not known." in caption
    assert "N/A: diverged." in caption
    assert "Blank: no such cell there." in caption


def test_runs_and_spreads_that_are_known_are_shown(small, file):
    text = "model,optimizer,b0,mean,std,n\nmlp,adaloss,0.01,91.52,0.5,4\nmlp,adaloss,1,91,,\n"
    spec = spec_of(small, spread="sem", show_n="always")
    _, (mlp, _) = side_by_side(small, file(text, small.measure), spec)
    text = render([mlp.theirs], "md")
    assert "**91.52±0.25** (4/4)" in text
    assert "Not every number of runs is known." in text


@pytest.mark.parametrize(
    ("header", "rest", "spread", "shown"),
    [
        ("", "", "std", {"91", "85"}),
        (",std,n", ",0.35,4", "std", {"91.00±0.35", "85.00±0.35"}),
        (",std,n", ",1,4", "sem", {"91.0±0.5", "85.0±0.5"}),
    ],
    ids=["alone", "with a spread", "with one that is computed"],
)
def test_whole_numbers_stay_whole_unless_their_spread_would_be_lost(
    small, file, header, rest, spread, shown
):
    text = f"model,optimizer,b0,mean{header}\nmlp,adaloss,1,91{rest}\nmlp,sgd_constant,1,85{rest}\n"
    spec = spec_of(small, spread=spread)
    _, (mlp, _) = side_by_side(small, file(text, small.measure), spec)
    texts = {cell_text(cell, mlp.theirs.style).number for cell in mlp.theirs.cells.values()}
    assert texts - {""} == shown


def test_a_table_whose_cells_a_comparison_does_not_tell_apart_is_refused(small, file):
    theirs = file("model,optimizer,b0,mean\nmlp,adaloss,1,91\n", small.measure)
    with pytest.raises(UserError, match=r"^seed does not tell the cells of a comparison apart: "):
        side_by_side(small, theirs, spec_of(small, rows="seed", per=("model", "b0")))


def test_several_of_theirs_at_one_place_are_refused(small, file):
    text = "model,optimizer,width,b0,mean\nmlp,adaloss,4,1,91\nmlp,adaloss,8,1,92\n"
    theirs = file(text, small.measure)
    with pytest.raises(
        UserError, match=r"several cells of .*theirs\.csv are compared with b0 = 1, opt"
    ):
        side_by_side(small, theirs)


PROGRAM = """\
name: own
program: train.py
metric: {name: loss, goal: minimize}
parameters: {lr: [0.1, 1], width: [4, 8], depth: 2}
seeds: 2
"""


@pytest.mark.parametrize("method", ["grid", "random"])
def test_programs_have_tables_beside_each_other_and_points_do_not(programs, tmp_path, method):
    path = tmp_path / "own.yaml"
    cap = "" if method == "grid" else "run_cap: 3\n"
    path.write_text(f"{PROGRAM}method: {method}\n{cap}")
    sweep = load_sweep(path)
    programs.metric = "loss"
    for number, trial in enumerate(sweep.trials):
        programs.complete(trial, {"loss": 0.1 + number})
    results = read_results(sweep, sweep.trials, programs.store)
    theirs = records_side(results.frame, name="again", measure=results.measure)
    if method == "random":
        with pytest.raises(UserError, match="point does not tell the cells of a comparison apart"):
            side_by_side(results, theirs)
        return
    _, (pair,) = side_by_side(results, theirs)
    assert pair.theirs.row_values == pair.ours.row_values
    means = {key: cell.mean for key, cell in pair.ours.cells.items()}
    assert {key: cell.mean for key, cell in pair.theirs.cells.items()} == means
    assert (pair.theirs.row_field, pair.theirs.column_field) == ("lr", "width")


def lines_of(axes, colour):
    """The means of the line of this colour, by place."""
    for container in axes.containers:
        (line, *_) = container.lines
        if line.get_color() == colour:
            return [round(y, 2) for y in line.get_ydata()]
    return None


def test_the_figures_share_their_axes_and_their_colours(paper):
    comparison, pairs = side_by_side(paper, published_side())
    figure = against_beside(comparison, paper.spec, pairs, title="both")
    figure.canvas.draw()
    ours, theirs, *resnet = figure.axes
    assert len(resnet) == 2
    assert ours.get_title().replace("\n", " ").startswith("ours: vit")
    assert theirs.get_title().replace("\n", " ").startswith(f"{LATEST}: vit")
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert ours.get_position().x1 < theirs.get_position().x0
    assert ours.get_position().y0 == pytest.approx(theirs.get_position().y0)
    colour = OPTIMIZER_STYLES["adaloss"].colour
    published = [
        c.mean
        for b0 in paper.sweep.axes["b0"]
        for c in published_cells()
        if (c.model, c.optimizer, c.b0) == (VIT, "adaloss", b0)
    ]
    assert lines_of(theirs, colour) == published
    assert lines_of(ours, colour) == [90.2] * 5
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert {"adaloss", "adagrad_norm", "adagrad_norm_rowwise", "diverged"} <= set(named)
    assert named.count("adaloss") == 1
    text = figure.texts[-1].get_text().replace("\n", " ")
    assert "over 3 to 5 seeds" in text
    assert "these are different optimizers." in text


def test_in_one_column_theirs_is_below_ours(small, file):
    theirs = file("model,optimizer,b0,mean\nmlp,adaloss,1,91\n", small.measure)
    comparison, pairs = side_by_side(small, theirs)
    figure = against_beside(comparison, small.spec, pairs, title="", width=3.3)
    figure.canvas.draw()
    ours, below = figure.axes
    note = figure.texts[-1].get_text().replace("\n", " ")
    assert "Where no spread is shown, it is not known. Not every number of runs is known." in note
    assert below.get_position().y1 < ours.get_position().y0
