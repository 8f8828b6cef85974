"""The W&B server and its key, found where W&B's library looks, without importing the library.

The import takes a second, and the library's own login waits minutes for the server. A test compares
this module with the library.
"""

import netrc
import os
import re
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SERVER = re.compile(r'^DEFAULT_BASE_URL = "(.+)"', re.MULTILINE)
# The former host of W&B's own server: its logins are valid for the new host.
HOST_BEFORE = "api.wandb.ai"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A server with its key; ``has_login`` is also true for a login without a key."""

    server: str
    key: str | None = field(repr=False)
    has_login: bool


def account() -> Account:
    """The server and the login that W&B would use on this machine."""
    settings = settings_of_files()
    named = os.environ.get("WANDB_BASE_URL") or settings.get("base_url") or default_server()
    server = named.rstrip("/")
    key = os.environ.get("WANDB_API_KEY") or key_in_netrc(server) or settings.get("api_key")
    token = os.environ.get("WANDB_IDENTITY_TOKEN_FILE")
    return Account(server=server, key=key, has_login=bool(key or token))


def settings_of_files() -> dict[str, str]:
    """W&B's settings: the user's, overridden by those of the current folder."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    base = Path(os.environ.get("WANDB_DIR") or ".").expanduser()
    local = base / ".wandb" if (base / ".wandb").exists() else base / "wandb"
    found: dict[str, str] = {}
    for file in (folder / "settings", local / "settings"):
        reader = ConfigParser(interpolation=None)
        try:
            reader.read_string(file.read_text(encoding="utf-8"))
        except (OSError, Error, UnicodeError):
            continue
        found |= dict(reader["default"]) if "default" in reader else {}
    return found


@cache
def default_server() -> str:
    """The default server in the source of the installed library; empty without the library."""
    package = find_spec("wandb")
    if package is None or package.origin is None:
        return ""
    try:
        source = (Path(package.origin).parent / "sdk" / "lib" / "urls.py").read_text(
            encoding="utf-8"
        )
    except OSError:
        return ""
    named = DEFAULT_SERVER.search(source)
    return named[1] if named else ""


def key_in_netrc(server: str) -> str | None:
    """The key that ``wandb login`` stored."""
    hosts = [urlsplit(server).netloc]
    if server == default_server():
        hosts.append(HOST_BEFORE)
    try:
        entries = netrc.netrc(netrc_file())
    except (OSError, netrc.NetrcParseError, UnicodeError):
        return None
    found = (entries.authenticators(host) for host in hosts if host)
    return next((entry[2] for entry in found if entry and entry[2]), None)


def netrc_file() -> Path:
    """The file with the logins."""
    if named := os.environ.get("NETRC"):
        return Path(named).expanduser()
    usual, other = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    return other if other.exists() and not usual.exists() else usual
