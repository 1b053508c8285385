"""What the outer loop finds of the optimum, alpha by alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, THETA_LABEL, legend, span, tidy, window
from ._colours import RUN
from ._door import axes, beside, scalar_thetas, text, wanted
from ._draw import draw
from ._scene_optimum import optimum_scene
from ._scene_run import evenly, reached, run_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


def outer_loop(
    run: OuterRun, ax: Axes | None = None, *, optimum: OptimalTheta | None = None, title: str | None = None
) -> Axes:
    r"""End points of the outer loop against alpha, over the optimum curve.

    Neighbouring alphas whose runs end close to each other are joined: solid where they have converged, dashed where
    they are still moving. Alpha is fixed along a run, so each trajectory is a vertical line; a few are drawn, pale.

    Args:
        run: what `mg.outer_loop` returned, for a scalar theta.
        ax: where to draw; a new figure when None.
        optimum: the curve to compare with.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind. ValueError: the parameters of the run are not one scalar.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.linspace(0, 0.8, 9), 0.0, optax.sgd(0.3), num_steps=50)
    >>> mg.plot.outer_loop(run).get_xlabel()
    'inner step size $\\alpha$'
    """
    ends, ways = scalar_thetas(wanted(run, "OuterRun", "run"))
    best = None if beside(optimum, "optimum") is None else optimum_scene(optimum)
    title = text("title", title)
    ax = axes(ax)
    alphas = np.asarray(run.alphas)
    starts = None if ways is None else ways[:, 0]
    scene = run_scene(run, ends, starts=starts)
    shown, across = [scene.thetas], [*scene.alphas]
    bounds = (scene.bounds[0] - 0.5, scene.bounds[1] + 0.5)
    if best is not None:
        draw(ax, best)
        shown, across, bounds = [*shown, best.thetas], [*across, *best.alphas], best.bounds
    if ways is not None:
        some = evenly(alphas.size)
        draw_ways(ax, alphas[some], ways[some], color=RUN, alpha=0.3)
    draw(ax, scene, front=5)
    ylim = window(np.concatenate(shown), bounds)
    tidy(ax, ALPHA_LABEL, THETA_LABEL, xlim=span(np.array(across)), ylim=ylim, title=title)
    legend(ax)
    return ax


def draw_ways(ax: Axes, alphas: Numbers, ways: Numbers, *, color: Any, alpha: float, linewidth: float = 1.0) -> None:
    """A vertical line for each alpha, over all the thetas it passed through."""
    ax.vlines(alphas, *reached(ways), color, alpha=alpha, linewidth=linewidth)
