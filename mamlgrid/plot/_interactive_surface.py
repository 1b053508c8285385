"""Surfaces in plotly: the meta-loss, and its gradient with the plane where it is zero, with their cross-sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._door import Field, one_result, text
from ._interactive_draw import add_to_surface
from ._interactive_sections import Look, linked_sections
from ._interactive_style import FIELDS
from ._scene_surface import SurfaceScene, gradient_scene, surface_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._stationary.optimum import OptimalTheta

# The plane z = 0 has the colour of the surface at zero in its light: where the two nearly coincide, the depth
# buffer cannot tell which is in front, and with another colour stripes would show.
_GLASS, _GLASS_RIM = "#d5d5d5", "#777777"


@one_result
def surface(
    result: Surface,
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
) -> Figure:
    """The surface over alpha and theta, beside it the cross-sections at one alpha and at one theta.

    Sliders move the cross-sections; in a page of `write_html` and in a notebook so does the mouse over the surface.
    Values far above the rest are cut off the picture, and a note says where; the figure holds them all the same.

    Args:
        result: what `mg.surface` returned, with two or more alphas and thetas.
        field: "values", "grads" or "curvatures"; only values have an optimum or branches on them.
        optimum: what `mg.optimal_theta` returned: drawn on the surface, with a gap at each jump.
        diagram: what `mg.bifurcation_diagram` returned: its branches are drawn on the surface, attracting ones solid
            and repelling ones dashed.
        zlim: cut below and above these instead.
        levels: increasing numbers, or about how many; `plot.shared_levels` gives some that several pictures can share.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: a field the surface does not have, or one that nothing can be drawn on; a single alpha or theta;
            `zlim` not in order; levels that do not increase, or a range that contradicts them.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.5, 31), np.linspace(-2, 2, 41))
    >>> [trace.type for trace in surface(found).data]
    ['surface', 'scatter3d', 'scatter3d', 'scatter', 'scatter']
    """
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = surface_scene(result, field, optimum=optimum, diagram=diagram, zlim=zlim, **scale)
    label = FIELDS[field]
    figure = _sections(scene, text("title", title) or f"{label[0].upper()}{label[1:]} over α and θ")
    _add_what_is_on_it(figure, scene)
    return figure


@one_result
def gradient_surface(
    result: Surface,
    *,
    diagram: Any = None,
    zlim: tuple[float, float] | None = None,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Figure:
    """The gradient over alpha and theta with the translucent plane z = 0, and on request the curves where they meet.

    Cross-sections as in `surface`.

    Args:
        result: what `mg.surface` returned, with `derivatives=1` or 2, two or more alphas and thetas.
        diagram: what `mg.bifurcation_diagram` returned for the same meta-loss: its branches are where the gradient is
            zero, solid where it rises through zero (a minimum), dashed where it falls.
        zlim: cut below and above these instead.
        levels: increasing numbers, or about how many; `plot.shared_levels` gives some that several pictures can share.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: the surface has no gradients; a single alpha or theta; `zlim` not in order; levels that do not
            increase, or a range that contradicts them.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.5, 31), np.linspace(-2, 2, 41))
    >>> [trace.name for trace in gradient_surface(found).data if trace.showlegend]
    ['plane z = 0']
    """
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = gradient_scene(result, diagram=diagram, zlim=zlim, **scale)
    figure = _sections(scene, text("title", title) or "Gradient of the meta-loss over α and θ")
    _add_plane(figure, scene.alphas, scene.thetas)
    _add_what_is_on_it(figure, scene)
    return figure


def _sections(scene: SurfaceScene, title: str) -> Figure:
    """The surface and its cross-sections, with nothing on it."""
    look = Look(FIELDS[scene.field], scene.signed)
    return linked_sections(scene.alphas, scene.thetas, scene.values, view=scene.view, look=look, title=title)


def _add_what_is_on_it(figure: Any, scene: SurfaceScene) -> None:
    for part in scene.on_it:
        add_to_surface(figure, part, scene.view.shown[:2], at=scene.at)


def _add_plane(figure: Any, alphas: Numbers, thetas: Numbers) -> None:
    """The plane z = 0 with its rim; over it, too, the mouse moves the cross-sections."""
    figure.layout.meta["linked_sections"]["over"].append(len(figure.data))
    figure.add_surface(
        x=alphas,
        y=thetas,
        # As fine as the surface, so that the mouse finds alpha and theta here as well; one byte a point.
        z=np.zeros((thetas.size, alphas.size), np.uint8),
        name="plane z = 0",
        legendgroup="plane",
        showlegend=True,
        opacity=0.5,
        colorscale=[[0, _GLASS], [1, _GLASS]],
        showscale=False,
        lighting={"ambient": 1, "diffuse": 0, "specular": 0, "fresnel": 0},
        contours={name: {"highlight": False} for name in "xyz"},
        hovertemplate="α = %{x:.4g}<br>θ = %{y:.4g}<br>plane z = 0<extra></extra>",
    )
    figure.add_scatter3d(
        x=alphas[[0, -1, -1, 0, 0]],
        y=thetas[[0, 0, -1, -1, 0]],
        z=np.zeros(5),
        name="",
        legendgroup="plane",
        showlegend=False,
        mode="lines",
        line={"color": _GLASS_RIM, "width": 3},
        hoverinfo="skip",
    )
