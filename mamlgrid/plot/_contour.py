"""A surface seen from above: filled contours with the optimum and the outer loop on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import (
    ALPHA_LABEL,
    BLACK,
    FIELD_LABELS,
    NONFINITE_GREY,
    THETA_LABEL,
    Field,
    axes,
    grid_of,
    legend,
    scalar_thetas,
    wanted,
)
from ._draw import draw
from ._levels import label, levels_of
from ._optimum import draw_ends
from ._outer_loop import draw_ways
from ._scene_diagram import branch_scene
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._grid.surface import Surface
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta

# Trajectories are vertical: more of them than this make a curtain.
_MOST_TRAJECTORIES = 13


def contour(
    result: Surface,
    ax: Axes | None = None,
    *,
    field: Field = "values",
    optimum: OptimalTheta | None = None,
    run: OuterRun | None = None,
    diagram: Any = None,
) -> Axes:
    r"""Filled contours over alpha (across) and theta (up).

    The levels of a non-negative loss that spans decades are spaced by ratio, those of a signed field likewise on
    both sides of zero, so that a high corner does not hide the valley. Cells that are not finite are grey.

    Args:
        result: what `mg.surface` returned.
        ax: where to draw; a new figure when None.
        field: "values", "grads" or "curvatures".
        optimum: the curve of optimal theta, with its jumps.
        run: an outer loop; each trajectory is vertical because alpha is fixed, a readable number of them is shown.
        diagram: the branches of stationary points, attracting ones solid and repelling ones dashed, with their folds.

    Returns:
        The axes; the colour bar is its neighbour.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 61), np.linspace(-1.5, 1.6, 63))
    >>> mg.plot.contour(found).get_ylabel()
    'initial parameter $\\theta$'
    """
    alphas, thetas, values = grid_of(wanted(result, "Surface"), field)
    ax = axes(ax)
    levels = levels_of(values, signed=field != "values")
    shown = np.ma.masked_invalid(values).T
    colours: Any = {"levels": levels.levels, "norm": levels.norm, "cmap": levels.cmap, "extend": "both"}
    filled = ax.contourf(alphas, thetas, shown, **colours)
    # Closes the hairlines that viewers of vector formats leave between neighbouring bands.
    filled.set(edgecolor="face", linewidth=0.3)
    ax.set_facecolor(NONFINITE_GREY)
    label(ax.figure.colorbar(filled, ax=ax, label=FIELD_LABELS[field], pad=0.02), levels)
    if diagram is not None:
        draw(ax, branch_scene(wanted(diagram, "BifurcationDiagram")), on_colour=True, labels=False)
    if optimum is not None:
        draw(ax, optimum_scene(wanted(optimum, "OptimalTheta")), on_colour=True)
    if run is not None:
        _draw_run(ax, wanted(run, "OuterRun"))
    ax.set(xlabel=ALPHA_LABEL, ylabel=THETA_LABEL, xlim=alphas[[0, -1]], ylim=thetas[[0, -1]])
    legend(ax, outside=True)
    return ax


def _draw_run(ax: Axes, run: OuterRun) -> None:
    """Trajectories of evenly chosen alphas: start, way, end."""
    ends, ways = scalar_thetas(run)
    alphas = np.asarray(run.alphas)
    some = np.unique(np.linspace(0, alphas.size - 1, min(alphas.size, _MOST_TRAJECTORIES)).round().astype(int))
    draw_ways(ax, alphas[some], ways[some], color="white", alpha=0.9)
    start: Any = {
        "markersize": 3.5,
        "markerfacecolor": "white",
        "markeredgecolor": BLACK,
        "markeredgewidth": 0.8,
    }
    ax.plot(alphas[some], ways[some, 0], "o", zorder=5, label="start", **start)
    draw_ends(ax, run, ends, some, on_colour=True)
