"""What several pictures share, so that they can be compared: levels, and a movie with one scale."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.arguments import said
from . import _surface
from ._axes import SIZE, SIZE_3D
from ._door import Field, field_of, names, one_number, wanted, whole_number
from ._door import scale as checked_scale
from ._levels import levels_of
from ._view import surface_view

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation

    from .._base.types import Numbers
    from .._grid.surface import Surface


def shared_levels(
    surfaces: Sequence[Surface],
    field: Field = "values",
    *,
    levels: int | None = None,
    norm: Any = None,
    vmin: float | None = None,
    vmax: float | None = None,
) -> Numbers:
    """Levels that suit all these surfaces: given to each picture as `levels`, one colour is one value in all of them.

    Args:
        surfaces: what `mg.surface` returned, one or more.
        field: "values", "grads" or "curvatures".
        levels: about how many; chosen when None.
        norm: "linear" or "log" for their spacing; chosen when None.
        vmin: the lowest.
        vmax: the highest.

    Returns:
        The levels, increasing.

    Raises:
        TypeError: no surfaces. ValueError: a field that one of them does not have; a range that makes no sense.

    >>> import numpy as np, mamlgrid as mg
    >>> steps = [mg.cases.quartic().meta(num_steps=k) for k in (1, 2)]
    >>> found = [mg.surface(meta, np.linspace(0, 1, 11), np.linspace(-1, 1, 11)) for meta in steps]
    >>> levels = mg.plot.shared_levels(found)
    >>> [float(mg.plot.contour(s, levels=levels).get_xlim()[1]) for s in found]
    [1.0, 1.0]
    """
    values = [field_of(surface, field).ravel() for surface in _surfaces(surfaces)]
    count = None if levels is None else whole_number("levels", levels, 2, 200)
    scale = checked_scale(count, None, norm, vmin, vmax)
    return levels_of(np.concatenate(values), field != "values", scale).levels


def animate(
    results: Sequence[Any],
    draw: Callable[..., Any],
    *,
    titles: Sequence[str] | None = None,
    interval: float = 800.0,
    **options: Any,
) -> FuncAnimation:
    """A movie over results, say over the number of inner steps: the same picture of each, all with one scale.

    Every frame has the same limits. Where `draw` takes `levels` and `zlim`, all frames have the same of these too.

    Args:
        results: one for each frame.
        draw: a function of this module, such as `plot.contour`, or any `draw(result, ax, **options)`.
        titles: one for each frame; none when None.
        interval: milliseconds from frame to frame.
        options: passed to `draw`.

    Returns:
        The animation, neither shown nor saved: `movie.save("movie.gif", writer="pillow")`, in a notebook
        `IPython.display.HTML(movie.to_jshtml())`.

    Raises:
        TypeError: `draw` is no function, or an argument of another kind. ValueError: no results; titles of another
        number than these.

    >>> import numpy as np, mamlgrid as mg
    >>> metas = [mg.cases.quartic().meta(num_steps=k) for k in (1, 2, 3)]
    >>> best = [mg.optimal_theta(meta, np.linspace(0, 0.9, 10), (-2.0, 2.0)) for meta in metas]
    >>> movie = mg.plot.animate(best, mg.plot.optimal_theta, titles=["K = 1", "K = 2", "K = 3"])
    >>> movie.to_jshtml().count("data:image/png")
    3
    """
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

    if not callable(draw):
        raise TypeError(f"draw must be a function such as plot.contour, got {said(draw)}")
    if isinstance(results, str) or not isinstance(results, Sequence) or not results:
        raise ValueError(f"results must be a list of one or more results, got {said(results)}")
    told = [None] * len(results) if titles is None else names("titles", titles, len(results), "results")
    interval = one_number("interval", interval)
    if interval <= 0:
        raise ValueError(f"interval must be above zero, got {said(interval)}")
    space = draw in (_surface.surface, _surface.gradient_surface)
    options = _shared_options(results, draw, options) | options

    def frame(figure: Any, k: int) -> Any:
        ax = figure.add_subplot(projection="3d" if space else None)
        draw(results[k], ax, **options)
        if told[k] is not None:
            ax.set_title(told[k], fontsize="medium")
        return ax

    # Once for the limits of all, and once more for whoever looks.
    size = SIZE_3D if space else SIZE
    sides = ("xlim", "ylim", "zlim")[: 2 + space]
    seen = [frame(Figure(figsize=size), k) for k in range(len(results))]
    ends = {side: np.array([getattr(ax, f"get_{side}")() for ax in seen]) for side in sides}
    limits: dict[str, Any] = {side: (both.min(), both.max()) for side, both in ends.items()}
    if not space:
        # Zero has no place on a logarithmic axis: one frame that is linear makes all of them so.
        limits = {"yscale": min(ax.get_yscale() for ax in seen)} | limits
    figure = plt.figure(figsize=size, layout="constrained")

    def show(k: int) -> list[Any]:
        figure.clear()
        frame(figure, k).set(**limits)
        return []

    return FuncAnimation(figure, show, frames=len(results), init_func=lambda: [], interval=interval)


def _shared_options(results: Sequence[Any], draw: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Levels and heights for all frames, where `draw` takes them and the results are surfaces."""
    taken = inspect.signature(draw).parameters
    if "levels" not in taken or any(type(result).__name__ != "Surface" for result in results):
        return {}
    field: Any = options.get("field", "grads" if draw is _surface.gradient_surface else "values")
    if "zlim" not in taken:
        return {"levels": shared_levels(results, field)}
    values = np.concatenate([field_of(result, field).ravel() for result in results])
    view = surface_view(values, signed=field != "values")
    return {"levels": view.levels.levels, "zlim": view.shown[:2]}


def _surfaces(surfaces: Any) -> list[Any]:
    if isinstance(surfaces, str) or not isinstance(surfaces, Sequence) or not surfaces:
        raise TypeError(f"surfaces must be a list of one or more surfaces, got {said(surfaces)}")
    return [wanted(surface, "Surface", f"surfaces[{i}]") for i, surface in enumerate(surfaces)]
