"""What the outer loop finds of the optimum, alpha by alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._results.status import Status
from ._axes import ALPHA_LABEL, RUN, THETA_LABEL, axes, legend, scalar_thetas, tidy, wanted, window
from ._draw import draw
from ._optimum import draw_ends
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


def outer_loop(run: OuterRun, ax: Axes | None = None, *, optimum: OptimalTheta | None = None) -> Axes:
    r"""End points of the outer loop against alpha, over the optimum curve.

    Alpha is fixed along a run, so each trajectory is a vertical line, drawn faintly from its start.

    Args:
        run: what `mg.outer_loop` returned, for a scalar theta.
        ax: where to draw; a new figure when None.
        optimum: the curve to compare with.

    Returns:
        The axes.

    Raises:
        ValueError: the parameters of the run are not one scalar.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.linspace(0, 0.8, 9), 0.0, optax.sgd(0.3), num_steps=50)
    >>> mg.plot.outer_loop(run).get_xlabel()
    'inner step size $\\alpha$'
    """
    ends, ways = scalar_thetas(wanted(run, "OuterRun"))
    ax = axes(ax)
    alphas, status = np.asarray(run.alphas), np.asarray(run.status)
    shown = ends[np.isin(status, (Status.OK, Status.NOT_CONVERGED))]
    shown = np.concatenate([shown, ways[:, 0]])
    low, high = float(alphas.min()), float(alphas.max())
    bounds = (float(shown.min()) - 0.5, float(shown.max()) + 0.5)
    if optimum is not None:
        scene = optimum_scene(wanted(optimum, "OptimalTheta"))
        draw(ax, scene)
        shown = np.concatenate([shown, scene.thetas])
        known = np.asarray(optimum.alphas)
        low, high = min(low, float(known.min())), max(high, float(known.max()))
        bounds = optimum.bounds
    draw_ways(ax, alphas, ways, color=RUN, alpha=min(0.35, 12 / alphas.size))
    ax.plot(alphas, ways[:, 0], linestyle="none", marker="_", markersize=6, color="0.35", label="start")
    draw_ends(ax, run, ends)
    tidy(ax, ALPHA_LABEL, THETA_LABEL)
    ax.set_ylim(window(shown, bounds))
    if high > low:
        ax.set_xlim(low, high)
    legend(ax, outside=True)
    return ax


def draw_ways(ax: Axes, alphas: Numbers, ways: Numbers, *, color: str, alpha: float, linewidth: float = 1.0) -> None:
    """A vertical line for each alpha, over all the thetas it passed through."""
    reached = np.where(np.isfinite(ways), ways, np.nan)
    ax.vlines(
        alphas,
        np.nanmin(reached, axis=1),
        np.nanmax(reached, axis=1),
        color,
        alpha=alpha,
        linewidth=linewidth,
    )
