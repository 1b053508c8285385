"""What the interactive figures share: plotly at the door, words, layout, sliders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._axes import number

if TYPE_CHECKING:
    from .._base.types import Numbers

# Unicode, not LaTeX: MathJax would have to be fetched, and these pages open offline.
ALPHA, THETA = "inner step size α", "initial parameter θ"
VALUE = "meta-loss L<sub>M</sub>"
FIELDS = {
    "values": VALUE,
    "grads": "gradient ∂L<sub>M</sub>/∂θ",
    "curvatures": "curvature ∂²L<sub>M</sub>/∂θ²",
}

# Lines differ in the dash as well as in colour.
DASHES = ("solid", "dash", "dot", "dashdot")

# Every step of a slider carries the curve it shows, so that it works without a kernel and without a script.
# More steps than this are closer together than a mouse can place them.
_MOST_STEPS = 61

_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
_INK, _PALE_INK, _FRAME = "#222222", "#555555", "#888888"
GRID_LINE = "#e4e4e4"

# Cells that are told apart by being dark.
SHADE = "#d9d9d9"

# What a page draws in its place for those who prefer dark colours: paper and ink change places, colours that mean
# something stay. The names are those of plotly's template too.
_DARK_PAPER = "#16181b"
INKS = {
    "white": _DARK_PAPER,
    "#ffffff": _DARK_PAPER,
    "#fafafa": "#1d2024",
    GRID_LINE: "#33383e",
    "#ebf0f8": "#33383e",
    "#dfe8f3": "#33383e",
    "#c8d4e3": "#33383e",
    "#000000": "#ffffff",
    _INK: "#e8e8e8",
    "#2a3f5f": "#e8e8e8",
    _PALE_INK: "#b0b0b0",
    _FRAME: "#80868c",
    SHADE: "#454b52",
}


# Below the axes; a page gives it room for as many rows as it needs.
LEGEND_BELOW = {
    "orientation": "h",
    "traceorder": "normal",
    **{"x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"},
}


def graph_objects() -> Any:
    """Where to find `Figure`, which brings plotly: imported when first used."""
    try:
        import plotly  # noqa: F401
    except ImportError as error:
        raise ImportError("interactive figures need plotly: pip install 'mamlgrid[interactive]'") from error
    from . import _interactive_figure

    return _interactive_figure


def layout(title: str, note: str = "", **more: Any) -> dict[str, Any]:
    """The layout every figure starts from: title and note on the left, nothing that needs the network."""
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"}
    subtitle = {"text": note, "font": {"size": 12.5, "color": _PALE_INK}}
    return {
        "template": "plotly_white",
        "title": {"text": title, "subtitle": subtitle, "font": {"size": 18}, "pad": {"t": 16}, **place},
        "font": {"family": _FONT, "size": 13, "color": _INK},
        "margin": {"l": 62, "r": 18, "t": 86, "b": 54},
        "hoverlabel": {"font": {"family": _FONT, "size": 13}, "align": "left"},
        "height": 460,
        **more,
    }


def axis(title: str, limits: list[float] | None, **more: Any) -> dict[str, Any]:
    """A two-dimensional axis with a line and a faint grid."""
    ticks = {"ticks": "outside", "tickcolor": _FRAME, "ticklen": 4}
    lines = {"showline": True, "linecolor": _FRAME, "gridcolor": GRID_LINE}
    zero = {"zeroline": False, "zerolinecolor": _PALE_INK, "zerolinewidth": 1.5}
    return {"title": {"text": title, "standoff": 8}, "range": limits, **ticks, **lines, **zero, **more}


def laid_out(figure: Any, words: Any, x: dict[str, Any], y: dict[str, Any], **more: Any) -> Any:
    """The figure with its axes, the legend below them; `words` are its title and a note, lines apart by <br>."""
    title, note = words
    # Below the axes there is room for a slider, where there is one, and for the legend.
    below = 160 if "sliders" in more else 100
    margin = {"l": 62, "r": 18, "t": 86 + 18 * note.count("<br>"), "b": below}
    axes = {"xaxis": x, "yaxis": y, "showlegend": True, "legend": LEGEND_BELOW, "hovermode": "closest"}
    figure.update_layout(layout(title, note, **{"height": 400 + below, "margin": margin, **axes, **more}))
    return figure


def ends(points: Numbers | tuple[float, float]) -> list[float]:
    """The range of an axis from its first to its last point; a little around a single one."""
    low, high = float(points[0]), float(points[-1])
    return [low, high] if high > low else [low - 0.5, low + 0.5]


def slider(points: Numbers, active: int, args: Callable[[int], list[Any]], place: dict[str, Any]) -> dict[str, Any]:
    """A slider over `points` whose steps call `Plotly.update`, so that it works without a kernel.

    Args:
        points: the coordinate that it moves along; evenly many of them get a step, the last always.
        active: the index it starts at, which has a step as well.
        args: index -> the arguments of `Plotly.update` that show it.
        place: position, length and looks.
    """
    indices = sorted({*range(0, points.size, math.ceil(points.size / _MOST_STEPS)), active, points.size - 1})
    # The label is for the eye; the value for the script of a page, which looks for the step nearest to the mouse.
    steps = [
        {"method": "update", "label": number(x), "value": repr(x), "args": args(i)}
        for i, x in zip(indices, points[indices].astype(float).tolist(), strict=True)
    ]
    look = {"bgcolor": "#dddddd", "bordercolor": "#999999", "borderwidth": 1, "activebgcolor": "#ffffff"}
    return {"steps": steps, "active": indices.index(active), "font": {"size": 12}, **look, **place}
