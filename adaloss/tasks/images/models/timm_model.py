"""A model of timm, with weights of a file by timm's own way of adapting them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
from timm.models import _builder, get_pretrained_cfg
from torch import Tensor, nn

from adaloss.errors import WeightsError
from adaloss.tasks.images.models.own_weights import shortened
from adaloss.tasks.images.models.state_file import read_state

REMEDY = "give a file of this very model as pretrained: PATH, or pretrained: false"


def build_timm_model(
    name: str, *, channels: int, image_size: int, classes: int, weights: Path | None
) -> nn.Module:
    """Build a model of timm, from fresh weights or those of the file.

    timm fits the file's weights to the channels, the image size and, with a fresh head, the
    classes.

    Raises:
        WeightsError: the file cannot be read or is not of this model.
        RuntimeError: timm does not know the model.
    """
    configuration = get_pretrained_cfg(name)
    arguments: dict[str, Any] = {"num_classes": classes, "in_chans": channels}
    # Only models with position embeddings of a fixed length are built for an image size.
    if configuration is not None and configuration.fixed_input_size:
        arguments["img_size"] = image_size
    if weights is None:
        module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
        return module
    source = weights_source(weights)
    with loading_from(name, weights, source) as loaded:
        module = timm.create_model(name, pretrained=True, **arguments)
    if not loaded:
        raise WeightsError(f"model {name} does not load weights in timm's usual way; {REMEDY}")
    return module


def weights_source(path: Path) -> dict[str, Any]:
    """What tells timm to take the weights of this file."""
    if path.suffix != ".npz":
        return {"state_dict": read_state(path), "custom_load": False}
    if not path.is_file():
        raise WeightsError(f"the weights file {path} is missing; check the path")
    return {"file": str(path), "custom_load": True}


@contextmanager
def loading_from(name: str, path: Path, source: dict[str, Any]) -> Iterator[list[nn.Module]]:
    """Have timm load from the source while this lasts; yields the modules that it loaded.

    timm offers no other way to learn which tensors a file lacked: with a new head it takes a
    file of another model without a word, and leaves everything fresh.
    """
    loaded: list[nn.Module] = []
    builder: Any = _builder
    load = builder.load_pretrained

    def load_checked(model: nn.Module, pretrained_cfg: dict[str, Any], **given: Any) -> None:
        configuration = pretrained_cfg | source
        if "state_dict" in source:
            configuration["num_classes"] = classes_of(source["state_dict"], pretrained_cfg)
        elif not hasattr(model, "load_pretrained"):
            raise WeightsError(f"model {name} cannot be read from an .npz file, {path}; {REMEDY}")
        fresh = {f"{part}." for part in parts(configuration, "classifier")}
        if given.get("in_chans") != configuration["input_size"][0]:
            fresh |= {f"{part}." for part in parts(configuration, "first_conv")}
        if not given.get("strict", True):
            fresh = {""}
        register: Any = model.register_load_state_dict_post_hook
        hook = register(refuse_misfits(name, path, tuple(fresh)))
        try:
            load(model, pretrained_cfg=configuration, **given)
        except WeightsError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise WeightsError(
                f"the weights file {path} is corrupt or not of model {name}: {reason}; {REMEDY}"
            ) from error
        finally:
            hook.remove()
        loaded.append(model)

    builder.load_pretrained = load_checked
    try:
        yield loaded
    finally:
        builder.load_pretrained = load


def parts(configuration: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """The submodules that a field of timm's configuration names: none, one or several."""
    named = configuration.get(field) or ()
    return (named,) if isinstance(named, str) else tuple(named)


def classes_of(state: Mapping[str, Tensor], configuration: Mapping[str, Any]) -> int:
    """For how many classes the file's head is; timm looks at its configuration alone."""
    declared: int = configuration["num_classes"]
    for part in parts(configuration, "classifier"):
        weight = state.get(f"{part}.weight")
        if weight is not None and weight.ndim > 0:
            rows = weight.shape[0]
            # Some published heads have a background class, which timm takes off.
            return declared if rows == declared + (configuration.get("label_offset") or 0) else rows
    return declared


def refuse_misfits(
    name: str, path: Path, fresh: tuple[str, ...]
) -> Callable[[nn.Module, Any], None]:
    """A hook that refuses a file with tensors missing or too many, but for the fresh parts."""

    def refuse(module: nn.Module, incompatible: Any) -> None:
        misfits = {
            "missing": [n for n in incompatible.missing_keys if not n.startswith(fresh)],
            "unexpected": [n for n in incompatible.unexpected_keys if not n.startswith(fresh)],
        }
        if found := [f"{what}: {shortened(names)}" for what, names in misfits.items() if names]:
            raise WeightsError(
                f"the weights file {path} is not of model {name}: {'; '.join(found)}; {REMEDY}"
            )

    return refuse
