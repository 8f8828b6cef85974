"""The sweep's own run shows every figure, and that of the first table in the dashboard."""

import pytest
from program_grids import RANDOM

from adaloss.grid.sweep import load_sweep
from analysis.figures.writing.files import AGAINST, figures_of
from analysis.results import read_results
from runners.tracking.dashboard import FIGURES
from runners.tracking.sweep_run import first_figure


@pytest.mark.parametrize(
    ("text", "extra", "name"),
    [
        (None, "", "against-b0"),
        (None, "tables: [{rows: optimizer, columns: b0}, {figure: true}]\n", "against-optimizer"),
        (RANDOM, "", "points"),
    ],
)
def test_the_first_tables_figure_is_found_by_its_name(grid, store, text, extra, name):
    grid.write_text((text or grid.read_text()) + extra)
    sweep = load_sweep(grid)
    drawn = [each for each, _ in figures_of(read_results(sweep, sweep.trials, store), (AGAINST,))]
    assert first_figure(sweep) == drawn[0] == name


def test_each_figure_has_a_place_of_its_own_and_the_first_tables_the_dashboards(tmp_path):
    from PIL import Image

    from runners.tracking.wandb_runs import media_in

    files = ("against-a-loss-last", "against-b0", "curves-mlp", "heatmap")
    for number, name in enumerate(files, start=1):
        Image.new("L", (number, 1)).save(tmp_path / f"{name}.png")
    found = media_in(tmp_path, FIGURES, "against-b0")
    widths = {key: shown.image.width for key, shown in found.items()}
    others = {"figures/against-a-loss-last": 1, "figures/curves-mlp": 3, "figures/heatmap": 4}
    assert widths == {FIGURES: 2, **others}


def test_without_the_figure_of_that_name_the_dashboard_shows_the_first(tmp_path):
    from PIL import Image

    from runners.tracking.wandb_runs import media_in

    for name in ("against-model_width", "heatmap"):
        Image.new("L", (1, 1)).save(tmp_path / f"{name}.png")
    found = media_in(tmp_path, FIGURES, "against-model/width")
    assert set(found) == {FIGURES, "figures/heatmap"}
