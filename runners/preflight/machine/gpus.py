"""The GPUs of this machine as Ray counts them, without Ray and without torch."""

import ctypes
import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from runners.preflight.finding import Finding, fine, refused, warning

NVIDIA_LIBRARY = "libnvidia-ml.so.1"
AMD_DEVICE = Path("/dev/kfd")
ABOUT = "GPUs"


def visible_gpus(library: str = NVIDIA_LIBRARY) -> int:
    """NVIDIA's GPUs that this process may use."""
    installed = gpus_of_the_driver(library)
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return installed
    names = [] if chosen in ("", "NoDevFiles", "-1") else chosen.split(",")
    return min(installed, len(names))


def may_use_gpus(requested: Literal["auto"] | float) -> bool:
    """Whether trials may run on GPUs, as far as this machine can tell of itself or its cluster."""
    there = os.environ.get("RAY_ADDRESS") or visible_gpus() or AMD_DEVICE.exists()
    return requested != 0 and bool(there)


def gpus_of_the_driver(library: str = NVIDIA_LIBRARY) -> int:
    """The number of GPUs that NVIDIA's driver reports; 0 without a driver."""
    # A missing library, or another library with this name, means that there is no usable GPU.
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL(library)
        if driver.nvmlInit_v2() == 0:
            count = ctypes.c_uint(0)
            counted = driver.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0
            driver.nvmlShutdown()
            return count.value if counted else 0
    return 0


def gpu_request(
    requested: Literal["auto"] | float, available: int, *, with_torch: bool = True
) -> Finding:
    """Compare a trial's GPUs with the machine's: Tune waits forever for one that does not exist.

    ``with_torch``: it is this installation's torch that trains, not that of a script.
    """
    counted = f"this machine has {available}" + visibility()
    if os.environ.get("RAY_ADDRESS"):
        return fine(
            ABOUT, f"resources.gpu is {in_words(requested)}; Ray counts those of the cluster"
        )
    if requested != "auto" and requested > available:
        return gpu_missing(requested, counted)
    if with_torch and available and requested != 0 and (torch := torch_without_cuda()):
        return refused(
            ABOUT,
            f"{counted}, and the installed torch {torch} cannot use them",
            "install torch with CUDA, or write resources: {gpu: 0}",
        )
    return fine(ABOUT, f"resources.gpu is {in_words(requested)}, {counted}")


def gpu_missing(requested: float, counted: str) -> Finding:
    """The finding for a trial that asks for more GPUs than there are."""
    found = f"resources.gpu: a trial asks for {requested:g}, and {counted}"
    if AMD_DEVICE.exists():
        return warning(ABOUT, f"{found} from NVIDIA", "Ray counts AMD's when it starts")
    return refused(ABOUT, found, "write resources: {gpu: auto}, or as many as there are")


def in_words(requested: Literal["auto"] | float) -> str:
    """The request in words."""
    return requested if requested == "auto" else f"{requested:g}"


def visibility() -> str:
    """A remark if the environment restricts the GPUs."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if chosen is None else f" that CUDA_VISIBLE_DEVICES={chosen} shows"


def torch_without_cuda() -> str | None:
    """The version of the installed torch if it was built without CUDA."""
    try:
        installed = version("torch")
    except PackageNotFoundError:
        return None
    return installed if installed.endswith("+cpu") else None
