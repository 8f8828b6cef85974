"""The manifest of a RayJob (ray.io/v1) that runs a sweep, with its files in a ConfigMap."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from runners.kubernetes.files import GRID, config_map, items
from runners.kubernetes.job import KubernetesJob

# Folders of the head's pod.
FILES, RESULTS = "/sweep", "/results"
# Ray kills a job that it stops after 3 s; a sweep needs longer to stop in order.
SECONDS_TO_STOP = 60
# The command itself: it prepares data sets, writes records, and compiles tables and figures.
CPUS_OF_HEAD = 2
# A group for the claim's files, so that the image's user may write them.
GROUP = 1000
HEADER = "# Written by adaloss-sweep kubernetes. Submit it with kubectl create -f.\n"


def manifest(job: KubernetesJob, files: Mapping[str, bytes], ray: str) -> str:
    """The text of the manifest. ``ray`` is the version of Ray.

    ``files`` has the content of the grid and of the user's own code by relative path.

    Raises:
        UserError: the files are too large for a ConfigMap.
    """
    written = StringIO(newline="")
    yaml = YAML()
    yaml.width = 2**16
    yaml.dump_all([config_map(files_name(job), files), ray_job(job, files, ray)], written)
    return HEADER + written.getvalue()


def files_name(job: KubernetesJob) -> str:
    """The name of the ConfigMap."""
    return f"{job.name}-files"


def command(job: KubernetesJob) -> str:
    """What the head's pod runs. Words only: KubeRay pastes it into a line of shell of its own."""
    return f"adaloss-sweep run {FILES}/{GRID} --yes --storage {job.storage or RESULTS}"


def ray_job(job: KubernetesJob, files: Mapping[str, bytes], ray: str) -> dict[str, Any]:
    """The RayJob. A new cluster runs it, which is removed at its end."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": job.name},
        "spec": {
            "entrypoint": command(job),
            "shutdownAfterJobFinishes": True,
            "backoffLimit": job.retries,
            "rayClusterSpec": {
                "rayVersion": ray,
                "headGroupSpec": {
                    # No trials, so that they cannot take the memory of the sweep itself.
                    "rayStartParams": {"num-cpus": "0", "num-gpus": "0"},
                    "template": {"spec": head_pod(job, files)},
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        # Not autoscaled: a sweep counts the resources once, at its start.
                        "replicas": job.workers,
                        "minReplicas": job.workers,
                        "maxReplicas": job.workers,
                        "rayStartParams": {},
                        "template": {"spec": worker_pod(job)},
                    }
                ],
            },
        },
    }


def head_pod(job: KubernetesJob, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The pod of the sweep's own process; only it has the grid and the results."""
    volumes = [{"name": "files", "configMap": {"name": files_name(job), "items": items(files)}}]
    mounts = [{"name": "files", "mountPath": FILES, "readOnly": True}]
    if job.claim is not None:
        claim: dict[str, Any] = {"persistentVolumeClaim": {"claimName": job.claim}}
        volumes.append({"name": "results", **claim})
        mounts.append({"name": "results", "mountPath": RESULTS})
    container = {
        **container_of(job, "head", {"cpu": CPUS_OF_HEAD, "memory": job.memory}),
        "env": [{"name": "RAY_JOB_STOP_WAIT_TIME_S", "value": str(SECONDS_TO_STOP)}],
        "volumeMounts": mounts,
    }
    owned = {} if job.claim is None else {"securityContext": {"fsGroup": GROUP}}
    return {**owned, "containers": [container], "volumes": volumes}


def worker_pod(job: KubernetesJob) -> dict[str, Any]:
    """The pod of a worker. It sends the records to the head, which sends it the user's code."""
    wanted: dict[str, Any] = {"cpu": job.cpus_per_worker, "memory": job.memory}
    if job.gpus_per_worker:
        wanted["nvidia.com/gpu"] = job.gpus_per_worker
    return {"containers": [container_of(job, "worker", wanted)]}


def container_of(job: KubernetesJob, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A container with these resources: no more, no less."""
    variables = [{"secretRef": {"name": job.secret}}] if job.secret is not None else []
    return {
        "name": name,
        "image": job.image,
        "resources": {"requests": dict(wanted), "limits": dict(wanted)},
        **({"envFrom": variables} if variables else {}),
    }
