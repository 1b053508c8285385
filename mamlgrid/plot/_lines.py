"""Pictures of one variable: the task losses, and cross-sections of a surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._base.arguments import said
from ._axes import ALPHA_LABEL, FIELD_LABELS, THETA_LABEL, THICK, legend, span, tidy
from ._colours import SECTIONS, TASKS, mixed, of
from ._door import Field, axes, field_of, names, nearest, text, wanted, whole_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._grid.surface import Surface
    from .._grid.task_losses import TaskLosses

# Lines of one picture differ in the dash as well, so that a grey print still tells them apart.
DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)))


def task_losses(
    result: TaskLosses,
    ax: Axes | None = None,
    *,
    alpha_index: int = 0,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Axes:
    """The loss of each task against theta.

    Args:
        result: what `mg.task_losses` returned.
        ax: where to draw; a new figure when None.
        alpha_index: which of `result.alphas`; the losses are those after adaptation with it.
        labels: one for each task, for the legend; `L_0`, `L_1`, ... when None.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind. ValueError: no such alpha; labels of another number than the tasks.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> [line.get_label() for line in mg.plot.task_losses(found, labels=["first", "second"]).lines]
    ['first', 'second']
    """
    alphas = np.asarray(wanted(result, "TaskLosses").alphas)
    index = whole_number("alpha_index", alpha_index, -alphas.size, alphas.size - 1)
    values, thetas, alpha = np.asarray(result.values)[index], np.asarray(result.thetas), float(alphas[index])
    count = values.shape[1]
    told = [f"$L_{{{i}}}$" for i in range(count)] if labels is None else names("labels", labels, count, "tasks")
    title = text("title", title)
    order = np.argsort(thetas)
    ax = axes(ax)
    for i, label in enumerate(told):
        style = {"color": of(TASKS, i), "linestyle": DASHES[i % len(DASHES)], "linewidth": THICK}
        ax.plot(thetas[order], values[order, i], label=label, **style)
    what = "task loss" if alpha == 0 else rf"task loss after adaptation, $\alpha = {alpha:.4g}$"
    _finish(ax, THETA_LABEL, what, title)
    return ax


def section(
    surface: Surface,
    ax: Axes | None = None,
    *,
    alpha: float | None = None,
    theta: float | None = None,
    field: Field = "values",
    title: str | None = None,
) -> Axes:
    r"""A surface cut along the grid line nearest to one alpha, or to one theta.

    Args:
        surface: what `mg.surface` returned.
        ax: where to draw; a new figure when None.
        alpha: cut here, and show the field against theta.
        theta: or cut here, and show the field against alpha.
        field: "values", "grads" or "curvatures".
        title: none when None.

    Returns:
        The axes; the legend tells the alpha or theta of the grid line that is shown.

    Raises:
        TypeError: an argument of another kind. ValueError: both or neither of alpha and theta; a field the surface
        does not have.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 11), np.linspace(-1, 2, 50))
    >>> mg.plot.section(found, alpha=0.52).lines[0].get_label()
    '$\\alpha = 0.5$'
    """
    values = field_of(wanted(surface, "Surface", "surface"), field)
    if (alpha is None) == (theta is None):
        raise ValueError(f"give either alpha or theta to cut at, got alpha={said(alpha)}, theta={said(theta)}")
    alphas, thetas, title = np.asarray(surface.alphas), np.asarray(surface.thetas), text("title", title)
    if alpha is not None:
        row = nearest("alpha", alpha, alphas)
        x, y, label, xlabel = thetas, values[row], rf"$\alpha = {alphas[row]:.4g}$", THETA_LABEL
    else:
        column = nearest("theta", theta, thetas)
        x, y, label, xlabel = alphas, values[:, column], rf"$\theta = {thetas[column]:.4g}$", ALPHA_LABEL
    ax = axes(ax)
    order = np.argsort(x)
    style = {"color": SECTIONS[alpha is None], "linestyle": DASHES[len(ax.lines) % len(DASHES)], "linewidth": THICK}
    ax.plot(x[order], y[order], label=label, **style)
    _finish(ax, xlabel, FIELD_LABELS[field], title)
    if field != "values":
        ax.axhline(0, color=mixed(0.6), linewidth=0.8, zorder=1)
    return ax


def _finish(ax: Axes, xlabel: str, ylabel: str, title: str | None) -> None:
    """Up from zero when nothing is negative, since a loss means what it is above zero."""
    drawn = [np.asarray(line.get_xydata()) for line in ax.lines if not str(line.get_label()).startswith("_")]
    x, y = np.concatenate(drawn).T
    y = y[np.isfinite(y)]
    low, high = (float(y.min()), float(y.max())) if y.size else (0.0, 1.0)
    low = 0.0 if low >= 0 else low
    tidy(ax, xlabel, ylabel, xlim=span(x), ylim=(low, high) if high > low else (low - 0.5, high + 0.5), title=title)
    legend(ax)
