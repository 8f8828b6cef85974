"""AdaLoss and the optimizers that it is compared with, for use in any training loop.

    optimizer = AdaLoss(model.parameters(), lr=0.1, b0=1.0)
    ...
    loss.backward()
    optimizer.step(loss=loss)

`add_rate` gives any other optimizer such a rate. They depend only on torch.

Source: Wu, Xie, Du, Ward, "AdaLoss: A computationally-efficient and provably convergent adaptive
gradient method", AAAI 2022.
"""

from adaloss.optim.adagrad_norm import AdaGradNorm
from adaloss.optim.adagrad_norm_rowwise import AdaGradNormRowwise
from adaloss.optim.paper_adam import PaperAdam
from adaloss.optim.rates import add_rate
from adaloss.optim.sgd_family import AdaLoss, SGDConstant, SGDDecaySqrt
from adaloss.optim.table import OPTIMIZERS, OptimizerSpec, build_optimizer
from adaloss.optimizer_names import RateName

__all__ = [
    "OPTIMIZERS",
    "AdaGradNorm",
    "AdaGradNormRowwise",
    "AdaLoss",
    "OptimizerSpec",
    "PaperAdam",
    "RateName",
    "SGDConstant",
    "SGDDecaySqrt",
    "add_rate",
    "build_optimizer",
]
