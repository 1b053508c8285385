"""Optimal theta in plotly, against alpha and on the surface. A jump is a gap, a flat stretch a band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._status import Status
from ._axes import BLACK, GREEN, OPTIMUM, PURPLE, RUN, scalar_thetas, wanted
from ._interactive_style import ALPHA, VALUE, axis, ends, graph_objects, layout, number
from ._optimum import BAND, curve, window

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._optimum import OptimalTheta
    from .._outer_loop import OuterRun
    from ._axes import Points

_MARKS = {
    Status.AT_BOUND: ("at the bound", "triangle-up", PURPLE),
    Status.TIED: ("tied: one of several", "diamond", BLACK),
    Status.DEGENERATE: ("flatter than quadratic", "square", GREEN),
    Status.NOT_CONVERGED: ("not converged", "x", BLACK),
}

# A status that lasts is marked at about so many places along the curve.
_MOST_MARKS = 15

# Of the outer loop: status, name, symbol. The first two have arrived somewhere, the others have no place.
_RUN_MARKS = (
    (Status.OK, "outer loop: end", "circle"),
    (Status.NOT_CONVERGED, "outer loop: still moving", "circle-open"),
    (Status.DIVERGED, "outer loop: diverged", "x-thin-open"),
    (Status.NONFINITE, "outer loop: not finite", "cross-thin-open"),
)
_ARRIVED = (Status.OK, Status.NOT_CONVERGED)

# A band narrower than this share of the alpha axis could be overlooked.
_NARROWEST_BAND = 0.006

# More jumps than this are counted in the title, not listed.
_MOST_LISTED = 2

_FLAT = "every θ is optimal"
_POINT = "α = %{x:.6g}<br>θ = %{y:.6g}<br>" + VALUE + " = %{customdata[0]:.5g}<br>%{customdata[1]}<extra></extra>"


def optimal_theta(optimum: OptimalTheta, *, run: OuterRun | None = None) -> Figure:
    """The global minimiser of the meta-loss against alpha.

    A jump is a gap with both ends marked, filled before and open after it. Where every theta is optimal there is
    a band. AT_BOUND, TIED, DEGENERATE (its accuracy as a bar) and NOT_CONVERGED have marks; NONFINITE is left out.

    Args:
        optimum: what `mg.optimal_theta` returned.
        run: end points of an outer loop of one scalar parameter to lay over it; one that diverged or is not
            finite has a cross on the lower edge.

    Returns:
        A plotly figure.

    Raises:
        ValueError: the parameters of the run are not one scalar.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quartic().meta(), np.linspace(0, 0.9, 10), (-4.0, 4.0))
    >>> [trace.name for trace in optimal_theta(best).data]
    ['optimal θ*', 'jump', 'jump']
    """
    figure = graph_objects().Figure()
    jumps = wanted(optimum, "OptimalTheta").jumps
    finals = None if run is None else scalar_thetas(wanted(run, "OuterRun"))[0]
    seen = [np.asarray(a) for a in (optimum.thetas, jumps.thetas_before, jumps.thetas_after)]
    if run is not None and finals is not None:
        seen.append(finals[np.isin(np.asarray(run.status), _ARRIVED)])
    low, high = window(np.concatenate(seen), optimum.bounds)
    _add_bands(figure, optimum, (low, high))
    x, y, customdata = _curve(optimum)
    # A point between two gaps has no line.
    gap = np.pad(np.isnan(y), 1, constant_values=True)
    alone = ~gap[1:-1] & gap[:-2] & gap[2:]
    style = {
        "mode": "lines+markers",
        "line": {"color": OPTIMUM, "width": 3, "simplify": False},
        "marker": {"color": OPTIMUM, "size": np.where(alone, 8, 0), "line": {"width": 0}},
    }
    figure.add_scatter(x=x, y=y, customdata=customdata, name="optimal θ*", hovertemplate=_POINT, **style)
    _add_marks(figure, optimum)
    for end in _jump_ends(jumps):
        end["marker"] |= {"size": 11, "line": {"color": OPTIMUM, "width": 2.5}}
        figure.add_scatter(**end)
    if run is not None and finals is not None:
        _add_run(figure, run, finals, low + 0.015 * (high - low))
    place = {"x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"}
    figure.update_layout(
        layout(
            "Optimal θ for every α",
            _told(jumps),
            height=500,
            margin={"l": 62, "r": 18, "t": 86, "b": 100},
            xaxis=axis(ALPHA, ends(np.asarray(optimum.alphas))),
            yaxis=axis("optimal θ*" if run is None else "θ", [low, high]),
            showlegend=True,
            legend={"orientation": "h", "traceorder": "normal", **place},
            hovermode="closest",
        )
    )
    return figure


def add_optimum(figure: Figure, optimum: OptimalTheta, height: float) -> None:
    """Draw the optimum on a surface: the curve with its gaps, the ends of the jumps, flat alphas.

    Args:
        figure: a surface with its cross-sections.
        optimum: the curve.
        height: of the range in view. The curve floats a little above the surface, whose flat facets would swallow
            it here and there; the hover text tells the true value.
    """
    x, y, customdata = _curve(optimum)
    z = customdata[:, 0].astype(float)
    line = {"x": x, "y": y, "mode": "lines"}
    rim = {"color": "white", "width": 14}
    figure.add_scatter3d(**line, z=z + 0.006 * height, line=rim, name="", hoverinfo="skip", showlegend=False)
    figure.add_scatter3d(
        **line,
        z=z + 0.012 * height,
        customdata=customdata,
        name="optimal θ*",
        showlegend=True,
        line={"color": OPTIMUM, "width": 8},
        hovertemplate=_POINT,
    )
    for end in _jump_ends(optimum.jumps):
        end["marker"] |= {"size": 6, "line": {"color": OPTIMUM, "width": 2}}
        figure.add_scatter3d(**end | {"z": end["customdata"] + 0.03 * height, "showlegend": False})
    flat = np.asarray(optimum.status) == Status.FLAT
    if flat.any():
        alphas, values = (np.repeat(np.asarray(a)[flat], 3) for a in (optimum.alphas, optimum.values))
        figure.add_scatter3d(
            x=alphas,
            # From one bound to the other, NaN between one flat alpha and the next.
            y=np.tile([*map(float, optimum.bounds), np.nan], int(flat.sum())),
            z=values + 0.012 * height,
            customdata=values,
            name=_FLAT,
            showlegend=True,
            mode="lines",
            line={"color": OPTIMUM, "width": 6, "dash": "dot"},
            hovertemplate=f"α = %{{x:.6g}}<br>{_FLAT}<br>{VALUE} = %{{customdata:.5g}}<extra></extra>",
        )


def _curve(optimum: Any) -> tuple[Points, Points, Any]:
    """The curve with NaN at gaps; and value and status of each of its points, for the hover text."""
    x, y = curve(optimum)
    jumps = optimum.jumps
    alphas, values = (
        np.concatenate([np.asarray(a), np.asarray(b)])
        for a, b in ((optimum.alphas, jumps.alphas), (optimum.values, jumps.values))
    )
    names = [Status(int(code)).name for code in np.asarray(optimum.status)]
    names = np.array(names + ["jump"] * np.asarray(jumps.alphas).size, object)
    # Of a grid point and a jump at the same alpha only the jump is on the curve, and it comes last here.
    where = {float(alpha): i for i, alpha in enumerate(alphas)}
    index = [where[float(alpha)] for alpha in x]
    return x, y, np.stack([values[index].astype(object), names[index]], axis=1)


def _jump_ends(jumps: Any) -> list[dict[str, Any]]:
    """Two traces, the ends before the jumps and those after them; none where there is no jump."""
    at, values = np.asarray(jumps.alphas), np.asarray(jumps.values)
    if not at.size:
        return []
    text = "<br>α = %{x:.9g}<br>θ = %{y:.6g}<br>" + VALUE + " = %{customdata:.5g}<extra></extra>"
    return [
        {
            "x": at,
            "y": np.asarray(thetas),
            "customdata": values,
            "name": "jump",
            "legendgroup": "jump",
            "showlegend": side == "before",
            "mode": "markers",
            "marker": {"color": fill},
            "hovertemplate": f"jump, {side}{text}",
        }
        for side, thetas, fill in (("before", jumps.thetas_before, OPTIMUM), ("after", jumps.thetas_after, "white"))
    ]


def _add_bands(figure: Figure, optimum: Any, across: tuple[float, float]) -> None:
    """A band over each run of flat alphas, reaching halfway to its neighbours and wide enough to be seen."""
    alphas, values = np.asarray(optimum.alphas), np.asarray(optimum.values)
    flat = np.pad((np.asarray(optimum.status) == Status.FLAT).astype(int), 1)
    edges = np.concatenate([alphas[:1], (alphas[1:] + alphas[:-1]) / 2, alphas[-1:]])
    starts, stops = (np.flatnonzero(np.diff(flat) == step) for step in (1, -1))
    least = _NARROWEST_BAND * (ends(alphas)[1] - ends(alphas)[0])
    low, high = across
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        grow = max(0.0, least - float(edges[stop] - edges[start])) / 2
        left, right = float(edges[start]) - grow, float(edges[stop]) + grow
        which = number(alphas[start]) + (f" to {number(alphas[stop - 1])}" if stop - start > 1 else "")
        figure.add_scatter(
            x=[left, right, right, left, left],
            y=[low, low, high, high, low],
            name=_FLAT,
            legendgroup="flat",
            showlegend=i == 0,
            mode="lines",
            fill="toself",
            fillcolor=BAND,
            line={"width": 0, "color": BAND},
            hoveron="fills",
            hoverinfo="text",
            text=f"α = {which}: {_FLAT} (FLAT), {VALUE} = {number(values[start])}",
        )


def _add_marks(figure: Figure, optimum: Any) -> None:
    """A mark where the status is not OK, and for a flat minimum the accuracy of its position."""
    thetas, status = np.asarray(optimum.thetas), np.asarray(optimum.status)
    for kind, (name, symbol, color) in _MARKS.items():
        here = np.flatnonzero((status == kind) & np.isfinite(thetas))
        if not here.size:
            continue
        here = here[:: math.ceil(here.size / _MOST_MARKS)]
        bars = {"type": "data", "array": np.asarray(optimum.accuracies)[here], "color": color}
        figure.add_scatter(
            x=np.asarray(optimum.alphas)[here],
            y=thetas[here],
            customdata=[[value, kind.name] for value in np.asarray(optimum.values)[here].tolist()],
            name=name,
            mode="markers",
            marker={"symbol": symbol, "color": color, "size": 9},
            error_y=bars if kind == Status.DEGENERATE else None,
            hovertemplate=_POINT,
        )


def _add_run(figure: Figure, run: Any, finals: Points, edge: float) -> None:
    """End points of the outer loop; what is gone or not finite has a cross on the lower edge."""
    alphas, values, status = np.asarray(run.alphas), np.asarray(run.values), np.asarray(run.status)
    for kind, name, symbol in _RUN_MARKS:
        here = status == kind
        if not here.any():
            continue
        mark = {"symbol": symbol, "color": RUN, "size": 6}
        if kind in _ARRIVED:
            y, text = finals[here], _POINT
            customdata = [[value, f"outer loop: {kind.name}"] for value in values[here].tolist()]
        else:
            y, text = np.full(int(here.sum()), edge), f"α = %{{x:.6g}}<br>{kind.name} at step %{{customdata}}"
            text, customdata = text + "<extra></extra>", np.asarray(run.event_steps)[here]
            mark |= {"color": BLACK, "size": 8}
        figure.add_scatter(
            x=alphas[here],
            y=y,
            customdata=customdata,
            name=name,
            mode="markers",
            marker=mark,
            hovertemplate=text,
            cliponaxis=kind in _ARRIVED,
        )


def _told(jumps: Any) -> str:
    """The jumps in words: few readers hover before they know what to look for."""
    found = np.stack([np.asarray(a) for a in (jumps.alphas, jumps.thetas_before, jumps.thetas_after)], axis=1)
    if len(found) > _MOST_LISTED:
        return f"{len(found)} jumps, from α = {number(found[0, 0])} to {number(found[-1, 0])}"
    told = [f"at α = {a:.4f} (θ from {number(b)} to {number(c)})" for a, b, c in found.tolist()]
    return "Jump " + " and ".join(told) if told else ""
