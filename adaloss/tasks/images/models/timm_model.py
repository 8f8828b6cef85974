"""Models of timm, with weights from a file, which timm adapts in its usual way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
from timm.models import _builder, get_pretrained_cfg
from torch import Tensor, nn

from adaloss.errors import WeightsError
from adaloss.tasks.failures import lacks_memory
from adaloss.tasks.images.models.own_weights import shortened
from adaloss.tasks.images.models.state_file import read_state

REMEDY = "write the path of a file of this model as pretrained: PATH, or pretrained: false"


def build_timm_model(
    name: str, *, channels: int, image_size: int, classes: int, weights: Path | None
) -> nn.Module:
    """Build a model of timm with random weights or those of the file.

    timm adapts the weights of the file to the channels and the image size, and replaces the head if
    the number of classes differs.

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
    """The entries of timm's configuration that select this weights file."""
    if path.suffix != ".npz":
        return {"state_dict": read_state(path), "custom_load": False}
    if not path.is_file():
        raise WeightsError(f"the weights file {path} is missing; check the path")
    return {"file": str(path), "custom_load": True}


@contextmanager
def loading_from(name: str, path: Path, source: dict[str, Any]) -> Iterator[list[nn.Module]]:
    """Have timm load from the source inside the block; yield the list of modules that it loaded.

    timm does not report which tensors a file lacks: with a new head it accepts the file of another
    model and leaves all weights random.
    """
    loaded: list[nn.Module] = []
    builder: Any = _builder
    load = builder.load_pretrained

    def load_checked(model: nn.Module, pretrained_cfg: dict[str, Any], **options: Any) -> None:
        configuration = pretrained_cfg | source
        if "state_dict" in source:
            configuration["num_classes"] = classes_of(source["state_dict"], pretrained_cfg)
        elif not hasattr(model, "load_pretrained"):
            raise WeightsError(f"model {name} cannot be read from an .npz file, {path}; {REMEDY}")
        fresh = {f"{part}." for part in parts(configuration, "classifier")}
        if options.get("in_chans") != configuration["input_size"][0]:
            fresh |= {f"{part}." for part in parts(configuration, "first_conv")}
        if not options.get("strict", True):
            fresh = {""}
        register: Any = model.register_load_state_dict_post_hook
        hook = register(refuse_misfits(name, path, tuple(fresh)))
        try:
            load(model, pretrained_cfg=configuration, **options)
        except WeightsError:
            raise
        except Exception as error:
            if lacks_memory(error):
                raise
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
    """The submodules listed in a field of timm's configuration: none, one or several."""
    named = configuration.get(field) or ()
    return (named,) if isinstance(named, str) else tuple(named)


def classes_of(state: Mapping[str, Tensor], configuration: Mapping[str, Any]) -> int:
    """The number of classes of the file's head; timm only looks at its configuration."""
    declared: int = configuration["num_classes"]
    for part in parts(configuration, "classifier"):
        weight = state.get(f"{part}.weight")
        if weight is not None and weight.ndim > 0:
            rows = weight.shape[0]
            # Some published heads have a background class, which timm removes.
            return declared if rows == declared + (configuration.get("label_offset") or 0) else rows
    return declared


def refuse_misfits(
    name: str, path: Path, fresh: tuple[str, ...]
) -> Callable[[nn.Module, Any], None]:
    """A hook that refuses a file with missing or unexpected tensors outside the fresh parts."""

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
