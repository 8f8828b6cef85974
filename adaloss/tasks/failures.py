"""What kind of failure an error is."""

import errno

import torch

from adaloss.errors import UserError
from adaloss.records.result import FailureKind
from adaloss.time_limit import TrialTimeoutError

# Not every library raises an exception of its own: torch on a CPU, CUDA, cuBLAS and cuDNN do not.
SIGNS_OF_NO_MEMORY = (
    "DefaultCPUAllocator",
    "Cannot allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def failure_kind(error: BaseException) -> FailureKind:
    """Classify the error of a failed trial."""
    match error:
        case _ if lacks_memory(error):
            return FailureKind.OUT_OF_MEMORY
        case TrialTimeoutError():
            return FailureKind.TIMEOUT
        case UserError():
            return FailureKind.DATA
        case _:
            return FailureKind.CODE


def lacks_memory(error: BaseException) -> bool:
    """Whether the error says that there is no memory left: nothing is wrong with the input then."""
    match error:
        case torch.OutOfMemoryError() | MemoryError():
            return True
        case OSError():
            return error.errno == errno.ENOMEM
        case RuntimeError():
            return any(sign in str(error) for sign in SIGNS_OF_NO_MEMORY)
        case _:
            return False
