"""Labels that the tool makes itself fit W&B's limits, whatever a sweep has of fields and names."""

import pytest
from program_grids import RANDOM, with_parameters

from adaloss.grid.sweep import load_sweep
from runners.tracking.labels import check_labels, labels_of, labels_of_sweep

FIVE_CONTINUOUS = with_parameters(
    *(f"{name}_of_the_model: {{min: 0.0, max: 1.0}}" for name in ("lr", "decay", "drop", "a", "b")),
    grid=RANDOM,
)


@pytest.fixture
def labels(grid):
    """The labels of the trials of a grid, which the server accepts."""

    def labels_in(text):
        grid.write_text(text)
        sweep = load_sweep(grid)
        check_labels(sweep, sweep.trials)
        return [labels_of(sweep, trial) for trial in sweep.trials]

    return labels_in


def test_a_cell_with_many_fields_is_a_group_of_its_own_each_time(labels):
    groups = [one.group for one in labels(FIVE_CONTINUOUS)]
    assert all(len(group) == 128 for group in groups)
    assert len(set(groups)) == 6
    assert groups[0].startswith("lr_of_the_model=")
    assert groups == [one.group for one in labels(FIVE_CONTINUOUS)]


@pytest.mark.parametrize("length", [59, 64])
def test_the_longest_names_of_sweeps_have_tags_that_tell_them_apart(labels, grid, length):
    text = grid.read_text()
    tags = set()
    for end in "ab":
        (tag,) = labels(text.replace("small", (length - 1) * "s" + end))[0].tags
        assert labels_of_sweep(load_sweep(grid)).tags == (tag,)
        assert len(tag) == 64
        tags.add(tag)
    assert len(tags) == 2


def test_labels_that_fit_are_as_they_are(labels, grid):
    name = 58 * "s"
    first = labels(grid.read_text().replace("small", name))[0]
    assert (first.tags, first.group) == ((f"sweep:{name}",), "optimizer=adaloss b0=0.01")
