"""The sets of texts that trials may name, and what is known of them without torch."""

from collections import Counter

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.records.result import SplitSizes
from adaloss.tasks.data.parts import TRAIN, ClassCounts, sizes_with
from adaloss.tasks.data.sets import DataSets
from adaloss.tasks.images.data.counts import KNOWN
from adaloss.tasks.text.fields import TEXT_FILE, TextTrial
from adaloss.tasks.text.files import LAYOUT, own_lines, text_path
from adaloss.tasks.text.published import TEXT_DATASETS


def own_file(name: str, places: Places) -> str:
    """What the user's own file has.

    Raises:
        DataError: there is no such file, or it is not written as it must be.
    """
    (counts,) = counted(name, places).values()
    return f"{name} has {sum(counts)} different texts of {len(counts)} classes"


def counted(name: str, places: Places) -> ClassCounts:
    """The texts of each class in the user's own file.

    Raises:
        DataError: there is no such file, or it is not written as it must be.
    """
    path = text_path(name.removeprefix(TEXT_FILE), places)
    try:
        counts = Counter(label for label, _ in own_lines(path))
    except OSError as error:
        raise DataError(f"{name}: {path} cannot be read ({error.strerror})") from error
    return {TRAIN: [counts[label] for label in sorted(counts)]}


def split_sizes(trial: TextTrial, places: Places) -> SplitSizes:
    """The sizes of the trial's parts.

    Raises:
        DataError: there is no such file, or it is not written as it must be.
    """
    if trial.dataset in TEXT_DATASETS:
        counts = TEXT_DATASETS[trial.dataset].counts
    else:
        counts = KNOWN.get(trial.dataset) or counted(trial.dataset, places)
    return sizes_with(counts, trial.train_examples, trial.eval_examples)


TEXT_SETS: DataSets = DataSets(
    examples="texts",
    published=TEXT_DATASETS,
    own=TEXT_FILE,
    find_own=own_file,
    layout=LAYOUT,
    sizes=split_sizes,
)
