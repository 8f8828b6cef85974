"""The learning rate over a trial: a factor for each step."""

import math
from typing import Literal

ScheduleName = Literal["constant", "cosine", "linear", "sqrt", "wsd"]

DECAY_SHARE = 0.2
"""The share of the steps, at the end, in which ``wsd`` decays."""


def lr_factor(schedule: ScheduleName, step: int, *, steps: int, warmup: float) -> float:
    """What multiplies the learning rate at a step, counted from 0, of ``steps`` in all.

    With W steps of warmup the factor is (step + 1)/(W + 1) in the first W steps, a part of what
    comes after. Then, with s = step − W and S = steps − W:

    * constant: 1
    * cosine: (1 + cos(π·s/S))/2 (Loshchilov and Hutter, "SGDR", ICLR 2017)
    * linear: 1 − s/S
    * sqrt: √(W'/(W' + s)) with W' = max(W, 1) (Vaswani et al., "Attention is all you need", 2017)
    * wsd: 1, then linear to 0 over the last fifth of all steps (Hägele et al., "Scaling laws and
      compute-optimal training beyond fixed training durations", NeurIPS 2024)

    No factor is 0: with a learning rate of 0 some optimizers divide by it.
    """
    first = warmup_steps(warmup, steps)
    if step < first:
        return (step + 1) / (first + 1)
    done, rest = step - first, max(steps - first, 1)
    if schedule == "cosine":
        return (1 + math.cos(math.pi * done / rest)) / 2
    if schedule == "linear":
        return 1 - done / rest
    if schedule == "sqrt":
        return math.sqrt(max(first, 1) / (max(first, 1) + done))
    if schedule == "wsd":
        decay = max(math.ceil(DECAY_SHARE * steps), 1)
        return min(1.0, (steps - step) / decay)
    return 1.0


def warmup_steps(warmup: float, steps: int) -> int:
    """The steps of warmup: ``warmup`` is a number of steps, or below 1 a share of all steps."""
    return min(steps, round(warmup * steps) if warmup < 1 else int(warmup))
