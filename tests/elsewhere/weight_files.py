"""Weights in files, and timm's small models that start from them."""

import torch
from safetensors.torch import save_file

VIT = "test_vit"
RESNET = "test_resnet"


def saved(state, path):
    """Save the state in the format of the path's suffix."""
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def differing(module, state):
    """The names of the module's tensors that are not the state's."""
    own = module.state_dict()
    assert own.keys() == state.keys()
    return {name for name in own if not torch.equal(own[name], state[name])}
