"""The report of a sweep: what it says of cells, divergences, failures and versions."""

import re
from collections import Counter
from itertools import pairwise

from read_reports import GRID, Read, finish, report_of

from adaloss.records.result import FailureKind, Provenance, TrialState
from analysis.frame.frame import build_frame, history_frame
from analysis.report import failure_logs, report_html
from analysis.report.logs import MOST_FAILURES, MOST_LINES
from analysis.results import read_results, tables_of
from analysis.tables.page import Page, PlainTable, Section


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


def test_a_trial_that_was_lost_mixes_nothing(declared, records):
    sweep = declared()
    finish(sweep, records, {0: "missing", 1: "missing"})
    # As the driver ends a trial, which knows neither the code nor the machine of its worker.
    records.fail(sweep.trials[0], FailureKind.TIMEOUT, provenance=None)
    records.fail(sweep.trials[1], FailureKind.CODE, code="0.1.0+gabc")
    text = Read(report_of(sweep, records)).text
    assert "Mixed" not in text
    assert "Not the same for all trials" not in text
    assert "Several versions" not in text
    assert "pip install . # of adaloss-sweep v1 adaloss-sweep run" in text


def test_where_every_trial_failed_it_says_of_what_code(declared, records):
    sweep = declared()
    finish(sweep, records, dict.fromkeys(range(8), "failed"))
    assert "code version v1" in Read(report_of(sweep, records)).text


def report_of_results(results):
    """The report of these trials and tables."""
    html = report_html(
        sweep=results.sweep,
        selection=results.selection,
        frame=results.frame,
        history=history_frame(results.trials, results.store),
        tables=tables_of(results),
        logs=failure_logs(results.frame, results.trials, results.store),
    )
    return Read(html)


def test_a_part_of_a_sweep_needs_no_hyperparameters(declared, records):
    text = GRID.replace("sgd_constant]", "adamw]\n  optimizer.eps: [1e-8, 1e-4]")
    sweep = declared(text)
    part = tuple(trial for trial in sweep.trials if trial.optimizer == "adaloss")
    for trial in part[1:]:
        records.diverge(trial)
    records.fail(part[0])
    results = read_results(sweep, part, records.store, selection="only optimizer=adaloss")
    said = report_of_results(results).text
    assert "A part of the sweep: only optimizer=adaloss." in said
    assert "3 of 4 trials diverged" in said


def test_a_seed_that_never_gets_there_is_called_so(declared, records):
    at = "{reach: {val/top1: 90}}"
    sweep = declared(GRID + f"tables: [{{rows: b0, columns: optimizer, at: {at}}}]\n")
    for trial in sweep.trials:
        records.reach(trial, 2 if trial.seed else None)
    data = report_of_results(read_results(sweep, sweep.trials, records.store)).data
    assert data["cells"]["seeds"] == ["0: not reached; 1: 2.00"] * 4


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
    assert curves["values"][top1][0] == [50.12346, 50.12346]


def test_the_figures_of_a_tuned_table_have_the_chosen_trials_alone(
    declared, records, ordinary_epoch
):
    text = GRID.replace("  lr: 0.5\n", "  lr: [0.1, 1]\n")
    sweep = declared(text + "tables: [{rows: b0, columns: optimizer, tune: lr}]\n")
    for trial in sweep.trials:
        last = ordinary_epoch(70.0 + trial.lr, val_top1=80.0 + trial.lr)
        records.end(trial, TrialState.COMPLETE, last=last, best_val=last, epochs=1)
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
