"""The JavaScript of the figures: Vega, Vega-Lite and Vega-Embed, taken from vl-convert offline."""

import contextlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from adaloss.records.places import scripts_folder
from adaloss.records.writing import replacing

END = "\n// end\n"


@cache
def vega_bundle() -> str:
    """One script that defines ``vegaEmbed``; the same text for the same version of vl-convert.

    Bundling takes a second or two, so the script is kept in the user's cache.
    """
    kept = scripts_folder() / f"vega-{version('vl-convert-python')}.js"
    with contextlib.suppress(OSError, UnicodeError):
        script = kept.read_bytes().decode()
        # A power cut may have left an empty file.
        if script.endswith(END):
            return script
    script = bundled() + END
    # Without a writable cache the script is only bundled again.
    with contextlib.suppress(OSError):
        keep(script, kept)
    return script


def bundled() -> str:
    """The script from vl-convert."""
    # The import takes a third of a second, and is not needed if the script is cached.
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def keep(script: str, path: Path) -> None:
    """Write the script atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=True) as temporary:
        temporary.write_text(script, encoding="utf-8", newline="")
