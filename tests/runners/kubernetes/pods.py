"""What Kubernetes makes of a manifest, as far as a folder of this machine can be it."""

import base64
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

MODEL = """\
from parts.layers import classifier

def build(channels, image_size, classes):
    return classifier(channels * image_size * image_size, classes)
"""
LAYERS = """\
from torch import nn

def classifier(pixels, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes))
"""


def objects_of(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap and the RayJob."""
    config_map, ray_job = YAML(typ="safe").load_all(text)
    return config_map, ray_job


def pods_of(ray_job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head's pod and a worker's."""
    cluster = ray_job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    return cluster["headGroupSpec"]["template"]["spec"], group["template"]["spec"]


def contents_of(config_map: dict[str, Any], ray_job: dict[str, Any]) -> dict[str, bytes]:
    """The content of each file of the head's folder, by its path in it."""
    content = {key: text.encode() for key, text in config_map["data"].items()}
    for key, text in config_map.get("binaryData", {}).items():
        content[key] = base64.b64decode(text, validate=True)
    head, _ = pods_of(ray_job)
    volume = next(volume["configMap"] for volume in head["volumes"] if "configMap" in volume)
    assert volume["name"] == config_map["metadata"]["name"]
    return {item["path"]: content[item["key"]] for item in volume["items"]}


def mount(files: dict[str, bytes], folder: Path) -> None:
    """Write the files as the kubelet does: as links, through a link that it can replace."""
    real = folder / "..2026_11_30"
    for path, content in files.items():
        (real / path).parent.mkdir(parents=True, exist_ok=True)
        (real / path).write_bytes(content)
        (real / path).chmod(0o444)
    (folder / "..data").symlink_to(real.name)
    for first in {path.partition("/")[0] for path in files}:
        (folder / first).symlink_to(f"..data/{first}")
