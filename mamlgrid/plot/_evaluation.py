"""What was trained one way and tested another: a curve over alpha, or a map over both alphas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import ALPHA_LABEL, exact, legend, named, rim, span, tidy
from ._colours import NONFINITE_GREY
from ._contour import fill
from ._door import axes, text, wanted
from ._door import scale as checked_scale
from ._draw import draw
from ._scene_evaluation import MapScene, evaluation_scene, map_scene

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
        _map(ax, map_scene(result, scale), title)
    legend(ax, least=2)
    return ax


def _curve(ax: Axes, result: Any, title: str | None) -> None:
    """The values along the one axis there is more of."""
    scene, over_test = evaluation_scene(result)
    draw(ax, scene)
    label = _TESTED if over_test else ALPHA_LABEL if result.alphas_test is None else _TRAINED
    low, high = scene.bounds
    tidy(ax, label, _VALUE, xlim=span(scene.alphas), ylim=(min(low, 0.0) if low >= 0 else low, high), title=title)


def _map(ax: Axes, scene: MapScene, title: str | None) -> None:
    fill(ax, scene.trained, scene.tested, scene.values.T, scene.levels, _VALUE)
    if scene.lost:
        ax.fill_between([], [], color=NONFINITE_GREY, linewidth=0, label="not finite")
    if scene.same is not None:
        look: Any = {"color": "black", "linewidth": 1.0, "linestyle": (0, (4, 2)), "path_effects": rim(1.0)}
        ax.plot(scene.same, scene.same, label=r"same $\alpha$", **look)
    draw(ax, scene.marks, on_colour=True)
    exact(ax, span(scene.trained), span(scene.tested))
    named(ax, _TRAINED, _TESTED, title)
