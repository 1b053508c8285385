"""Pictures of one variable: the task losses, and cross-sections of a surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._axes import (
    ALPHA_LABEL,
    CYCLE,
    FIELD_LABELS,
    THETA_LABEL,
    THICK,
    Field,
    axes,
    field_of,
    legend,
    tidy,
    wanted,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._grid.task_losses import TaskLosses

# The tasks differ in the dash as well as in colour, so that a grey print still tells them apart.
DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)))


def task_losses(
    result: TaskLosses,
    ax: Axes | None = None,
    *,
    alpha_index: int = 0,
    labels: Sequence[str] | None = None,
) -> Axes:
    """The loss of each task against theta.

    Args:
        result: what `mg.task_losses` returned.
        ax: where to draw; a new figure when None.
        alpha_index: which of `result.alphas`; the losses are those after adaptation with it.
        labels: one for each task, for the legend; `L_0`, `L_1`, ... when None.

    Returns:
        The axes.

    Raises:
        ValueError: labels of another number than the tasks.
        IndexError: no such alpha.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> [line.get_label() for line in mg.plot.task_losses(found, labels=["first", "second"]).lines]
    ['first', 'second']
    """
    values = np.asarray(wanted(result, "TaskLosses").values)[alpha_index]
    thetas, alpha = np.asarray(result.thetas), float(np.asarray(result.alphas)[alpha_index])
    num_tasks = values.shape[1]
    if labels is None:
        labels = [f"$L_{{{i}}}$" for i in range(num_tasks)]
    if len(labels) != num_tasks:
        raise ValueError(f"labels must be one for each of the {num_tasks} tasks, got {list(labels)}")
    order = np.argsort(thetas)
    ax = axes(ax)
    for i, label in enumerate(labels):
        style = {"color": CYCLE[i % len(CYCLE)], "linestyle": DASHES[i % len(DASHES)], "linewidth": THICK}
        ax.plot(thetas[order], values[order, i], label=label, **style)
    tidy(ax, THETA_LABEL, "task loss" if alpha == 0 else rf"task loss after adaptation, $\alpha = {alpha:.4g}$")
    _from_zero(ax, values)
    legend(ax)
    return ax


def section(
    surface: Surface,
    ax: Axes | None = None,
    *,
    alpha: float | None = None,
    theta: float | None = None,
    field: Field = "values",
) -> Axes:
    r"""A surface cut along the grid line nearest to one alpha, or to one theta.

    Args:
        surface: what `mg.surface` returned.
        ax: where to draw; a new figure when None.
        alpha: cut here, and show the field against theta.
        theta: or cut here, and show the field against alpha.
        field: "values", "grads" or "curvatures".

    Returns:
        The axes; the legend tells the alpha or theta of the grid line that is shown.

    Raises:
        ValueError: both or neither of alpha and theta; a field the surface does not have.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 11), np.linspace(-1, 2, 50))
    >>> mg.plot.section(found, alpha=0.52).lines[0].get_label()
    '$\\alpha = 0.5$'
    """
    values = field_of(wanted(surface, "Surface"), field)
    if (alpha is None) == (theta is None):
        raise ValueError(f"give either alpha or theta to cut at, got alpha={alpha!r}, theta={theta!r}")
    alphas, thetas = np.asarray(surface.alphas), np.asarray(surface.thetas)
    if alpha is not None:
        row = int(np.argmin(np.abs(alphas - alpha)))
        x, y, label, xlabel = thetas, values[row], rf"$\alpha = {alphas[row]:.4g}$", THETA_LABEL
    else:
        column = int(np.argmin(np.abs(thetas - theta)))
        x, y, label, xlabel = alphas, values[:, column], rf"$\theta = {thetas[column]:.4g}$", ALPHA_LABEL
    ax = axes(ax)
    order = np.argsort(x)
    color = CYCLE[len(ax.get_legend_handles_labels()[1]) % len(CYCLE)]
    ax.plot(x[order], y[order], color=color, linewidth=THICK, label=label)
    if field != "values":
        ax.axhline(0, color="0.4", linewidth=0.8, zorder=1)
    tidy(ax, xlabel, FIELD_LABELS[field])
    _from_zero(ax, y)
    legend(ax)
    return ax


def _from_zero(ax: Axes, values: Numbers) -> None:
    """No margins across; up from zero when nothing is negative, since a loss means what it is above zero."""
    ax.margins(x=0)
    if np.nanmin(values, initial=0) >= 0:
        top = ax.get_ylim()[1]
        ax.set_ylim(-0.02 * top, top)
