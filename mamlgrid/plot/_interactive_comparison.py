"""Algorithms beside each other in plotly: their fixed points, what these cost, and where an algorithm climbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._door import one_result, text, wanted
from ._interactive_draw import add_scene
from ._interactive_style import ALPHA, SHADE, THETA, axis, ends, graph_objects, laid_out
from ._scene_comparison import attracting_range, fixed_point_scene, regret_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._stationary.compare import Comparison


@one_result
def fixed_points(result: Comparison, *, title: str | None = None) -> Figure:
    """The fixed points of all algorithms against alpha, over the optimum of the reference.

    The same facts and looks as `plot.fixed_points`. A click on the legend hides an algorithm.

    Args:
        result: what `mg.compare` returned.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quadratic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 2, 8), (-1.0, 2.0))
    >>> sorted(trace.name for trace in fixed_points(both).data if trace.showlegend)
    ['FOMAML', 'MAML', 'optimum', 'repelling']
    """
    figure = graph_objects().Figure()
    scene, title = fixed_point_scene(wanted(result, "Comparison")), text("title", title)
    limits = attracting_range(result, scene)
    add_scene(figure, scene, limits)
    words = title or "Fixed points of the algorithms", ""
    return laid_out(figure, words, axis(ALPHA, ends(scene.alphas)), axis("fixed point θ", list(limits)))


@one_result
def regrets(result: Comparison, *, title: str | None = None) -> Figure:
    """What the fixed points cost: the true meta-loss there minus its minimum, against alpha, on a logarithmic axis.

    The same facts and looks as `plot.regrets`.

    Args:
        result: what `mg.compare` returned.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "Reptile": mg.reptile(losses)}, np.linspace(0, 0.3, 4), (-4.0, 4.0))
    >>> regrets(both).layout.yaxis.type
    'log'
    """
    figure = graph_objects().Figure()
    scene, title = regret_scene(wanted(result, "Comparison")), text("title", title)
    add_scene(figure, scene, (0.0, 0.0), up="regret")
    limits, log = np.log10(scene.bounds).tolist(), {"type": "log", "exponentformat": "power", "dtick": 1}
    up = axis("regret L<sub>M</sub>(θ) − min L<sub>M</sub>", limits, **log)
    words = title or "What the fixed points of the algorithms cost", ""
    return laid_out(figure, words, axis(ALPHA, ends(scene.alphas)), up)


@one_result
def climbing(result: Comparison, label: str, *, title: str | None = None) -> Figure:
    """Where the direction of an algorithm and the true gradient have opposite signs, over alpha and theta.

    In the shaded cells a small outer step raises the true meta-loss. The same facts and looks as `plot.climbing`.

    Args:
        result: what `mg.compare` returned.
        label: which algorithm.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: no such algorithm.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 1, 5), (-2.0, 2.0))
    >>> climbing(both, "FOMAML").layout.title.text
    'Where FOMAML climbs'
    """
    figure = graph_objects().Figure()
    number = wanted(result, "Comparison").position(label)
    scene, title = fixed_point_scene(result, only=number), text("title", title)
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    figure.add_heatmap(
        x=alphas,
        y=thetas,
        z=np.asarray(result.uphill)[number].T.astype(np.uint8),
        name="climbs",
        showlegend=True,
        showscale=False,
        zmin=0,
        zmax=1,
        colorscale=[[0, "rgba(0,0,0,0)"], [1, SHADE]],
        hovertemplate="α = %{x:.4g}<br>θ = %{y:.4g}<br>climbs: %{z}<extra></extra>",
        uid="cells",
    )
    # A heat map has no entry of its own look.
    figure.data[0].showlegend = False
    square: Any = {"symbol": "square", "size": 12, "color": SHADE}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=square, name="climbs", showlegend=True)
    add_scene(figure, scene, (float(thetas[0]), float(thetas[-1])))
    words = title or f"Where {label} climbs", "Shaded: a small step along its direction raises the true meta-loss."
    return laid_out(figure, words, axis(ALPHA, ends(scene.alphas)), axis(THETA, ends(thetas)))
