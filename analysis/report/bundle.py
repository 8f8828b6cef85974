"""The JavaScript of the figures: Vega, Vega-Lite and Vega-Embed, taken from vl-convert offline."""

from functools import cache

import vl_convert


@cache
def vega_bundle() -> str:
    """One script that defines ``vegaEmbed``; the same text for the same version of vl-convert."""
    # It takes a second, and is the same for every report.
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
