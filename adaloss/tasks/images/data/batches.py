"""Batches of normalised images and their labels, on the device that has the data."""

from collections.abc import Iterator

import torch
from torch import Tensor

from adaloss.tasks.images.data.crops import evaluation_crops, training_crops
from adaloss.tasks.images.data.recipe import Draws, Recipe
from adaloss.tasks.images.data.splits import Examples

# Images without augmentation are normalised once if they take no more memory than this.
BYTES_TO_KEEP = 64 * 2**20
# One call gathers this many bytes of them: many small batches that still fit the cache.
BYTES_AT_A_TIME = 2**19


class ImageBatches:
    """One part of a data set as the model sees it, in batches.

    Images come as float32 (batch, channels, image_size, image_size), channels last in memory, and
    are valid until the next batch is asked for; labels as int64 (batch,). The last batch is
    smaller.
    """

    def __init__(
        self, examples: Examples, recipe: Recipe, *, training: bool, compiled: bool = False
    ) -> None:
        """``compiled`` fuses the kernels that crop training images on a GPU."""
        self.examples = examples
        self.compiled = compiled
        self.recipe = recipe
        self.varies = training and recipe.varies
        size, channels = recipe.image_size, examples.images.shape[-1]
        self.shape = (size, size, channels)
        takes = len(examples) * size * size * channels * torch.float32.itemsize
        keep = not self.varies and takes <= BYTES_TO_KEEP
        self.kept = self.cropped(examples.indices, None) if keep else None

    def cropped(self, indices: Tensor, draws: Draws | None, room: Tensor | None = None) -> Tensor:
        """The cropped images at these indices of the data set, written to ``room`` if passed."""
        images = self.examples.images.index_select(0, indices)
        if room is None:
            room = torch.empty(len(indices), *self.shape, device=images.device)
        out = room[: len(indices)]
        if draws is None:
            evaluation_crops(images, self.recipe, out)
        else:
            training_crops(images, draws, self.recipe, out, compiled=self.compiled)
        return out

    def selections(
        self, batch_size: int, order: Tensor, draws: Draws
    ) -> Iterator[tuple[Tensor, ...]]:
        """What :meth:`select` needs for each batch: small tensors on the device."""
        for start in range(0, len(self.examples), batch_size):
            part = slice(start, start + batch_size)
            at = draws.at(part)
            drawn = (at.top, at.left, at.flip) if self.varies else ()
            yield order[part], *drawn

    def select(self, chosen: Tensor, *drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The images and labels of a selection; always the same kernels, so it can be replayed."""
        labels = self.examples.labels.index_select(0, chosen)
        if self.kept is not None:
            images = self.kept.index_select(0, chosen)
        else:
            draws = Draws(top=drawn[0], left=drawn[1], flip=drawn[2]) if drawn else None
            images = self.cropped(self.examples.indices.index_select(0, chosen), draws)
        return images.permute(0, 3, 1, 2), labels

    def batches(
        self, batch_size: int, order: Tensor | None = None, draws: Draws | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches in this order (int64 (n,)), by default as stored.

        ``draws`` has the i-th image's draws at i; it is needed where images vary.
        """
        labels_of, indices_of = self.examples.labels, self.examples.indices
        if self.kept is not None:
            yield from self.kept_batches(self.kept, batch_size, order)
            return
        # One buffer for all batches: fresh memory costs a page fault every 4 KiB.
        room = torch.empty(
            min(batch_size, len(self.examples)), *self.shape, device=labels_of.device
        )
        for start in range(0, len(self.examples), batch_size):
            part = slice(start, start + batch_size)
            chosen = None if order is None else order[part]
            labels = labels_of[part] if chosen is None else labels_of.index_select(0, chosen)
            indices = indices_of[part] if chosen is None else indices_of.index_select(0, chosen)
            drawn = draws.at(part) if self.varies and draws is not None else None
            images = self.cropped(indices, drawn, room)
            yield images.permute(0, 3, 1, 2), labels

    def kept_batches(
        self, kept: Tensor, batch_size: int, order: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of already normalised images, gathered several at a time."""
        several = batch_size * max(1, BYTES_AT_A_TIME // (batch_size * kept[0].nbytes))
        for start in range(0, len(self.examples), several):
            part = slice(start, start + several)
            if order is None:
                # A model may write over its input.
                images, labels = kept[part].clone(), self.examples.labels[part]
            else:
                images = kept.index_select(0, order[part])
                labels = self.examples.labels.index_select(0, order[part])
            pairs = zip(
                torch.split(images, batch_size), torch.split(labels, batch_size), strict=True
            )
            for of_batch, its_labels in pairs:
                yield of_batch.permute(0, 3, 1, 2), its_labels
