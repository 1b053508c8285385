"""Algorithms beside each other: their fixed points, what these cost, and where an algorithm climbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, CYCLE, THETA_LABEL, THICK, axes, legend, span, tidy, wanted, window
from ._draw import draw, line_style
from ._looks import LineLook, confirmed
from ._scene import Curve, Marks, Piece, Scene, limits
from ._scene_diagram import point_marks
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers
    from .._stationary.compare import Comparison

_ATTRACTING = LineLook("attracting", "", THICK, "none")
_REPELLING = LineLook("repelling", "", 0.3, "none")

# Regrets below this share of the largest are rounding: on a logarithmic axis they would be all there is to see.
_LEAST_REGRET = 1e-12


def fixed_points(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""The fixed points of all algorithms against alpha, over the optimum of the reference.

    Attracting ones are large dots, repelling ones small: what was found at each alpha, not joined up. The curves of one
    algorithm are in the `bifurcation_diagram` of its meta-loss. Open circles are limits from one side of a jump; hollow
    grey ones are not zeros of the direction, or not settled.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quadratic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 2, 8), (-1.0, 2.0))
    >>> mg.plot.fixed_points(both).get_ylabel()
    'fixed point $\\theta$'
    """
    best = _optimum(wanted(result, "Comparison"), "0.8")
    ax = axes(ax)
    draw(ax, best)
    scene = _points(result, result.fixed_points)._replace(marks=_marks(result))
    draw(ax, scene)
    _name_repelling(ax, scene)
    tidy(ax, ALPHA_LABEL, r"fixed point $\theta$")
    # What attracts is what a reader looks for; a repelling point far away would squeeze it.
    stable = np.asarray(result.fixed_points)[np.asarray(result.attracting)]
    ax.set_ylim(window(np.concatenate([stable, best.thetas]), scene.bounds))
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def regrets(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""What the fixed points cost: the true meta-loss there minus its minimum, against alpha, on a logarithmic axis.

    Attracting fixed points are large dots, repelling ones small. Regrets that are zero to rounding (the reference at
    its own optimum) lie below the picture.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "Reptile": mg.reptile(losses)}, np.linspace(0, 0.3, 4), (-4.0, 4.0))
    >>> mg.plot.regrets(both).get_yscale()
    'log'
    """
    scene = _points(wanted(result, "Comparison"), _above_rounding(result.regrets))
    ax = axes(ax)
    draw(ax, scene)
    _name_repelling(ax, scene)
    ax.set_yscale("log")
    tidy(ax, ALPHA_LABEL, r"regret $L_M(\theta) - \min L_M$")
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def climbing(result: Comparison, label: str, ax: Axes | None = None) -> Axes:
    r"""Where the direction of an algorithm and the true gradient have opposite signs, over alpha and theta.

    In the shaded cells a small outer step raises the true meta-loss. The dots are the fixed points of the algorithm,
    attracting ones large and repelling ones small, over the optimum of the reference.

    Args:
        result: what `mg.compare` returned.
        label: which algorithm.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 1, 5), (-2.0, 2.0))
    >>> mg.plot.climbing(both, "FOMAML").get_title()
    'FOMAML'
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    number = wanted(result, "Comparison").position(label)
    ax = axes(ax)
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    shade = ListedColormap(["white", "#F2C6A6"])
    cells: Any = {"cmap": shade, "vmin": 0, "vmax": 1, "shading": "nearest", "rasterized": True}
    ax.pcolormesh(alphas, thetas, np.asarray(result.uphill)[number].T.astype(float), **cells)
    draw(ax, _optimum(result, "0.6"))
    scene = _points(result, result.fixed_points, only=number)
    draw(ax, scene)
    _name_repelling(ax, scene)
    ax.set(xlabel=ALPHA_LABEL, ylabel=THETA_LABEL, xlim=span(alphas), ylim=thetas[[0, -1]], title=label)
    handles, labels = ax.get_legend_handles_labels()
    patch = Patch(facecolor="#F2C6A6", label="climbs")
    ax.legend([patch, *handles], ["climbs", *labels], loc="best", fontsize="small", framealpha=0.85, edgecolor="none")
    return ax


def _optimum(result: Any, color: str) -> Scene:
    """The optimum of the reference, wide, for the fixed points to lie on."""
    scene = optimum_scene(result.optimum, look=LineLook("optimum", color, 3 * THICK))
    return scene._replace(bands=(), marks=())


def _points(result: Any, heights: Any, only: int | None = None) -> Scene:
    """The fixed points of the algorithms as dots at `heights`, `[algorithms, alphas, points]`."""
    alphas = np.broadcast_to(np.asarray(result.alphas)[:, None], result.status.shape[1:])
    heights, values, attracting = (np.asarray(a) for a in (heights, result.values, result.attracting))
    there = confirmed(result.status) & np.isfinite(heights)
    curves = []
    for number, name in enumerate(result.labels.names):
        if only not in (None, number):
            continue
        color = CYCLE[number % len(CYCLE)]
        # The small dots of all algorithms are named once.
        looks = _ATTRACTING._replace(color=color, label=name), _REPELLING._replace(color=color, label="")
        for kind, look, words in zip((True, False), looks, ("attracting", "repelling"), strict=True):
            here = there[number] & (attracting[number] == kind)
            count = int(here.sum())
            place = alphas[here], heights[number][here], values[number][here]
            whole = (Piece(slice(0, count), look),)
            curves += [Curve(f"{name}, {words}", *place, (words,) * count, whole)] if count else []
    return Scene(limits(result.alphas), limits(result.thetas), tuple(curves))


def _above_rounding(regrets: Any) -> Numbers:
    """Regrets, with NaN for those that are rounding."""
    regrets = np.asarray(regrets)
    largest = np.max(regrets, initial=0, where=np.isfinite(regrets))
    return np.where(regrets > _LEAST_REGRET * largest, regrets, np.nan)


def _marks(result: Any) -> tuple[Marks, ...]:
    """The fixed points that are limits or in doubt."""
    rows = (np.asarray(a) for a in (result.fixed_points, result.values, result.status))
    return tuple(
        mark
        for thetas, values, status in zip(*rows, strict=True)
        for mark in point_marks(result.alphas, thetas, values, status)
        if mark.kind in ("one-sided limit", "point in doubt")
    )


def _name_repelling(ax: Axes, scene: Scene) -> None:
    """One grey entry in the legend for the small dots of all algorithms."""
    if any("repelling" in curve.words for curve in scene.curves):
        ax.plot([], [], label=_REPELLING.label, **line_style(_REPELLING._replace(color="0.3")))
