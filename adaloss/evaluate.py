"""Loss and accuracy of a model over a whole part of the data."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from adaloss.data import Examples, batches

EVALUATION_BATCH_SIZE = 500


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """``loss`` in nats per example; ``top1`` and ``top5`` in percent."""

    loss: float
    top1: float
    top5: float


@torch.inference_mode()
def evaluate(model: nn.Module, examples: Examples, image_size: int) -> Evaluation:
    """Evaluate in evaluation mode; sums stay on the device and are read back once.

    With fewer than five classes, top-5 counts all of them.
    """
    was_training = model.training
    model.eval()
    totals = torch.zeros(3, dtype=torch.float64, device=examples.labels.device)
    for images, labels in batches(examples, EVALUATION_BATCH_SIZE, image_size):
        logits = model(images).float()
        loss_sum = functional.cross_entropy(logits, labels, reduction="sum")
        ranked = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
        totals += torch.stack((loss_sum, ranked[:, 0].sum(), ranked.sum()))
    model.train(was_training)
    loss_sum, top1_count, top5_count = totals.tolist()
    count = len(examples)
    return Evaluation(
        loss=loss_sum / count, top1=100 * top1_count / count, top5=100 * top5_count / count
    )
