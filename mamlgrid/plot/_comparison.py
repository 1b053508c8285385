"""Algorithms beside each other: their fixed points, what these cost, and where an algorithm climbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, THETA_LABEL, exact, legend, named, span, tidy
from ._colours import mixed, paper
from ._door import axes, text, wanted
from ._draw import draw
from ._scene_comparison import attracting_range, fixed_point_scene, regret_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._stationary.compare import Comparison


def fixed_points(result: Comparison, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    r"""The fixed points of all algorithms against alpha, over the optimum of the reference.

    Attracting ones are large, repelling ones small: what was found at each alpha, not joined up. The curves
    of one algorithm are in the `bifurcation_diagram` of its meta-loss. Open black circles are limits from one side of a
    jump; hollow grey ones are not zeros of the direction, or not settled.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quadratic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 2, 8), (-1.0, 2.0))
    >>> mg.plot.fixed_points(both).get_ylabel()
    'fixed point $\\theta$'
    """
    scene = fixed_point_scene(wanted(result, "Comparison"))
    title = text("title", title)
    ax = axes(ax)
    draw(ax, scene, labels=False)
    ylim = attracting_range(result, scene)
    tidy(ax, ALPHA_LABEL, r"fixed point $\theta$", xlim=span(np.asarray(result.alphas)), ylim=ylim, title=title)
    legend(ax)
    return ax


def regrets(result: Comparison, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    r"""What the fixed points cost: the true meta-loss there minus its minimum, against alpha, on a logarithmic axis.

    Attracting fixed points are large, repelling ones small. Regrets that are zero to rounding (the
    reference at its own optimum) are not drawn.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "Reptile": mg.reptile(losses)}, np.linspace(0, 0.3, 4), (-4.0, 4.0))
    >>> mg.plot.regrets(both).get_yscale()
    'log'
    """
    scene = regret_scene(wanted(result, "Comparison"))
    title = text("title", title)
    ax = axes(ax)
    draw(ax, scene)
    ax.set_yscale("log")
    across = span(np.asarray(result.alphas))
    tidy(ax, ALPHA_LABEL, r"regret $L_M(\theta) - \min L_M$", xlim=across, ylim=scene.bounds, title=title)
    legend(ax)
    return ax


def climbing(result: Comparison, label: str, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    r"""Where the direction of an algorithm and the true gradient have opposite signs, over alpha and theta.

    In the shaded cells a small outer step raises the true meta-loss. The marks are the fixed points of the algorithm,
    attracting ones large and repelling ones small, over the optimum of the reference.

    Args:
        result: what `mg.compare` returned.
        label: which algorithm.
        ax: where to draw; a new figure when None.
        title: the label when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind. ValueError: no such algorithm.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 1, 5), (-2.0, 2.0))
    >>> mg.plot.climbing(both, "FOMAML").get_title()
    'FOMAML'
    """
    from matplotlib.colors import ListedColormap

    number = wanted(result, "Comparison").position(label)
    title = text("title", title)
    scene = fixed_point_scene(result, only=number)
    ax = axes(ax)
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    shade = mixed(0.18)
    cells: Any = {"cmap": ListedColormap([paper(), shade]), "vmin": 0, "vmax": 1, "shading": "nearest"}
    ax.pcolormesh(alphas, thetas, np.asarray(result.uphill)[number].T.astype(float), rasterized=True, **cells)
    ax.fill_between([], [], color=shade, linewidth=0, label="climbs")
    draw(ax, scene, labels=False)
    exact(ax, span(alphas), span(thetas))
    named(ax, ALPHA_LABEL, THETA_LABEL, label if title is None else title)
    legend(ax)
    return ax
