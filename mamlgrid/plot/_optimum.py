"""Optimal theta against alpha: a jump is a gap, a flat stretch is a band, every other finding has its own marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._status import Status
from ._axes import (
    ALPHA_LABEL,
    BLACK,
    GREEN,
    OPTIMUM,
    OPTIMUM_LABEL,
    PURPLE,
    RUN,
    THETA_LABEL,
    THICK,
    axes,
    legend,
    rim,
    scalar_thetas,
    span,
    tidy,
    wanted,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._optimum import OptimalTheta
    from .._outer_loop import OuterRun
    from ._axes import Points

# Statuses whose theta lies on the curve; an unconverged one is not known.
_ON_CURVE = (Status.OK, Status.AT_BOUND, Status.DEGENERATE)

# A status that lasts is marked at about so many places along the curve.
_MOST_MARKS = 15

_MARKS: dict[Status, Any] = {
    Status.AT_BOUND: {"marker": "^", "color": PURPLE, "label": "at the bound"},
    Status.TIED: {"marker": "D", "color": BLACK, "label": "tied: one of several"},
    Status.DEGENERATE: {"marker": "s", "color": GREEN, "label": "flatter than quadratic"},
    Status.NOT_CONVERGED: {"marker": "x", "color": BLACK, "label": "not converged"},
}

# With more jumps than this the labels would cover each other; the marked ends remain.
_MOST_LABELLED_JUMPS = 4

# A band is a set of optima: pale orange, the curve's hue.
BAND = "#F5C28A"

FLAT_LABEL = r"every $\theta$ is optimal"


def optimal_theta(result: OptimalTheta, ax: Axes | None = None, *, run: OuterRun | None = None) -> Axes:
    r"""The global minimiser of the meta-loss against alpha.

    A jump is a gap whose ends are marked (filled before, open after); where every theta is optimal there is a band;
    AT_BOUND, TIED, DEGENERATE (with the accuracy as a bar) and NOT_CONVERGED have markers; NONFINITE is left out.

    Args:
        result: what `mg.optimal_theta` returned.
        ax: where to draw; a new figure when None.
        run: end points of an outer loop to lay over it.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quadratic().meta(), np.linspace(0, 2, 21), (-1.0, 2.0))
    >>> mg.plot.optimal_theta(best).get_ylabel()
    'optimal $\\theta^*$'
    """
    wanted(result, "OptimalTheta")
    ax = axes(ax)
    shown = draw_optimum(ax, result)
    if run is not None:
        ends, _ = scalar_thetas(wanted(run, "OuterRun"))
        arrived = np.isin(np.asarray(run.status), (Status.OK, Status.NOT_CONVERGED))
        draw_ends(ax, run, ends)
        shown = np.concatenate([shown, ends[arrived]])
    tidy(ax, ALPHA_LABEL, OPTIMUM_LABEL if run is None else THETA_LABEL)
    ax.set_ylim(window(shown, result.bounds))
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, least=2, outside=True)
    return ax


def curve(optimum: Any) -> tuple[Points, Points]:
    """The optimum as one line with NaN wherever it is not continuous; it reaches both ends of every jump."""
    alphas, thetas, status = (np.asarray(a) for a in (optimum.alphas, optimum.thetas, optimum.status))
    jumps = optimum.jumps
    at, before, after = (np.asarray(a) for a in (jumps.alphas, jumps.thetas_before, jumps.thetas_after))
    x = np.concatenate([alphas, at, at, at])
    y = np.concatenate([np.where(_on_curve(status), thetas, np.nan), before, np.full_like(at, np.nan), after])
    # At the alpha of a jump the order is: end of the branch, gap, start of the next; a grid point there adds nothing.
    rank = np.concatenate([np.full(alphas.size, 3), *(np.full(at.size, r) for r in (0, 1, 2))])
    keep = np.concatenate([~np.isin(alphas, at), np.ones(3 * at.size, bool)])
    order = np.lexsort((rank[keep], x[keep]))
    return x[keep][order], y[keep][order]


def _on_curve(status: Any) -> Any:
    """Which thetas are points of the curve. A tie at one alpha only is a point beside it, a lasting one is a branch."""
    tied = np.pad(status == Status.TIED, 1)
    return np.isin(status, _ON_CURVE) | (tied[1:-1] & (tied[:-2] | tied[2:]))


def draw_optimum(ax: Axes, optimum: OptimalTheta, *, on_colour: bool = False) -> Points:
    """Curve, jumps, bands and markers; returns the thetas that should be in view.

    Args:
        ax: where to draw.
        optimum: the curve.
        on_colour: draw with a pale rim, for a dark background.
    """
    alphas, thetas, status = (np.asarray(a) for a in (optimum.alphas, optimum.thetas, optimum.status))
    effects = rim(THICK) if on_colour else []
    edge = {"markeredgecolor": "white", "markeredgewidth": 0.8} if on_colour else {}
    x, y = curve(optimum)
    ax.plot(x, y, color=OPTIMUM, linewidth=THICK, label=OPTIMUM_LABEL, path_effects=effects, zorder=4)
    _draw_flat(ax, alphas, (status == Status.FLAT).astype(int))
    for kind, style in _MARKS.items():
        here = (status == kind) & np.isfinite(thetas)
        if not here.any():
            continue
        if kind == Status.DEGENERATE:
            bars = np.asarray(optimum.accuracies)[here]
            ax.errorbar(alphas[here], thetas[here], bars, color=style["color"], linestyle="none", zorder=4)
        every = 1 if kind == Status.NOT_CONVERGED else 1 + int(here.sum()) // _MOST_MARKS
        place: Any = {"linestyle": "none", "markersize": 5, "markevery": every, "zorder": 5}
        # A cross has no face: its edge is all there is, and keeps its colour.
        ax.plot(alphas[here], thetas[here], **place, **style, **(edge if style["marker"] != "x" else {}))
    _draw_jumps(ax, optimum, on_colour)
    jumps = optimum.jumps
    return np.concatenate([thetas, np.asarray(jumps.thetas_before), np.asarray(jumps.thetas_after)])


def draw_ends(ax: Axes, run: OuterRun, ends: Points, some: Any = slice(None), *, on_colour: bool = False) -> None:
    """End points of the outer loop; a run that is gone or not finite has a cross on the lower edge of the picture.

    Args:
        ax: where to draw.
        run: the outer loop.
        ends: `[alphas]`, its final thetas.
        some: which alphas.
        on_colour: draw with a pale rim, for a dark background.
    """
    alphas, status, ends = np.asarray(run.alphas)[some], np.asarray(run.status)[some], ends[some]
    for kind, fill, name in (
        (Status.OK, RUN, "end"),
        (Status.NOT_CONVERGED, "white", "still moving"),
    ):
        here = status == kind
        if here.any():
            style: Any = {
                "markerfacecolor": fill,
                "markeredgecolor": "white" if on_colour and fill == RUN else RUN,
            }
            size = 6 if on_colour else 4
            ax.plot(alphas[here], ends[here], "o", markersize=size, label=name, zorder=6, **style)
    for kind, marker, name in (
        (Status.DIVERGED, "x", "diverged"),
        (Status.NONFINITE, "+", "not finite"),
    ):
        here = status == kind
        if here.any():
            style = {"color": BLACK, "linestyle": "none", "markersize": 5, "clip_on": False, "zorder": 6}
            edge = np.zeros(int(here.sum()))
            ax.plot(alphas[here], edge, marker=marker, label=name, transform=ax.get_xaxis_transform(), **style)


def window(thetas: Points, bounds: Any) -> tuple[float, float]:
    """The interval of theta to show: what is finite, with a margin; all of `bounds` around a constant.

    Without the second part a curve that is constant but for rounding would be magnified until rounding shows.
    """
    low, high = (float(b) for b in bounds)
    finite = thetas[np.isfinite(thetas)]
    if not finite.size or np.ptp(finite) < 0.02 * (high - low):
        return low, high
    margin = 0.07 * float(np.ptp(finite))
    return float(finite.min()) - margin, float(finite.max()) + margin


def _draw_flat(ax: Axes, alphas: Points, flat: Any) -> None:
    """A band over each run of flat alphas, reaching halfway to its neighbours and wide enough to be seen."""
    edges = np.concatenate([alphas[:1], (alphas[1:] + alphas[:-1]) / 2, alphas[-1:]])
    starts, stops = (np.flatnonzero(np.diff(np.concatenate([[0], flat, [0]])) == s) for s in (1, -1))
    least = 0.01 * float(np.ptp(alphas)) if alphas.size > 1 else 0.1
    for i, (low, high) in enumerate(zip(edges[starts], edges[stops], strict=True)):
        grow = max(0.0, least - float(high - low)) / 2
        name: Any = {"label": FLAT_LABEL} if i == 0 else {}
        ax.axvspan(low - grow, high + grow, color=BAND, linewidth=0, alpha=0.7, zorder=3, **name)


# The optimum's colour, darkened until small text on white can be read (contrast 7:1).
_DARK = "#8A3A00"


def _draw_jumps(ax: Axes, optimum: OptimalTheta, on_colour: bool) -> None:
    jumps = optimum.jumps
    at, before, after = (np.asarray(a) for a in (jumps.alphas, jumps.thetas_before, jumps.thetas_after))
    if not at.size:
        return
    style = {"color": OPTIMUM, "linestyle": "none", "marker": "o", "markersize": 6, "zorder": 7}
    ax.plot(at, before, markeredgecolor="white" if on_colour else OPTIMUM, **style)
    ax.plot(at, after, markerfacecolor="white", markeredgewidth=1.5, **style)
    if at.size > _MOST_LABELLED_JUMPS:
        return
    low, high = span(np.asarray(optimum.alphas))
    for alpha, start, end in zip(at, before, after, strict=True):
        # The curve comes from the left to `start` and goes on to the right from `end`: the other two sides are free.
        left = alpha > (low + high) / 2
        ax.annotate(
            rf"jump at $\alpha = {alpha:.4g}$",
            (alpha, end if left else start),
            xytext=(-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize="small",
            color="white" if on_colour else _DARK,
            path_effects=rim(0, "0.2") if on_colour else None,
            zorder=7,
        )
