"""Collect the provenance of a result: code version, package versions, machine."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from adaloss.records.result import Provenance

RECORDED_PACKAGES = ("torch", "torchvision", "timm", "ray", "numpy")
GIT_TIMEOUT_SECONDS = 5


def code_version() -> str:
    """The installed version, with commit and ``.dirty`` when it runs from a git checkout."""
    version = metadata.version("adaloss-sweep")
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return version
    commit = git(folder, "rev-parse", "--short=10", "HEAD")
    if commit is None:
        return version
    changed = git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{version}+g{commit}{'.dirty' if changed else ''}"


def git(folder: Path, *arguments: str) -> str | None:
    """The output of a git command, or None if git is missing or fails."""
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout.strip()


def collect_provenance(device: str, threads: int) -> Provenance:
    """The provenance of everything that this process computes. Call this once, not per trial."""
    return Provenance(
        code_version=code_version(),
        python=platform.python_version(),
        packages={n: version for n in RECORDED_PACKAGES if (version := installed_version(n))},
        platform=platform.platform(),
        device=device_name(device),
        threads=threads,
    )


def installed_version(package: str) -> str | None:
    """The version of an installed package, or None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def device_name(device: str) -> str:
    """The model of the GPU or the processor."""
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            return "a GPU that torch cannot use"
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
