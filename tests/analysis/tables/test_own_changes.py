"""Tables whose results were computed with several versions of the user's own code say so."""

import json

import pytest

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from analysis.comparison.compare import compare
from analysis.comparison.from_records import records_side
from analysis.tables.cells import cell_text
from analysis.tables.measure import Measure
from analysis.tables.own_changes import NOW, with_what_is_now

OWN = "model_of_tables:net"


def of_code(version):
    return Fingerprint(model={"model_of_tables.py": version})


@pytest.fixture
def cells(records):
    """Declare cells of the user's model by b0, each of trials with these versions of its code."""

    def declare(**by_b0):
        for b0, versions in by_b0.items():
            for seed, version in enumerate(versions):
                trial = records.declare(model=OWN, b0=float(b0[1:]), seed=seed)
                fingerprint = version and of_code(version)
                records.complete(trial, 90.0 + seed, fingerprint=fingerprint)

    return declare


def table_of(records, **changes):
    return records.table(TableSpec(), **changes)


def test_one_version_needs_no_word(records, cells):
    cells(b1=["v1", "v1"], b10=["v1", "v1"])
    table = table_of(records)
    assert "version of" not in table.caption.replace("Code version", "")
    assert not any(cell.mixed for cell in table.cells.values())


def test_a_cell_of_two_versions_is_marked_and_never_best(records, cells):
    cells(b1=["v1", "v2"], b10=["v1", "v1"])
    for seed in (0, 1):
        other = records.declare(model=OWN, b0=1.0, seed=seed, optimizer="sgd_constant")
        records.complete(other, 10.0, fingerprint=of_code("v1"))
    table = table_of(records)
    mixed = table.cells[1.0, "adaloss"]
    assert mixed.mixed
    assert not mixed.best
    assert table.cells[1.0, "sgd_constant"].best
    assert cell_text(mixed, table.style).plain == "90.50±0.71 †"
    assert "Mixes 2 versions of model model_of_tables:net." in table.caption
    assert "†: computed with several versions" in table.caption


def test_versions_that_differ_between_cells_are_said(records, cells):
    cells(b1=["v1", "v1"], b10=["v2", "v2"])
    table = table_of(records)
    assert not any(cell.mixed for cell in table.cells.values())
    assert "Mixes 2 versions of model model_of_tables:net." in table.caption
    assert "†" not in table.caption


def test_a_version_that_is_not_on_record_is_said(records, cells):
    cells(b1=[None, "v1"])
    table = table_of(records)
    assert table.cells[1.0, "adaloss"].mixed, "it may be another one"
    caption = table.caption
    assert (
        "1 of 2 results was computed with an unrecorded version of model model_of_tables:net"
        in caption
    )


def test_a_diverged_trial_counts(records, cells):
    cells(b1=["v1", "v1"])
    lost = records.declare(model=OWN, b0=1.0, seed=2)
    records.diverge(lost, fingerprint=of_code("v2"))
    assert table_of(records).cells[1.0, "adaloss"].mixed


def test_a_failed_trial_does_not(records, cells):
    cells(b1=["v1", "v1"])
    broken = records.declare(model=OWN, b0=1.0, seed=2)
    records.fail(broken, fingerprint=of_code("v2"))
    assert not table_of(records).cells[1.0, "adaloss"].mixed


def test_what_is_here_now_is_compared(records, cells, tmp_path):
    places = Places(data_root=tmp_path, own=(tmp_path,))
    cells(b1=["v1", "v1"])
    frame = with_what_is_now(records.frame(), places)
    assert "than the current one" not in table_of(records, frame=frame).caption, "it is not here"
    (tmp_path / "model_of_tables.py").write_text("net = 1")
    frame = with_what_is_now(records.frame(), places)
    assert list(json.loads(frame[NOW][0])["model"]) == ["model_of_tables.py"]
    caption = table_of(records, frame=frame).caption
    assert "All 2 results were computed with another version of model" in caption


def test_sweeps_of_nothing_of_ones_own_have_no_further_column(records, tmp_path):
    records.cell([90.0, 91.0])
    assert NOW not in with_what_is_now(records.frame(), Places(data_root=tmp_path))


def test_a_comparison_says_that_code_differs_or_is_mixed(records, cells, tmp_path):
    measure = Measure(metric="test/top1", at="last", goal="maximize")
    cells(b1=["v1", "v1"], b10=["v1", "v2"])
    ours = records_side(records.frame(), name="ours", measure=measure)
    assert [cell.mark for cell in ours.cells] == ["", "†"]
    assert any("Mixes 2 versions of model" in caveat.text for caveat in ours.caveats)
    page = compare(ours, ours)
    assert "digest of your own code and data" in {c.name for c in page.conditions}


def test_in_a_comparison_a_failed_trial_has_no_version(records, cells):
    measure = Measure(metric="test/top1", at="last", goal="maximize")
    cells(b1=["v1", "v1"])
    records.fail(records.declare(model=OWN, b0=1.0, seed=2))
    ours = records_side(records.frame(), name="ours", measure=measure)
    assert compare(ours, ours).conditions == ()


def test_a_comparison_of_nothing_of_ones_own_does_not_speak_of_it(records):
    measure = Measure(metric="test/top1", at="last", goal="maximize")
    records.cell([90.0, 91.0])
    side = records_side(records.frame(), name="ours", measure=measure)
    assert "digest of your own code and data" not in {
        c.name for c in compare(side, side).conditions
    }
