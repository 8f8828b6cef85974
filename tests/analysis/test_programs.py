"""Everything that is compiled of a sweep of the user's own program, with any names."""

import json
import re
from dataclasses import replace
from math import inf

import numpy as np
import pandas as pd
import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.grid.tables.at import at_words, reach, reach_of, valid_at
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import Divergence
from adaloss.tasks.program.task import aimed
from adaloss.tasks.table import common_task
from analysis import figures
from analysis.export import export
from analysis.figures.writing.files import FIGURES, figures_of
from analysis.frame.frame import history_frame
from analysis.outputs import pages_of, save_everything
from analysis.render.page import page_markdown
from analysis.render.render import FORMATS, render
from analysis.report import failure_logs, report_html
from analysis.results import read_results, statistics_frames, statistics_of, tables_of
from analysis.stats.frames.frames import stats_frames
from analysis.tables.measure import Measure
from analysis.tables.tables import TableError, compile_tables

GRID = """\
name: programs
description: Does it work?
method: grid
metric: {name: test/top1, goal: maximize, at: last}
parameters: {dataset: digits, model: mlp, optimizer: adaloss, lr: 0.5, epochs: 2, batch_size: 32}
"""
SPEC = TableSpec(rows="optimizer.lr", columns="lr", per=(), decimals=3)


@pytest.fixture
def sweep_of(tmp_path):
    """A function that makes the sweep of a program's trials."""
    path = tmp_path / "programs.yaml"
    path.write_text(GRID)

    def make(programs, *specs, goal="maximize", **axes):
        loaded = load_sweep(path)
        metric = loaded.grid.metric.model_copy(update={"name": programs.metric, "goal": goal})
        varying = {"optimizer.lr": (0.1, 0.2, 0.4), "lr": ("1e-3, then less", "constant")}
        return replace(
            loaded,
            grid=loaded.grid.model_copy(update={"metric": metric}),
            trials=tuple(programs.trials),
            axes=(axes or varying) | {"seed": (0, 1, 2)},
            tables=specs or (SPEC,),
        )

    return make


@pytest.fixture
def results_of(sweep_of):
    """A function that reads a program's results."""

    def read(programs, *specs, **changes):
        sweep = sweep_of(programs, *specs, **changes)
        return read_results(sweep, sweep.trials, programs.store)

    return read


def test_a_table_has_the_programs_metric_as_it_is(eventful_programs, results_of):
    (table,) = tables_of(results_of(eventful_programs))
    assert table.cells[0.1, "1e-3, then less"].mean == pytest.approx(0.6)
    assert table.cells[0.1, "1e-3, then less"].best
    assert table.cells[0.2, "constant"].status.value == "na"
    assert table.cells[0.4, "1e-3, then less"].status.value == "failed"
    # The name of the metric is not made a sentence's first word, and it is no percentage.
    assert "test/top1 after the last report (2), mean±" in table.caption
    assert "Test/top1" not in table.caption
    assert "%" not in table.caption
    for form in FORMATS:
        assert ("0.6" if form == "csv" else "0.600") in render([table], form)


def test_tables_in_any_order_of_axes_with_parts_and_only_and_marks(eventful_programs, results_of):
    spec = TableSpec(
        rows="lr", columns="optimizer.lr", per=("batch-size", "parameters.task"), spread="ci95",
        only={"optimizer.lr": (0.1, 0.2)}, transpose=True, show_n="always", mark="best_and_second",
    )  # fmt: skip
    (table,) = tables_of(results_of(eventful_programs, spec))
    assert table.part == "batch-size = 32, a|b"
    assert {column for _, column in table.cells} == {"1e-3, then less", "constant"}


def test_a_small_number_of_an_unknown_scale_is_not_rounded_to_zero(programs, results_of):
    programs.cell([2e-7, 4e-7], **{"optimizer.lr": 0.1})
    (table,) = tables_of(results_of(programs))
    assert "3.000e-07" in render([table], "md")


def test_a_loss_is_better_where_it_is_lower(programs, results_of):
    programs.cell([0.1], lr="constant")
    programs.cell([0.2])
    (table,) = tables_of(results_of(programs, goal="minimize"))
    assert table.cells[0.1, "constant"].best


def test_a_table_of_another_metric_has_no_goal(eventful_programs, results_of):
    (table,) = tables_of(results_of(eventful_programs, SPEC.model_copy(update={"metric": "loss"})))
    assert table.cells[0.1, "constant"].mean == 0.5
    assert not any(cell.best for cell in table.cells.values())
    assert "loss after the last report" in table.caption


def test_a_metric_that_nothing_recorded_has_no_value_in_a_declared_table(
    eventful_programs, results_of
):
    results = results_of(eventful_programs, SPEC.model_copy(update={"metric": "later"}))
    (table,) = tables_of(results)
    assert {cell.status.value for cell in table.cells.values()} == {"empty", "na", "failed"}
    with pytest.raises(TableError, match=r"there is no nope; the metrics are test/top1, .*later"):
        compile_tables(
            results.frame,
            [SPEC],
            metric="nope",
            at="last",
            goal="maximize",
            sweep_name="",
        )


def test_a_table_without_a_result_yet(programs, results_of):
    programs.cell(["missing", "missing"])
    results = results_of(programs)
    (table,) = tables_of(results)
    assert table.cells[0.1, "1e-3, then less"].status.value == "empty"
    assert statistics_of(results).answer == ("2 of 2 trials have not ended.",)


def test_a_field_of_another_task_is_none_of_a_program(eventful_programs):
    with pytest.raises(
        TableError, match="rows: b0 is not a field of a trial; the fields are program, alpha"
    ):
        compile_tables(
            eventful_programs.frame(),
            [TableSpec(rows="b0")],
            metric="test/top1",
            at="last",
            goal="maximize",
            sweep_name="",
        )


@pytest.mark.parametrize(
    ("goal", "sign", "numbers"), [("maximize", "≥", 0.4), ("minimize", "≤", 0.3)]
)
def test_what_it_takes_to_reach_a_target(eventful_programs, results_of, goal, sign, numbers):
    spec = SPEC.model_copy(update={"at": f"reach test/top1 {numbers}"})
    results = results_of(eventful_programs, spec, goal=goal)
    (table,) = tables_of(results)
    assert f"Reports until test/top1 {sign} {numbers}" in table.caption
    assert {2.0 if goal == "maximize" else 1.0, None} <= {c.mean for c in table.cells.values()}
    page = statistics_of(results)
    assert f"until test/top1 {sign} {numbers}" in page_markdown(page)
    assert "epoch" not in " ".join(page.answer)
    assert "profile" in [name for name, draw in figures_of(results, FIGURES) if draw()]


def test_a_cost_of_the_programs_own_has_no_mean_where_a_seed_does_not_get_there(
    programs, results_of
):
    for seed, last in enumerate((0.5, 0.5, 0.1)):
        reports = ({"test/top1": 0.0, "tokens": 10.0}, {"test/top1": last, "tokens": 20.0})
        programs.complete(programs.declare(seed=seed), *reports)
    spec = SPEC.model_copy(update={"metric": "tokens", "at": "reach test/top1 0.4"})
    (table,) = tables_of(results_of(programs, spec))
    (cell,) = table.cells.values()
    assert (cell.status.value, cell.mean, cell.n, cell.expected) == ("unreached", None, 2, 3)


def test_targets_are_of_the_grids_own_metric_whose_goal_is_known(programs):
    programs.metric = "val loss"
    programs.declare()
    task = aimed(common_task(programs.trials), "val loss", "minimize")
    at = valid_at({"reach": {"val loss": 0.5}}, task)
    assert at == "reach val loss 0.5"
    assert valid_at(at, task) == at
    assert reach_of(at, task) == reach("val loss", "0.5", task)
    assert at_words(at, task) == "at the first report with val loss ≤ 0.5"
    assert at_words("epoch 3", task) == "after report 3"
    for metric in ("other", "seconds"):
        with pytest.raises(ValueError, match=r"no metric .* to reach; there are val loss"):
            valid_at({"reach": {metric: 1}}, task)
    with pytest.raises(ValueError, match=r"to reach$"):
        valid_at({"reach": {"val loss": 1}}, common_task(programs.trials))
    # A percentage is nothing that is known of it.
    assert reach("val loss", 400, task).target == 400
    assert TableSpec.model_validate({"at": at}, context={"task": task}).at == at


def test_a_tuned_table_chooses_by_the_grids_metric(eventful_programs, results_of):
    spec = TableSpec(rows="parameters.state", columns="lr", per=(), tune=("optimizer.lr",))
    results = results_of(eventful_programs, spec)
    (table,) = tables_of(results)
    assert "by the best mean test/top1 of" in table.caption
    assert table.cells[True, "1e-3, then less"].choice.values == (0.2,)
    assert "robustness over optimizer.lr" in page_markdown(statistics_of(results))
    assert "sensitivity-optimizer.lr" in [
        name for name, draw in figures_of(results, FIGURES) if draw()
    ]
    own = spec.model_copy(update={"metric": "loss"})
    (table,) = tables_of(results_of(eventful_programs, own))
    assert "by the best mean test/top1 of" in table.caption


def test_a_metric_on_test_is_not_tuned_on_if_there_is_one_on_validation(programs, results_of):
    for rate, values in ((0.1, (0.5, 0.9)), (0.2, (0.8, 0.1))):
        trial = programs.declare(**{"optimizer.lr": rate})
        programs.complete(trial, {"test/top1": values[0], "val/top1": values[1]})
    spec = TableSpec(rows="parameters.state", columns="lr", per=(), tune=("optimizer.lr",))
    (table,) = tables_of(results_of(programs, spec))
    assert table.cells[True, "1e-3, then less"].choice.values == (0.1,)
    assert "by the best mean val/top1 of" in table.caption


def test_the_statistics_are_of_the_programs_units(eventful_programs, results_of):
    page = statistics_of(results_of(eventful_programs))
    text = page_markdown(page)
    assert "All numbers are of the test/top1 after the last report. Higher is better." in text
    assert "what the compared trials of a seed share is up to the program" in text
    assert "5 % of the best value" in text
    assert "percentage point" not in text
    assert "points" not in " ".join(page.answer)
    assert "tuned" not in " ".join(page.answer)


def test_the_answer_names_the_best_value_of_a_parameter(programs, results_of):
    for rate in (0.1, 0.2):
        programs.cell([0.9, 0.91, 0.92], **{"optimizer.lr": rate})
        programs.cell([0.5, 0.52, 0.51], lr="constant", **{"optimizer.lr": rate})
    answer = statistics_of(results_of(programs)).answer
    assert answer[0] == (
        "Best mean test/top1 over every optimizer.lr: 1e-3, then less 0.910 (every other is worse)."
    )
    assert "constant by 0.400 (p = 0.0002)" in answer[1]


def test_a_bare_measure_is_enough_for_the_statistics(eventful_programs):
    found = stats_frames(
        eventful_programs.frame(),
        measure=Measure(metric="test/top1", at="last", goal="maximize"),
        generator=np.random.default_rng(0),
        rows="optimizer.lr",
        columns="lr",
        per=(),
    )
    assert set(found["pairs"]["first"]) == {"1e-3, then less"}


def test_every_kind_of_figure_is_drawn(eventful_programs, results_of):
    results = results_of(eventful_programs)
    drawn = {name: draw() for name, draw in figures_of(results, FIGURES)}
    assert {"against-optimizer.lr", "heatmap", "differences"} <= set(drawn)
    (curves,) = (figure for name, figure in drawn.items() if name.startswith("curves-"))
    assert {axes.get_xlabel() for axes in curves.axes} - {""} == {"report"}
    assert curves.axes[0].get_ylabel() == "test/top1"
    assert drawn["against-optimizer.lr"].axes[0].get_ylabel() == "test/top1"
    assert "epoch" not in " ".join(text for figure in drawn.values() for text in texts_of(figure))


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_figures_know_whether_lower_is_better(eventful_programs, results_of):
    for goal in ("maximize", "minimize"):
        results = results_of(eventful_programs, goal=goal)
        drawn = dict(figures_of(results, ("differences", "heatmap")))
        word = "higher" if goal == "maximize" else "lower"
        assert f"{word}: better than" in drawn["differences"]().axes[0].get_ylabel()
        assert "Bright: better." in " ".join(texts_of(drawn["heatmap"]()))


def test_a_figure_of_a_frame_alone_has_no_goal(eventful_programs):
    figure = figures.paired_differences(
        eventful_programs.frame(),
        x="optimizer.lr",
        line="lr",
        per=None,
        metric="test/top1",
        at="last",
        title="",
    )
    assert "above zero: larger than for" in figure.axes[0].get_ylabel()


def test_lines_are_joined_over_reports_without_the_metric(programs, results_of):
    """A program may log its training loss often and its accuracy seldom."""
    reports = [
        {"loss": 1.0 / n} | ({"test/top1": n / 10} if n % 3 == 0 else {}) for n in range(1, 10)
    ]
    for seed in (0, 1):
        programs.complete(programs.declare(seed=seed), *reports)
    ((_, draw),) = figures_of(results_of(programs), ("curves",))
    lines = draw().axes[0].lines
    drawn = [line.get_xdata()[~np.isnan(line.get_xdata())].tolist() for line in lines]
    assert [3, 6, 9] in drawn
    assert [3, 6, 9, 3, 6, 9] in drawn


def test_a_line_that_diverged_at_its_first_report_has_its_cross(programs, results_of):
    programs.cell([0.5])
    divergence = Divergence(epoch=1, step=1, loss=inf, reason="not finite")
    trial = programs.declare(lr="constant")
    programs.end(trial, "diverged", divergence=divergence, epochs=0)
    ((_, draw),) = figures_of(results_of(programs), ("curves",))
    figure = draw()
    assert "x" in [line.get_marker() for line in figure.axes[0].lines]
    assert "has no test/top1" not in " ".join(texts_of(figure))


def test_curves_of_any_recorded_metric(eventful_programs):
    frame = eventful_programs.frame()
    history = history_frame(eventful_programs.trials, eventful_programs.store)
    axes = {"x": "optimizer.lr", "line": "lr", "per": None, "metric": "test/top1", "title": "t"}
    ((_, draw),) = figures.curves_by_part(history, frame, **axes, quantities=["loss", "lr", "self"])
    assert [axes.get_ylabel() for axes in draw().axes[::3]] == ["loss", "lr", "self"]
    with pytest.raises(TableError, match="there is no nope; there are test/top1, loss"):
        figures.curves_by_part(history, frame, **axes, quantities=["nope"])


def report_of(results):
    return report_html(
        sweep=results.sweep,
        frame=results.frame,
        history=history_frame(results.trials, results.store),
        tables=tables_of(results),
        pages=pages_of(results),
        logs=failure_logs(results.frame, results.trials, results.store),
    )


def test_a_report_of_a_program(eventful_programs, results_of):
    html = report_of(results_of(eventful_programs))
    text = re.sub(r"<[^>]*>", "", html.partition("<script")[0])
    assert "Programs: train.py." in text
    assert "Data sets" not in text
    assert "in nats" not in text
    assert "What the seed fixes is up to the program." in text
    assert "A trial has diverged when its test/top1 is not finite." in text
    assert "(constant: 1)" in text
    assert "total time in trials" in text
    assert "first epoch" not in text
    assert "last epoch" not in text
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.DOTALL)[1])
    assert data["curves"]["word"] == "report"
    assert data["curves"]["metrics"] == [
        {"label": "test/top1", "name": "test/top1", "linear": True, "at_top": False}
    ]
    axis = data["specs"]["curves"]["layer"][-1]["encoding"]["x"]["axis"]
    assert axis["title"] == "report"


def test_an_infinite_value_of_a_parameter_stands_beside_the_others(programs, results_of):
    for rate in (0.1, 1.0, inf):
        programs.cell([0.5], **{"optimizer.lr": rate})
        programs.cell([0.6], lr="constant", **{"optimizer.lr": rate})
    results = results_of(programs)
    html = report_of(results)
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.DOTALL)[1])
    assert data["rows"]["texts"] == ["0.1", "1", "inf"]
    for _, draw in figures_of(results, FIGURES):
        draw().canvas.draw()


@pytest.mark.slow
def test_every_file_is_written_and_not_again(eventful_programs, results_of):
    results = results_of(eventful_programs)
    save_everything(results, "v1")
    root = results.store.root
    written = {path: path.stat().st_mtime_ns for path in root.rglob("*.*") if path.is_file()}
    assert (root / "report.html") in written
    assert {path.suffix for path in written} >= {".html", ".md", ".csv", ".tex", ".png"}
    save_everything(results_of(eventful_programs), "v1")
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_numbers_of_two_versions_of_the_program_are_told(programs, results_of):
    for seed, digest in enumerate(("a", "b")):
        trial = programs.declare(seed=seed)
        programs.complete(trial, {"test/top1": 0.5})
        path = programs.store.trial_folder(trial) / "result.json"
        assert json.loads(path.read_text())["fingerprint"] is None
        assert digest
    results = results_of(programs)
    caption = tables_of(results)[0].caption
    assert "All 2 results were computed with an unrecorded version of program train.py." in caption
    assert "model mlp:big" not in caption


HOSTILE = r"$\frac{<script>x</script> |`_*[a](b) %&~^\ü\n=1"


@pytest.mark.slow
@pytest.mark.parametrize("at", ["last", f"reach {HOSTILE} 0.3"])
def test_names_may_have_the_signs_of_every_language(programs, sweep_of, at):
    programs.metric = HOSTILE
    for value in (0.1, 0.2):
        for other in ("$", "b"):
            programs.cell([value, 0.7, "diverged"], **{HOSTILE: value, f"={HOSTILE}": other})
    spec = TableSpec.model_construct(rows=HOSTILE, columns=f"={HOSTILE}", per=("lr",), at=at)
    sweep = sweep_of(programs, spec, **{HOSTILE: (0.1, 0.2)})
    results = read_results(sweep, sweep.trials, programs.store)
    save_everything(results, "v1")
    html = (results.store.root / "report.html").read_text()
    assert "<script>x" not in html
    drawn = [draw() for _, draw in figures_of(results, FIGURES)]
    assert len(drawn) == (4 if at == "last" else 5)
    for figure in drawn:
        figure.canvas.draw()
    for form in ("csv", "parquet", "jsonl"):
        export(programs.trials, programs.store, form, results.store.root)
    header = (results.store.root / "trials.csv").read_text().partition("\n")[0]
    assert ",'=$" in header


def test_statistics_as_frames(eventful_programs, results_of):
    found = statistics_frames(results_of(eventful_programs))
    assert isinstance(found["aggregate"], pd.DataFrame)
    assert set(found["aggregate"]["column"]) == {"1e-3, then less", "constant"}
