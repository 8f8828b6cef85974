import io
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
from rich.console import Console

from adaloss.grid.tables.spec import TableSpec
from analysis.render.latex import document, escaped_character
from analysis.render.markdown import escape
from analysis.render.render import FORMATS, RENDERERS, render, render_plain, terminal_table
from analysis.tables.tables import TableError
from analysis.tables.wording import value_text

CAPTION = (
    "INCOMPLETE: 19 of 24 trials have ended. "
    "Test top-1 accuracy (%) after the last epoch (2), mean±standard deviation (ddof = 1) over "
    "3 seeds. Bold: the highest of the row. N/A: at least one seed diverged. (k/n): only k of n "
    "seeds have a value. failed: no seed finished, at least one ended in an error. –: no value. "
    "Of 24 trials, 1 diverged, 4 failed (code: 4), 5 not finished. Code version: v1. "
    "Run on 2026-03-01."
)

MARKDOWN = f"""\
### demo: mlp

|  b0 |              adaloss |    sgd_constant |
| --: | -------------------: | --------------: |
| 0.1 |       **91.00±1.00** |             N/A |
|   1 | **91.00±1.41** (2/3) |  **91.00±0.00** |
|  10 |         failed (0/3) |  **81.00±1.00** |
| 100 |                    – | **70.00** (1/3) |

{CAPTION}
"""

CSV = """\
table,per,metric,at,row_field,row,column_field,column,mean,std,sem,ci95,n,expected,diverged,failed,missing,na,best,mixed
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,0.1,optimizer,adaloss,91.0,1.0,0.5773502691896258,2.4841377117503303,3,3,0,0,0,False,True,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,0.1,optimizer,sgd_constant,,,,,2,3,1,0,0,True,False,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,1.0,optimizer,adaloss,91.0,1.4142135623730951,1.0,12.706204736174694,2,3,0,0,1,False,True,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,1.0,optimizer,sgd_constant,91.00099999999999,0.0017320508075689429,0.001000000000000038,0.004302652729749625,3,3,0,0,0,False,True,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,10.0,optimizer,adaloss,,,,,0,3,0,3,0,False,False,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,10.0,optimizer,sgd_constant,81.0,1.0,0.5773502691896258,2.4841377117503303,3,3,0,0,0,False,True,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,100.0,optimizer,adaloss,,,,,0,3,0,0,3,False,False,False
demo: mlp,"{""model"": ""mlp""}",test/top1,last,b0,100.0,optimizer,sgd_constant,70.0,,,,1,3,0,1,1,False,True,False
"""  # noqa: E501

LATEX_CAPTION = CAPTION.replace("%", r"\%").replace("±", r"$\pm$").replace("–", "--")
LATEX = rf"""% In the preamble: \usepackage{{booktabs}}

\begin{{table}}
  \centering
  \setlength{{\belowcaptionskip}}{{4pt}}
  \caption{{demo: mlp. {LATEX_CAPTION}}}
  \label{{tab:demo-mlp}}
  \begin{{tabular}}{{rrr}}
    \toprule
    b0 & adaloss & sgd\_constant \\
    \midrule
    0.1 & {{\boldmath$91.00 \pm 1.00$}} & N/A \\
    1 & {{\boldmath$91.00 \pm 1.41$}} (2/3) & {{\boldmath$91.00 \pm 0.00$}} \\
    10 & failed (0/3) & {{\boldmath$81.00 \pm 1.00$}} \\
    100 & -- & {{\boldmath$70.00$}} (1/3) \\
    \bottomrule
  \end{{tabular}}
\end{{table}}
"""

HTML_BODY = f"""\
<body>
<section>
<h2>demo: mlp</h2>
<table>
<caption>{CAPTION}</caption>
<thead>
<tr><th scope="col">b0</th><th scope="col">adaloss</th><th scope="col">sgd_constant</th></tr>
</thead>
<tbody>
<tr><th scope="row">0.1</th><td><strong>91.00±1.00</strong></td><td>N/A</td></tr>
<tr><th scope="row">1</th><td><strong>91.00±1.41</strong> (2/3)</td><td><strong>91.00±0.00</strong></td></tr>
<tr><th scope="row">10</th><td>failed (0/3)</td><td><strong>81.00±1.00</strong></td></tr>
<tr><th scope="row">100</th><td>–</td><td><strong>70.00</strong> (1/3)</td></tr>
</tbody>
</table>
</section>
</body>
"""  # noqa: E501

HOSTILE = "=x|<script>alert(1)</script>%_*`[a]\\ {b}$c$ #&~^\"' [red]\n\n# é"


@pytest.fixture
def hostile(records):
    """A sweep whose model name means something in every format."""
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0, 91.0], model=HOSTILE, optimizer=optimizer)
    return records.tables(
        TableSpec(rows="model", per="b0"), TableSpec(columns="model", per=None, rows="optimizer")
    )


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(("form", "text"), [("md", MARKDOWN), ("csv", CSV), ("latex", LATEX)])
def test_every_kind_of_cell(eventful, form, text):
    assert render(eventful.tables(), form) == text


def test_every_kind_of_cell_in_html(eventful):
    text = render(eventful.tables(), "html")
    assert text[text.index("<body>") : text.index("</html>")] == HTML_BODY
    assert text.startswith('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n')


def test_every_kind_of_cell_in_the_terminal(eventful):
    console = Console(width=100, file=io.StringIO(), force_terminal=True)
    console.print(terminal_table(eventful.table()))
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    row = next(line for line in lines if "(2/3)" in line)
    assert row.count("\x1b[1m91.00±") == 2
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))
    assert [line.split() for line in plain.splitlines() if re.match(r" +[0-9]", line)] == [
        ["0.1", "91.00±1.00", "N/A"],
        ["1", "91.00±1.41", "(2/3)", "91.00±0.00"],
        ["10", "failed", "(0/3)", "81.00±1.00"],
        ["100", "–", "70.00", "(1/3)"],
    ]


def test_a_narrow_terminal_cuts_no_name(records):
    records.cell([90.0], optimizer="adagrad_norm_rowwise")
    console = Console(width=20, file=io.StringIO())
    console.print(terminal_table(records.table()))
    assert "…" not in console.file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_records_give_the_same_bytes(eventful, form):
    assert render(eventful.tables(), form) == render(eventful.tables(), form)


def test_every_format_has_a_renderer_and_the_others_are_named(eventful):
    assert tuple(FORMATS) == tuple(RENDERERS)
    with pytest.raises(TableError, match="no table format xls; the formats are md, csv, latex"):
        render(eventful.tables(), "xls")


@pytest.mark.parametrize("form", FORMATS)
def test_no_tables_render(form):
    assert "None" not in render((), form)


def test_undeclared_cells_are_blank_and_no_csv_line(records):
    records.cell([90.0], optimizer="adaloss", b0=1)
    records.cell([91.0], optimizer="sgd_constant", b0=2)
    assert "|   2 |           |    **91.00** |" in render(records.tables(), "md")
    assert len(render(records.tables(), "csv").splitlines()) == 3


def test_names_stand_left_and_numbers_right(records):
    for model in ("mlp", "resnet50"):
        records.cell([90.0], model=model)
    tables = records.tables(TableSpec(rows="model", per="b0"))
    assert "| model    | adaloss |\n| :------- | ------: |\n| mlp      |   90.00 |" in render(
        tables, "md"
    )
    assert r"\begin{tabular}{lr}" in render(tables, "latex")


def test_markdown_takes_names_literally(hostile):
    lines = render(hostile[:1], "md").splitlines()
    row = next(line for line in lines if line.startswith("| =x"))
    assert row.startswith(r"| =x\|&lt;script>alert(1)&lt;/script>%\_\*\`\[a\]\\ {b}\$c\$ #&\~^")
    table = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {4}
    assert [line for line in lines if line.startswith("#")] == ["### demo: b0 = 1"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("first > second", "first > second"),
        ("> no quotation", r"\> no quotation"),
        ("R&D at 5 & 6", "R&D at 5 & 6"),
        ("&lt; &#60; &#x3C;", "&amp;lt; &amp;#60; &amp;#x3C;"),
        ("p <0.001", "p &lt;0.001"),
        ('"quoted"', '"quoted"'),
    ],
)
def test_markdown_has_an_entity_only_where_a_renderer_needs_one(text, written):
    assert escape(text) == written


def test_plain_text_is_read_as_it_stands(hostile):
    text = render_plain(hostile)
    assert " ".join(HOSTILE.split()) in text
    assert not re.search("&[a-z]+;", text)


def test_plain_text_has_no_tag_for_a_second(records):
    for optimizer, accuracy in (("adaloss", 90.0), ("sgd_constant", 91.0)):
        records.cell([accuracy], optimizer=optimizer)
    second = records.tables(TableSpec(mark="best_and_second"))
    assert "| _90.00_ |" in render_plain(second)
    assert "<ins>90.00</ins>" in render(second, "md")


def test_underscores_inside_words_stay_as_they_are_in_markdown(records):
    records.cell([90.0], optimizer="sgd_decay_sqrt", model="_vit_")
    text = render(records.tables(), "md")
    assert "sgd_decay_sqrt" in text
    assert r"### demo: \_vit\_" in text


def test_html_takes_names_literally(hostile):
    page = Page(render(hostile, "html"))
    assert page.open == []
    assert not {"script", "red", "a", "b"} & set(page.tags)
    assert " ".join(HOSTILE.split()) in page.text


def test_latex_takes_names_literally(hostile):
    row = next(line for line in render(hostile, "latex").splitlines() if "script" in line)
    assert row.startswith(
        r"    =x\textbar{}\textless{}script\textgreater{}alert(1)\textless{}/script\textgreater{}"
        r"\%\_{*}\textasciigrave{}{[}a{]}\textbackslash{} \{b\}\$c\$ \#\&"
        r"\textasciitilde{}\textasciicircum{}'''"
    )


@pytest.mark.parametrize(
    ("character", "written"),
    [
        ("²", "$^{2}$"),
        ("™", "$^{TM}$"),
        # In braces, as a bracket that somebody wrote: at the start of a row it would be an option.
        ("🚀", "{[}rocket{]}"),
    ],
)
def test_latex_has_characters_or_their_names(character, written):
    assert escaped_character(character) == written


def test_latex_labels_are_unique(records):
    records.cell([90.0])
    tables = records.tables(TableSpec(), TableSpec(at="best_val"))
    assert re.findall(r"\\label\{(.*)\}", render(tables, "latex")) == [
        "tab:demo-mlp",
        "tab:demo-mlp-2",
    ]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("siunitx", [False, True])
def test_a_latex_document_of_the_tables_compiles(eventful, siunitx, tmp_path):
    title = f"{HOSTILE} α, β₂, Λ, Ω², ϕ, Ł, ő, 中, ≥ 3 × 10⁴, ℝ, 🎉"
    nasty = TableSpec(per=None, mark="best_and_second", show_n="always", title=title)
    infinite = TableSpec(metric="test/loss", transpose=True, spread="ci95", decimals=3)
    eventful.cell([math.inf, 90.0], b0=1000)
    (tmp_path / "paper.tex").write_text(
        document(eventful.tables(TableSpec(), nasty, infinite), siunitx=siunitx)
    )
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout
    assert "Missing character" not in made.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_hostile_names_compile_in_latex(hostile, tmp_path):
    for siunitx in (False, True):
        (tmp_path / "paper.tex").write_text(document(hostile, siunitx=siunitx))
        command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
        made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout


def test_csv_reads_back_to_the_very_numbers(eventful):
    text = io.StringIO(render(eventful.tables(), "csv"))
    # The other engine of some versions of pandas is in the last bit only near what it reads.
    read = pd.read_csv(text, engine="python")
    cells = eventful.table().cells
    assert len(read) == len(cells)
    for line in read.to_dict("records"):
        cell = cells[line["row"], line["column"]]
        assert (line["n"], line["expected"], line["best"]) == (cell.n, cell.expected, cell.best)
        assert line["na"] == (cell.status == "na")
        for name in ("mean", "std"):
            value = getattr(cell, name)
            assert pd.isna(line[name]) if value is None else line[name] == value


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n@"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(records, start):
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0], model=f"{start}cmd", optimizer=optimizer, c=-1.0)
    tables = records.tables(
        TableSpec(rows="model", per=None, title=f"{start}cmd"),
        TableSpec(rows="c", columns="model", per="optimizer"),
    )
    read = pd.read_csv(io.StringIO(render(tables, "csv")), dtype=str, keep_default_na=False)
    formulas = read.map(lambda text: text.startswith(("=", "+", "-", "@", "\t", "\r")))
    assert set(read.values[formulas.values]) == {"-1.0"}
    assert f"'{start.strip()}cmd" in set(read["row"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"),
        (1.0, "1"),
        (100.0, "100"),
        (1e4, "10000"),
        (1e-5, "0.00001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (0.0, "0"),
        (-2.5, "-2.5"),
        (1e-12, "1e-12"),
        (1e20, "1e+20"),
        (3, "3"),
        (True, "true"),
        (None, "none"),
        (" a\n b ", "a b"),
    ],
)
def test_values_are_written_as_people_write_them(value, text):
    assert value_text(value) == text


def test_a_measurement_is_never_minus_zero(records, ordinary_epoch):
    records.end(records.declare(), "complete", last=ordinary_epoch(-0.001))
    assert "| 0.00 |" in re.sub(" +", " ", render(records.tables(TableSpec()), "md"))
