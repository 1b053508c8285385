"""A surface seen from above: filled contours with the optimum and the outer loop on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, FIELD_LABELS, THETA_LABEL, exact, legend, named, span
from ._colours import NONFINITE_GREY
from ._door import Field, axes, text
from ._draw import draw
from ._levels import label
from ._outer_loop import draw_ways
from ._scene_surface import contour_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._grid.surface import Surface
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


def contour(
    result: Surface,
    ax: Axes | None = None,
    *,
    field: Field = "values",
    optimum: OptimalTheta | None = None,
    run: OuterRun | None = None,
    diagram: Any = None,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Axes:
    r"""Filled contours over alpha (across) and theta (up).

    The levels of a non-negative loss that spans decades are spaced by ratio, those of a signed field likewise on
    both sides of zero, so that a high corner does not hide the valley. Cells that are not finite are grey. With the
    same `levels` (see `shared_levels`) and `cmap`, several pictures can be compared.

    Args:
        result: what `mg.surface` returned.
        ax: where to draw; a new figure when None.
        field: "values", "grads" or "curvatures".
        optimum: the curve of optimal theta, with its jumps.
        run: an outer loop; each trajectory is vertical because alpha is fixed, a readable number of them is shown.
        diagram: the branches of stationary points, attracting ones solid and repelling ones dashed, with their folds.
        levels: increasing numbers, or about how many.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: none when None.

    Returns:
        The axes; the colour bar is its neighbour.

    Raises:
        TypeError: an argument of another kind. ValueError: a field the surface does not have; fewer than two alphas
        or thetas; levels that do not increase, or a range that contradicts them.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 61), np.linspace(-1.5, 1.6, 63))
    >>> mg.plot.contour(found).get_ylabel()
    'initial parameter $\\theta$'
    """
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = contour_scene(result, field, optimum=optimum, run=run, diagram=diagram, **scale)
    title = text("title", title)
    ax = axes(ax)
    fill(ax, scene.alphas, scene.thetas, scene.values.T, scene.levels, FIELD_LABELS[field])
    for part in scene.on_it:
        draw(ax, part, on_colour=True)
    if scene.ways is not None:
        draw_ways(ax, *scene.ways, color="white", alpha=0.9)
    if scene.ends is not None:
        draw(ax, scene.ends, on_colour=True, front=5)
    exact(ax, span(scene.alphas), span(scene.thetas))
    named(ax, ALPHA_LABEL, THETA_LABEL, title)
    legend(ax)
    return ax


def fill(ax: Axes, x: Any, y: Any, values: Any, levels: Any, words: str) -> None:
    """Filled contours of `values`, `[y, x]`, with a colour bar."""
    colours: Any = {"levels": levels.levels, "norm": levels.norm, "cmap": levels.cmap, "extend": "both"}
    filled = ax.contourf(x, y, np.ma.masked_invalid(values), **colours)
    # Closes the hairlines that viewers of vector formats leave between neighbouring bands.
    filled.set(edgecolor="face", linewidth=0.3)
    ax.set_facecolor(NONFINITE_GREY)
    label(ax.figure.colorbar(filled, ax=ax, label=words, pad=0.02), levels)
