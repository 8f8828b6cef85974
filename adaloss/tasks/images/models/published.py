"""Find the weights file of a trial on this disk, without the network."""

from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import WeightsError
from adaloss.records.places import Places
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.model_names import has_published_weights

RESNET20_URL = (
    "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/"
    "resnet20-12fca82f.th"
)
# The beginning of the file's SHA-256.
RESNET20_HASH = "12fca82f"
# In the order in which timm looks for them.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, kw_only=True)
class HubWeights:
    """Weights on the Hugging Face Hub, kept in its cache; the first existing file is used."""

    model: str
    repository: str
    revision: str | None
    files: tuple[str, ...]

    def find(self) -> Path | None:
        """The file in the cache, or None."""
        from huggingface_hub import try_to_load_from_cache

        for file in self.files:
            found = try_to_load_from_cache(self.repository, file, revision=self.revision)
            if isinstance(found, str):
                return Path(found)
        return None

    def advice(self) -> str:
        """A sentence on the missing file and its place."""
        from huggingface_hub.constants import HF_HUB_CACHE

        return (
            f"{self.model} needs {self.files[0]} of https://huggingface.co/{self.repository} in "
            f"the cache {HF_HUB_CACHE} (HF_HUB_CACHE names another)"
        )


@dataclass(frozen=True, kw_only=True)
class UrlWeights:
    """Weights at a URL, kept at ``path``; ``sha256`` is the start of the file's hash if known."""

    model: str
    url: str
    path: Path
    sha256: str | None

    def find(self) -> Path | None:
        """The file's path if it is there."""
        return self.path if self.path.is_file() else None

    def advice(self) -> str:
        """A sentence on the missing file and its place."""
        return f"{self.model} needs {self.url} as {self.path}"


def found_weights(trial: ImageTrial, places: Places) -> Path | None:
    """The file of the trial's weights, None for random weights.

    Raises:
        WeightsError: the model has no published weights, or they are not on this disk.
    """
    if trial.pretrained is False:
        return None
    if isinstance(trial.pretrained, str):
        return local_path(trial.pretrained, places)
    weights = published_weights(trial.model, places.weights)
    path = weights.find()
    if path is None:
        raise missing([weights.advice()])
    return path


def local_path(pretrained: str, places: Places) -> Path:
    """The file that ``pretrained: PATH`` means.

    Raises:
        WeightsError: there is no such file; the message lists where it was looked for.
    """
    if (path := places.own_path(pretrained)) and path.is_file():
        return path
    looked = ", ".join(map(str, places.own_paths(pretrained)))
    raise WeightsError(
        f"the weights file {pretrained} is missing: there is no file {looked}; a relative path "
        "counts from the grid's folder, then from the working folder"
    )


def published_weights(model: str, weights_folder: Path) -> HubWeights | UrlWeights:
    """Where the weights that are published for a model come from.

    Raises:
        WeightsError: no weights are published for the model.
    """
    if model == "cifar_resnet20":
        path = weights_folder / RESNET20_URL.rpartition("/")[2]
        return UrlWeights(model=model, url=RESNET20_URL, path=path, sha256=RESNET20_HASH)
    if not has_published_weights(model):
        raise no_weights(model)
    # Importing timm takes seconds.
    import torch
    from timm.models import get_pretrained_cfg

    configuration = get_pretrained_cfg(model)
    if configuration is not None and configuration.hf_hub_id:
        repository, _, revision = configuration.hf_hub_id.partition("@")
        named = configuration.hf_hub_filename
        return HubWeights(
            model=model,
            repository=repository,
            revision=revision or None,
            files=(named,) if named else HUB_FILES,
        )
    if configuration is not None and configuration.url:
        address = configuration.url
        url, name = (address, address.rpartition("/")[2]) if isinstance(address, str) else address
        path = Path(torch.hub.get_dir()) / "checkpoints" / name
        return UrlWeights(model=model, url=url, path=path, sha256=None)
    raise no_weights(model)


def no_weights(model: str) -> WeightsError:
    """The error of ``pretrained: true`` with a model that has nothing to start from."""
    return WeightsError(
        f"no weights are published for {model}: write pretrained: false, or the path of a file "
        "of your own as pretrained: PATH"
    )


def missing(advice: list[str], reason: str = "") -> WeightsError:
    """The error of weights that are not on this disk."""
    return WeightsError(
        f"pretrained weights are missing{reason}: {'; '.join(advice)}. A sweep with "
        "network access downloads them before it starts; without, copy them there from a machine "
        "that has them, or write the path of a file as pretrained: PATH"
    )
