"""Optimal theta against alpha: a jump is a gap, a flat stretch is a band, every other finding has its own marker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._axes import ALPHA_LABEL, OPTIMUM_LABEL, THETA_LABEL, legend, span, tidy, window
from ._door import axes, beside, scalar_thetas, text, wanted
from ._draw import draw
from ._scene_optimum import optimum_scene
from ._scene_run import run_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


def optimal_theta(
    result: OptimalTheta, ax: Axes | None = None, *, run: OuterRun | None = None, title: str | None = None
) -> Axes:
    r"""The global minimiser of the meta-loss against alpha.

    A jump is a gap whose ends are marked: filled before, open after, hollow and grey where it was not confirmed. Where
    every theta is optimal there is a band. Tied minima are marked, all of them; so are a bound, a minimum flatter
    than quadratic or an interval of minima (with the accuracy as a bar), a one-sided limit, and what was not settled
    or did not converge; NONFINITE is left out. Without jumps (a result of a transformation has none) the optimum is
    dots, since a line might go through one.

    Args:
        result: what `mg.optimal_theta` returned.
        ax: where to draw; a new figure when None.
        run: an outer loop of one scalar parameter, whose end points are laid over it as in `outer_loop`.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind. ValueError: the parameters of the run are not one scalar.

    >>> import numpy as np, mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quadratic().meta(), np.linspace(0, 2, 21), (-1.0, 2.0))
    >>> mg.plot.optimal_theta(best).get_ylabel()
    'optimal $\\theta^*$'
    """
    scenes = [optimum_scene(wanted(result, "OptimalTheta"))]
    if beside(run, "run") is not None:
        scenes.append(run_scene(run, scalar_thetas(run)[0]))
    title = text("title", title)
    ax = axes(ax)
    for k, scene in enumerate(scenes):
        draw(ax, scene, front=6 - k)
    ylim = window(np.concatenate([scene.thetas for scene in scenes]), result.bounds)
    label = OPTIMUM_LABEL if run is None else THETA_LABEL
    tidy(ax, ALPHA_LABEL, label, xlim=span(np.asarray(result.alphas)), ylim=ylim, title=title)
    legend(ax, least=2)
    return ax
