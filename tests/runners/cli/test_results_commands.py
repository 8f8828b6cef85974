"""The commands on results: each on the records of a small sweep that never ran."""

import json
import re

import pandas as pd
import pytest
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.cli.app import main


def succeeded(finished_process):
    assert finished_process.returncode == 0, finished_process.stderr
    return finished_process.stdout


def test_the_options_of_a_table_change_the_grids(command, grid, finished):
    options = (
        "--rows", "seed", "--columns", "optimizer", "--per", "model,b0", "--at", "epoch 1",
        "--exclude", "b0=0.01", "--decimals", "1", "--transpose", "--title", "By seed",
        "--format", "md",
    )  # fmt: skip
    assert succeeded(command("table", grid, *options)).startswith(
        "### By seed (without b0=0.01)\n\n"
        "| optimizer / seed |        0 |        1 |\n"
        "| :--------------- | -------: | -------: |\n"
        "| adaloss          | **87.0** | **88.1** |\n"
        "| sgd_constant     |     82.0 |     83.0 |\n\n"
        "Test top-1 accuracy (%) after epoch 1, one trial each. Bold: the highest of the column."
    )


def test_a_table_as_a_latex_document(command, grid, finished, tmp_path):
    options = ("--format", "siunitx", "--document", "--spread", "ci95", "-o", "t.tex")
    succeeded(command("table", grid, *options))
    text = (tmp_path / "t.tex").read_text()
    assert text.startswith(
        "\\documentclass{article}\n\\usepackage{booktabs}\n\\usepackage{siunitx}"
    )
    assert "half of its 95 \\% confidence interval" in text


@pytest.mark.slow
def test_a_run_draws_figures_unless_asked_not_to(command, grid, finished):
    succeeded(command("run", grid, "--wandb", "disabled", "--no-figures"))
    assert (finished.root / "report.html").exists()
    assert not finished.figures_folder.exists()
    succeeded(command("run", grid, "--wandb", "disabled"))
    names = {path.name for path in finished.figures_folder.iterdir()}
    assert names == {"against-b0.png", "curves-mlp.png", "heatmap.png", "differences.png"}


@pytest.mark.slow
def test_all_figures_go_beside_the_records_and_one_to_a_file(command, grid, finished, tmp_path):
    succeeded(command("plot", grid, "--format", "svg"))
    names = {path.name for path in finished.figures_folder.iterdir()}
    assert names == {"against-b0.svg", "curves-mlp.svg", "heatmap.svg", "differences.svg"}
    heat_map = ("--figure", "heatmap", "--width", "column", "-o", "heat.pdf")
    succeeded(command("plot", grid, *heat_map))
    assert (tmp_path / "heat.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("figure", "needed"),
    [("sensitivity", "such as --tune lr"), ("profile", '--at "reach val/top1 95"')],
)
def test_a_figure_that_the_table_cannot_have_says_what_it_needs(
    command, grid, finished, figure, needed
):
    refused = command("plot", grid, "--figure", figure, "-o", "figures")
    assert refused.returncode == 2
    assert needed in refused.stderr


def test_a_sweep_is_drawn_by_what_a_target_takes(command, grid, finished, tmp_path):
    options = ("--at", "reach test/top1 80", "--figure", "profile", "-o", "p.svg")
    succeeded(command("plot", grid, *options))
    assert "test top-1 accuracy ≥ 80 %" in " ".join((tmp_path / "p.svg").read_text().split())


def test_figures_of_a_part_go_to_a_folder_of_their_own(command, grid, finished, tmp_path):
    options = ("--only", "b0=1", "--figure", "heatmap", "--format", "svg", "-o", "part")
    succeeded(command("plot", grid, *options))
    assert "only b0=1" in (tmp_path / "part" / "heatmap.svg").read_text()
    assert not finished.figures_folder.exists()


@pytest.mark.slow
def test_statistics_in_words_and_in_numbers(command, grid, finished, tmp_path):
    text = succeeded(command("stats", grid))
    assert text.startswith("# small: statistics\n")
    assert "With n = 2 seeds" in text
    assert "What could not be found out" in text
    assert "Holm 1979" not in text
    assert "Holm 1979" in succeeded(command("stats", grid, "--all"))
    assert "Holm 1979" in succeeded(command("stats", grid, "--format", "md"))
    succeeded(command("stats", grid, "--format", "json", "-o", "stats.json"))
    numbers = json.loads((tmp_path / "stats.json").read_text())
    (pair,) = [pair for pair in numbers["pairs"] if pair["n"] and pair["row"] == 1.0]
    assert (pair["first"], pair["second"]) == ("adaloss", "sgd_constant")
    assert pair["mean"] == pytest.approx(5.05)


@pytest.mark.slow
def test_results_are_compared_with_a_file_and_another_grid(command, grid, finished, tmp_path):
    succeeded(command("table", grid, "--format", "csv", "-o", "theirs.csv"))
    text = succeeded(command("compare", grid, "--with", "theirs.csv", "--format", "md"))
    assert text.startswith("# small compared with theirs.csv\n")
    assert "Unknown there:" in text
    other = tmp_path / "longer.yaml"
    other.write_text(grid.read_text().replace("epochs: 2", "epochs: 3").replace("small", "longer"))
    sweep = load_sweep(other)
    for trial in sweep.trials:
        finish(Store(tmp_path / "results" / "longer"), trial, TrialState.COMPLETE)
    printed = command("compare", grid, "--with", other)
    assert "| epochs" in succeeded(printed)
    assert "diverged here" in printed.stdout
    written = [finished.root / kind / f"comparison-longer.{suffix}" for kind, suffix in (
        ("tables", "md"), ("tables", "csv"), ("figures", "png"),
    )]  # fmt: skip
    assert all(path.stat().st_size for path in written)
    assert len(pd.read_csv(written[1])) == 4


def test_a_field_that_the_other_sweep_does_not_have_is_not_tuned_there(cli, grid, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(grid.read_text().replace("small", "other"))
    tuned = grid.read_text().replace(
        "lr: 1", "lr: 1\n  optimizer.nesterov: [false, true]\n  momentum: 0.9"
    )
    tuned = tuned.replace("sgd_constant", "sgd")
    tuned += "tables: [{tune: optimizer.nesterov}]\n"
    grid.write_text(tuned)
    for path in (grid, other):
        sweep = load_sweep(path)
        for trial in sweep.trials:
            finish(Store(tmp_path / "results" / sweep.name), trial, TrialState.COMPLETE)
    code, text, errors = cli("compare", grid, "--with", other, "--format", "md")
    assert code == 0, errors
    assert "adaloss" in text


THEIRS = "model,optimizer,b0,mean,std,n\nmlp,adaloss,0.01,88.25,0.5,3\nmlp,sgd_constant,1,,,3\n"


def test_a_table_is_followed_by_theirs(cli, grid, finished, tmp_path):
    (tmp_path / "theirs.csv").write_text(THEIRS)
    code, text, _ = cli("table", grid, "--with", "theirs.csv", "--format", "md")
    assert code == 0
    ours, theirs = (part.splitlines() for part in text.split("### ")[1:])
    assert (ours[0], theirs[0]) == ("small: mlp", "theirs.csv: mlp")
    assert [line.split("|")[1].strip() for line in ours[2:6]] == [
        line.split("|")[1].strip() for line in theirs[2:6]
    ]
    assert "88.25±0.50" in theirs[4]
    assert theirs[5].endswith("N/A |")
    code, plain, errors = cli(
        "table", grid, "--with", "theirs.csv", "--rows", "seed", "--per", "model,b0"
    )
    assert (code, plain) == (2, "")
    assert "seed does not tell the cells of a comparison apart" in errors


def test_a_table_without_a_partner_stays_alone_and_is_named(cli, grid, finished, tmp_path):
    (tmp_path / "theirs.csv").write_text(
        THEIRS.replace("n\n", "n,metric\n", 1).replace("3\n", "3,test/top1\n")
    )
    text = grid.read_text()
    grid.write_text(f"{text}tables: [{{}}, {{metric: test/loss, title: The loss}}]\n")
    code, printed, errors = cli("table", grid, "--with", "theirs.csv", "--format", "md")
    assert code == 0
    titles = [line for line in printed.splitlines() if line.startswith("### ")]
    assert titles == ["### small: mlp", "### theirs.csv: mlp", "### The loss"]
    assert (
        errors
        == "note: a table stays alone: theirs.csv has test/top1, not test/loss: compare that\n"
    )


def test_a_figure_is_drawn_beside_theirs(cli, grid, finished, tmp_path):
    (tmp_path / "theirs.csv").write_text(THEIRS)
    code, _, errors = cli("plot", grid, "--with", "theirs.csv", "--format", "svg")
    drawn = finished.figures_folder / "against-b0-theirs.svg"
    assert (code, errors) == (0, f"wrote {drawn.relative_to(tmp_path)}\n")
    assert cli("plot", grid, "--with", "theirs.csv", "--only", "b0=1", "-o", "x.png")[0] == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_retry_tells_its_events_like_a_run(cli, grid, finished, monkeypatch):
    told = []

    def launched(sweep, plan, limit, store, *, notify, **options):
        told.append((len(plan.missing), notify))
        for trial in plan.missing:
            finish(store, trial, TrialState.COMPLETE)

    monkeypatch.setattr("runners.api.running.launch", launched)
    options = ("--notify", "echo done", "--no-figures", "--quiet", "--wandb", "disabled")
    assert cli("retry", grid, "--diverged", *options)[0] == 0
    assert told == [(2, "echo done")]


def test_an_empty_option_changes_nothing(command, grid, finished):
    succeeded(command("plot", grid, "--figure", "heatmap", "--format", "svg", "--title", ""))
    assert (finished.root / "figures" / "heatmap.svg").exists()


def test_the_data_is_exported(command, grid, finished):
    succeeded(command("export", grid, "--format", "jsonl", "--only", "seed=0"))
    lines = (finished.root / "export" / "trials.jsonl").read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [0] * 4
    history = (finished.root / "export" / "history.jsonl").read_text().splitlines()
    assert len(history) == 8


def test_the_report_is_one_file(command, grid, finished, tmp_path):
    succeeded(command("report", grid))
    page = (finished.root / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "the loss exceeds 10000" in page
    succeeded(command("report", grid, "--only", "optimizer=adaloss", "-o", "mine.html"))
    part = (tmp_path / "mine.html").read_text()
    assert "the loss exceeds 10000" not in part
    assert "A part of the sweep: only optimizer=adaloss." in part
    assert str(tmp_path) not in page + part


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "--rows", "bo"), "--rows must be a field of a trial, found the text 'bo'; "),
        (("table", "--at", "epoch 9"), "there is no epoch 9: the trials have 2"),
        (("table", "--rows", "optimizer"), "the table has optimizer in two of rows, columns"),
        (("table", "--spread", "sd"), "--spread must be 'std', 'sem' or 'ci95'"),
        (("table", "--exclude", "seed=0,seed=1"), "--exclude excludes every trial"),
        (("table", "--document"), "--document is for --format latex or siunitx"),
        (("plot", "--figure", "bars"), "must be one of against, curves, heatmap, differences"),
        (("plot", "--format", "gif"), "must be one of png, pdf, svg"),
        (("plot", "--only", "b0=1"), "figures/ has the whole sweep as its grid declares it"),
        (("plot", "--style", "icml"), "which have no --style, --width or --baseline: name another"),
        (("plot", "--metric", "test/loss"), "name another place with -o"),
        (("report", "--only", "b0=1"), "report.html has the whole sweep as its grid declares it"),
        (("plot", "-o", "all.png", "--figure", "heatmap", "--figure", "curves"), "2 figures for"),
        (("plot", "--figure", "differences", "--baseline", "adam", "-o", "x.png"), "adam"),
        (
            ("compare", "--with", "published:2020"),
            "there are published:2021-12-13, published:2021-12-16",
        ),
        (("compare",), "small cannot be compared with published:2021-12-16"),
        (("compare", "--with", "missing.csv"), "missing.csv"),
        (("table", "--with", "published"), "small cannot be compared with published:2021-12-16"),
        (("table", "--with", "x.csv", "--format", "csv"), "compare --format csv has both sides'"),
        (("plot", "--with", "x.csv", "--figure", "curves"), "--with draws the figure against"),
        (("table", "--storage", "nowhere"), "there are no results of small here: nowhere/small"),
        (("export", "--format", "docx"), "must be one of parquet, csv, jsonl"),
    ],
)
def test_a_mistake_is_explained(grid, finished, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, *options = arguments
    monkeypatch.setattr("sys.argv", ["adaloss-sweep", name, str(grid), *options])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("stats", "--all"), ("compare", "--with", "results.csv"), ("table", "--title", "a > b & c")],
)
def test_what_is_piped_is_text_that_is_read_as_it_stands(command, grid, finished, arguments):
    (grid.parent / "results.csv").write_text(command("table", grid, "--format", "csv").stdout)
    name, *options = arguments
    text = succeeded(command(name, grid, *options))
    assert not re.search("&[a-z]+;|[\\\\]", text)
    found = {"stats": "adaloss > sgd_constant", "table": "a > b & c", "compare": "with results"}
    assert found[name] in text


@pytest.mark.slow
def test_labels_of_the_grid_are_what_values_are_called_everywhere(command, grid, finished):
    before = succeeded(command("table", grid, "--format", "md"))
    trials = succeeded(command("plan", grid, "--json"))
    grid.write_text(grid.read_text() + "labels: {adaloss: AdaLoss (ours), b0: {0.01: tiny}}\n")
    labelled = succeeded(command("table", grid, "--format", "md"))
    assert "AdaLoss (ours)" in labelled
    assert "adaloss" not in labelled
    assert re.findall("[0-9.]+±[0-9.]+", labelled) == re.findall("[0-9.]+±[0-9.]+", before)
    statistics = succeeded(command("stats", grid, "--all"))
    assert "AdaLoss (ours) > sgd_constant" in statistics
    assert "adaloss" not in statistics
    rows = json.loads(succeeded(command("stats", grid, "--format", "json")))
    assert {row["first"] for row in rows["pairs"]} == {"adaloss"}
    assert succeeded(command("plan", grid, "--json")) == trials
    succeeded(command("report", grid, "-o", "report.html"))
    report = (grid.parent / "report.html").read_text()
    assert '<th scope="row">tiny</th>' in report
    assert '<th scope="col">AdaLoss (ours)</th>' in report
    succeeded(command("export", grid, "--format", "csv", "-o", "out"))
    (exported, _) = sorted((grid.parent / "out").glob("*.csv"), reverse=True)
    assert "AdaLoss (ours)" not in exported.read_text()


@pytest.mark.slow
def test_captions_may_leave_out_the_code_version_and_the_date(command, grid, finished):
    assert "Code version: v1. Run on 2026-03-01." in succeeded(command("table", grid))
    assert "Code version" not in succeeded(command("table", grid, "--no-provenance"))
    grid.write_text(grid.read_text() + "tables: [{provenance: false}]\n")
    assert "2026" not in succeeded(command("table", grid, "--format", "latex"))
    assert "2026" in succeeded(command("table", grid, "--provenance"))
