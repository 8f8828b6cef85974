"""Figures in the sizes and fonts of a venue."""

from functools import partial

import pytest
from matplotlib.text import Text

from analysis.figures import accuracy_against, save_figure
from analysis.figures.writing.style import STYLES, in_style


@pytest.fixture
def draw(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, 81.0, 82.0], b0=0.1, optimizer="sgd_constant")
    records.cell([90.0, "diverged", 92.0], b0=1.0)
    return partial(accuracy_against, records.frame(), metric="test/top1", at="last", title="demo")


def sizes(figure):
    """The sizes of all texts that are shown."""
    figure.draw_without_rendering()
    return sorted(text.get_fontsize() for text in figure.findobj(Text) if text.get_text())


@pytest.mark.parametrize("name", STYLES)
def test_all_texts_have_the_sizes_of_the_style(draw, name):
    style = STYLES[name]
    before, after = draw(width=2.9), in_style(partial(draw, width=2.9), style)
    assert sizes(after) == pytest.approx([style.scale * size for size in sizes(before)])
    assert after.get_figwidth() == pytest.approx(style.scale * before.get_figwidth())


@pytest.mark.parametrize(("name", "family"), [("icml", "STIXGeneral"), ("slides", "sans-serif")])
def test_all_texts_are_in_the_font_of_the_style(draw, name, family, tmp_path):
    figure = in_style(draw, STYLES[name])
    figure.draw_without_rendering()
    found = {tuple(text.get_fontfamily()) for text in figure.findobj(Text) if text.get_text()}
    assert found == {(family,)}
    save_figure(figure, tmp_path / "figure.pdf")
    assert (b"STIXGeneral" in (tmp_path / "figure.pdf").read_bytes()) == (name == "icml")


def test_lines_grow_with_the_text(draw):
    before, after = draw(), in_style(draw, STYLES["slides"])
    for small, large in zip(before.axes[0].lines, after.axes[0].lines, strict=True):
        assert large.get_linewidth() == pytest.approx(16 / 7 * small.get_linewidth())
