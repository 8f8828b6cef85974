"""Download pretrained weights, once, before a sweep starts."""

import hashlib
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adaloss.errors import WeightsError
from adaloss.records.places import Places
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.model_names import BUILT_IN_MODELS, is_user_model
from adaloss.tasks.images.models.published import (
    HubWeights,
    UrlWeights,
    local_path,
    missing,
    published_weights,
)

ANSWER_SECONDS = 10.0


class UnreachableError(Exception):
    """A server does not answer."""


def fetch_weights(trials: Iterable[ImageTrial], places: Places) -> None:
    """Download the published weights that the trials need and this disk lacks.

    Progress goes to standard error. Sweeps that start together download a file once, and a partial
    file never has its final name.

    Raises:
        WeightsError: a local file is missing or of an unknown kind, a file is corrupt, or weights
            cannot be downloaded; the message names all missing files.
    """
    starts = dict.fromkeys((t.model, t.pretrained) for t in trials if t.pretrained is not False)
    for model, pretrained in starts:
        if isinstance(pretrained, str):
            check_local_file(model, local_path(pretrained, places))
    published = [
        published_weights(model, places.weights)
        for model, pretrained in starts
        if pretrained is True
    ]
    if any(found_whole(weights) is None for weights in published):
        with locked(places.weights):
            fetch_missing([weights for weights in published if found_whole(weights) is None])


def check_local_file(model: str, path: Path) -> None:
    """Refuse an .npz file for a model that is not from timm."""
    if path.suffix == ".npz" and (model in BUILT_IN_MODELS or is_user_model(model)):
        raise WeightsError(
            f"model {model} cannot start from {path}: .npz files are for models of timm"
        )


def found_whole(weights: HubWeights | UrlWeights) -> Path | None:
    """The weights file on this disk; it is refused if its hash is known and differs."""
    path = weights.find()
    if path is not None and isinstance(weights, UrlWeights) and weights.sha256:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if not digest.startswith(weights.sha256):
            raise WeightsError(
                f"the weights file {path} is corrupt: its SHA-256 begins with "
                f"{digest[: len(weights.sha256)]}, not {weights.sha256}; delete it, and the next "
                "run fetches it again"
            )
    return path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; print a line while another sweep holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "fetch.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print("Waiting for another sweep that is fetching weights …", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise WeightsError(f"the weights folder {folder} cannot be written: {error}") from error
    try:
        yield
    finally:
        lock.release()


def fetch_missing(wanted: list[HubWeights | UrlWeights]) -> None:
    """Download one file after the other; if a server does not answer, name all that are left."""
    for position, weights in enumerate(wanted):
        try:
            if isinstance(weights, HubWeights):
                fetch_from_hub(weights)
            else:
                fetch_from_url(weights)
        except UnreachableError as error:
            advice = [left.advice() for left in wanted[position:]]
            raise missing(advice, f" and cannot be fetched ({error})") from error


def fetch_from_hub(weights: HubWeights) -> None:
    """Download the first of the weights' files that the repository has into the Hub's cache."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    page = f"https://huggingface.co/{weights.repository}"
    for file in weights.files:
        url = hf_hub_url(weights.repository, file, revision=weights.revision)
        try:
            # Ask once first: without a network, the download's own retries take long.
            get_hf_file_metadata(url, timeout=ANSWER_SECONDS)
            hf_hub_download(
                weights.repository,
                file,
                revision=weights.revision,
                etag_timeout=ANSWER_SECONDS,
            )
        except EntryNotFoundError:
            continue
        except GatedRepoError as error:
            raise WeightsError(
                f"the weights of {weights.model} are gated: accept the conditions at {page}, log "
                "in with `hf auth login` and run again"
            ) from error
        except RepositoryNotFoundError as error:
            raise WeightsError(
                f"the weights of {weights.model} are not public or not at {page}; "
                "write the path of a file as pretrained: PATH"
            ) from error
        # The exceptions of a lost network depend on the HTTP client of the Hub's library, which
        # has changed before.
        except Exception as error:
            raise UnreachableError(described(error)) from error
        return
    raise WeightsError(
        f"{page} has none of {', '.join(weights.files)} for {weights.model}; "
        "write the path of a file as pretrained: PATH"
    )


def fetch_from_url(weights: UrlWeights) -> None:
    """Download to the weights' path; the file appears complete, with its hash checked if known."""
    import torch

    weights.path.parent.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {weights.url}", file=sys.stderr)
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(ANSWER_SECONDS)
    try:
        torch.hub.download_url_to_file(
            weights.url, str(weights.path), hash_prefix=weights.sha256, progress=True
        )
    except OSError as error:
        raise UnreachableError(described(error)) from error
    except RuntimeError as error:
        raise WeightsError(
            f"the download of {weights.url} differs from the published file: {error}; run again, "
            f"or put the file at {weights.path}"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)


def described(error: Exception) -> str:
    """The first line of an error, with its type."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
