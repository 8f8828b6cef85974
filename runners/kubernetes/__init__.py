"""Sweeps as RayJobs of KubeRay: the manifest that kubectl takes."""
