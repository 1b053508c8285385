"""Optimal theta against alpha: a jump is a gap, a flat stretch is a band, every other finding has its own marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._results.status import Status
from ._axes import (
    ALPHA_LABEL,
    BLACK,
    OPTIMUM_LABEL,
    RUN,
    THETA_LABEL,
    axes,
    legend,
    scalar_thetas,
    span,
    tidy,
    wanted,
    window,
)
from ._draw import draw
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


def optimal_theta(result: OptimalTheta, ax: Axes | None = None, *, run: OuterRun | None = None) -> Axes:
    r"""The global minimiser of the meta-loss against alpha.

    A jump is a gap whose ends are marked: filled before, open after, hollow and grey where it was not confirmed. Where
    every theta is optimal there is a band. Tied minima are marked, all of them; so are a bound, a minimum flatter
    than quadratic or an interval of minima (with the accuracy as a bar), a one-sided limit, and what was not settled
    or did not converge; NONFINITE is left out. Without jumps (a result of a transformation has none) the optimum is
    dots, since a line might go through one.

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
    scene = optimum_scene(wanted(result, "OptimalTheta"))
    ax = axes(ax)
    draw(ax, scene)
    shown = scene.thetas
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


def draw_ends(ax: Axes, run: OuterRun, ends: Numbers, some: Any = slice(None), *, on_colour: bool = False) -> None:
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
