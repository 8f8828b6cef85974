"""The ending of an output file says its format, or is refused before anything is computed."""

import pytest

TABLE_ENDINGS = "the suffixes are .md, .csv, .tex, .siunitx.tex, .htm, .html"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("table", "-o", "t.xlsx"),
            f"files with the suffix .xlsx cannot be written; {TABLE_ENDINGS}",
        ),
        (("table", "-o", "t.txt", "--format", "md"), TABLE_ENDINGS),
        (("table", "-o", "t.pdf"), TABLE_ENDINGS),
        (("table", "-o", "t.tex", "--format", "csv"), "contradicts --format csv, whose suffix is"),
        (("table", "-o", "t.siunitx.tex", "--format", "latex"), "contradicts --format latex"),
        (("table", "-o", "."), "is a folder: name a file in it"),
        (("stats", "-o", "s.csv"), "the suffixes are .md, .json"),
        (("stats", "-o", "s.md", "--format", "json"), "contradicts --format json"),
        (("compare", "-o", "c.txt"), "the suffixes are .md, .csv, .json"),
        (("report", "-o", "r.pdf"), "the suffixes are .html, .htm"),
        (("plot", "-o", "x.foo"), "a figure ends in .png, .pdf, .svg"),
        (("plot", "-o", "x.jpeg"), "a figure ends in .png, .pdf, .svg"),
        (("plot", "-o", "x.png", "--format", "pdf"), "contradicts --format pdf"),
        (("plot", "-o", "x.png", "--format", "png,pdf"), "is one file"),
        (("export", "-o", "e.csv"), "export writes two files into a folder"),
        (("export", "-o", "grid.yaml"), "export writes two files into a folder"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(
    cli, grid, arguments, message, tmp_path, monkeypatch
):
    # There are no results: that would be said next.
    name, *options = arguments
    code, _, errors = cli(name, grid, *options)
    assert code == 2
    assert message in errors
    assert not {path.name for path in tmp_path.iterdir()} - {"grid.yaml", "home"}


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("t.md", "### small"),
        ("T.MD", "### small"),
        ("t.csv", "table,per,"),
        ("T.CSV", "table,per,"),
        ("t.tex", "% In the preamble: \\usepackage{booktabs}\n"),
        ("t.siunitx.tex", "% In the preamble: \\usepackage{booktabs} \\usepackage{siunitx}"),
        ("T.HTML", "<"),
        ("t.htm", "<"),
        ("no_ending", "### small"),
    ],
)
def test_a_table_is_written_as_its_file_is_named(cli, grid, finished, tmp_path, name, begins):
    assert cli("table", grid, "-o", name)[0] == 0
    assert (tmp_path / name).read_text().startswith(begins)


def test_a_format_that_is_given_counts_where_the_ending_fits_it_or_is_none(
    cli, grid, finished, tmp_path
):
    assert cli("table", grid, "-o", "t.tex", "--format", "siunitx")[0] == 0
    assert "siunitx" in (tmp_path / "t.tex").read_text()
    assert cli("table", grid, "-o", "plain", "--format", "csv")[0] == 0
    assert (tmp_path / "plain").read_text().startswith("table,per,")
    assert cli("table", grid, "-o", "whole.tex", "--document")[0] == 0
    assert (tmp_path / "whole.tex").read_text().startswith("\\documentclass")


@pytest.mark.slow
def test_other_pages_and_figures_follow_their_endings(cli, grid, finished, tmp_path):
    (tmp_path / "with.dot").mkdir()
    for arguments in (
        ("stats", "-o", "s.JSON"),
        ("compare", "--with", "results/small", "-o", "c.csv"),
        ("plot", "-o", "F.PDF"),
        ("plot", "-o", "with.dot", "--figure", "heatmap", "--format", "svg"),
        ("report", "-o", "R.HTM"),
        ("export", "-o", "with.dot", "--format", "csv"),
    ):
        if "results/small" in arguments:
            finished.write_text(finished.grid_path, grid.read_text())
        name, *options = arguments
        code, _, errors = cli(name, grid, *options)
        assert code == 0, errors
    assert (tmp_path / "s.JSON").read_text().startswith("{")
    assert "### " not in (tmp_path / "c.csv").read_text()
    assert (tmp_path / "F.PDF").read_bytes().startswith(b"%PDF")
    assert {path.name for path in (tmp_path / "with.dot").iterdir()} == {
        "heatmap.svg",
        "trials.csv",
        "history.csv",
    }
