"""Load a file of weights into a built-in or user's model, without missing or extra tensors."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from adaloss.errors import WeightsError
from adaloss.tasks.images.models.state_file import read_state

NAMES_SHOWN = 4


def load_own_weights(model: str, module: nn.Module, path: Path, classes: int) -> None:
    """Load the file into the module, which keeps its random head if the classes differ.

    Raises:
        WeightsError: the file cannot be read, or its tensors do not match the model.
    """
    if path.suffix == ".npz":
        raise WeightsError(
            f"model {model} cannot start from {path}: .npz files are for models of timm; save "
            "model.state_dict() with torch.save or safetensors"
        )
    state = read_state(path)
    own: Mapping[str, Tensor] = module.state_dict()
    heads = {name for name in own if name in state and is_head(own[name], state[name], classes)}
    misfits = {
        # Old checkpoints lack the batch counters of batch norms.
        "missing": [n for n in own if n not in state and not n.endswith("num_batches_tracked")],
        "unexpected": [name for name in state if name not in own],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
            for name in own
            if name in state and name not in heads and own[name].shape != state[name].shape
        ],
    }
    if found := [f"{what}: {shortened(names)}" for what, names in misfits.items() if names]:
        raise WeightsError(
            f"the weights file {path} does not match model {model} for these images: "
            f"{'; '.join(found)}; name a file of this model (only its head may have another "
            "number of classes), or write pretrained: false"
        )
    module.load_state_dict({n: t for n, t in state.items() if n not in heads}, strict=False)


def is_head(own: Tensor, other: Tensor, classes: int) -> bool:
    """Whether the tensors differ only in the number of classes, their first dimension."""
    return (
        own.ndim > 0
        and own.ndim == other.ndim
        and own.shape[0] == classes != other.shape[0]
        and own.shape[1:] == other.shape[1:]
    )


def shortened(names: list[str]) -> str:
    """The first few names and how many more there are."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
