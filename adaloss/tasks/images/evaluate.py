"""Loss and accuracy of a model over a whole part of the data."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from adaloss.tasks.images.data.batches import ImageBatches
from adaloss.tasks.replay import Replay

LARGEST_BATCH = 500
# A batch has no more pixels than this: 128 images of 224 px.
PIXELS_PER_BATCH = 128 * 224 * 224


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """``loss`` in nats per example; ``top1`` and ``top5`` in percent."""

    loss: float
    top1: float
    top5: float


def batch_size_for(image_size: int) -> int:
    """How many images of this size (pixels) are evaluated at a time."""
    return max(1, min(LARGEST_BATCH, PIXELS_PER_BATCH // image_size**2))


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    images: ImageBatches,
    precision: AbstractContextManager[object],
    replay: Replay | None = None,
    *,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Evaluation:
    """Evaluate in evaluation mode; sums stay on the device and are read back once.

    ``precision`` is the context of the forward passes; ``replay`` replays them as CUDA graphs.
    ``forward`` is the model as it computes whole batches, if that is compiled.
    With fewer than five classes, top-5 counts all of them.
    """

    def logits_of(batch: Tensor) -> Tensor:
        computed = model if forward is None or len(batch) < batch_size else forward
        with precision:
            logits: Tensor = computed(batch)
        return logits.float()

    was_training = model.training
    model.eval()
    totals = torch.zeros(3, dtype=torch.float64, device=images.examples.labels.device)
    batch_size = batch_size_for(images.recipe.image_size)
    for batch, labels in images.batches(batch_size):
        if replay is None or len(batch) < batch_size:
            logits = logits_of(batch)
        else:
            logits = replay.call("an evaluation", logits_of, batch)
        loss_sum = functional.cross_entropy(logits, labels, reduction="sum")
        ranked = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
        totals += torch.stack((loss_sum, ranked[:, 0].sum(), ranked.sum()))
    model.train(was_training)
    loss_sum, top1_count, top5_count = totals.tolist()
    count = len(images.examples)
    return Evaluation(
        loss=loss_sum / count, top1=100 * top1_count / count, top5=100 * top5_count / count
    )
