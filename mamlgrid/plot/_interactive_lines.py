"""Pictures of one variable in plotly: the task losses, and cross-sections of a surface, with sliders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.arguments import said
from ._axes import number
from ._colours import SECTIONS, TASKS, of
from ._door import Field, field_of, names, nearest, one_result, text, wanted, whole_number
from ._interactive_style import ALPHA, DASHES, FIELDS, THETA, axis, ends, graph_objects, laid_out, slider
from ._view import shown

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._grid.task_losses import TaskLosses


@one_result
def task_losses(
    result: TaskLosses,
    *,
    alpha_index: int = 0,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """The loss of each task against theta; a slider over alpha where there are several.

    Args:
        result: what `mg.task_losses` returned.
        alpha_index: which of `result.alphas` the slider starts at; the losses are those after adaptation with it.
        labels: one for each task; L with the number of the task when None.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: no such alpha; labels of another number than the tasks.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> [trace.name for trace in task_losses(losses, labels=["first", "second"]).data]
    ['first', 'second']
    """
    figure = graph_objects().Figure()
    alphas, thetas, values = _in_order(wanted(result, "TaskLosses"), np.asarray(result.values))
    num_tasks = values.shape[2]
    index = whole_number("alpha_index", alpha_index, -alphas.size, alphas.size - 1)
    start = int(np.flatnonzero(np.argsort(np.asarray(result.alphas)) == index % alphas.size)[0])
    default = [f"L<sub>{i}</sub>" for i in range(num_tasks)]
    told = default if labels is None else names("labels", labels, num_tasks, "tasks")
    title = text("title", title)
    for i, label in enumerate(told):
        style = {"color": of(TASKS, i), "dash": DASHES[i % len(DASHES)]}
        figure.add_scatter(
            x=thetas,
            y=values[start, :, i],
            name=label,
            mode="lines",
            line={"width": 3, "simplify": False, **style},
            meta=number(alphas[start]),
            hovertemplate="α = %{meta}<br>θ = %{x:.4g}<br>%{fullData.name} = %{y:.5g}<extra></extra>",
        )

    def step(row: int) -> list[Any]:
        return [{"y": list(values[row].T.copy()), "meta": [number(alphas[row])] * num_tasks}, {}]

    adapted = alphas.size > 1 or alphas[0] != 0
    words = "Task losses" + (" after adaptation" if adapted else "")
    words += f" with α = {number(alphas[0])}" if adapted and alphas.size == 1 else ""
    view = shown(values, by_row=True)
    y = axis("task loss after adaptation" if adapted else "task loss", view.padded())
    more = _with_slider("α", alphas, start, step)
    return laid_out(figure, (title or words, view.note), axis(THETA, ends(thetas)), y, **more)


@one_result
def section(
    surface: Surface,
    *,
    alpha: float | None = None,
    theta: float | None = None,
    field: Field = "values",
    title: str | None = None,
) -> Figure:
    """A surface cut along the grid line nearest to one alpha, or to one theta, with a slider over the others.

    Args:
        surface: what `mg.surface` returned.
        alpha: cut here, and show the field against theta.
        theta: or cut here, and show the field against alpha.
        field: "values", "grads" or "curvatures".
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: both or neither of alpha and theta, or one that is not finite; a field the surface does not have.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 11), np.linspace(-1, 2, 50))
    >>> section(found, alpha=0.52).data[0].name
    'α = 0.5'
    """
    figure = graph_objects().Figure()
    alphas, thetas, values = _in_order(wanted(surface, "Surface"), field_of(surface, field))
    if (alpha is None) == (theta is None):
        raise ValueError(f"give either alpha or theta to cut at, got alpha={said(alpha)}, theta={said(theta)}")
    title = text("title", title)
    if alpha is not None:
        start, name, fixed, free, across = nearest("alpha", alpha, alphas), "α", alphas, thetas, THETA
    else:
        start, name, fixed, free, across = nearest("theta", theta, thetas), "θ", thetas, alphas, ALPHA
        values = values.T
    label = FIELDS[field]
    figure.add_scatter(
        x=free,
        y=values[start],
        name=f"{name} = {number(fixed[start])}",
        mode="lines",
        line={"color": SECTIONS[alpha is None], "width": 3, "simplify": False},
        hovertemplate=f"%{{fullData.name}}<br>{'αθ'[name == 'α']} = %{{x:.4g}}<br>{label} = %{{y:.5g}}<extra></extra>",
    )

    def step(row: int) -> list[Any]:
        return [{"y": [values[row]], "name": [f"{name} = {number(fixed[row])}"]}, {}]

    view = shown(values, signed=field != "values")
    up = axis(label, view.padded(), zeroline=field != "values")
    more = _with_slider(name, fixed, start, step)
    what = f"{label[0].upper()}{label[1:]}"
    words = f"{what} at one {name}" if more else f"{what} at {name} = {number(fixed[0])}"
    return laid_out(figure, (title or words, view.note), axis(across, ends(free)), up, **{"showlegend": False, **more})


def _in_order(result: Any, values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Alphas, thetas and values, both axes increasing."""
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    rows, columns = np.argsort(alphas), np.argsort(thetas)
    return alphas[rows], thetas[columns], values[np.ix_(rows, columns)]


def _with_slider(name: str, points: Numbers, start: int, step: Any) -> dict[str, Any]:
    """What the layout needs for a slider below the axis; nothing where there is one point."""
    if points.size == 1:
        return {}
    value = {"prefix": f"{name} = ", "font": {"size": 14}, "xanchor": "left"}
    place = {"x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": 58, "b": 0}, "currentvalue": value}
    return {"sliders": [slider(points, start, step, place)]}
