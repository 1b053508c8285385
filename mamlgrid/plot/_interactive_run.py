"""The outer loop in plotly: where it ends, and how the meta-loss falls along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import span, window
from ._colours import RUN
from ._door import beside, one_result, recorded_steps, scalar_thetas, text, wanted, whole_number
from ._interactive_draw import Legend, add_scene
from ._interactive_style import ALPHA, DASHES, THETA, VALUE, axis, ends, graph_objects, laid_out
from ._scene_learning import FEW, learning_scene
from ._scene_optimum import optimum_scene
from ._scene_run import evenly, reached, run_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta


@one_result
def outer_loop(run: OuterRun, *, optimum: OptimalTheta | None = None, title: str | None = None) -> Figure:
    """End points of the outer loop against alpha, over the optimum curve.

    The same facts and looks as `plot.outer_loop`: a few trajectories, which are vertical because alpha is fixed along
    a run, and the ends joined where neighbours end close to each other.

    Args:
        run: what `mg.outer_loop` returned, for a scalar theta.
        optimum: the curve to compare with.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: the parameters of the run are not one scalar.
        ImportError: plotly is missing.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.linspace(0, 0.8, 9), 0.0, optax.sgd(0.3), num_steps=50)
    >>> outer_loop(run).layout.xaxis.title.text
    'inner step size α'
    """
    figure = graph_objects().Figure()
    finals, ways = scalar_thetas(wanted(run, "OuterRun", "run"))
    best = None if beside(optimum, "optimum") is None else optimum_scene(optimum)
    title, alphas = text("title", title), np.asarray(run.alphas)
    scene = run_scene(run, finals, starts=None if ways is None else ways[:, 0])
    drawn, bounds = [scene], (scene.bounds[0] - 0.5, scene.bounds[1] + 0.5)
    if best is not None:
        drawn, bounds = [best, scene], best.bounds
    limits = window(np.concatenate([part.thetas for part in drawn]), bounds)
    if ways is not None:
        some = evenly(alphas.size)
        add_ways(figure, alphas[some], ways[some], RUN, 0.35)
    for part in drawn:
        add_scene(figure, part, limits)
    across = span(np.array([end for part in drawn for end in part.alphas]))
    words = title or "Where the outer loop ends", ""
    return laid_out(figure, words, axis(ALPHA, list(across)), axis(THETA, list(limits)))


def add_ways(figure: Any, alphas: Numbers, ways: Numbers, color: str, opacity: float) -> None:
    """A vertical line for each alpha, over all the thetas it passed through."""
    gap = np.full(alphas.size, np.nan)
    figure.add_scatter(
        x=np.repeat(alphas, 3),
        y=np.stack([*reached(ways), gap], axis=1).ravel(),
        mode="lines",
        line={"color": color, "width": 1.5},
        opacity=opacity,
        name="",
        showlegend=False,
        hoverinfo="skip",
        uid="ways",
    )


@one_result
def learning_curves(run: OuterRun, *, window: int = 1, title: str | None = None) -> Figure:
    """The meta-loss at each recorded outer step, for each alpha; theta may be any pytree.

    The same facts and looks as `plot.learning_curves`; of many curves the hover text names each.

    Args:
        run: what `mg.outer_loop` returned.
        window: each curve is the mean over so many records, the values themselves pale behind it.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: a window longer than the record.
        ImportError: plotly is missing.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.array([0.0, 0.4]), 0.0, optax.sgd(0.3), num_steps=20)
    >>> [trace.name for trace in learning_curves(run).data]
    ['α = 0', 'α = 0.4', 'outer loop: still moving']
    """
    import matplotlib
    from matplotlib.colors import to_hex

    figure = graph_objects().Figure()
    steps = recorded_steps(wanted(run, "OuterRun", "run"))
    window, title = whole_number("window", window, 1, max(1, steps.size)), text("title", title)
    scene = learning_scene(run, window)
    known = Legend(figure)
    hover = "%{meta}<br>outer step %{x}<br>" + VALUE + " = %{y:.5g}<extra></extra>"
    for i, curve in enumerate(scene.curves):
        color = to_hex(matplotlib.colormaps["viridis"](curve.shade))
        dash = DASHES[i] if len(scene.curves) <= FEW else "solid"
        group: Any = {"legendgroup": curve.name, "meta": curve.name, "hovertemplate": hover}
        if window > 1:
            pale = {"line": {"color": color, "width": 0.8}, "opacity": 0.35}
            figure.add_scatter(x=curve.steps, y=curve.values, mode="lines", showlegend=False, **pale, **group)
        line = {"color": color, "width": 2.2, "dash": dash, "simplify": False}
        named: Any = {"name": curve.name, "showlegend": curve.named, "uid": f"curve-{i}"}
        figure.add_scatter(x=curve.late, y=curve.means, mode="lines", line=line, **named, **group)
        if curve.end is not None:
            rim = {"color": color, "width": 1.6}
            mark = {"symbol": curve.end.symbol, "color": "white", "size": 1.5 * curve.end.size, "line": rim}
            last: Any = {"x": curve.end_at[0], "y": curve.end_at[1], "uid": f"end-{i}", "cliponaxis": False}
            what: Any = {"meta": f"{curve.name}, {curve.end.label}", "hovertemplate": hover}
            figure.add_scatter(mode="markers", marker=mark, **last, **what, **known.name(curve.end.label))
    limits = None if scene.low is None or scene.high is None else [0.0 if scene.from_zero else scene.low, scene.high]
    kind: Any = {"rangemode": "tozero" if scene.from_zero else "normal"}
    if scene.logarithmic:
        kind = {"type": "log", "exponentformat": "power"}
        limits = None if limits is None else np.log10(limits).tolist()
    words = title or "How the meta-loss falls along the outer loop", ""
    return laid_out(figure, words, axis("outer step", ends(steps)), axis(f"{VALUE} after adaptation", limits, **kind))
