"""What kind of failure an error is."""

import torch

from adaloss.errors import UserError
from adaloss.records.result import FailureKind
from adaloss.time_limit import TrialTimeoutError

# Not every library raises an exception of its own: torch on a CPU, CUDA, cuBLAS and cuDNN do not.
SIGNS_OF_NO_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def failure_kind(error: BaseException) -> FailureKind:
    """Classify the error of a failed trial."""
    match error:
        case torch.OutOfMemoryError() | MemoryError():
            return FailureKind.OUT_OF_MEMORY
        case RuntimeError() if any(sign in str(error) for sign in SIGNS_OF_NO_MEMORY):
            return FailureKind.OUT_OF_MEMORY
        case TrialTimeoutError():
            return FailureKind.TIMEOUT
        case UserError():
            return FailureKind.DATA
        case _:
            return FailureKind.CODE
