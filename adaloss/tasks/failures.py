"""What kind of failure an error is, and whether it has cost this process its GPU."""

import errno

import torch

from adaloss.errors import GpuLostError, UserError
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


def gpu_is_lost() -> bool:
    """Whether an error on the GPU has left this process without it.

    After an error inside a kernel, such as an index that is out of range, every further call of
    CUDA in the same process fails. An error on the host, or a lack of memory, has no such effect.
    """
    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError as error:
        # Its first call may find no memory left by others.
        return not lacks_memory(error)
    return False


def lost_gpu(reason: str) -> GpuLostError:
    """The error that ends a worker without its GPU."""
    return GpuLostError(f"an error on the GPU has ended its worker: {reason}")


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
