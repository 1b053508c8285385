"""The checks at the door of every picture: the value received, and what to do instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np

from .._base.arguments import said
from ._axes import FIELD_LABELS, SIZE, SIZE_3D
from ._levels import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    from .._base.types import Numbers

_P = ParamSpec("_P")
_R = TypeVar("_R")

Field: TypeAlias = Literal["values", "grads", "curvatures"]

# What makes a result, and the argument by which pictures take it beside another one.
_MADE_BY = {
    "BifurcationDiagram": "mg.bifurcation_diagram",
    "Comparison": "mg.compare",
    "Evaluation": "mg.evaluate",
    "OptimalTheta": "mg.optimal_theta",
    "OuterRun": "mg.outer_loop",
    "Surface": "mg.surface",
    "TaskLosses": "mg.task_losses",
}
_TAKEN_AS = {"OuterRun": "run", "OptimalTheta": "optimum", "BifurcationDiagram": "diagram"}


def axes(ax: Any, size: tuple[float, float] = SIZE) -> Axes:
    """`ax`, or the axes of a new figure."""
    from matplotlib.axes import Axes

    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        kind = type(ax).__name__
        remedy = "make them with plt.subplots()[1]"
        if kind in _TAKEN_AS:
            remedy = f"where the picture takes it, give it by name: {_TAKEN_AS[kind]}=..."
        elif isinstance(ax, np.ndarray):
            remedy = "choose one of them, such as axs[0]"
        elif hasattr(ax, "add_subplot"):
            remedy = "make some with figure.add_subplot()"
        raise TypeError(f"ax must be axes of matplotlib or None, got {kind}; {remedy}")
    return ax


def axes_3d(ax: Any) -> Axes3D:
    """`ax`, which must be three-dimensional, or the axes of a new figure."""
    from mpl_toolkits.mplot3d import Axes3D

    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=SIZE_3D, layout="constrained", subplot_kw={"projection": "3d"})[1]
    ax = axes(ax)
    if not isinstance(ax, Axes3D):
        raise TypeError(
            f"ax must be three-dimensional, got {type(ax).__name__}; make it with subplot_kw={{'projection': '3d'}}"
        )
    return ax


def wanted(result: Any, kind: str, name: str = "result") -> Any:
    """`result`, refusing another kind of result than the picture shows."""
    if type(result).__name__ != kind:
        raise TypeError(f"{name} must be a mamlgrid.{kind}, got {type(result).__name__}; {_MADE_BY[kind]} returns one")
    return result


def beside(result: Any, name: str) -> Any:
    """What is drawn beside the result: None, or of the kind that its argument is for."""
    kinds = {name: kind for kind, name in _TAKEN_AS.items()}
    return None if result is None else wanted(result, kinds[name], name)


def one_result(picture: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator of a picture of plotly's: what is drawn beside its result has a name."""
    places = [p for p in inspect.signature(picture).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]

    @functools.wraps(picture)
    def drawn(*given: _P.args, **settings: _P.kwargs) -> _R:
        if len(given) > len(places):
            extra = given[len(places)]
            argument = _TAKEN_AS.get(type(extra).__name__, "title")
            raise TypeError(
                f"{picture.__name__} takes {' and '.join(p.name for p in places)} in its place, all else by name, such "
                f"as {argument}=...; got {said(extra)} as well"
            )
        return picture(*given, **settings)

    return drawn


def one_number(name: str, value: Any) -> float:
    """A finite number, no array of them."""
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        numbers = np.full(2, np.nan)
    if numbers.ndim:
        raise TypeError(f"{name} must be one number, got {said(value)}; call once for each, on the same axes")
    if not np.isfinite(numbers):
        raise ValueError(f"{name} must be finite, got {said(value)}")
    return float(numbers)


def nearest(name: str, value: Any, points: Numbers) -> int:
    """The place on an axis that is nearest to a number, which lies on that axis."""
    number = one_number(name, value)
    low, high = points.min(), points.max()
    if not low <= number <= high:
        raise ValueError(f"{name} must lie on the axis of the result, from {low:.6g} to {high:.6g}, got {said(value)}")
    return int(np.argmin(np.abs(points - number)))


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An integer from `least` to `most`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {said(value)}")
    if value < least or (most is not None and value > most):
        reach = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {reach}, got {value}")
    return int(value)


def text(name: str, value: Any) -> str | None:
    """A text, or None."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a text or None, got {said(value)}")
    return value


def switch(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {said(value)}")
    return bool(value)


def names(name: str, value: Any, count: int, things: str) -> list[str]:
    """A text for each of `count` things."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        raise TypeError(f"{name} must be a list of texts, one for each of the {count} {things}, got {said(value)}")
    if len(value) != count:
        raise ValueError(f"{name} must be one for each of the {count} {things}, got {said(list(value))}")
    return list(value)


def limits(name: str, value: Any) -> tuple[float, float] | None:
    """A pair in order, or None."""
    if value is None:
        return None
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"{name} must be a pair (low, high) with low < high, got {said(value)}")
    return low, high


def scale(levels: Any = None, cmap: Any = None, norm: Any = None, vmin: Any = None, vmax: Any = None) -> Scale:
    """What the caller says of levels and colours, when it makes sense together."""
    import matplotlib
    from matplotlib.colors import Colormap, Normalize

    if levels is not None and not isinstance(levels, int | np.integer):
        given = levels.tolist() if isinstance(levels, np.ndarray) else levels
        try:
            levels = np.asarray(levels, float)
        except (TypeError, ValueError):
            levels = np.full(1, np.nan)
        if levels.ndim != 1 or levels.size < 2 or not np.isfinite(levels).all() or (np.diff(levels) <= 0).any():
            raise ValueError(
                f"levels must be how many, or two or more finite increasing numbers, got {said(given)}; "
                "plot.shared_levels gives some"
            )
    elif levels is not None:
        levels = whole_number("levels", levels, 2, 200)
    if not (cmap is None or isinstance(cmap, Colormap) or (isinstance(cmap, str) and cmap in matplotlib.colormaps)):
        raise ValueError(f"cmap must be a colour map of matplotlib or its name, such as 'viridis', got {said(cmap)}")
    if not (norm in (None, "linear", "log") or isinstance(norm, Normalize)):
        raise ValueError(f"norm must be 'linear', 'log' or a matplotlib.colors.Normalize, got {said(norm)}")
    vmin, vmax = (None if v is None else one_number(n, v) for n, v in (("vmin", vmin), ("vmax", vmax)))
    if vmin is not None and vmax is not None and not vmin < vmax:
        raise ValueError(f"vmin must be below vmax, got vmin={said(vmin)}, vmax={said(vmax)}")
    if (vmin is not None or vmax is not None) and (isinstance(norm, Normalize) or isinstance(levels, np.ndarray)):
        other = "a list of levels" if isinstance(levels, np.ndarray) else "the norm"
        raise ValueError(
            f"{other} has ends of its own, got vmin={said(vmin)}, vmax={said(vmax)} as well; leave these out"
        )
    if norm == "log" and vmin is not None and vmin <= 0:
        raise ValueError(f"vmin must be above zero where norm is 'log', got {said(vmin)}")
    return Scale(levels, cmap, norm, vmin, vmax)


def field_of(surface: Any, field: Any) -> Numbers:
    """One field of a surface, `[alphas, thetas]`."""
    if not isinstance(field, str) or field not in FIELD_LABELS:
        raise ValueError(f"field must be one of {', '.join(map(repr, FIELD_LABELS))}, got {said(field)}")
    values = getattr(surface, field)
    if values is None:
        order = list(FIELD_LABELS).index(field)
        raise ValueError(f"this surface has no {field}: compute it with mg.surface(..., derivatives={order})")
    return np.asarray(values)


def grid_of(surface: Any, field: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Alphas, thetas and one field, both axes in increasing order and with at least two points."""
    alphas, thetas = np.asarray(surface.alphas), np.asarray(surface.thetas)
    for name, points in (("alphas", alphas), ("thetas", thetas)):
        if np.unique(points).size < 2:
            raise ValueError(
                f"a picture of a surface needs two or more {name}, got {said(points.tolist())}; see plot.section"
            )
    rows, columns = np.unique(alphas, return_index=True)[1], np.unique(thetas, return_index=True)[1]
    return alphas[rows], thetas[columns], field_of(surface, field)[np.ix_(rows, columns)]


def scalar_thetas(run: Any) -> tuple[Numbers, Numbers | None]:
    """End points `[alphas]` of a run of one parameter, and its trajectories `[alphas, steps]` if it recorded them."""
    ends, ways = run.thetas, run.trace.thetas
    if not (hasattr(ends, "ndim") and ends.ndim == 1):
        raise ValueError(
            "only the run of a single scalar parameter can be drawn against alpha; plot.learning_curves shows any"
        )
    return np.asarray(ends), None if ways is None else np.asarray(ways)


def recorded_steps(run: Any) -> Numbers:
    """The steps at which a run recorded its values."""
    steps = np.asarray(run.trace.steps)
    if not steps.size:
        raise ValueError('this run recorded no values: make it with mg.outer_loop(..., record="values")')
    return steps
