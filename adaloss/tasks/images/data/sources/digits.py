"""The handwritten digits that scikit-learn ships."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from adaloss.errors import DataError
from adaloss.tasks.images.data.sources.raw import RawDataset

# Pixels are counts from 0 to 16. Times 15 they fill a byte, so that a resize has levels to
# interpolate with, and 15 n / 240 equals n / 16 exactly.
LEVELS_PER_COUNT = 15
PIXEL_MAX = 16.0 * LEVELS_PER_COUNT


def load_digits() -> RawDataset:
    """The 1,797 8×8 grey images of handwritten digits, without a test set.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (the
    test part).
    """
    # Read the file directly: importing scikit-learn and SciPy would cost every worker seconds.
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("dataset digits: it comes with scikit-learn, which is not installed")
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not path.exists():
        raise DataError(f"dataset digits: the installed scikit-learn lacks {path}")
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.int64))
    return RawDataset(
        images=(table[:, :-1] * LEVELS_PER_COUNT).to(torch.uint8).view(-1, 8, 8, 1),
        labels=table[:, -1].contiguous(),
        parts=torch.zeros(len(table), dtype=torch.int64),
        classes=10,
        mean=(0.3053,),
        std=(0.3760,),
        pixel_max=PIXEL_MAX,
    )
