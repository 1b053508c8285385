"""The figures of the post in plotly: they turn, zoom, tell their numbers, and open offline as one HTML file.

Each function takes a result and returns a `plotly.graph_objects.Figure`; none computes any mathematics. Shown in
a notebook, sliders and hover texts work as they are. The cross-sections follow the mouse only in a page that
`write_html` wrote, since that takes a script; the figure asks for it in `layout.meta["linked_sections"]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import number
from ._colours import SECTIONS, TASKS, of
from ._door import field_of, grid_of, wanted
from ._interactive_draw import add_to_surface
from ._interactive_optimum import bifurcation_diagram, optimal_theta
from ._interactive_page import write_html
from ._interactive_sections import Look, linked_sections
from ._interactive_style import GRADIENT, THETA, VALUE, axis, ends, graph_objects, layout, slider
from ._looks import OPTIMAL, OPTIMAL_UNDER
from ._scene_diagram import branch_scene
from ._scene_optimum import optimum_scene
from ._view import shown, surface_view

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._grid.task_losses import TaskLosses
    from .._stationary.optimum import OptimalTheta

__all__ = [
    "bifurcation_diagram",
    "gradient_surface",
    "optimal_theta",
    "section",
    "surface",
    "task_losses",
    "write_html",
]

# The tasks differ in the dash as well as in colour.
_DASHES = ("solid", "dash", "dot", "dashdot")

# The plane z = 0 has the colour of the surface at zero in its light: where the two nearly coincide, the depth
# buffer cannot tell which is in front, and with another colour stripes would show.
_GLASS, _GLASS_RIM = "#d5d5d5", "#777777"


def task_losses(result: TaskLosses, *, labels: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """The loss of each task against theta; a slider over alpha where there are several.

    Args:
        result: what `mg.task_losses` returned.
        labels: one for each task; L with the number of the task when None.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        ValueError: labels of another number than the tasks.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> [trace.name for trace in task_losses(losses, labels=["first", "second"]).data]
    ['first', 'second']
    """
    figure = graph_objects().Figure()
    alphas, thetas, values = _in_order(wanted(result, "TaskLosses"), np.asarray(result.values))
    num_tasks = values.shape[2]
    if labels is None:
        labels = [f"L<sub>{i}</sub>" for i in range(num_tasks)]
    if len(labels) != num_tasks:
        raise ValueError(f"labels must be one for each of the {num_tasks} tasks, got {list(labels)}")
    for i, label in enumerate(labels):
        style = {"color": of(TASKS, i), "dash": _DASHES[i % len(_DASHES)]}
        figure.add_scatter(
            x=thetas,
            y=values[0, :, i],
            name=label,
            mode="lines",
            line={"width": 3, "simplify": False, **style},
            meta=number(alphas[0]),
            hovertemplate="α = %{meta}<br>θ = %{x:.4g}<br>%{fullData.name} = %{y:.5g}<extra></extra>",
        )

    def step(row: int) -> list[Any]:
        return [{"y": list(values[row].T.copy()), "meta": [number(alphas[row])] * num_tasks}, {}]

    adapted = alphas.size > 1 or alphas[0] != 0
    if title is None:
        title = "Task losses" + (" after adaptation" if adapted else "")
        title += f" with α = {number(alphas[0])}" if adapted and alphas.size == 1 else ""
    view = shown(values, by_row=True)
    y = axis("task loss after adaptation" if adapted else "task loss", view.padded())
    more = _with_slider(alphas, 0, step)
    figure.update_layout(layout(title, view.note, xaxis=axis(THETA, ends(thetas)), yaxis=y, **more))
    return figure


def section(surface: Surface, *, alpha: float) -> Figure:
    """The meta-loss against theta at the alpha of the grid nearest to `alpha`, with a slider over the others.

    Args:
        surface: what `mg.surface` returned.
        alpha: where the slider starts.

    Returns:
        A plotly figure.

    Raises:
        ValueError: alpha is not finite.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 11), np.linspace(-1, 2, 50))
    >>> section(found, alpha=0.52).data[0].name
    'α = 0.5'
    """
    figure = graph_objects().Figure()
    alphas, thetas, values = _in_order(wanted(surface, "Surface"), field_of(surface, "values"))
    if not np.isfinite(alpha):
        raise ValueError(f"alpha must be finite, got {alpha!r}; give one near {ends(alphas)}")
    start = int(np.argmin(np.abs(alphas - alpha)))
    figure.add_scatter(
        x=thetas,
        y=values[start],
        name=f"α = {number(alphas[start])}",
        mode="lines",
        line={"color": SECTIONS[0], "width": 3, "simplify": False},
        hovertemplate=f"%{{fullData.name}}<br>θ = %{{x:.4g}}<br>{VALUE} = %{{y:.5g}}<extra></extra>",
    )

    def step(row: int) -> list[Any]:
        return [{"y": [values[row]], "name": [f"α = {number(alphas[row])}"]}, {}]

    view = shown(values)
    axes = {"xaxis": axis(THETA, ends(thetas)), "yaxis": axis(VALUE, view.padded())}
    more = _with_slider(alphas, start, step)
    title = "Meta-loss at one α" if more else f"Meta-loss at α = {number(alphas[0])}"
    figure.update_layout(layout(title, view.note, showlegend=False, **axes, **more))
    return figure


def surface(
    surface: Surface,
    *,
    optimum: OptimalTheta | None = None,
    diagram: Any = None,
    title: str | None = None,
) -> Figure:
    """The meta-loss over alpha and theta, beside it the cross-sections at one alpha and at one theta.

    Sliders move the cross-sections; in a page of `write_html` so does the mouse over the surface. Values far
    above the rest are cut off the picture, and a note says where; the figure holds them all the same.

    Args:
        surface: what `mg.surface` returned, with two or more alphas and thetas.
        optimum: what `mg.optimal_theta` returned: drawn on the surface, with a gap at each jump.
        diagram: what `mg.bifurcation_diagram` returned: its branches are drawn on the surface, attracting ones solid
            and repelling ones dashed.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        ValueError: a surface of a single alpha or theta.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.5, 31), np.linspace(-2, 2, 41))
    >>> [trace.type for trace in surface(found).data]
    ['surface', 'scatter3d', 'scatter3d', 'scatter', 'scatter']
    """
    grid = grid_of(wanted(surface, "Surface"), "values")
    view = surface_view(grid[2], signed=False)
    look = Look(VALUE, signed=False)
    figure = linked_sections(*grid, view=view, look=look, title=title or "Meta-loss over α and θ")
    height = view.shown.high - view.shown.low
    if diagram is not None:
        add_to_surface(figure, branch_scene(wanted(diagram, "BifurcationDiagram")), height)
    if optimum is not None:
        line = OPTIMAL if diagram is None else OPTIMAL_UNDER._replace(dash="solid")
        scene = optimum_scene(wanted(optimum, "OptimalTheta"), look=line)
        add_to_surface(figure, scene, height)
    return figure


def gradient_surface(surface: Surface, *, diagram: Any = None, title: str | None = None) -> Figure:
    """The gradient over alpha and theta with the translucent plane z = 0, and on request the curves where they meet.

    Cross-sections as in `surface`.

    Args:
        surface: what `mg.surface` returned, with `derivatives=1` or 2, two or more alphas and thetas.
        diagram: what `mg.bifurcation_diagram` returned for the same meta-loss: its branches are where the gradient is
            zero, solid where it rises through zero (a minimum), dashed where it falls.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        ValueError: the surface has no gradients, or a single alpha or theta.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.5, 31), np.linspace(-2, 2, 41))
    >>> [trace.name for trace in gradient_surface(found).data if trace.showlegend]
    ['plane z = 0']
    """
    alphas, thetas, grads = grid_of(wanted(surface, "Surface"), "grads")
    view = surface_view(grads, signed=True)
    figure = linked_sections(
        alphas,
        thetas,
        grads,
        view=view,
        look=Look(GRADIENT, signed=True),
        title=title or "Gradient of the meta-loss over α and θ",
    )
    _add_plane(figure, alphas, thetas)
    if diagram is not None:
        scene = branch_scene(wanted(diagram, "BifurcationDiagram"))
        add_to_surface(figure, scene, view.shown.high - view.shown.low, at=0.0)
    return figure


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


def _in_order(result: Any, values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Alphas, thetas and values, both axes increasing."""
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    rows, columns = np.argsort(alphas), np.argsort(thetas)
    return alphas[rows], thetas[columns], values[np.ix_(rows, columns)]


def _with_slider(alphas: Numbers, start: int, step: Any) -> dict[str, Any]:
    """What the layout needs for a slider over alpha below the axis; nothing where there is one alpha."""
    if alphas.size == 1:
        return {}
    value = {"prefix": "α = ", "font": {"size": 14}, "xanchor": "left"}
    place = {"x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": 58, "b": 0}, "currentvalue": value}
    return {"sliders": [slider(alphas, start, step, place)], "height": 540}
