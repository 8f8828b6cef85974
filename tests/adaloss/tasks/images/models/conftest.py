"""Models as trials build them, with the user's modules and without a network."""

import socket
import sys

import pytest
import torch

from adaloss.records.places import Places
from adaloss.tasks.images.models.build import build_model

# The user's functions of these tests.
USER_SOURCE = """
from torch import nn


def wide(channels, image_size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, 7), nn.ReLU(),
                         nn.Linear(7, classes))


def two_arguments(channels, classes):
    return nn.Linear(1, 1)


def no_module(channels, image_size, classes):
    return [channels, image_size, classes]


def stumbles(channels, image_size, classes):
    return len(3)


constant = 3
"""


@pytest.fixture
def build(make_trial, tmp_path):
    def build(
        *,
        channels=3,
        image_size=16,
        classes=10,
        weights_folder=tmp_path / "weights",
        own=(),
        **fields,
    ):
        return build_model(
            make_trial(**fields),
            channels=channels,
            image_size=image_size,
            classes=classes,
            places=Places(data_root=weights_folder.parent, own=own),
        )

    return build


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current directory, with a module of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_models.py").write_text(USER_SOURCE)
    yield tmp_path
    sys.modules.pop("my_models", None)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Empty caches, and an error as from a machine without a network."""
    from huggingface_hub import constants

    tries = []

    def unreachable(*args, **kwargs):
        tries.append(args)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    monkeypatch.setattr(socket, "create_connection", unreachable)
    return tries
