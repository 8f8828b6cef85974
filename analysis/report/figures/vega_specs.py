"""The figures as Vega-Lite specifications; the page's script adds the data."""

from collections.abc import Sequence

from analysis.report.figures.vega_parts import (
    INK,
    Spec,
    band_layers,
    banded,
    line_encoding,
    panel,
    row_axis,
    row_params,
    styled,
    text_layer,
    tooltip,
)
from analysis.report.subject import Subject

FEW_ROWS = 12
"""A heat map with more rows has no numbers in its cells."""
MOST_LABELS = 16
"""With more labels below a heat map, overlapping ones are omitted."""


def against_spec(subject: Subject, limits: tuple[float, float]) -> Spec:
    """Means against the rows' values, with their spread; a × in the band is worse."""
    x = row_axis(subject)
    at_top = subject.measure.about.goal == "minimize"
    scale = banded({"domain": list(limits), "nice": False, "zero": False})
    y: Spec = {"field": "mean", "type": "quantitative", "scale": scale, "title": None}
    tips = tooltip("cell", "value", "seeds_with_value", "values_of_the_seeds")
    named: Spec = {"description": {"field": "words"}, "tooltip": tips}
    colour = styled(subject)["color"]
    bar: Spec = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    return panel(
        "",
        260,
        [
            *band_layers("crosses", x, {"color": colour, **named}, subject.beyond),
            {
                "data": {"name": "means"},
                "mark": {"type": "line", "strokeWidth": 1.5, "aria": False},
                "encoding": {"x": x, "y": y, **line_encoding(subject)},
            },
            {
                "data": {"name": "spreads"},
                "mark": {"type": "rule", "aria": False},
                "encoding": bar,
            },
            {
                "data": {"name": "points"},
                "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1},
                "encoding": {"x": x, "y": y, **styled(subject), **named},
            },
        ],
        {**row_params(subject), "atTop": at_top, "hasBand": bool(subject.beyond)},
    )


def curves_spec(subject: Subject) -> Spec:
    """Seeds thin, means thick, a × in the band where one diverged; the script sets the scale."""
    x: Spec = {
        "field": "epoch",
        "type": "quantitative",
        "axis": {"title": subject.measure.epoch_word, "format": "d", "grid": False},
    }
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "scale": banded({}),
        "axis": {"title": None, "tickCount": 5},
    }
    lines = line_encoding(subject)
    colour = styled(subject)["color"]
    tips = tooltip("cell", "epoch", "mean", "seeds_with_value")
    ends: Spec = {
        "color": colour,
        "description": {"field": "words"},
        "tooltip": tooltip("cell", "seed", "diverged"),
    }
    thin: Spec = {"type": "line", "strokeWidth": 0.8, "opacity": 0.45, "aria": False}
    return panel(
        "",
        240,
        [
            *band_layers("ends", x, ends),
            {
                "data": {"name": "seeds"},
                "mark": thin,
                "encoding": {"x": x, "y": y, **lines, "detail": {"field": "curve"}},
            },
            {
                "data": {"name": "means"},
                "mark": {"type": "line", "strokeWidth": 2.5, "aria": False},
                "encoding": {"x": x, "y": y, **lines, "detail": {"field": "curve"}},
            },
            {
                "data": {"name": "means"},
                "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    **styled(subject),
                    "tooltip": tips,
                    "description": {"field": "words"},
                },
            },
        ],
        {"atTop": False, "hasBand": False},
    )


def heat_spec(subject: Subject, means: Sequence[float]) -> Spec:
    """Rows × columns coloured by the mean, N/A in words."""
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    rows = len(subject.row_texts)
    height = 28 * rows if rows <= FEW_ROWS else max(28 * FEW_ROWS, min(600, 14 * rows))
    axis: Spec = {"labelLimit": 150, "labelOverlap": True, "ticks": False, "domain": False}
    x: Spec = {
        "field": "line",
        "type": "ordinal",
        "axis": {
            **axis,
            "title": None,
            "labelAngle": -30,
            "labelExpr": "lineTexts[datum.value]",
            "labelOverlap": len(subject.line_labels) > MOST_LABELS,
        },
    }
    y: Spec = {
        "field": "row",
        "type": "ordinal",
        "scale": {"domain": list(range(rows))},
        "axis": {**axis, "title": subject.row_name, "labelExpr": "rowTexts[datum.value]"},
    }
    scale: Spec = {"domain": [low, high], "scheme": "viridis"}
    legend: Spec = {"orient": "bottom", "gradientLength": 160, "title": None}
    colour: Spec = {"field": "mean", "type": "quantitative", "scale": scale, "legend": legend}
    named: Spec = {
        "description": {"field": "words"},
        "tooltip": tooltip("cell", "value", "seeds_with_value"),
    }
    layers: list[Spec] = [
        {
            "data": {"name": "valued"},
            "mark": {"type": "rect"},
            "encoding": {"x": x, "y": y, "color": colour, **named},
        },
        {
            "data": {"name": "valueless"},
            "mark": {"type": "rect", "color": "#efefef"},
            "encoding": {"x": x, "y": y, **named},
        },
    ]
    if height >= 12 * rows:
        layers.append(text_layer("valueless", "short", INK, x, y))
    if rows <= FEW_ROWS:
        # Black or white, whichever has more contrast with this colour.
        ink = "luminance(scale('color', datum.mean)) > 0.179 ? 'black' : 'white'"
        layers.append(text_layer("valued", "short", {"expr": ink}, x, y))
    params = row_params(subject) | {"lineTexts": list(subject.line_labels)}
    return panel("", height, layers, params)
