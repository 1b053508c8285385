"""Draws a scene with plotly, against alpha and theta or on a surface; hover texts tell what each thing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._interactive_style import VALUE
from ._scene import counted, from_the_front
from ._view import reached

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from ._looks import LineLook, MarkLook
    from ._scene import Band, Curve, Marks, Scene

_VALUE = VALUE + " = %{customdata[0]:.5g}<br>%{customdata[1]}"
_PLACE = "θ = %{y:.6g}<br>" + _VALUE
_POINT = "α = %{x:.9g}<br>" + _PLACE + "<extra></extra>"
_ON_EDGE = "α = %{x:.6g}<br>%{customdata[1]}<extra></extra>"
_ON_CURVE = "α = %{x:.6g}<br>" + _PLACE + "<br>%{customdata[2]}<extra></extra>"

# How far above the surface lines and marks float, as shares of the height in view: its flat facets would swallow them
# here and there. The hover text tells the true value. Thin lines float over thick ones.
_RIM, _LINE, _PER_WIDTH, _MARK = 0.006, 0.02, 0.0015, 0.03


def add_scene(
    figure: Figure, scene: Scene, across: tuple[float, float], *, up: str | None = "θ", on_colour: bool = False
) -> None:
    """Add everything; each trace has its place in the scene as its `uid`.

    Args:
        figure: with alpha along x.
        scene: what to draw.
        across: from where to where bands reach.
        up: what is along y, for hover texts; None where it is the value itself.
        on_colour: lines with a pale rim, for a dark background.
    """
    known = Legend(figure)
    line = "" if up is None else f"{up} = %{{y:.6g}}<br>"
    point, on_curve = (text.replace("θ = %{y:.6g}<br>", line) for text in (_POINT, _ON_CURVE))
    edge = across[0] + 0.015 * (across[1] - across[0])
    curves = [
        {
            "x": curve.x[part],
            "y": curve.y[part],
            "customdata": _told(curve, part),
            "line": _line(look, 1.4) | {"simplify": False},
            **_dots(look, curve.alone[part] | (look.dash == "none")),
            "hovertemplate": on_curve,
            "uid": f"curve-{k}-{i}",
            **known.name(look.label),
        }
        for k, curve in enumerate(scene.curves)
        for i, (part, look) in enumerate(curve.pieces)
    ]
    marks = [
        {
            # What is there for its name alone needs a point all the same.
            "x": group.x if group.x.size else [None],
            "y": np.full(group.x.size, edge) if group.on_edge else group.y if group.x.size else [None],
            "customdata": _pairs(group),
            "mode": "markers",
            "marker": _mark(group.look),
            "error_y": _bars(group),
            "hovertemplate": _ON_EDGE if group.on_edge else point,
            "cliponaxis": not group.on_edge,
            "uid": f"marks-{k}",
            **known.name(group.look.label),
        }
        for k, group in enumerate(counted(scene.marks))
    ]
    bands = [
        _band(band, across, on_colour) | {"uid": f"band-{k}", **known.name(band.look.label)}
        for k, band in enumerate(scene.bands)
    ]
    # From the back to the front; of curves the first ones are in front.
    rims = [_rim(trace) for trace in curves if trace["line"]["width"]] if on_colour else []
    for trace in (*bands, *rims, *reversed(curves), *(marks[k] for k in reversed(from_the_front(scene.marks)))):
        figure.add_scatter(**trace)


def _rim(trace: dict[str, Any]) -> dict[str, Any]:
    """What lies under a line to set it off from the colours."""
    line = {"color": "white", "width": trace["line"]["width"] + 2.5}
    return {"x": trace["x"], "y": trace["y"], "mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False}


def _band(band: Band, across: tuple[float, float], on_colour: bool) -> dict[str, Any]:
    """A rectangle with one hover text."""
    look, (low, high) = band.look, across
    line: dict[str, Any] = {"width": 0, "color": look.color}
    face: dict[str, Any] = {"fillcolor": look.color, "opacity": look.opacity}
    if on_colour:
        # What is below is what the band is about.
        face, line = {"fillcolor": "rgba(0,0,0,0)"}, {"width": 2, "color": look.color, "dash": "dot"}
    elif look.hatched:
        face = {"fillpattern": {"shape": "/", "fgcolor": look.color, "bgcolor": "rgba(0,0,0,0)", "size": 7}}
    return {
        "x": [band.left, band.right, band.right, band.left, band.left],
        "y": [low, low, high, high, low],
        "mode": "lines",
        "fill": "toself",
        "line": line,
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": band.words,
        **face,
    }


def add_to_surface(figure: Any, scene: Scene, shown: tuple[float, float], *, at: float | None = None) -> None:
    """Add curves, marks and flat alphas to a surface, as far as it reaches.

    Args:
        figure: a surface with its cross-sections.
        scene: what to draw.
        shown: the heights in view.
        at: draw everything at this height instead of that of the surface.
    """
    known = Legend(figure)
    alphas, thetas, height = figure.data[0].x, figure.data[0].y, shown[1] - shown[0]

    def lifted(thing: Any, share: float) -> dict[str, Numbers]:
        on_it = thing.values if at is None else np.full(thing.y.size, float(at))
        sides = ((thing.x, alphas), (thing.y, thetas), (on_it, reached(*shown)))
        inside = np.all([(ends[0] <= along) & (along <= ends[-1]) for along, ends in sides], axis=0)
        z = on_it + share * height if at is None else on_it
        return {"x": thing.x, "y": np.where(inside, thing.y, np.nan), "z": z}

    for curve in scene.curves:
        for part, look in curve.pieces:
            line = {"mode": "lines", "line": _line(look, 3.6)}
            if look.dash == "none":
                line = {"mode": "markers", "marker": {"size": 2 * look.width, "color": look.color}}
            elif at is None:
                rim = {"mode": "lines", "line": {"color": "white", "width": 3.6 * look.width + 6}, "hoverinfo": "skip"}
                place = {axis: points[part] for axis, points in lifted(curve, _RIM).items()}
                figure.add_scatter3d(**place, **rim, name="", showlegend=False)
            figure.add_scatter3d(
                **{axis: points[part] for axis, points in lifted(curve, _LINE - _PER_WIDTH * look.width).items()},
                **line,
                customdata=_told(curve, part),
                hovertemplate=_ON_CURVE,
                **known.name(look.label),
            )
    for marks in scene.marks:
        place = lifted(marks, _MARK)
        if not np.isfinite(place["y"]).any():
            continue  # nor is it named
        figure.add_scatter3d(
            **place,
            customdata=_pairs(marks),
            mode="markers",
            marker=_mark(marks.look, in_space=True),
            error_y=_bars(marks),
            hovertemplate=_POINT,
            **known.name(marks.look.label),
        )
    for band in scene.bands:
        if band.x.size:
            x, values = np.repeat(band.x, 3), np.repeat(band.values, 3)
            figure.add_scatter3d(
                x=x,
                # From one bound to the other, NaN between one alpha and the next.
                y=np.tile([*scene.bounds, np.nan], band.x.size),
                z=values + _LINE * height,
                customdata=values,
                mode="lines",
                line={"color": band.look.color, "width": 6, "dash": "dot"},
                hovertemplate=f"α = %{{x:.6g}}<br>{band.look.label}<br>{VALUE} = %{{customdata:.5g}}<extra></extra>",
                **known.name(band.look.label),
            )


class Legend:
    """The names that a legend has already: what has the same name is one entry, and comes and goes together."""

    def __init__(self, figure: Any) -> None:
        self.names = [trace.name for trace in figure.data if trace.showlegend]

    def name(self, label: str) -> dict[str, Any]:
        """The arguments that name a trace; entries are in the order in which they were named."""
        if label in self.names or not label:
            return {"name": label, "legendgroup": label, "showlegend": False}
        self.names.append(label)
        return {"name": label, "legendgroup": label, "showlegend": True, "legendrank": 1000 + len(self.names)}


# In space, lines have no more than these dashes.
_DASHES = {"solid": "solid", "dash": "dash", "dot": "dot", "none": "solid"}


def _line(look: LineLook, scale: float) -> dict[str, Any]:
    width = 0 if look.dash == "none" else scale * look.width
    return {"color": look.color, "width": width, "dash": _DASHES[look.dash]}


def _dots(look: LineLook, where: Any) -> dict[str, Any]:
    """Dots where there is no line: at points between two gaps, or everywhere."""
    if not where.any():
        return {"mode": "lines"}
    size = np.where(where, 4 + look.width, 0)
    # Plotly makes dots of several sizes translucent unless it is told not to.
    return {
        "mode": "lines+markers",
        "marker": {"color": look.color, "size": size, "line": {"width": 0}, "opacity": 1},
    }


# The symbols there are in space are few.
_IN_SPACE = {f"triangle-{side}": "diamond" for side in ("left", "right", "up")} | {
    "star": "cross",
    "pentagon": "square",
}


def _mark(look: MarkLook, *, in_space: bool = False) -> dict[str, Any]:
    rim = {"color": "white" if look.filled else look.color, "width": 1 if look.filled else 2}
    if look.symbol.endswith("open"):
        rim = {"color": look.color, "width": 1.5}
    if not look.symbol:
        # A short piece of the bar, for the legend and for the mouse.
        rim = {"color": look.color, "width": look.size}
        return {"size": 6, "line": rim, "color": look.color, "symbol": "square" if in_space else "line-ns-open"}
    symbol, size = look.symbol, 1.6 * look.size
    if in_space:
        symbol, size = _IN_SPACE.get(symbol, symbol), 0.8 * look.size
    return {"symbol": symbol, "color": look.color if look.filled else "white", "size": size, "line": rim}


def _bars(marks: Marks) -> dict[str, Any] | None:
    if not marks.bars.size:
        return None
    thick = 2.0 if marks.look.symbol else marks.look.size
    return {"type": "data", "array": marks.bars, "color": marks.look.color, "thickness": thick, "width": 0}


def _told(curve: Curve, part: slice) -> Any:
    """Value, words and name of each point, for the hover text."""
    told = np.empty((curve.x[part].size, 3), object)
    told[:, 0], told[:, 1], told[:, 2] = curve.values[part], curve.words[part], curve.name
    return told


def _pairs(marks: Marks) -> list[list[Any]]:
    return [[value, words] for value, words in zip(marks.values.tolist(), marks.words, strict=True)]
