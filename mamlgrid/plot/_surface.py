"""Surfaces in three dimensions: the meta-loss, and its gradient with the plane where it is zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ._axes import FIELD_LABELS, Field, axes_3d, grid_of, wanted
from ._draw import draw_on_plane
from ._facets import facets, shaded, thinned
from ._levels import levels_of
from ._scene_diagram import branch_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    from .._base.types import Numbers
    from .._grid.surface import Surface

# A height that this share of the cells stay below is drawn in full; where the highest cell is more than twice as
# high, the surface is cut there, so that one corner does not press the rest flat.
_SHARE = 0.8

# The plane z = 0: grey and translucent.
_GLASS = (0.75, 0.75, 0.75, 0.55)


def surface(
    result: Surface,
    ax: Axes | None = None,
    *,
    field: Field = "values",
    zlim: tuple[float, float] | None = None,
) -> Axes:
    """The surface in three dimensions, coloured like `contour`.

    A surface with a huge corner is cut off at the height below which four fifths of it lie, and the axis says so.

    Args:
        result: what `mg.surface` returned.
        ax: three-dimensional axes; a new figure when None.
        field: "values", "grads" or "curvatures".
        zlim: cut below and above these instead.

    Returns:
        The axes.

    Raises:
        TypeError: `ax` is flat.
        ValueError: a field the surface does not have; fewer than two alphas or thetas; `zlim` not in order.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 31), np.linspace(-1.5, 1.6, 32))
    >>> "cut at" in mg.plot.surface(found).get_zlabel()
    True
    """
    alphas, thetas, values = grid_of(wanted(result, "Surface"), field)
    space = axes_3d(ax)
    signed = field != "values"
    low, high, cut = _height(values, signed, zlim)
    levels = levels_of(values[(values >= low) & (values <= high)], signed)
    polygons = facets(*thinned(alphas, thetas, values), low, high, levels.levels)
    _add(space, polygons, shaded(polygons, levels, (alphas, thetas, (low, high))))
    _finish(space, alphas, thetas, (low, high), FIELD_LABELS[field] + cut)
    return space


def gradient_surface(result: Surface, ax: Axes | None = None, *, diagram: Any = None) -> Axes:
    """The gradient in three dimensions with the translucent plane z = 0, and on request the curves where they meet.

    Args:
        result: what `mg.surface` returned, with `derivatives=1` or 2.
        ax: three-dimensional axes; a new figure when None.
        diagram: what `mg.bifurcation_diagram` returned for the same meta-loss: its branches are the curves where the
            gradient is zero. Where it rises through zero, at a minimum, they are solid and thick; where it falls,
            dashed and thin.

    Returns:
        The axes.

    Raises:
        ValueError: the surface has no gradients.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 31), np.linspace(-1.5, 1.6, 32))
    >>> mg.plot.gradient_surface(found).name
    '3d'
    """
    alphas, thetas, grads = grid_of(wanted(result, "Surface"), "grads")
    space = axes_3d(ax)
    low, high, cut = _height(grads, True, None)
    levels = levels_of(grads[(grads >= low) & (grads <= high)], signed=True)
    polygons = facets(*thinned(alphas, thetas, grads), low, high, levels.levels)
    colors = shaded(polygons, levels, (alphas, thetas, (low, high)))
    # Seen from above, a plane parts what it hides from what hides it: below it, the plane, above it is the right
    # order for every facet. matplotlib alone would sort whole collections, and draw them through each other.
    space.computed_zorder = False
    upper = polygons[..., 2].mean(axis=1) > 0
    _add(space, polygons[~upper], colors[~upper], zorder=1)
    corners = np.array([[a, t, 0.0] for a, t in zip(alphas[[0, -1, -1, 0]], thetas[[0, 0, -1, -1]], strict=True)])
    _add(space, corners[None], np.array([_GLASS]), zorder=2)
    _add(space, polygons[upper], colors[upper], zorder=3)
    if diagram is not None:
        draw_on_plane(space, branch_scene(wanted(diagram, "BifurcationDiagram")), 0.0)
    _finish(space, alphas, thetas, (low, high), FIELD_LABELS["grads"] + cut)
    if space.get_legend_handles_labels()[1]:
        space.legend(loc="upper left", frameon=False, fontsize="small")
    return space


def _height(values: Numbers, signed: bool, zlim: tuple[float, float] | None) -> tuple[float, float, str]:
    """Lowest and highest z drawn, and the words for the axis when something is cut off."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if zlim is not None:
        asked = float(zlim[0]), float(zlim[1])
        if not asked[0] < asked[1]:
            raise ValueError(f"zlim must be a pair (low, high) with low < high, got {zlim!r}")
    elif not finite.size:
        asked = low, high
    elif signed:
        size = float(f"{np.quantile(np.abs(finite), _SHARE):.2g}")
        asked = (-size, size) if max(high, -low) > 2 * size else (low, high)
    else:
        top = low + float(np.quantile(finite - low, _SHARE))
        asked = (low, float(f"{top:.2g}")) if high - low > 2 * (top - low) else (low, high)
    cut = [f"{bound:.3g}" for bound, there in zip(asked, (asked[0] > low, asked[1] < high), strict=True) if there]
    if signed and zlim is None and cut:
        cut = [rf"\pm {asked[1]:.3g}"]
    return *asked, rf", cut at ${', '.join(cut)}$" if cut else ""


def _add(space: Axes3D, polygons: Numbers, colors: Numbers, zorder: float = 1) -> None:
    """The polygons, sorted by depth; as pixels in vector formats, where ten thousand paths help nobody."""
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    # Edges in the colour of the face close the hairlines that antialiasing leaves between facets.
    style: Any = {"facecolors": colors, "edgecolors": colors, "linewidths": 0.3, "rasterized": True}
    space.add_collection3d(Poly3DCollection(list(polygons), zorder=zorder, **style))


def _finish(space: Axes3D, alphas: Numbers, thetas: Numbers, zlim: tuple[float, float], zlabel: str) -> None:
    """Limits, labels, a view from above the corner of large alpha and small theta, walls without colour."""
    low, high = zlim if zlim[0] < zlim[1] else (zlim[0] - 0.5, zlim[0] + 0.5)
    space.set(xlim=alphas[[0, -1]], ylim=thetas[[0, -1]], zlim=(low, high))
    space.set(xlabel=r"$\alpha$", ylabel=r"$\theta$", zlabel=zlabel)
    space.view_init(elev=38, azim=-40)
    # Smaller than its room, which the label of the upright axis needs.
    zoom: Any = 0.92
    space.set_box_aspect((1, 1.1, 0.75), zoom=zoom)
    walls: Any = (space.xaxis, space.yaxis, space.zaxis)
    for axis in walls:
        axis.set_pane_color((1, 1, 1, 0))
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
