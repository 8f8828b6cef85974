"""A data set before it is split: all its images as one tensor of bytes."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RawDataset:
    """All examples of a data set: ``images`` uint8 (n, height, width, channels).

    ``labels`` int64 (n,); ``parts`` int64 (n,) is TRAIN, or VALIDATION or TEST for examples that
    the data set itself assigns; ``mean`` and ``std`` are per channel, for pixels scaled to [0, 1]
    by ``pixel_max``; ``digest`` is the digest of the user's own files, None for other data sets.
    """

    images: Tensor
    labels: Tensor
    parts: Tensor
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_max: float = 255.0
    digest: str | None = None
