"""The training of one trial: epoch by epoch, its whole state savable in between."""

import math
import time
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images.metrics import (
    EXAMPLES_PER_SECOND,
    TEST_LOSS,
    TEST_TOP1,
    TRAIN_LOSS,
    VAL_LOSS,
    VAL_TOP1,
)
from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.numerics import full_precision
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.steps import Steps
from adaloss.tasks.text.fields import TextTrial
from adaloss.tasks.text.metrics import TRAIN_PEAK
from adaloss.tasks.text.model import build_model
from adaloss.tasks.text.splits import Examples, Splits

EVALUATED_AT_A_TIME = 500


class Training:
    """A trial in training. On a CPU the same trial and splits give the same bits every time."""

    def __init__(
        self, trial: TextTrial, splits: Splits, places: Places = NOWHERE, device: str = "cpu"
    ) -> None:
        self.trial = trial
        self.splits = splits
        self.model = build_model(trial, splits).to(device)
        count = trial.epochs * trial.steps_in_epoch(len(splits.train))
        self.steps = Steps(trial, self.model, places, device, count=count)
        self.order = named_generator(trial.seed, "order")
        self.epoch = 0

    @property
    def step(self) -> int:
        """The steps that are done."""
        return self.steps.done

    @property
    def resolved(self) -> str | None:
        """The optimizer's classes with all their arguments."""
        return self.steps.optimizer.resolved()

    def run_epoch(self) -> dict[str, float | None]:
        """Take one pass over the training texts, then evaluate on validation and test.

        Losses are cross-entropies in nats, averaged over examples; accuracies are percentages.

        Raises:
            DivergedError: a loss was not finite or beyond the trial's ``max_loss``.
        """
        self.epoch += 1
        started = time.perf_counter()
        with self.steps.of_epoch(self.epoch), full_precision(self.steps.device):
            losses, sizes = self.train_one_epoch()
        trained = time.perf_counter() - started
        with self.steps.evaluating(), full_precision(self.steps.device):
            validation, test = map(self.evaluate, (self.splits.validation, self.splits.test))
        for name, (loss, _) in (("validation", validation), ("test", test)):
            if not math.isfinite(loss):
                reason = f"the {name} loss is {loss}"
                raise DivergedError(epoch=self.epoch, step=self.step, loss=loss, reason=reason)
        b, effective_lr = self.steps.rate_in_use()
        weighted = (loss * size for loss, size in zip(losses, sizes, strict=True))
        return {
            TRAIN_LOSS.name: math.fsum(weighted) / sum(sizes),
            TRAIN_PEAK.name: max(losses),
            VAL_LOSS.name: validation[0],
            VAL_TOP1.name: validation[1],
            TEST_LOSS.name: test[0],
            TEST_TOP1.name: test[1],
            B.name: b,
            EFFECTIVE_LR.name: effective_lr,
            EXAMPLES_PER_SECOND.name: sum(sizes) / trained,
        }

    def train_one_epoch(self) -> tuple[list[float], list[int]]:
        """The loss and the number of examples of each step of an epoch."""
        self.model.train()
        examples = self.splits.train
        order = torch.randperm(len(examples), generator=self.order).to(examples.labels.device)
        batches = order.split(self.trial.batch_size)
        for batch in batches:
            self.steps.take(partial(self.loss, examples.at(batch)))
        return self.steps.read_back(self.epoch), [len(batch) for batch in batches]

    def loss(self, examples: Examples) -> torch.Tensor:
        """The cross-entropy of a batch, with its graph."""
        return functional.cross_entropy(self.model(examples), examples.labels)

    @torch.inference_mode()
    def evaluate(self, examples: Examples) -> tuple[float, float]:
        """The loss and the accuracy over a whole part."""
        self.model.eval()
        totals = torch.zeros(2, dtype=torch.float64, device=examples.labels.device)
        everything = torch.arange(len(examples), device=examples.labels.device)
        for chosen in everything.split(EVALUATED_AT_A_TIME):
            batch = examples.at(chosen)
            logits = self.model(batch)
            loss_sum = functional.cross_entropy(logits, batch.labels, reduction="sum")
            right = (logits.argmax(dim=1) == batch.labels).sum()
            totals += torch.stack((loss_sum, right))
        loss, right_count = (totals / len(examples)).tolist()
        return loss, 100 * right_count

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything that the rest of the trial depends on."""
        return self.steps.state_dict() | {"epoch": self.epoch, "order": self.order.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; on a CPU the rest equals the original bit for bit."""
        self.steps.load_state_dict(state)
        self.order.set_state(state["order"])
        self.epoch = state["epoch"]
