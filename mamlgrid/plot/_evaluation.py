"""What was trained one way and tested another: a curve over alpha, or a map over both alphas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._results.status import Status
from ._axes import ALPHA_LABEL, exact, legend, named, rim, span, tidy
from ._colours import GREY, NONFINITE_GREY, paper
from ._contour import fill
from ._door import axes, text, wanted
from ._door import scale as checked_scale
from ._draw import draw
from ._levels import levels_of
from ._scene_evaluation import best_scene, evaluation_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._outer_loop.evaluate import Evaluation

_TRAINED, _TESTED, _VALUE = r"$\alpha$ at training", r"$\alpha$ at test", "test meta-loss"


def evaluation(
    result: Evaluation,
    ax: Axes | None = None,
    *,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Axes:
    r"""The test meta-loss of what was trained, against the alpha of the training.

    Where each was tested with its own alpha, a curve: neighbours whose values or parameters lie far apart are not
    joined. Where all were tested with several alphas, a map with the alpha of the training across and that of the test
    up, the diagonal, and for each alpha of the training the lowest value among those tested. What was not confirmed is
    hollow and grey, what is not finite a cross, on the map a grey cell.

    Args:
        result: what `mg.evaluate` returned.
        ax: where to draw; a new figure when None.
        levels: of a map: increasing numbers, or about how many.
        cmap: of a map: a colour map of matplotlib, or its name.
        norm: of a map: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize`.
        vmin: of a map: the lowest level.
        vmax: of a map: the highest level.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind. ValueError: levels that do not increase, or a range that contradicts
        them.

    >>> import numpy as np, mamlgrid as mg
    >>> meta = mg.cases.quadratic().meta()
    >>> trained = mg.optimal_theta(meta, np.linspace(0, 0.9, 10), (-1.0, 2.0))
    >>> mg.plot.evaluation(mg.evaluate(meta, trained)).get_ylabel()
    'test meta-loss'
    >>> mg.plot.evaluation(mg.evaluate(meta, trained, np.linspace(0, 0.9, 10))).get_ylabel()
    '$\\alpha$ at test'
    """
    wanted(result, "Evaluation")
    scale, title = checked_scale(levels, cmap, norm, vmin, vmax), text("title", title)
    ax = axes(ax)
    values = np.asarray(result.values)
    if values.ndim == 1 or 1 in values.shape:
        _curve(ax, result, title)
    else:
        _map(ax, result, scale, title)
    legend(ax, least=2)
    return ax


def _curve(ax: Axes, result: Any, title: str | None) -> None:
    """The values along the one axis there is more of."""
    scene, over_test = evaluation_scene(result)
    draw(ax, scene)
    label = _TESTED if over_test else ALPHA_LABEL if result.alphas_test is None else _TRAINED
    low, high = scene.bounds
    tidy(ax, label, _VALUE, xlim=span(scene.alphas), ylim=(min(low, 0.0) if low >= 0 else low, high), title=title)


def _map(ax: Axes, result: Any, scale: Any, title: str | None) -> None:
    alphas, tested = np.asarray(result.alphas), np.asarray(result.alphas_test)
    rows, columns = np.argsort(alphas), np.argsort(tested)
    values, status = np.asarray(result.values)[rows][:, columns], np.asarray(result.status)[rows][:, columns]
    x, y = alphas[rows], tested[columns]
    fill(ax, x, y, values.T, levels_of(values, False, scale), _VALUE)
    if not np.isfinite(values).all():
        ax.fill_between([], [], color=NONFINITE_GREY, linewidth=0, label="not finite")
    ends = max(x[0], y[0]), min(x[-1], y[-1])
    if ends[0] < ends[1]:
        look: Any = {"color": "black", "linewidth": 1.0, "linestyle": (0, (4, 2)), "path_effects": rim(1.0)}
        ax.plot(ends, ends, label=r"same $\alpha$", **look)
    draw(ax, best_scene(x, y, values, status), on_colour=True)
    row, column = np.nonzero((status != Status.OK) & (status != Status.NONFINITE))
    doubt: Any = {"markeredgecolor": GREY, "markerfacecolor": paper(), "markersize": 4, "linestyle": "none"}
    if row.size:
        ax.plot(x[row], y[column], "o", label="not confirmed", zorder=6, **doubt)
    exact(ax, span(x), span(y))
    named(ax, _TRAINED, _TESTED, title)
