"""Submits a script to Slurm."""

import shutil
import subprocess

from adaloss.errors import UserError


def submit(script: str) -> str:
    """Submit the script with sbatch; returns the job's id.

    Raises:
        UserError: there is no sbatch, or it refuses the job; the message has its reason.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise UserError(
            "sbatch is not on this machine: run this on a login node of the cluster, or omit "
            "--submit and write the script with -o"
        )
    # A path in the script, or a message, may not be Unicode.
    ended = subprocess.run(
        [sbatch, "--parsable"],
        input=script,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if ended.returncode:
        raise UserError(f"sbatch refuses the job: {' '.join(ended.stderr.split())}")
    # The id, and after a semicolon the cluster.
    return ended.stdout.strip().split(";")[0]
