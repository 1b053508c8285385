"""Surfaces in three dimensions: the meta-loss, and its gradient with the plane where it is zero."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import FIELD_LABELS, legend, ticks
from ._colours import mixed
from ._door import Field, axes_3d, beside, grid_of, limits, text, wanted
from ._door import scale as checked_scale
from ._facets import facets, shaded, thinned
from ._levels import label
from ._looks import OPTIMAL, OPTIMAL_UNDER
from ._ribbons import Box, draw_in_space, ribbons
from ._scene_diagram import branch_scene
from ._scene_optimum import optimum_scene
from ._view import ASPECT, AZIMUTH, ELEVATION, SurfaceView, roomy, surface_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._stationary.optimum import OptimalTheta
    from ._scene import Scene

# More would meet in the corners.
_MOST_TICKS = 5

# The plane z = 0: grey and translucent.
_GLASS = (0.6, 0.6, 0.6, 0.45)


def surface(
    result: Surface,
    ax: Axes | None = None,
    *,
    field: Field = "values",
    optimum: OptimalTheta | None = None,
    diagram: Any = None,
    zlim: tuple[float, float] | None = None,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Axes:
    """The surface in three dimensions, coloured like `contour`, with a colour bar.

    A surface with a huge corner is cut off well above the rest of it, and the colour bar says so; the cut, the colours
    and where it is looked at from are those of `plot.interactive.surface`. What lies on the surface is hidden where a
    hill is in front of it.

    Args:
        result: what `mg.surface` returned.
        ax: three-dimensional axes; a new figure when None.
        field: "values", "grads" or "curvatures"; only values have an optimum or branches on them.
        optimum: the curve of optimal theta, with its jumps.
        diagram: the branches of stationary points, attracting ones solid and repelling ones dashed.
        zlim: cut below and above these instead.
        levels: increasing numbers, or about how many; `shared_levels` gives some that several pictures can share.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: none when None.

    Returns:
        The axes; the colour bar is its neighbour.

    Raises:
        TypeError: `ax` is flat; an argument of another kind. ValueError: a field the surface does not have, or one
        that nothing can be drawn on; fewer than two alphas or thetas; `zlim` not in order; levels that do not
        increase, or a range that contradicts them.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 31), np.linspace(-1.5, 1.6, 32))
    >>> [float(end) for end in mg.plot.surface(found, zlim=(0, 0.5)).get_zlim()]
    [0.0, 0.5]
    """
    alphas, thetas, values = grid_of(wanted(result, "Surface"), field)
    scale = checked_scale(levels, cmap, norm, vmin, vmax)
    zlim, title = limits("zlim", zlim), text("title", title)
    given = {name: beside(other, name) for name, other in (("optimum", optimum), ("diagram", diagram))}
    on_it = [name for name, other in given.items() if other is not None]
    if on_it and field != "values":
        raise ValueError(
            f"{on_it[0]} is drawn at its meta-loss, which is on the surface of field='values' only, got {field!r}"
        )
    space = axes_3d(ax)
    view = surface_view(values, signed=field != "values", zlim=zlim, scale=scale)
    box = Box((alphas[0], alphas[-1]), (thetas[0], thetas[-1]), view.shown[:2])
    scenes = [] if diagram is None else [branch_scene(diagram)]
    if optimum is not None:
        look = OPTIMAL if diagram is None else OPTIMAL_UNDER._replace(dash="solid")
        scenes.append(optimum_scene(optimum, look=look))
    space.computed_zorder = False
    _add(space, *_with_ribbons(*_coloured(alphas, thetas, values, view), scenes, box))
    draw_in_space(space, scenes, box)
    _finish(space, box, view, FIELD_LABELS[field], title)
    return space


def gradient_surface(
    result: Surface,
    ax: Axes | None = None,
    *,
    diagram: Any = None,
    zlim: tuple[float, float] | None = None,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Axes:
    """The gradient in three dimensions with the translucent plane z = 0, and on request the curves where they meet.

    Args:
        result: what `mg.surface` returned, with `derivatives=1` or 2.
        ax: three-dimensional axes; a new figure when None.
        diagram: what `mg.bifurcation_diagram` returned for the same meta-loss: its branches are the curves where the
            gradient is zero. Where it rises through zero, at a minimum, they are solid and thick; where it falls,
            dashed and thin.
        zlim: cut below and above these instead.
        levels: increasing numbers, or about how many; `shared_levels` gives some that several pictures can share.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: none when None.

    Returns:
        The axes; the colour bar is its neighbour.

    Raises:
        TypeError: `ax` is flat; an argument of another kind. ValueError: the surface has no gradients; fewer than two
        alphas or thetas; `zlim` not in order; levels that do not increase, or a range that contradicts them.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 31), np.linspace(-1.5, 1.6, 32))
    >>> mg.plot.gradient_surface(found).name
    '3d'
    """
    alphas, thetas, grads = grid_of(wanted(result, "Surface"), "grads")
    scale = checked_scale(levels, cmap, norm, vmin, vmax)
    zlim, title = limits("zlim", zlim), text("title", title)
    scenes = [] if beside(diagram, "diagram") is None else [_at_zero(branch_scene(diagram))]
    space = axes_3d(ax)
    view = surface_view(grads, signed=True, zlim=zlim, scale=scale)
    box = Box((alphas[0], alphas[-1]), (thetas[0], thetas[-1]), view.shown[:2])
    polygons, colors = _coloured(alphas, thetas, grads, view)
    # Seen from above, a plane parts what it hides from what hides it: below it, the plane, above it is the right
    # order for every facet. matplotlib alone would sort whole collections, and draw them through each other.
    space.computed_zorder = False
    upper = polygons[..., 2].mean(axis=1) > 0
    _add(space, polygons[~upper], colors[~upper], zorder=1)
    corners = np.array([[a, t, 0.0] for a, t in zip(alphas[[0, -1, -1, 0]], thetas[[0, 0, -1, -1]], strict=True)])
    _add(space, corners[None], np.array([_GLASS]), zorder=2)
    _add(space, *_with_ribbons(polygons[upper], colors[upper], scenes, box), zorder=3)
    draw_in_space(space, scenes, box)
    _finish(space, box, view, FIELD_LABELS["grads"], title)
    return space


def _coloured(alphas: Numbers, thetas: Numbers, values: Numbers, view: SurfaceView) -> tuple[Numbers, Numbers]:
    """The facets in view with their colours."""
    (low, high, _), levels = view
    polygons = facets(*thinned(alphas, thetas, values), low, high, levels.levels)
    return polygons, shaded(polygons, levels, (alphas, thetas, (low, high)))


def _at_zero(scene: Scene) -> Scene:
    """The curves of a scene on the plane z = 0; marks and bands have no room there."""
    return scene._replace(curves=tuple(c._replace(values=0 * c.values) for c in scene.curves), marks=(), bands=())


def _with_ribbons(polygons: Numbers, colors: Numbers, scenes: list[Scene], box: Box) -> tuple[list[Any], Numbers]:
    """Facets and, among them, so that hills hide them, the curves of scenes."""
    found = [ribbons(scene, box) for scene in scenes]
    paths = [*polygons, *(path for some, _ in found for path in some)]
    return paths, np.concatenate([colors, *(shades for _, shades in found)])


def _add(space: Axes3D, polygons: Any, colors: Numbers, zorder: float = 1) -> None:
    """The polygons, sorted by depth; as pixels in vector formats, where ten thousand paths help nobody."""
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    # Edges in the colour of the face close the hairlines that antialiasing leaves between facets.
    style: Any = {"facecolors": colors, "edgecolors": colors, "linewidths": 0.3, "rasterized": True}
    space.add_collection3d(Poly3DCollection(list(polygons), zorder=zorder, **style))


def _finish(space: Axes3D, box: Box, view: SurfaceView, words: str, title: str | None) -> None:
    """Limits, labels, the colour bar, the shared view, walls without colour."""
    from matplotlib.cm import ScalarMappable

    (low, high, note), levels = view
    space.set(xlim=roomy(*box.x), ylim=roomy(*box.y), zlim=(low, high))
    space.set(xlabel=r"$\alpha$", ylabel=r"$\theta$")
    space.view_init(elev=ELEVATION, azim=AZIMUTH)
    space.set_proj_type("ortho")
    zoom: Any = 1.16
    space.set_box_aspect(ASPECT, zoom=zoom)
    walls: Any = ((space.xaxis, box.x), (space.yaxis, box.y), (space.zaxis, (low, high)))
    for axis, ends in walls:
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(mixed(0.6))
        axis._axinfo["grid"]["color"] = mixed(0.15)
        axis.set_major_locator(ticks(ends[0], ends[1], _MOST_TICKS))
        axis.set_tick_params(pad=0)
    mappable = ScalarMappable(norm=levels.norm, cmap=levels.cmap)
    if note:
        # In short, without what the highest of all is.
        words += "\n" + re.sub(r" \([^)]*\)", "", note).rstrip(".").replace("Cut off: values", "cut").replace(
            " and", ","
        )
    label(space.figure.colorbar(mappable, ax=space, label=words, shrink=0.7, pad=0.02, extend="both"), levels)
    if title is not None:
        space.set_title(title, fontsize="medium")
    legend(space)
