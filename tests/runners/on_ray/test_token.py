"""A cluster that was started with a token can be joined by whoever has it."""

import os
import subprocess
import sys

import pytest

ASK = "import os, runners.on_ray; print(os.environ.get('RAY_AUTH_MODE'))"


@pytest.fixture
def mode(tmp_path):
    """The mode in which a process joins a cluster, with these variables."""

    def of(**variables):
        inherited = {n: value for n, value in os.environ.items() if not n.startswith("RAY_")}
        cluster = {"HOME": str(tmp_path), "RAY_ADDRESS": "192.0.2.1:6379"}
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            env=inherited | cluster | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return of


def test_without_a_token_it_is_rays_own(mode):
    assert mode() == "None"


def test_the_token_that_ray_start_would_find_is_used(mode, tmp_path):
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    assert mode() == "token"
    assert mode(RAY_AUTH_MODE="disabled") == "disabled"


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_so_is_one_in_a_variable(mode, name):
    assert mode(**{name: "0" * 64}) == "token"
