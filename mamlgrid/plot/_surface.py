"""Surfaces in three dimensions: the meta-loss, and its gradient with the plane where it is zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import FIELD_LABELS, legend, ticks
from ._colours import mixed
from ._door import Field, axes_3d, text
from ._facets import facets, shaded, thinned
from ._levels import label
from ._ribbons import Box, draw_in_space, ribbons
from ._scene_surface import SurfaceScene, gradient_scene, surface_scene
from ._view import ASPECT, AZIMUTH, ELEVATION, roomy

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
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = surface_scene(result, field, optimum=optimum, diagram=diagram, zlim=zlim, **scale)
    title = text("title", title)
    space = axes_3d(ax)
    box, on_it = _box(scene), _heights(scene)
    space.computed_zorder = False
    _add(space, *_with_ribbons(*_coloured(scene), on_it, box))
    draw_in_space(space, on_it, box)
    _finish(space, scene, title)
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
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = gradient_scene(result, diagram=diagram, zlim=zlim, **scale)
    title = text("title", title)
    space = axes_3d(ax)
    box, on_it = _box(scene), _heights(scene)
    polygons, colors = _coloured(scene)
    # Seen from above, a plane parts what it hides from what hides it: below it, the plane, above it is the right
    # order for every facet. matplotlib alone would sort whole collections, and draw them through each other.
    space.computed_zorder = False
    upper = polygons[..., 2].mean(axis=1) > 0
    _add(space, polygons[~upper], colors[~upper], zorder=1)
    corners = np.array([[box.x[i], box.y[k], 0.0] for i, k in ((0, 0), (1, 0), (1, 1), (0, 1))])
    _add(space, corners[None], np.array([_GLASS]), zorder=2)
    _add(space, *_with_ribbons(polygons[upper], colors[upper], on_it, box), zorder=3)
    draw_in_space(space, on_it, box)
    _finish(space, scene, title)
    return space


def _box(scene: SurfaceScene) -> Box:
    """All of both axes, and the heights in view."""
    sides = (scene.alphas[[0, -1]].tolist(), scene.thetas[[0, -1]].tolist())
    return Box(*sides, scene.view.shown[:2])


def _coloured(scene: SurfaceScene) -> tuple[Numbers, Numbers]:
    """The facets in view with their colours."""
    box, levels = _box(scene), scene.view.levels
    low, high = box.z
    polygons = facets(*thinned(scene.alphas, scene.thetas, scene.values), low, high, levels.levels)
    return polygons, shaded(polygons, levels, (scene.alphas, scene.thetas, box.z))


def _heights(scene: SurfaceScene) -> list[Scene]:
    """What lies on a surface, with the heights at which it is drawn in place of the values."""
    if scene.at is None:
        return list(scene.on_it)
    flat = scene.at

    def at(things: Any) -> Any:
        return tuple(thing._replace(values=np.full(thing.values.shape, flat)) for thing in things)

    return [part._replace(curves=at(part.curves), marks=at(part.marks), bands=at(part.bands)) for part in scene.on_it]


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


def _finish(space: Axes3D, scene: SurfaceScene, title: str | None) -> None:
    """Limits, labels, the colour bar, the shared view, walls without colour."""
    from matplotlib.cm import ScalarMappable

    box, (shown, levels) = _box(scene), scene.view
    low, high = box.z
    space.set(xlim=roomy(*box.x), ylim=roomy(*box.y), zlim=(low, high))
    space.set(xlabel=r"step size $\alpha$", ylabel=r"parameter $\theta$")
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
    words = "\n".join(filter(None, (FIELD_LABELS[scene.field], shown.short)))
    label(space.figure.colorbar(mappable, ax=space, label=words, shrink=0.7, pad=0.02, extend="both"), levels)
    if title is not None:
        space.set_title(title, fontsize="medium")
    legend(space)
