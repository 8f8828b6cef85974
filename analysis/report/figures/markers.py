"""Lines and marks for the page: shapes as SVG paths, dashes as lengths."""

from collections.abc import Mapping

from analysis.figures.parts.line_styles import Dashes, LineStyle

# Paths within a square from -1 to 1, by matplotlib's letters for the same shapes.
MARKER_PATHS: Mapping[str, str] = {
    "o": "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",
    "s": "M-.9,-.9H.9V.9H-.9Z",
    "D": "M0,-1.2L1.2,0L0,1.2L-1.2,0Z",
    "d": "M0,-1.2L.7,0L0,1.2L-.7,0Z",
    "^": "M0,-1.1L1.1,.9H-1.1Z",
    "v": "M0,1.1L1.1,-.9H-1.1Z",
    "<": "M-1.1,0L.9,-1.1V1.1Z",
    ">": "M1.1,0L-.9,-1.1V1.1Z",
    "P": "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    "p": "M0,-1.1L1.05,-.34L.65,.89H-.65L-1.05,-.34Z",
    "h": "M0,-1.1L.95,-.55V.55L0,1.1L-.95,.55V-.55Z",
    "*": "M0,-1.2L.29,-.4H1.14L.47,.15L.71,.97L0,.5L-.71,.97L-.47,.15L-1.14,-.4H-.29Z",
}
CROSS_PATH = "M-1,-1L1,1M-1,1L1,-1"
DASH_LENGTHS: Mapping[Dashes, tuple[int, ...]] = {
    "-": (1, 0),
    "--": (7, 3),
    ":": (2, 3),
    "-.": (7, 3, 2, 3),
}


def swatch(style: LineStyle) -> str:
    """The line with its mark, as a small picture for a key."""
    dashes = ",".join(map(str, DASH_LENGTHS[style.dashes]))
    return (
        '<svg class="swatch" viewBox="-12 -6 24 12" width="24" height="12" aria-hidden="true">'
        f'<path d="M-12,0H12" stroke="{style.colour}" stroke-width="2" '
        f'stroke-dasharray="{dashes}"/>'
        f'<path d="{MARKER_PATHS[style.marker]}" transform="scale(4.5)" fill="{style.colour}"/>'
        "</svg>"
    )
