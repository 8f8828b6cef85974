"""Results from a CSV file: two kinds are read, and all that is wrong with one is told at once."""

import pytest

from adaloss.errors import UserError
from adaloss.grid.tables.spec import TableSpec
from analysis.comparison.compare import compare
from analysis.comparison.file.load import file_side
from analysis.comparison.from_records import records_side
from analysis.comparison.outcomes import Outcome
from analysis.comparison.page import comparison_page
from analysis.published import named_side
from analysis.render.csv import render_csv
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")


@pytest.fixture
def read(tmp_path):
    """The side of a file of this content."""

    def read_text(text, measure=ACCURACY):
        path = tmp_path / "theirs.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file_side(path, measure=measure)

    return read_text


@pytest.fixture
def refused(read, tmp_path):
    """What a file of this content is refused with, without the folder."""

    def refuse(text):
        with pytest.raises(UserError) as caught:
            read(text)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refuse


def numbers(side):
    return [(cell.mean, cell.std, cell.n, cell.status) for cell in side.cells]


def test_a_list_of_cells(read):
    side = read(
        "model,b0,optimizer,pretrained,resize,mean,std,n\n"
        "vits16r224,1e-2,adaloss,true,256,90.65,0.09,3\n"
        "vits16r224,1,sgd_constant,true,,,,3\n"
    )
    assert side.cells[0].fields == {
        # The alias of the paper's repository, as in a grid.
        "model": "vit_small_patch16_224.augreg_in21k_ft_in1k",
        "b0": 0.01,
        "optimizer": "adaloss",
        "pretrained": True,
        "resize": 256,
    }
    assert side.cells[1].fields["resize"] is None
    assert numbers(side) == [
        (90.65, 0.09, 3, CellStatus.VALUE),
        (None, None, 3, CellStatus.NA),
    ]


PLAIN = "b0,mean,std,n\n1,90.5,0.1,3\n10,91,0.2,3\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN + "\n\n  \n,,,\n",
        PLAIN.rstrip(),
        PLAIN.replace("90.5", '"90.5"').replace("b0", '"b0"'),
        PLAIN.replace(",", " , "),
        PLAIN.replace(",n", ",runs"),
    ],
    ids=["byte order mark", "CRLF", "blank ends", "no end", "quoted", "spaces", "runs"],
)
def test_however_a_spreadsheet_writes_it(read, text):
    side = read(text)
    assert numbers(side) == [
        (90.5, 0.1, 3, CellStatus.VALUE),
        (91.0, 0.2, 3, CellStatus.VALUE),
    ]
    assert [cell.fields for cell in side.cells] == [{"b0": 1.0}, {"b0": 10.0}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimiser,mean\nadaloss,1\n", "unknown column 'optimiser'; did you mean optimizer?"),
        ("b0,mean,n,seed\n1,2,3,0\n", "theirs.csv:1: column seed: a line is a cell"),
        ("b0,mean,n,runs\n1,2,3,3\n", "theirs.csv:1: there are both columns n and runs"),
        ("b0,n\n1,3\n", "theirs.csv:1: there is no column mean"),
        ("mean,n\n90,3\n", "theirs.csv:1: no column names a field of a trial"),
        ("b0,b0,mean\n1,1,2\n", "theirs.csv:1: there are 2 columns b0"),
        ("b0,,mean\n1,1,2\n", "theirs.csv:1: a column has no name"),
        ("b0;mean\n1;2\n", "theirs.csv:1: the columns must be separated by commas"),
        ("b0,mean\n1,2,3\n", "theirs.csv:2: has 3 values, and the header 2 columns"),
        ("b0,mean\n", "theirs.csv: has no line below its header"),
        ("", "theirs.csv: is empty"),
        ("b0,mean\nx,2\n", "theirs.csv:2: column b0: b0 must be a number, found the text 'x'"),
        ("b0,mean\n-1,2\n", "theirs.csv:2: column b0: b0 must be greater than 0, found -1"),
        (
            "optimizer,mean\nadalos,2\n",
            "or a class as 'module:Class', found the text 'adalos'; did you mean adaloss?",
        ),
        ("b0,mean\n1,N/A\n", "column mean: must be a number, found 'N/A'; leave it empty"),
        ("b0,mean\n1,nan\n", "theirs.csv:2: column mean: must be a number, found 'nan'"),
        ("b0,mean\n1,.inf\n", "theirs.csv:2: column mean: must be a number, found '.inf'"),
        ('b0,mean\n1,"90,5"\n', "column mean: must be a number, found '90,5'; write a point"),
        ("b0,mean,n\n1,2,0\n", "column n: must be a whole number of at least 1, found 0"),
        ("b0,mean,n\n1,2,2.5\n", "theirs.csv:2: column n: must be a whole number of at least 1"),
        ("b0,mean,std,n\n1,2,-0.1,3\n", "theirs.csv:2: column std: must not be negative"),
        ("b0,mean,std\n1,2,0.1\n", "theirs.csv:2: column std: needs n"),
        ("b0,mean,std,n\n1,2,0.1,\n", "theirs.csv:2: column std: needs n"),
        ("b0,mean,std,n\n1,,0.1,3\n", "theirs.csv:2: column std: has no mean"),
        ("b0,mean,std,n\n1,2,0.1,1\n", "theirs.csv:2: column std: a single run has none"),
        ("b0,mean\n1,2\n2,3\n1.0,4\n", "theirs.csv:4: the same cell as line 2"),
        ("b0,mean,metric\n1,2,tset/loss\n", "unknown metric 'tset/loss'; did you mean"),
        ("b0,mean,at\n1,2,lsat\n", "theirs.csv:2: column at: must be last, best_val, epoch N or"),
        ("b0,mean,metric\n1,2,test/loss\n", "theirs.csv has test/loss, not test/top1"),
        ('b0,mean\n1,"2\n', "theirs.csv:2: is not CSV"),
        (b"b0,mean\n1,\xff\n", "theirs.csv: is not text in UTF-8"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_line_column_and_remedy(refused, text, message):
    assert message in refused(text)


def test_all_mistakes_are_told_at_once(refused):
    assert refused('b0,mean,std,n\n0,x,,3\n\n"1\n",2,-1,3\n1,2,0.1,0\n').splitlines() == [
        "theirs.csv:2: column b0: b0 must be greater than 0, found 0",
        "theirs.csv:2: column mean: must be a number, found 'x'; leave it empty where the runs "
        "diverged",
        "theirs.csv:4: column std: must not be negative, found -1",
        "theirs.csv:6: column n: must be a whole number of at least 1, found 0",
    ]


def test_a_file_that_is_wrong_throughout_is_not_told_line_by_line(refused):
    message = refused("b0,mean\n" + "x,1\n" * 500).splitlines()
    assert len(message) == 21
    assert message[-1] == "theirs.csv: and 480 more"


def test_hostile_texts_stay_on_one_line(refused):
    message = refused('b0,mean\n1,"a\x1b[31m\nb"\n')
    assert "\x1b" not in message
    assert len(message.splitlines()) == 1


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        file_side(tmp_path / "none.csv", measure=ACCURACY)
    with pytest.raises(UserError, match="cannot be read"):
        file_side(tmp_path, measure=ACCURACY)


def test_what_a_file_has_no_column_for_is_unknown(records, read):
    records.cell([90, 91, 92], b0=1)
    ours = records_side(records.frame(), name="ours", measure=ACCURACY)
    made = compare(ours, read("b0,mean,std,n\n1,90,0.5,3\n"))
    unknown = {c.name for c in made.conditions if c.theirs == "unknown"}
    assert {"dataset", "model", "optimizer", "epochs", "lr", "precision", "alpha"} <= unknown
    assert {"metric", "epoch reported", "standard deviation", "hardware", "rounding"} <= unknown
    text = " ".join(comparison_page(made).sections[0].after)
    assert "epochs (2 here)" in text


def test_a_mean_alone_cannot_be_tested(records, read):
    records.cell([90, 91, 92], b0=1)
    ours = records_side(records.frame(), name="ours", measure=ACCURACY)
    (cell,) = compare(ours, read("b0,mean\n1,90\n")).cells
    assert (cell.outcome, cell.why, cell.difference) == (
        Outcome.UNTESTED,
        "n unknown there",
        1.0,
    )


@pytest.mark.parametrize(("mean", "is_doubted"), [("0.9065", True), ("90.65", False)])
def test_accuracies_that_look_like_fractions_are_doubted_above_the_table(
    records, read, mean, is_doubted
):
    records.cell([90.0, 91.0])
    ours = records_side(records.frame(), measure=ACCURACY, name="demo")
    theirs = read(f"optimizer,b0,mean,std,n\nadaloss,1,{mean},0.001,3\n")
    before = "\n".join(comparison_page(compare(ours, theirs)).sections[0].before)
    assert ("as if they were fractions" in before) == is_doubted


def test_other_metrics_and_epochs_are_left_out_with_a_word(records, read):
    records.cell([90, 91, 92], b0=1)
    ours = records_side(records.frame(), name="ours", measure=ACCURACY)
    theirs = read(
        "b0,mean,metric,at\n1,90,test/top1,last\n1,1.5,test/loss,last\n1,95,test/top1,best_val\n"
    )
    assert [cell.mean for cell in theirs.cells] == [90]
    made = compare(ours, theirs)
    assert made.caveats == (("Skipped lines there with another metric or epoch: 2", 1),)
    assert "epoch reported" not in {c.name for c in made.conditions}


def test_another_epoch_is_compared_and_told(records, read):
    records.cell([90, 91, 92], b0=1)
    ours = records_side(records.frame(), name="ours", measure=ACCURACY)
    made = compare(ours, read("b0,mean,at\n1,90,best_val\n"))
    (epoch,) = [c for c in made.conditions if c.name == "epoch reported"]
    assert (epoch.ours, epoch.theirs) == ("the last", "the best by validation accuracy")


@pytest.fixture
def written(eventful, tmp_path):
    """A sweep's tables as its own CSV, with every kind of cell."""
    path = tmp_path / "tables.csv"
    path.write_text(render_csv(eventful.tables()))
    return path


def test_tables_come_back_as_the_records_they_are_of(eventful, written):
    ours = records_side(eventful.frame(), name="ours", measure=ACCURACY)
    theirs = file_side(written, measure=ACCURACY)
    made = compare(ours, theirs)
    assert made.unmatched == ()
    assert len(made.cells) == 8
    for cell in made.cells:
        assert cell.ours.status is cell.theirs.status
        assert (cell.ours.mean, cell.ours.std) == (cell.theirs.mean, cell.theirs.std)
        assert (cell.ours.n, cell.ours.expected) == (cell.theirs.n, cell.theirs.expected)
    known = {c.name for c in made.conditions if c.is_known}
    assert not known & {"metric", "epoch reported", "standard deviation", "rounding"}


def test_a_target_that_was_not_always_reached_comes_back_as_that(tmp_path):
    path = tmp_path / "target.csv"
    path.write_text(
        "table,per,row_field,row,column_field,column,mean,std,n,failed,na,reached\n"
        "t,{},b0,1.0,optimizer,adaloss,,,2,1,False,False\n"
        "t,{},b0,1.0,optimizer,sgd_constant,,,2,1,False,\n"
    )
    cells = file_side(path, measure=ACCURACY).cells
    assert [cell.status for cell in cells] == [CellStatus.UNREACHED, CellStatus.FAILED]


def test_the_part_is_read_from_the_title_of_the_table(records, tmp_path):
    for model in ("mlp", "small_cnn"):
        records.cell([90, 91], model=model)
    path = tmp_path / "tables.csv"
    path.write_text(render_csv(records.tables(TableSpec(per="model"))))
    side = file_side(path, measure=ACCURACY)
    assert [cell.fields["model"] for cell in side.cells] == ["mlp", "small_cnn"]
    path.write_text(render_csv(records.tables(TableSpec(columns="model", per="lr"))))
    side = file_side(path, measure=ACCURACY)
    assert [cell.fields["lr"] for cell in side.cells] == [0.1, 0.1]


def test_tables_that_cannot_be_told_apart_are_refused(written, tmp_path):
    text = written.read_text()
    path = tmp_path / "twice.csv"
    lines = text.splitlines()
    path.write_text("\n".join([*lines, *(line.replace("demo", "other") for line in lines[1:])]))
    with pytest.raises(UserError, match=r"twice.csv:10: the same cell as line 2"):
        file_side(path, measure=ACCURACY)


def test_the_guard_against_formulas_is_taken_off(tmp_path):
    path = tmp_path / "tables.csv"
    path.write_text(
        "table,metric,at,row_field,row,column_field,column,mean,std,n\n"
        "'=x: mlp,test/top1,last,model,'-odd,optimizer,adaloss,90,0.1,3\n"
    )
    side = file_side(path, measure=ACCURACY)
    assert side.cells[0].fields == {"model": "-odd", "optimizer": "adaloss"}
    path.write_text(path.read_text().replace("'-odd", "'odd"))
    assert file_side(path, measure=ACCURACY).cells[0].fields["model"] == "'odd"


def test_tables_with_a_column_missing_or_a_strange_field(tmp_path):
    path = tmp_path / "tables.csv"
    path.write_text("row_field,row,column_field,column,mean\nb0,1,optimizer,adaloss,2\n")
    with pytest.raises(UserError, match="lacks the columns table, std, n"):
        file_side(path, measure=ACCURACY)
    path.write_text(
        "table,row_field,row,column_field,column,mean,std,n\nx,b,1,optimizer,adaloss,2,,1\n"
    )
    with pytest.raises(UserError, match="column row_field: 'b' is not a field of a cell"):
        file_side(path, measure=ACCURACY)


def test_a_name_stands_for_a_published_version_a_file_or_a_grid(written):
    assert named_side("published", measure=ACCURACY).name == "published:2021-12-16"
    assert named_side("published:2021-12-13", measure=ACCURACY).name == "published:2021-12-13"
    assert named_side(str(written), measure=ACCURACY).name == str(written)
    assert named_side("paper.yaml", measure=ACCURACY) is None
    with pytest.raises(UserError, match=r"there are published:2021-12-1"):
        named_side("published:2021-12-15", measure=ACCURACY)
