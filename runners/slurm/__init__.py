"""Sweeps as jobs of Slurm: the script that sbatch takes, and its submission."""
