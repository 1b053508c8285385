"""What was trained one way and tested another, in plotly: a curve over alpha, or a map over both alphas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import span
from ._colours import BLACK, NONFINITE_GREY
from ._door import one_result, text, wanted
from ._door import scale as checked_scale
from ._interactive_contour import BAR_ABOVE, fill
from ._interactive_draw import add_scene
from ._interactive_style import ALPHA, axis, ends, graph_objects, laid_out
from ._scene_evaluation import MapScene, evaluation_scene, map_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._outer_loop.evaluate import Evaluation

_TRAINED, _TESTED, _VALUE = "α at training", "α at test", "test meta-loss"


@one_result
def evaluation(
    result: Evaluation,
    *,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Figure:
    """The test meta-loss of what was trained, against the alpha of the training.

    The same facts and looks as `plot.evaluation`: a curve where each was tested with its own alpha, a map where all
    were tested with several.

    Args:
        result: what `mg.evaluate` returned.
        levels: of a map: increasing numbers, or about how many.
        cmap: of a map: a colour map of matplotlib, or its name.
        norm: of a map: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize`.
        vmin: of a map: the lowest level.
        vmax: of a map: the highest level.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: levels that do not increase, or a range that contradicts them.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> meta = mg.cases.quadratic().meta()
    >>> trained = mg.optimal_theta(meta, np.linspace(0, 0.9, 10), (-1.0, 2.0))
    >>> evaluation(mg.evaluate(meta, trained)).layout.yaxis.title.text
    'test meta-loss'
    >>> evaluation(mg.evaluate(meta, trained, np.linspace(0, 0.9, 10))).layout.yaxis.title.text
    'α at test'
    """
    figure = graph_objects().Figure()
    values = np.asarray(wanted(result, "Evaluation").values)
    scale, title = checked_scale(levels, cmap, norm, vmin, vmax), text("title", title)
    words = title or "What was trained, tested", ""
    if values.ndim == 1 or 1 in values.shape:
        return _curve(figure, result, words)
    return _map(figure, map_scene(result, scale), words)


def _curve(figure: Any, result: Any, words: tuple[str, str]) -> Figure:
    """The values along the one axis there is more of."""
    scene, over_test = evaluation_scene(result)
    low, high = scene.bounds
    low = min(low, 0.0) if low >= 0 else low
    room = 0.04 * (high - low)
    add_scene(figure, scene, (low, high), up=None)
    label = _TESTED if over_test else ALPHA if result.alphas_test is None else _TRAINED
    return laid_out(figure, words, axis(label, ends(scene.alphas)), axis(_VALUE, [low - room, high + room]))


def _map(figure: Any, scene: MapScene, words: tuple[str, str]) -> Figure:
    """Contours with the diagonal, the lowest of each column, and what is in doubt."""
    names = _TRAINED, _TESTED
    fill(figure, scene.trained, scene.tested, scene.values.T, scene.levels, _VALUE, names=names)
    if scene.lost:
        square = {"symbol": "square", "size": 12, "color": NONFINITE_GREY}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=square, name="not finite", showlegend=True)
    if scene.same is not None:
        line = {"color": BLACK, "width": 1.5, "dash": "dash"}
        diagonal: Any = {"mode": "lines", "line": line, "name": "same α", "hoverinfo": "skip", "uid": "diagonal"}
        figure.add_scatter(x=scene.same, y=scene.same, **diagonal)
    add_scene(figure, scene.marks, scene.marks.bounds, up=_TESTED, on_colour=True)
    across, up = (
        axis(name, list(span(points)), showgrid=False)
        for name, points in zip(names, (scene.trained, scene.tested), strict=True)
    )
    return laid_out(figure, words, across, up, plot_bgcolor=NONFINITE_GREY, meta=BAR_ABOVE)
