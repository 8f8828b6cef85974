"""Checks of the machine: folders, memory, GPUs, limits, software."""
