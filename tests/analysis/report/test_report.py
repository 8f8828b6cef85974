import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import FailureKind, Provenance, TrialState
from adaloss.records.store import Store
from adaloss.tasks.metrics import METRICS
from adaloss.tasks.table import DEFAULT_TASK
from analysis.figures.parts.course import Course, mean_course
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES, OTHER_STYLES, line_styles
from analysis.frame.frame import build_frame, frame_columns, history_frame
from analysis.report import failure_logs, report_html
from analysis.report.curves.budget import MOST_SEEDS, budget_of
from analysis.report.curves.curves import mean_values
from analysis.report.figures.markers import DASH_LENGTHS, MARKER_PATHS
from analysis.report.logs import MOST_FAILURES, MOST_LINES
from analysis.report.page_budget import within_budget
from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.page import Page, PlainTable, Section
from analysis.tables.tables import compile_tables

HOSTILE = """<img src=x onerror="alert(1)"></script><script>alert(2)</script>'"&<!--"""
GRID = """\
name: demo
description: Does it work?
method: grid
metric: {name: test/top1, goal: maximize, at: last}
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1]
  lr: 0.5
  epochs: 2
  batch_size: 32
seeds: 2
"""


class Read(HTMLParser):
    """The elements of a page, its visible text, and the content of its scripts."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.scripts, self.inside = [], [], [], None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.texts.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])


@pytest.fixture
def declared(tmp_path):
    """A function that loads a grid; its lines may be changed."""

    def load(text=GRID, **changes):
        for old, new in changes.items():
            text = re.sub(rf"(?m)^( *){old}: .*$", rf"\g<1>{old}: {new}", text)
        path = tmp_path / "demo.yaml"
        path.write_text(text)
        return load_sweep(path)

    return load


def report_of(sweep, records, **changes):
    """The report of these records."""
    frame = build_frame(sweep.trials, records.store)
    metric = sweep.grid.metric
    tables = compile_tables(
        frame,
        sweep.tables,
        metric=metric.name,
        at=metric.at,
        goal=metric.goal,
        sweep_name=sweep.name,
    )
    arguments = {
        "sweep": sweep,
        "frame": frame,
        "history": history_frame(sweep.trials, records.store),
        "tables": tables,
        "logs": failure_logs(frame, sweep.trials, records.store),
    }
    return report_html(**arguments | changes)


def finish(sweep, records, ends=None, **changes):
    """Give every trial its end: an accuracy, unless ``ends`` says otherwise by position."""
    for number, trial in enumerate(sweep.trials):
        end = (ends or {}).get(number, 90.0 + number)
        if end == "diverged":
            records.diverge(trial, epochs=1, **changes)
        elif end == "failed":
            records.fail(trial, **changes)
        elif end != "missing":
            records.complete(trial, end, **changes)


def test_a_finished_sweep_is_told_in_order(declared, records):
    sweep = declared()
    finish(sweep, records)
    page = Read(report_of(sweep, records))
    titles = [
        "What was run",
        "Tables",
        "Figures",
        "Divergences",
        "Failures",
        "Where the numbers come from",
        "How to reproduce these numbers",
        "How the numbers are computed",
    ]
    # The contents have the titles once before.
    places = [page.text.rindex(title) for title in titles]
    assert places == sorted(places)
    for printed in (
        "demo Does it work? What was run",
        "Data sets: digits. Models: mlp. Optimizers: adaloss, sgd_constant. "
        "4 cells, 2 seeds, 8 trials.",
        "lr 0.5",
        "No trial diverged.",
        "No trial failed.",
        "pip install . # of adaloss-sweep v1 adaloss-sweep run demo.yaml",
        "mean±standard deviation (ddof = 1)",
        "2026-03-01",
        "20.0 s",
    ):
        assert printed in page.text
    assert "Incomplete" not in page.text
    assert "Mixed" not in page.text
    assert GRID.strip() in "".join(page.texts)


def test_what_is_missing_is_said_at_the_top(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "missing", 1: "failed"})
    text = Read(report_of(sweep, records)).text
    assert "Incomplete: 7 of 8 trials have ended." in text
    assert "Failed: 1 of 8 trials ended in an error" in text
    assert text.index("Incomplete") < text.index("Failed:") < text.index("Fields that vary")


def test_a_sweep_without_records_has_a_report(declared, records):
    page = Read(report_of(declared(), records))
    assert "Incomplete: 0 of 8 trials have ended." in page.text
    assert "No trial has ended." in page.text
    assert page.data["cells"]["value"] == ["–"] * 4


def test_divergences_have_cell_seed_epoch_and_reason(declared, records):
    sweep = declared()
    finish(sweep, records, {6: "diverged"})
    trial = sweep.trials[6]
    text = Read(report_of(sweep, records)).text
    assert f"{trial.optimizer} {trial.b0:g} {trial.seed} 2 not finite" in text
    assert f"1 of 8 trials diverged ({trial.optimizer}: 1)." in text


def test_divergences_are_bounded(declared, records):
    sweep = declared(seeds="20")
    finish(sweep, records, dict.fromkeys(range(80), "diverged"))
    text = Read(report_of(sweep, records)).text
    assert "80 of 80 trials diverged" in text
    assert "… and 20 more diverged trials." in text
    assert text.count("2 not finite") == 60


def test_failures_have_kind_message_and_the_end_of_the_log(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "missing"})
    records.fail(sweep.trials[0], FailureKind.OUT_OF_MEMORY, "no room for 3 GiB")
    lines = [f"line {number} of the log" for number in range(100)]
    records.store.log_path(sweep.trials[0]).write_text("\n".join(lines) + "\n")
    text = Read(report_of(sweep, records)).text
    assert "adaloss, b0 = 0.1, seed = 0 : out of memory. no room for 3 GiB" in text
    assert text.count("of the log") == MOST_LINES
    assert "line 80 of the log" in text
    assert "line 99 of the log" in text


def test_a_failure_without_a_log_says_so(declared, records):
    sweep = declared()
    finish(sweep, records, {3: "failed"})
    assert "It left no log." in Read(report_of(sweep, records)).text


def test_failures_are_bounded(declared, records):
    sweep = declared(seeds="10")
    finish(sweep, records, dict.fromkeys(range(40), "failed"))
    text = Read(report_of(sweep, records)).text
    assert "40 of 40 trials failed (code: 40)." in text
    assert f"… and {40 - MOST_FAILURES} more failed trials." in text
    assert text.count("It left no log.") == MOST_FAILURES


def test_logs_are_cut_and_never_break_the_page(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "failed", 1: "diverged"})
    log = records.store.log_path(sweep.trials[0])
    log.write_bytes(b"x" * 10_000 + b"\n\xff\x00\x1b[31mred\n")
    records.store.log_path(sweep.trials[1]).write_text("of a trial that did not fail")
    frame = build_frame(sweep.trials, records.store)
    logs = failure_logs(frame, sweep.trials, records.store)
    assert list(logs) == [sweep.trials[0].trial_id]
    assert len(logs[sweep.trials[0].trial_id][0]) == 300
    assert "���[31mred" in Read(report_of(sweep, records, logs=logs)).text


def test_mixed_versions_are_said_clearly(declared, records):
    sweep = declared()
    finish(sweep, records, dict.fromkeys(range(4), "missing"), code="0.1.0+gabc")
    finish(sweep, records, dict.fromkeys(range(4, 8), "missing"), code="0.2.0+gdef.dirty")
    text = Read(report_of(sweep, records)).text
    assert "Mixed: 2 versions of the code computed these numbers." in text
    assert "0.1.0+gabc (4 trials); 0.2.0+gdef.dirty (4 trials)" in text
    assert (
        "# One of these: git checkout abc && pip install . # in a clone of adaloss-sweep 0.1.0"
        in text
    )
    assert "A version that ends in .dirty had uncommitted changes" in text


def test_mixed_packages_are_said(declared, records):
    sweep = declared()
    for version, others in (("2.1", range(4)), ("2.2", range(4, 8))):
        provenance = Provenance(
            code_version="v1",
            python="3.11",
            packages={"torch": version},
            platform="Linux",
            device="cpu",
            threads=1,
        )
        finish(sweep, records, dict.fromkeys(others, "missing"), provenance=provenance)
    text = Read(report_of(sweep, records)).text
    assert "Not the same for all trials: torch." in text
    assert "2.1 (4 trials); 2.2 (4 trials)" in text
    assert "Mixed" not in text


def test_one_seed_has_no_spread(declared, records):
    sweep = declared(seeds="1")
    finish(sweep, records)
    page = Read(report_of(sweep, records))
    assert page.data["cells"]["spread"] == [None] * 4
    assert sorted(page.data["cells"]["value"]) == ["90.00", "91.00", "92.00", "93.00"]
    assert "4 cells, 1 seed, 4 trials." in page.text


def test_the_figures_have_the_numbers_of_the_tables(declared, records, ordinary_epoch):
    sweep = declared()
    finish(sweep, records, {7: "diverged"})
    for trial in sweep.trials[:7]:
        for epoch in (1, 2):
            records.store.append_metrics(trial, ordinary_epoch(50.123456, epoch=epoch))
    data = Read(report_of(sweep, records)).data
    cells = data["cells"]
    found = dict(zip(zip(cells["row"], cells["line"], strict=True), cells["value"], strict=True))
    assert found == {
        (0, 0): "92.00±2.83",
        (1, 0): "93.00±2.83",
        (0, 1): "94.00±2.83",
        (1, 1): "N/A",
    }
    assert cells["na"] == [0, 0, 0, 1]
    assert cells["seeds"][3] == "0: 93.00; 1: diverged"
    curves = data["curves"]
    # A mean and two seeds for each cell, and of what diverged in its first epoch no epoch.
    assert len(curves["cell"]) == 12
    assert curves["epoch_lists"] == [[1, 2], []]
    assert curves["diverged"] == [0] * 11 + [1]
    top1 = [metric["name"] for metric in curves["metrics"]].index("test/top1")
    assert curves["values"][top1][0] == [50.123, 50.123]


def test_the_figures_of_a_tuned_table_have_the_chosen_trials_alone(
    declared, records, ordinary_epoch
):
    text = GRID.replace("  lr: 0.5\n", "  lr: [0.1, 1]\n")
    sweep = declared(text + "tables: [{rows: b0, columns: optimizer, tune: lr}]\n")
    for trial in sweep.trials:
        last = ordinary_epoch(70.0 + trial.lr, val_top1=80.0 + trial.lr)
        records.end(trial, TrialState.COMPLETE, last=last, best_val=last)
        records.store.append_metrics(trial, last)
    data = Read(report_of(sweep, records)).data
    assert data["cells"]["seeds"] == ["0: 71.00; 1: 71.00"] * 4
    curves = data["curves"]
    assert len(curves["cell"]) == 12
    top1 = [metric["name"] for metric in curves["metrics"]].index("test/top1")
    assert set(map(tuple, curves["values"][top1])) == {(71.0,)}


def test_a_table_that_is_turned_over_has_the_same_figures(declared, records):
    sweep = declared()
    finish(sweep, records, {7: "diverged"})
    turned = declared(GRID + "tables: [{rows: b0, columns: optimizer, transpose: true}]\n")
    assert (
        Read(report_of(turned, records)).data["cells"]
        == Read(report_of(sweep, records)).data["cells"]
    )


def test_pages_follow_the_figures_under_their_own_headings(declared, records):
    sweep = declared()
    finish(sweep, records)
    table = PlainTable(header=("what", "p"), rows=(("<b>", "0.05"),))
    pages = [Page(title="Statistics", sections=(Section(title="Pairs", table=table),))]
    html = report_of(sweep, records, pages=pages)
    assert '<h2 id="page-1">Statistics</h2>\n<section>\n<h3>Pairs</h3>' in html
    text = Read(html).text
    assert text.index("Learning curves") < text.index("<b> 0.05") < text.rindex("Divergences")


def hostile_report(sweep, records):
    """A report in which every name is hostile."""
    trials = tuple(trial.model_copy(update={"model": HOSTILE}) for trial in sweep.trials)
    grid = sweep.grid.model_copy(update={"description": HOSTILE})
    hostile = replace(
        sweep,
        name=HOSTILE,
        text=GRID + f"# {HOSTILE}\n",
        trials=trials,
        grid=grid,
        axes={**sweep.axes, "model": (HOSTILE,)},
        notes=(HOSTILE,),
    )
    finish(hostile, records, {0: "missing", 1: "diverged"}, code=HOSTILE)
    records.fail(trials[0], message=HOSTILE)
    records.store.log_path(trials[0]).write_text(HOSTILE)
    page = Page(title=HOSTILE, sections=(Section(title=HOSTILE, before=(HOSTILE,)),))
    return report_of(hostile, records, pages=[page], selection=HOSTILE)


def test_hostile_names_stay_text(declared, records):
    html = hostile_report(declared(), records)
    page = Read(html)
    assert page.count("img") == 0
    assert page.count("script") == 3
    assert page.count("b") == 0
    assert "".join(page.texts).count(HOSTILE) > 15
    assert "<" not in page.scripts[0]
    assert page.data["parts"] == [HOSTILE]
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_nothing_but_the_pages_own_scripts_may_run(declared, records):
    sweep = declared()
    finish(sweep, records)
    page = Read(report_of(sweep, records))
    (policy,) = (
        attrs["content"]
        for _, attrs in page.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in page.scripts[1:]
    ]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == hashes
    assert not any("src" in attrs for _, attrs in page.elements)
    assert all(attrs["href"].startswith("#") for _, attrs in page.elements if "href" in attrs)


def test_the_page_is_sound(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "failed", 1: "diverged"})
    page = Read(report_of(sweep, records))
    ids = Counter(attrs["id"] for _, attrs in page.elements if "id" in attrs)
    assert set(ids.values()) == {1}
    referred = [
        word
        for _, attrs in page.elements
        for name in ("for", "aria-labelledby", "aria-describedby")
        for word in attrs.get(name, "").split()
    ]
    links = [attrs["href"][1:] for tag, attrs in page.elements if tag == "a"]
    assert len(links) > 8
    assert set(referred + links) <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert ("html", {"lang": "en"}) in page.elements
    figures = [attrs for tag, attrs in page.elements if tag == "figure" and "id" in attrs]
    assert [attrs["id"] for attrs in figures] == ["against", "curves", "heat"]
    assert all("aria-describedby" in attrs for attrs in figures)


def test_the_same_records_give_the_same_bytes(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "failed", 1: "diverged"})
    assert report_of(sweep, records) == report_of(declared(), records)


@pytest.mark.parametrize(
    ("seeds", "longest", "expected"),
    [
        ([2, 2], 10, (MOST_SEEDS, 2, 10)),  # 6 lines of 10 epochs are 60 numbers
        ([9, 9], 10, (0, 2, 10)),  # 20 lines are too many, 2 means are not
        ([9, 9], 400, (0, 2, 50)),
        ([1] * 80, 10, (0, 50, 2)),
        ([], 0, (MOST_SEEDS, 0, 0)),
    ],
)
def test_curves_keep_to_their_budget(seeds, longest, expected):
    budget = budget_of(seeds, longest=longest, quantities=1, most_numbers=100)
    assert (budget.seeds, budget.cells, budget.epochs) == expected
    assert budget.seeds or budget.cells * budget.epochs <= 100


@pytest.mark.parametrize("lengths", [(3, 3), (3, 2), (0, 0)])
def test_means_of_a_cell_are_those_of_the_printed_figures(lengths):
    generator = np.random.default_rng(0)
    courses = [
        Course(state="complete", epochs=np.arange(1.0, n + 1), values={"b": generator.random(n)})
        for n in lengths
    ]
    courses.append(Course(state="diverged", epochs=np.ones(1), values={"b": np.full(1, 9.0)}))
    epochs, (means,) = mean_values(courses, ("b",))
    expected_epochs, expected = mean_course(courses, "b")
    np.testing.assert_array_equal(epochs, expected_epochs)
    np.testing.assert_allclose(means, expected)


def test_every_line_style_can_be_drawn():
    styles = [*OPTIMIZER_STYLES.values(), *OTHER_STYLES, *line_styles(list(range(40))).values()]
    assert {style.marker for style in styles} <= set(MARKER_PATHS)
    assert {style.dashes for style in styles} == set(DASH_LENGTHS)


LARGE = """\
name: large
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, adagrad_norm, sgd_constant, sgd_decay_sqrt]
  b0: [{b0}]
  lr: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
  epochs: 10
  batch_size: 32
  weight_decay: [0, 1e-5, 1e-4, 1e-3, 1e-2]
seeds: 5
tables: [{{rows: b0, columns: optimizer, per: [lr, weight_decay]}}]
"""


def large_frames(trials):
    """The frame and the history of trials that were never on a disk: one in fifty has diverged."""
    generator = np.random.default_rng(0)
    diverged = generator.random(len(trials)) < 0.02
    fields = {
        name: pd.Series([trial.values[name] for trial in trials], dtype=object)
        for name in DEFAULT_TASK.field_names
    }
    identity = fields | {
        "trial_id": [trial.trial_id for trial in trials],
        "state": np.where(diverged, "diverged", "complete").astype(object),
    }
    environment = json.dumps({"python": "3.11", "packages": {"torch": "2.1"}, "device": "cpu"})
    metrics = {
        f"{at}:{name}": np.where(diverged, np.nan, generator.normal(90, 1, len(trials)))
        for at in ("last", "best_val")
        for name in METRICS
    }
    frame = pd.DataFrame(
        identity
        | {
            "finished_epochs": 10,
            "seconds": 1.0,
            "finished_at": "2026-01-01T00:00:00+00:00",
            "code_version": "0.1.0",
            "environment": environment,
            "divergence": np.where(diverged, "the loss exceeds 10000", None),
            "failure_kind": None,
            "failure_message": None,
            "fingerprint": None,
            "train_size": 1169,
            "val_size": 269,
            "test_size": 359,
        }
        | metrics
    )[list(frame_columns(DEFAULT_TASK))]
    epochs = pd.DataFrame(
        {
            "trial_id": np.repeat(frame["trial_id"].to_numpy(), 10),
            "epoch": np.tile(np.arange(1, 11), len(trials)),
        }
        | {name: generator.normal(90, 1, 10 * len(trials)) for name in METRICS}
    )
    return frame, epochs


@pytest.mark.slow
def test_the_report_of_twenty_thousand_trials_stays_small(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text(LARGE.format(b0=", ".join(f"{0.001 * 2**n:g}" for n in range(20))))
    sweep = load_sweep(path)
    assert len(sweep.trials) == 20_000
    frame, history = large_frames(sweep.trials)
    records = SimpleNamespace(store=Store(tmp_path / "none"))
    metric = sweep.grid.metric
    tables = compile_tables(
        frame, sweep.tables, metric=metric.name, at="last", goal="maximize", sweep_name="large"
    )
    statistics = stats_page(
        frame,
        measure=Measure(metric="test/top1", at="last", goal="maximize"),
        title="Statistics",
        generator=np.random.default_rng(0),
        per=("lr", "weight_decay"),
    )
    html = report_of(
        sweep,
        records,
        frame=frame,
        history=history,
        tables=tables,
        logs={},
        pages=[statistics],
    )
    assert len(html.encode()) < 5_000_000
    page = Read(html)
    assert "There are too many trials to show each: the curves are the means" in page.text
    assert "The first 200 of 4000; the CSV export has all." in page.text
    assert "more diverged trials." in page.text
    shown = sum(section.table is not None for section in within_budget(statistics).sections)
    assert page.count("table") == len(tables) + shown + 8
    assert shown < len(statistics.sections)
    assert "sections are omitted, so that this page opens" in page.text
    assert len(page.data["cells"]["mean"]) == 4000
