"""The login is that which W&B would use, and a server that does not answer is told in time."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from findings_of_checks import FINE, WARNING

from runners.preflight import servers
from runners.preflight.wandb import account as wandb_account
from runners.preflight.wandb import server as wandb_server

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


@pytest.mark.parametrize(("mode", "message"), [("disabled", "disabled"), ("offline", "offline")])
def test_without_wandb_no_server_is_asked(mode, message, server):
    finding = wandb_server.wandb(mode)
    assert finding.level is FINE
    assert message in finding.found
    assert server.requests == []


def test_a_login_to_a_server_that_answers_is_fine(server, key):
    finding = wandb_server.wandb("auto")
    assert finding.level is FINE
    assert f"online: {server.url} answers" in finding.found
    assert key not in finding.sentence
    (sent,) = server.authorized
    assert sent.startswith("Basic ")


def test_a_server_that_never_answers_is_a_warning_in_time(silent, monkeypatch, key):
    monkeypatch.setenv("WANDB_BASE_URL", silent)
    monkeypatch.setenv("WANDB_API_KEY", key)
    started = time.monotonic()
    finding = wandb_server.wandb("online", 0.3)
    assert time.monotonic() - started < 60
    assert finding.level is WARNING
    assert f"{silent} does not answer" in finding.found
    assert "`adaloss-sweep sync` uploads them later" in finding.advice


@pytest.mark.parametrize(
    ("fault", "message"), [(401, "does not accept the login"), (500, "fails (status 500)")]
)
def test_a_server_that_refuses_is_a_warning(server, fault, message, key):
    server.fault = fault
    finding = wandb_server.wandb("auto")
    assert finding.level is WARNING
    assert message in finding.found
    assert key not in finding.sentence


def test_a_server_that_knows_nobody_refuses():
    login = wandb_account.Account(server="https://it", key="k", has_login=True)
    body = b'{"data": {"viewer": null}}'
    assert wandb_server.with_login(login, servers.Answer(status=200, body=body)).level is WARNING
    body = b'{"data": {"viewer": {"id": "x"}}}'
    assert wandb_server.with_login(login, servers.Answer(status=200, body=body)).level is FINE


def test_a_key_is_shown_nowhere(key):
    login = wandb_account.Account(server="https://it", key=key, has_login=True)
    assert key not in repr(login)
    assert "Basic" not in repr(wandb_server.question(login))


def test_a_wrong_address_is_a_warning(monkeypatch, key):
    monkeypatch.setenv("WANDB_BASE_URL", "nonsense")
    monkeypatch.setenv("WANDB_API_KEY", key)
    assert wandb_server.wandb("auto").level is WARNING


def test_online_without_a_login_is_a_warning(monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert wandb_server.wandb("auto").level is FINE
    finding = wandb_server.wandb("online")
    assert finding.level is WARNING
    assert "no login for http://127.0.0.1:9" in finding.found


KEYS = {
    "nothing": {},
    "a variable": {"variables": {"WANDB_API_KEY": "KEY"}},
    "netrc": {"netrc": "machine HOST login user password KEY"},
    "netrc of another server": {"netrc": "machine example.org login user password KEY"},
    "netrc, quoted, among others": {
        "netrc": "machine a login b password c\nmachine 'HOST'\n login user\n password 'KEY'\n"
    },
    "a damaged netrc": {"netrc": "machine HOST login 'user"},
    "the settings": {"settings": "[default]\napi_key = KEY\n"},
    "a server in the settings": {
        "settings": "[default]\nbase_url = http://127.0.0.1:9\n",
        "netrc": "machine 127.0.0.1:9 login user password KEY",
        "variables": {"WANDB_BASE_URL": None},
    },
    "wandb's own server": {
        "netrc": "machine api.wandb.ai login user password KEY",
        "variables": {"WANDB_BASE_URL": None},
    },
}


WANDBS_OWN = """
import json, os, sys
import wandb
from wandb.sdk.lib import wbauth
for line in sys.stdin:
    # The library remembers what it has found: each question is for a process of its own.
    if os.fork() == 0:
        task = json.loads(line)
        os.environ.clear()
        os.environ.update(task["environment"])
        os.chdir(task["folder"])
        url = str(wandb.setup().settings.base_url)
        found = wbauth.authenticate_session(host=url, source="", prompt=False)
        print(json.dumps([url, found is not None]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def wandbs_own_process():
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WANDBS_OWN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def wandbs_own_login(wandbs_own_process):
    """What the library itself finds here and now: the server, and whether there is a login."""

    def ask_the_library():
        task = {"environment": dict(os.environ), "folder": str(Path.cwd())}
        wandbs_own_process.stdin.write(json.dumps(task) + "\n")
        wandbs_own_process.stdin.flush()
        return tuple(json.loads(wandbs_own_process.stdout.readline()))

    return ask_the_library


@pytest.mark.parametrize("situation", KEYS)
def test_the_login_is_that_which_wandb_would_use(
    situation, tmp_path, monkeypatch, key, wandbs_own_login
):
    kept = KEYS[situation]
    host = "127.0.0.1:8"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://{host}")
    for name, value in kept.get("variables", {}).items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value.replace("KEY", key))
    folder = Path(os.environ["WANDB_CONFIG_DIR"])
    folder.mkdir(parents=True)
    (folder / "settings").write_text(kept.get("settings", "").replace("KEY", key))
    if "netrc" in kept:
        netrc = kept["netrc"].replace("KEY", key).replace("HOST", host)
        Path(os.environ["NETRC"]).write_text(netrc)
    server, known = wandbs_own_login()
    ours = wandb_account.account()
    assert (ours.server, ours.has_login) == (server, known)
    assert ours.key == (key if ours.has_login else None)
