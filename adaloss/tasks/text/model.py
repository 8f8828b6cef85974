"""The network: a one-layer LSTM whose last state is classified."""

import torch
from torch import Tensor, nn

from adaloss.tasks.seeding import derived_seed
from adaloss.tasks.text.fields import TextTrial
from adaloss.tasks.text.splits import Examples, Splits
from adaloss.tasks.text.words import PADDING


class LSTMClassifier(nn.Module):
    """Words or rows of pixels, each as a vector, go through an LSTM; its last state to logits."""

    def __init__(self, inputs: nn.Module, embedding: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, examples: Examples) -> Tensor:
        """The logits (n, classes)."""
        states, _ = self.lstm(self.inputs(examples.inputs))
        each = torch.arange(len(examples), device=states.device)
        logits: Tensor = self.head(states[each, examples.lengths - 1])
        return logits


def build_model(trial: TextTrial, splits: Splits) -> LSTMClassifier:
    """The network with weights from the trial's seed; the caller's random state is unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived_seed(trial.seed, "init"))
        inputs: nn.Module
        if splits.train.inputs.is_floating_point():
            inputs = nn.Linear(splits.train.inputs.shape[-1], trial.embedding)
        else:
            inputs = nn.Embedding(trial.vocabulary, trial.embedding, padding_idx=PADDING)
        return LSTMClassifier(inputs, trial.embedding, trial.hidden, splits.classes)
