"""What the interactive figures share: plotly at the door, words, the range shown, layout, sliders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._axes import number

if TYPE_CHECKING:
    from .._base.types import Numbers

# Unicode, not LaTeX: MathJax would have to be fetched, and these pages open offline.
ALPHA, THETA = "inner step size α", "initial parameter θ"
VALUE, GRADIENT = "meta-loss L<sub>M</sub>", "gradient ∂L<sub>M</sub>/∂θ"

# Every step of a slider carries the curve it shows, so that it works without a kernel and without a script.
# More steps than this are closer together than a mouse can place them.
_MOST_STEPS = 61

# Half of the values lie within `middle` of the floor (of zero, for a gradient). Ten times that (five times for a
# gradient, which one looks at where it is zero) still shows hills well above the valleys. What is up to five
# times higher again is worth its room; what is beyond is cut.
_REACH, _REACH_SIGNED, _TOLERATED = 10.0, 5.0, 5.0

_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
_INK, _PALE_INK, _FRAME = "#222222", "#555555", "#888888"
GRID_LINE = "#e4e4e4"


def graph_objects() -> Any:
    """`plotly.graph_objects`, imported when first used."""
    try:
        import plotly.graph_objects
    except ImportError as error:
        raise ImportError("interactive figures need plotly: pip install 'mamlgrid[interactive]'") from error
    return plotly.graph_objects


class Shown(NamedTuple):
    """The part of the values that a figure shows.

    Attributes:
        low: the lowest value shown.
        high: the highest value shown.
        note: one sentence on what was cut off, or "".
    """

    low: float
    high: float
    note: str

    def padded(self) -> list[float]:
        """The range of an axis that draws lines: a little room above and below."""
        room = 0.04 * (self.high - self.low)
        return [self.low - room, self.high + room]


def shown(values: Numbers, *, signed: bool = False, by_row: bool = False) -> Shown:
    """The range worth showing: all of it, unless a few values would press the others flat.

    Args:
        values: any shape; what is not finite does not count.
        signed: measure from zero to both sides, instead of up from the lowest value.
        by_row: the first axis is shown one index at a time: the range must do for the highest of them.

    >>> shown(np.array([0.0, 0.5, 1.0, 1.5, 1e6]))
    Shown(low=0.0, high=10.0, note='Cut off: values above 10 (highest 1e+06).')
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    if not finite.any():
        return Shown(0.0, 1.0, "No value is finite.")
    lowest, highest = float(values[finite].min()), float(values[finite].max())
    floor = 0.0 if signed else lowest
    distances = np.abs(values - floor, where=finite, out=np.full(values.shape, np.nan))
    parts = distances.reshape(len(values), -1) if by_row else [distances]
    middle = max(float(np.nanmedian(part)) for part in parts if not np.isnan(part).all())
    reach = (_REACH_SIGNED if signed else _REACH) * middle
    above, below = (
        far if far <= _TOLERATED * reach or reach == 0 else reach for far in (highest - floor, floor - lowest)
    )
    low, high = floor - below, floor + above
    cut = [f"above {number(high)} (highest {number(highest)})"] if highest > high else []
    cut += [f"below {number(low)} (lowest {number(lowest)})"] if lowest < low else []
    note = f"Cut off: values {' and '.join(cut)}." if cut else ""
    return Shown(low, high, note) if high > low else Shown(low - 0.5, high + 0.5, note)


def colorscale(name: str, signed: bool) -> list[tuple[float, Any]]:
    """A colour scale of plotly with its colours drawn together towards zero, or towards the low end.

    A colour at distance d (a share of the range) goes to d^2: what matters lies in the valleys, and a gradient
    should show its sign near zero. The colour bar shows it as it is.
    """
    from plotly.colors import sample_colorscale

    places = np.linspace(0, 1, 33)
    colors = sample_colorscale(name, places.tolist())
    parts = 2 * places - 1 if signed else places
    squared = np.sign(parts) * parts**2
    return list(zip(((squared + 1) / 2 if signed else squared).tolist(), colors, strict=True))


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


def axis(title: str, limits: list[float], **more: Any) -> dict[str, Any]:
    """A two-dimensional axis with a line and a faint grid."""
    ticks = {"ticks": "outside", "tickcolor": _FRAME, "ticklen": 4}
    lines = {"showline": True, "linecolor": _FRAME, "gridcolor": GRID_LINE}
    zero = {"zeroline": False, "zerolinecolor": _PALE_INK, "zerolinewidth": 1.5}
    return {"title": {"text": title, "standoff": 8}, "range": limits, **ticks, **lines, **zero, **more}


def ends(points: Numbers) -> list[float]:
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
