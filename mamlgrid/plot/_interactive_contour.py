"""A surface seen from above in plotly: filled contours with the optimum and the outer loop on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._colours import NONFINITE_GREY
from ._door import Field, one_result, text
from ._interactive_draw import add_scene
from ._interactive_run import add_ways
from ._interactive_style import ALPHA, FIELDS, THETA, axis, ends, graph_objects, laid_out
from ._scene_surface import contour_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from .._grid.surface import Surface
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta
    from ._levels import Levels

# In a narrow page the colour bar stands above the axes: beside them it would take half of their width.
_ABOVE = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1.01, "yanchor": "bottom", "len": 1}
BAR_ABOVE = {
    "layouts": {
        "narrow": {"layout.margin.t": 110, "layout.height": 560}
        | {f"data.0.colorbar.{name}": value for name, value in _ABOVE.items()}
    }
}


@one_result
def contour(
    result: Surface,
    *,
    field: Field = "values",
    optimum: OptimalTheta | None = None,
    run: OuterRun | None = None,
    diagram: Any = None,
    levels: Any = None,
    cmap: Any = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
) -> Figure:
    """Filled contours over alpha (across) and theta (up).

    The same facts, levels and colours as `plot.contour`; the hover text tells the value at each point of the grid.

    Args:
        result: what `mg.surface` returned.
        field: "values", "grads" or "curvatures".
        optimum: the curve of optimal theta, with its jumps.
        run: an outer loop; each trajectory is vertical because alpha is fixed, a readable number of them is shown.
        diagram: the branches of stationary points, attracting ones solid and repelling ones dashed, with their folds.
        levels: increasing numbers, or about how many.
        cmap: a colour map of matplotlib, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `matplotlib.colors.Normalize` for the colours.
        vmin: the lowest level.
        vmax: the highest level.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        TypeError: an argument of another kind.
        ValueError: a field the surface does not have; fewer than two alphas or thetas; levels that do not increase,
            or a range that contradicts them.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1.2, 61), np.linspace(-1.5, 1.6, 63))
    >>> contour(found).layout.yaxis.title.text
    'initial parameter θ'
    """
    figure = graph_objects().Figure()
    scale: Any = {"levels": levels, "cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    scene = contour_scene(result, field, optimum=optimum, run=run, diagram=diagram, **scale)
    words = text("title", title) or f"{FIELDS[field][0].upper()}{FIELDS[field][1:]} over α and θ", ""
    fill(figure, scene.alphas, scene.thetas, scene.values.T, scene.levels, FIELDS[field])
    limits = (float(scene.thetas[0]), float(scene.thetas[-1]))
    for part in scene.on_it:
        add_scene(figure, part, limits, on_colour=True)
    if scene.ways is not None:
        add_ways(figure, *scene.ways, "#ffffff", 0.9)
    if scene.ends is not None:
        add_scene(figure, scene.ends, limits, on_colour=True)
    across = axis(ALPHA, ends(scene.alphas), showgrid=False)
    up, look = axis(THETA, ends(scene.thetas), showgrid=False), {"plot_bgcolor": NONFINITE_GREY, "meta": BAR_ABOVE}
    return laid_out(figure, words, across, up, **look)


def fill(
    figure: Any,
    x: Numbers,
    y: Numbers,
    values: Numbers,
    levels: Levels,
    words: str,
    *,
    names: tuple[str, str] = ("α", "θ"),
) -> None:
    """Filled contours of `values`, `[y, x]`, with a colour bar; `names` are those of the axes, for hover texts.

    plotly's levels are evenly spaced: it is given places on the colour map, on which they are.
    """
    from matplotlib.colors import to_hex

    values, step = np.where(np.isfinite(values), values, np.nan), 1 / levels.levels.size
    told = f"{names[0]} = %{{x:.4g}}<br>{names[1]} = %{{y:.4g}}<br>{words} = %{{customdata:.5g}}<extra></extra>"
    bar = {"tickvals": levels.places(list(levels.ticks)).tolist(), "ticktext": levels.words(), "thickness": 14}
    figure.add_contour(
        x=x,
        y=y,
        z=levels.places(values).astype(np.float32),
        customdata=values,
        zmin=0,
        zmax=1,
        contours={"start": step / 2, "end": 1 - step / 2, "size": step, "showlines": False},
        line={"width": 0},
        colorscale=[[place, to_hex(levels.cmap(place))] for place in np.linspace(0, 1, 33).tolist()],
        colorbar={"title": {"text": words, "side": "top"}, **bar},
        hovertemplate=told,
        uid="field",
        name="",
    )
