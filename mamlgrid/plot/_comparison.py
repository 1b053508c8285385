"""Algorithms beside each other: their fixed points, what these cost, and where an algorithm climbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, CYCLE, THETA_LABEL, THICK, axes, legend, span, tidy, wanted, window
from ._draw import draw, line_style
from ._looks import ATTRACTING, REPELLING, SEMISTABLE, LineLook
from ._scene import Marks, Scene, limits
from ._scene_diagram import branch_curve, point_marks
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._compare import Comparison
    from ._axes import Points

_OPTIMUM = LineLook("optimum", "0.8", 3 * THICK)

# Regrets below this share of the largest are rounding: on a logarithmic axis they would be all there is to see.
_LEAST_REGRET = 1e-12


def fixed_points(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""The fixed points of all algorithms against alpha, over the optimum of the reference.

    Attracting ones are solid and thick, repelling ones thin and dashed. Open circles are jumps of the direction's own
    loss, approached from one side only; hollow grey ones were found but not settled.

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
    scene = _branches(result)
    draw(ax, scene._replace(marks=_marks(result)))
    _name_dashes(ax, scene)
    tidy(ax, ALPHA_LABEL, r"fixed point $\theta$")
    # What attracts is what a reader looks for; a repelling point far away would squeeze it.
    stable = np.asarray(result.fixed_points)[np.asarray(result.attracting)]
    ax.set_ylim(window(np.concatenate([stable, best.thetas]), scene.bounds))
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def regrets(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""What the fixed points cost: the true meta-loss there minus its minimum, against alpha, on a logarithmic axis.

    Attracting fixed points are solid, repelling ones dashed. Regrets that are zero to rounding (the reference at its
    own optimum) lie below the picture.

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
    scene = _branches(wanted(result, "Comparison"), of_regrets=True)
    ax = axes(ax)
    draw(ax, scene)
    _name_dashes(ax, scene)
    ax.set_yscale("log")
    tidy(ax, ALPHA_LABEL, r"regret $L_M(\theta) - \min L_M$")
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def climbing(result: Comparison, label: str, ax: Axes | None = None) -> Axes:
    r"""Where the direction of an algorithm and the true gradient have opposite signs, over alpha and theta.

    In the shaded cells a small outer step raises the true meta-loss. The lines are the fixed points of the algorithm,
    attracting ones solid and repelling ones dashed, over the optimum of the reference.

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
    scene = _branches(result, only=number)
    draw(ax, scene)
    _name_dashes(ax, scene)
    ax.set(xlabel=ALPHA_LABEL, ylabel=THETA_LABEL, xlim=span(alphas), ylim=thetas[[0, -1]], title=label)
    handles, labels = ax.get_legend_handles_labels()
    patch = Patch(facecolor="#F2C6A6", label="climbs")
    ax.legend([patch, *handles], ["climbs", *labels], loc="best", fontsize="small", framealpha=0.85, edgecolor="none")
    return ax


def _optimum(result: Any, color: str) -> Scene:
    """The optimum of the reference, wide, for the curves to lie on."""
    scene = optimum_scene(result.optimum, look=LineLook("optimum", color, 3 * THICK))
    return scene._replace(bands=(), marks=())


def _branches(result: Any, *, of_regrets: bool = False, only: int | None = None) -> Scene:
    """The branches of the algorithms, of fixed points or of their regrets."""
    curves = []
    for number, name in enumerate(result.labels.names):
        if only not in (None, number):
            continue
        color = CYCLE[number % len(CYCLE)]
        # Dashes are the same for all algorithms, so they are named once.
        dashed, dotted = (look._replace(label="", color=color) for look in (REPELLING, SEMISTABLE))
        looks = {1: ATTRACTING._replace(label=name, color=color), -1: dashed, 0: dotted}
        for branch, costs in zip(result.branches[number], result.branch_regrets[number], strict=True):
            heights = _above_rounding(result, costs) if of_regrets else None
            curve = branch_curve(branch, name, looks=looks, heights=heights)
            curves += [curve] if np.isfinite(curve.y).any() else []
    return Scene(limits(result.alphas), limits(result.thetas), tuple(curves))


def _above_rounding(result: Any, costs: Any) -> Points:
    """Regrets, with NaN for those that are rounding."""
    largest = np.nanmax(np.asarray(result.regrets), initial=0, where=np.isfinite(result.regrets))
    return np.where(np.asarray(costs) > _LEAST_REGRET * largest, np.asarray(costs), np.nan)


def _marks(result: Any) -> tuple[Marks, ...]:
    """The fixed points that are limits or in doubt."""
    rows = (result.fixed_points, result.values, result.kinds, result.status)
    return tuple(
        mark
        for thetas, values, kinds, status in zip(*(np.asarray(a) for a in rows), strict=True)
        for mark in point_marks(result.alphas, thetas, values, kinds, status)
        if mark.kind in ("one-sided limit", "point in doubt")
    )


def _name_dashes(ax: Axes, scene: Scene) -> None:
    """One grey entry in the legend for the dashes of all algorithms."""
    if any(look.dash == "dash" for curve in scene.curves for _, look in curve.pieces):
        ax.plot([], [], label=REPELLING.label, **line_style(REPELLING._replace(color="0.3")))
