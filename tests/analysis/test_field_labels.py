"""A field's label is what readers see of the field everywhere; data for programs has its name."""

import io
import json
import re

import pandas as pd
import pytest

from adaloss.grid.sweep import load_sweep
from analysis.comparison.compare import compare
from analysis.comparison.figure.figure import comparison_figure
from analysis.comparison.frame import comparison_csv
from analysis.comparison.from_records import records_side
from analysis.comparison.page import comparison_page
from analysis.figures.writing.files import FIGURES, figures_of
from analysis.frame.frame import history_frame
from analysis.render.page import page_markdown
from analysis.render.render import FORMATS, render, render_document, render_plain
from analysis.render.table_records import table_record
from analysis.report import failure_logs, report_html
from analysis.results import read_results, statistics_frames, statistics_of, tables_of

GRID = """\
name: demo
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1, 10]
  lr: [0.05, 0.5]
  batch_size: [32, 64]
  weight_decay: 0
  epochs: 2
overrides:
  - {match: {optimizer: adaloss}, set: {weight_decay: 0.1}}
seeds: 4
"""
LABELS = """\
labels:
  b0: first value
  lr: step size
  batch_size: batch
  weight_decay: shrinkage
  optimizer: {optimizer: Method, adaloss: AdaLoss (ours)}
"""
TABLES = {
    "tuned": "{rows: b0, columns: optimizer, per: batch_size, tune: lr}",
    "numbers across": "{rows: b0, columns: lr, per: [optimizer, batch_size], show_n: always}",
    "a target": "{rows: b0, columns: optimizer, per: batch_size, only: {lr: [0.05]},"
    " at: {reach: {test/top1: 80}}}",
    "one column": "{rows: lr, columns: model, per: [b0, optimizer, batch_size], transpose: true}",
}
NAMES = re.compile(r"(?<![\w.])(b0|lr|batch_size|weight_decay|optimizer)(?![\w])")
SENTENCE = "the same for every optimizer"
"""About optimizers, not about the field."""


@pytest.fixture(params=TABLES.values(), ids=TABLES)
def results(request, tmp_path, records):
    """Trials of every state; AdaLoss is the better one."""
    return read(records, tmp_path, f"{GRID}tables: [{request.param}]\n{LABELS}")


def read(records, folder, text):
    path = folder / "demo.yaml"
    path.write_text(text)
    sweep = load_sweep(path)
    for trial in sweep.trials:
        if (trial.optimizer, trial.b0, trial.seed) == ("sgd_constant", 0.1, 1):
            records.diverge(trial)
        elif (trial.b0, trial.batch_size, trial.seed) == (10, 64, 3):
            records.fail(trial)
        else:
            is_adaloss = trial.optimizer == "adaloss"
            by_chance = trial.seed * (3 + is_adaloss) / 7
            better = 9 * is_adaloss * (trial.b0 < 10) + 3 * (trial.lr == 0.5)
            records.complete(trial, 80.0 + better + by_chance)
    return read_results(sweep, sweep.trials, records.store)


def compared(results):
    sides = [
        records_side(results.chosen(), name=name, measure=results.measure)
        for name in ("here", "there")
    ]
    return compare(*sides, results.names)


def report_of(results):
    """The report without its scripts and without the grid, which is the user's file."""
    html = report_html(
        sweep=results.sweep,
        frame=results.frame,
        history=history_frame(results.trials, results.store),
        tables=tables_of(results),
        pages=[statistics_of(results)],
        logs=failure_logs(results.frame, results.trials, results.store),
    )
    without = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    found = re.search(r'id="report-data">(.*?)</script>', without, flags=re.DOTALL)
    data = json.dumps(json.loads(found[1]), ensure_ascii=False) if found else ""
    return re.sub(r'<pre [^>]*aria-label="The grid">.*?</pre>', "", without, flags=re.DOTALL) + data


def texts_of(figure):
    figure.canvas.draw()
    texts = [text.get_text() for text in figure.texts]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        ticks = (*axes.get_xticklabels(), *axes.get_yticklabels())
        texts += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        texts += [text.get_text() for text in (*axes.texts, *ticks)]
    return "\n".join((figure.get_suptitle(), *texts))


def pages(results):
    """Everything that readers read, by what it is."""
    tables, statistics, comparison = tables_of(results), statistics_of(results), compared(results)
    for form in (form for form in FORMATS if form != "csv"):
        yield form, render(tables, form)
    yield "document", render_document(tables, "latex")
    yield "terminal", render_plain(tables)
    yield "answer", "\n".join(statistics.answer)
    yield "statistics", page_markdown(statistics)
    yield "screen", page_markdown(statistics.on_one_screen())
    yield "comparison", page_markdown(comparison_page(comparison))
    yield "figure of the comparison", texts_of(comparison_figure(comparison))
    yield "report", report_of(results)
    for name, draw in figures_of(results, FIGURES):
        yield name, texts_of(draw())


@pytest.mark.slow
def test_no_reader_sees_the_name_of_a_labelled_field(results):
    for name, text in pages(results):
        text = text.replace("\\_", "_").replace(SENTENCE, "")
        found = [text[max(0, m.start() - 60) : m.end() + 30] for m in NAMES.finditer(text)]
        assert not found, (name, found)
        if name in ("md", "report", "comparison", "document"):
            assert "first value" in text
            assert "batch" in text
        if name == "report":
            assert {"step size", "shrinkage", "Method"} <= set(re.findall("[^<>]+", text))


@pytest.mark.slow
def test_files_for_programs_have_the_names(results):
    spec, tables = results.spec, tables_of(results)
    rows, columns = (spec.columns, spec.rows) if spec.transpose else (spec.rows, spec.columns)
    read = pd.read_csv(io.StringIO(render(tables, "csv")))
    assert set(read["row_field"]) == {rows}
    assert set(read["column_field"]) == {columns}
    assert all(list(json.loads(text)) == list(spec.per) for text in read["per"])
    record = table_record(tables[0])
    assert (record["row_field"], record["column_field"]) == (rows, columns)
    assert list(record["per"]) == list(spec.per)
    assert "b0" in comparison_csv(compared(results)).partition("\n")[0].split(",")
    assert "first value" not in str([f.to_csv() for f in statistics_frames(results).values()])


def test_files_of_figures_have_the_names(results):
    named = [name for name, _ in figures_of(results, FIGURES)]
    assert f"against-{results.spec.rows}" in named
    assert not [name for name in named if "first value" in name or "step size" in name]
    assert any("batch_size = 32" in name for name in named if name.startswith("curves-"))


SEARCH = """\
name: search
program: train.py
method: random
run_cap: 6
metric: {name: loss, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-4, max: 1}
  width: {values: [4, 8]}
labels: {lr: step size, width: {width: units, 8: eight}}
"""


def test_points_of_a_search_and_their_figures_have_the_labels(tmp_path, programs):
    path = tmp_path / "search.yaml"
    path.write_text(SEARCH)
    sweep = load_sweep(path)
    programs.metric = "loss"
    for number, trial in enumerate(sweep.trials):
        programs.complete(trial, {"loss": 0.1 + number})
    results = read_results(sweep, sweep.trials, programs.store)
    markdown = render(tables_of(results), "md")
    assert "step size = 0.4436, units = eight" in markdown
    assert "step size = 0.02474, units = 4" in markdown
    assert "at step size = " in statistics_of(results).answer[0]
    ((_, draw),) = figures_of(results, FIGURES)
    assert [axes.get_xlabel() for axes in draw().axes] == ["step size", "units"]
    for text in (markdown, *statistics_of(results).answer):
        assert not re.search(r"\b(lr|width)\b", text)
