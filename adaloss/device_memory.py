"""The peak of a process's GPU memory in one trial."""

import gc

import torch

from adaloss.records.result import DeviceMemory


def forget_memory_peak(device: str) -> None:
    """Free what the worker's last trial left in GPU memory, and reset the peak counter."""
    if device.startswith("cuda"):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def device_memory(device: str) -> DeviceMemory | None:
    """The peak of this process's GPU memory since its trial began."""
    if not device.startswith("cuda") or not torch.cuda.is_available():
        return None
    return DeviceMemory(
        peak=torch.cuda.max_memory_reserved(device),
        total=torch.cuda.get_device_properties(device).total_memory,
    )
