"""Pieces of the figures' Vega-Lite specifications that several figures share."""

from collections.abc import Sequence

from analysis.figures.parts.line_styles import BAND_COLOUR, BAND_LABEL
from analysis.report.figures.data import JsonValue
from analysis.report.figures.markers import CROSS_PATH, DASH_LENGTHS, MARKER_PATHS
from analysis.report.subject import Subject

Spec = dict[str, JsonValue]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""The identifier of the language; nothing is downloaded from there."""
BAND = 24
"""The height in pixels of the band of diverged cells."""
INK, QUIET, GRID = "#1a1a1a", "#595959", "#e4e4e4"
CONFIG: Spec = {
    "font": "system-ui, sans-serif",
    "background": "transparent",
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": QUIET,
        "tickColor": QUIET,
    },
    "view": {"stroke": None},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
}
ROW_TEXT = "rowTexts[indexof(rowNumbers, datum.value)]"


def panel(description: str, height: JsonValue, layers: Sequence[Spec], params: Spec) -> Spec:
    """The settings of all panels."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": CONFIG,
        "params": [{"name": name, "value": value} for name, value in params.items()],
        "layer": list(layers),
    }


def styled(subject: Subject) -> Spec:
    """Colour and shape by the number of the line, always the same."""
    numbers: JsonValue = list(range(len(subject.styles)))
    colours: JsonValue = [style.colour for style in subject.styles]
    shapes: JsonValue = [MARKER_PATHS[style.marker] for style in subject.styles]
    return {
        "color": channel("line", numbers, colours),
        "shape": channel("line", numbers, shapes),
    }


def channel(field: str, domain: JsonValue, values: JsonValue) -> Spec:
    """An encoding of a number by a list of values, without a legend: the page has its own key."""
    scale: Spec = {"domain": domain, "range": values}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def line_encoding(subject: Subject) -> Spec:
    """Colour and dashes of a line."""
    numbers: JsonValue = list(range(len(subject.styles)))
    dashes: JsonValue = [list(DASH_LENGTHS[style.dashes]) for style in subject.styles]
    return {
        "color": styled(subject)["color"],
        "strokeDash": channel("line", numbers, dashes),
    }


def tooltip(*fields: str) -> JsonValue:
    """The tooltip, with the same names as the tables."""
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]


def row_axis(subject: Subject) -> Spec:
    """The axis of the rows' values: a tick at each, with the text of the tables."""
    low, high = subject.rows.limits
    linear: Spec = {"type": "linear", "zero": False}
    scale: Spec = {"type": "log"} if subject.rows.logarithmic else linear
    return {
        "field": "x",
        "type": "quantitative",
        "scale": {**scale, "domain": [low, high], "nice": False},
        "axis": {
            "title": subject.row_name,
            "description": f"{subject.row_name}: {', '.join(subject.row_texts)}",
            "values": list(subject.rows.numbers),
            "labelExpr": ROW_TEXT,
            "labelOverlap": "greedy",
            "labelSeparation": 8,
            "grid": False,
        },
    }


def banded(scale: Spec) -> Spec:
    """A scale of y that leaves space for the band, at the top or at the bottom."""
    low: Spec = {"expr": f"atTop ? height : height - {BAND} * hasBand"}
    high: Spec = {"expr": f"atTop ? {BAND} * hasBand : 0"}
    return {**scale, "range": [low, high]}


def band_layers(data: str, x: Spec, encoding: Spec, label: str = BAND_LABEL) -> list[Spec]:
    """The band of cells worse than any number, with its name and marks; empty without any."""
    top: Spec = {"expr": f"atTop ? 0 : height - {BAND}"}
    bottom: Spec = {"expr": f"atTop ? {BAND} : height"}
    middle: Spec = {"expr": f"atTop ? {BAND / 2} : height - {BAND / 2}"}
    shown: Spec = {"data": {"values": [{}]}}
    strip: Spec = {
        "type": "rect",
        "x": 0,
        "x2": {"expr": "width"},
        "y": top,
        "y2": bottom,
        "color": BAND_COLOUR,
        "opacity": {"expr": "hasBand ? 1 : 0"},
        "aria": False,
    }
    name: Spec = {
        "type": "text",
        "text": label.replace(" or ", "\nor ").split("\n"),
        "x": -12,
        "y": middle,
        "align": "right",
        "baseline": "middle",
        "fontSize": 12,
        "color": INK,
        "opacity": {"expr": "hasBand ? 1 : 0"},
        "aria": False,
    }
    mark: Spec = {"type": "point", "shape": CROSS_PATH, "size": 90, "strokeWidth": 2, "opacity": 1}
    crosses: Spec = {
        "data": {"name": data},
        "mark": mark,
        "encoding": {"x": x, "y": {"value": middle}, **encoding},
    }
    return [{**shown, "mark": strip}, {**shown, "mark": name}, crosses]


def row_params(subject: Subject) -> Spec:
    """The label of the axis of the rows' values."""
    return {"rowNumbers": list(subject.rows.numbers), "rowTexts": list(subject.row_texts)}


def text_layer(data: str, field: str, colour: JsonValue, x: Spec, y: Spec) -> Spec:
    """Words in the cells of a heat map."""
    mark: Spec = {"type": "text", "fontSize": 11, "color": colour, "aria": False}
    return {
        "data": {"name": data},
        "mark": mark,
        "encoding": {"x": x, "y": y, "text": {"field": field}},
    }
