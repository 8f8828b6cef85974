"""The JavaScript of the figures: Vega, Vega-Lite and Vega-Embed, taken from vl-convert offline."""

import contextlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from adaloss.places import scripts_folder
from adaloss.store import replacing


@cache
def vega_bundle() -> str:
    """One script that defines ``vegaEmbed``; the same text for the same version of vl-convert.

    Bundling takes a second or two, so the script is kept in the user's cache.
    """
    kept = scripts_folder() / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_bytes().decode()
    except (OSError, UnicodeError):
        script = bundled()
    # Without a cache that can be written the report is as good, only later.
    with contextlib.suppress(OSError):
        keep(script, kept)
    return script


def bundled() -> str:
    """The script from vl-convert."""
    # A third of a second to import, and not needed where the script is kept.
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def keep(script: str, path: Path) -> None:
    """Write the script whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=False) as temporary:
        temporary.write_text(script, encoding="utf-8", newline="")
