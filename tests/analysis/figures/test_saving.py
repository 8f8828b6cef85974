"""Saved figures: the same bytes, embedded fonts, and no settings of the user's."""

import re
import zlib
from io import BytesIO

import matplotlib as mpl
import pytest
from against_figures import figure_of
from fontTools.ttLib import TTFont

from adaloss.errors import UserError
from analysis.figures import save_figure
from analysis.figures.writing.saving import SHAPING, UNDATED

SUFFIXES = tuple(UNDATED)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_records_give_the_same_bytes(eventful, tmp_path, suffix):
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save_figure(figure_of(eventful), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    for trace in (b"CreationDate", b"dc:date", mpl.__version__.encode()):
        assert trace not in first


def test_fonts_are_embedded_as_true_type(eventful, tmp_path):
    save_figure(figure_of(eventful), tmp_path / "figure.pdf")
    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/CIDFontType2" in content
    assert b"/Type3" not in content


def fonts_in(pdf):
    """The tables of each font in a PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL)
    unpacked = [zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x"]
    fonts = [content for content in unpacked if content.startswith(b"\0\1\0\0")]
    return [set(TTFont(BytesIO(font)).keys()) for font in fonts]


@pytest.mark.slow
def test_fonts_lack_what_no_viewer_needs(eventful, tmp_path):
    save_figure(figure_of(eventful), tmp_path / "figure.pdf")
    fonts = fonts_in(tmp_path / "figure.pdf")
    assert fonts
    for tables in fonts:
        assert {"glyf", "cmap", "hmtx"} <= tables
        assert not tables & set(SHAPING)


@pytest.mark.slow
def test_pdfs_are_written_by_libraries_that_have_no_such_setting(eventful, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "analysis.figures.writing.saving.DROPPED", "fontTools.subset.Options._no_such_name"
    )
    save_figure(figure_of(eventful), tmp_path / "figure.pdf")
    assert all(tables & set(SHAPING) for tables in fonts_in(tmp_path / "figure.pdf"))


@pytest.mark.slow
def test_a_figure_in_several_formats_is_laid_out_as_in_one(eventful, tmp_path):
    for suffix in SUFFIXES:
        save_figure(figure_of(eventful), tmp_path / f"one{suffix}")
    figure = figure_of(eventful)
    for suffix in reversed(SUFFIXES):
        save_figure(figure, tmp_path / f"all{suffix}")
        # What has been laid out is not laid out again.
        assert figure.get_layout_engine() is None
    for suffix in SUFFIXES:
        one, other = (tmp_path / f"{name}{suffix}" for name in ("one", "all"))
        assert one.read_bytes() == other.read_bytes()


def test_an_unknown_suffix_is_refused(records, tmp_path):
    records.cell([90.0])
    with pytest.raises(
        UserError, match=r"figure.xls: a figure's suffix must be one of \.png, \.svg"
    ):
        save_figure(figure_of(records), tmp_path / "figure.xls")
    assert list(tmp_path.glob("figure*")) == []


@pytest.mark.slow
def test_the_settings_of_the_user_neither_show_nor_change(eventful, tmp_path):
    save_figure(figure_of(eventful), tmp_path / "plain.png")
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        save_figure(figure_of(eventful), tmp_path / "theirs.png")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "theirs.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
