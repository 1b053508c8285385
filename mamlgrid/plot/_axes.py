"""What all pictures share: colours, axes, labels, and the checks at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    from .._base.types import Numbers

Field: TypeAlias = Literal["values", "grads", "curvatures"]

# The colours of Okabe and Ito, which stay apart under every common colour blindness and on a projector.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)

# One colour for one thing in every picture: the optimum, and what the outer loop did.
OPTIMUM, RUN = VERMILLION, BLUE

# Stable is thick and solid, unstable thin and dashed; the colour never says it alone.
THICK, THIN = 2.2, 1.0

# Cells that are inf or NaN have no colour: this grey shows through.
NONFINITE_GREY = "0.75"

ALPHA_LABEL = r"inner step size $\alpha$"
THETA_LABEL = r"initial parameter $\theta$"
OPTIMUM_LABEL = r"optimal $\theta^*$"
FIELD_LABELS: dict[str, str] = {
    "values": r"meta-loss $L_M$",
    "grads": r"gradient $\partial L_M / \partial\theta$",
    "curvatures": r"curvature $\partial^2 L_M / \partial\theta^2$",
}

# Inches. Small enough that 10 pt text can still be read when the picture is printed 8 cm wide.
SIZE = (4.3, 3.2)
SIZE_3D = (4.6, 3.7)

_MOST_TICKS = 7

# Of a legend: the width of a letter and of a handle with the room around it, in points.
_LETTER, _HANDLE = 4.6, 30.0


def axes(ax: Axes | None, size: tuple[float, float] = SIZE) -> Axes:
    """`ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def axes_3d(ax: Axes | None) -> Axes3D:
    """`ax`, which must be three-dimensional, or the axes of a new figure."""
    from mpl_toolkits.mplot3d import Axes3D

    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=SIZE_3D, layout="constrained", subplot_kw={"projection": "3d"})[1]
    if not isinstance(ax, Axes3D):
        raise TypeError(
            f"ax must be three-dimensional, got {type(ax).__name__}; make it with subplot_kw={{'projection': '3d'}}"
        )
    return ax


def wanted(result: Any, kind: str) -> Any:
    """`result`, refusing another kind of result than the picture shows."""
    if type(result).__name__ != kind:
        raise TypeError(f"this picture shows a mamlgrid.{kind}, got {type(result).__name__}")
    return result


def field_of(surface: Any, field: str) -> Numbers:
    """One field of a surface, `[alphas, thetas]`."""
    if field not in FIELD_LABELS:
        raise ValueError(f"field must be one of {', '.join(map(repr, FIELD_LABELS))}, got {field!r}")
    values = getattr(surface, field)
    if values is None:
        order = list(FIELD_LABELS).index(field)
        raise ValueError(f"this surface has no {field}: compute it with mg.surface(..., derivatives={order})")
    return np.asarray(values)


def grid_of(surface: Any, field: str) -> tuple[Numbers, Numbers, Numbers]:
    """Alphas, thetas and one field, both axes in increasing order and with at least two points."""
    alphas, thetas = np.asarray(surface.alphas), np.asarray(surface.thetas)
    for name, points in (("alphas", alphas), ("thetas", thetas)):
        if np.unique(points).size < 2:
            raise ValueError(
                f"a picture of a surface needs two or more {name}, got {points.tolist()}; see plot.section"
            )
    rows, columns = np.unique(alphas, return_index=True)[1], np.unique(thetas, return_index=True)[1]
    return alphas[rows], thetas[columns], field_of(surface, field)[np.ix_(rows, columns)]


def scalar_thetas(run: Any) -> tuple[Numbers, Numbers]:
    """End points `[alphas]` and trajectories `[alphas, steps]` of a run of one parameter."""
    ends, ways = run.thetas, run.trace.thetas
    if not (hasattr(ends, "ndim") and ends.ndim == 1):
        raise ValueError("only the run of a single scalar parameter can be drawn against alpha")
    if ways is None:
        raise ValueError('this run recorded no thetas: make it with mg.outer_loop(..., record="thetas")')
    return np.asarray(ends), np.asarray(ways)


def span(alphas: Numbers | tuple[float, float]) -> tuple[float, float]:
    """The limits of the alpha axis."""
    low, high = float(alphas[0]), float(alphas[-1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def number(value: float) -> str:
    """`value` in four significant digits with a true minus sign.

    >>> number(-0.52941), number(12345678.0)
    ('−0.5294', '1.235e+07')
    """
    return f"{value:.4g}".replace("-", "−")


def window(thetas: Numbers, bounds: Any) -> tuple[float, float]:
    """The interval of theta to show: what is finite, with a margin; all of `bounds` around a constant.

    Without the second part a curve that is constant but for rounding would be magnified until rounding shows.
    """
    low, high = (float(b) for b in bounds)
    finite = thetas[np.isfinite(thetas)]
    if not finite.size or np.ptp(finite) < 0.02 * (high - low):
        return low, high
    margin = 0.07 * float(np.ptp(finite))
    return float(finite.min()) - margin, float(finite.max()) + margin


def rim(width: float, color: str = "white") -> list[Any]:
    """Path effects that draw a line of this width with a pale rim, for a dark background."""
    from matplotlib import patheffects

    return [patheffects.Stroke(linewidth=width + 2, foreground=color), patheffects.Normal()]


def tidy(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Labels, a light grid, no box."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    # As many as have room beside each other with a sign and two decimals.
    ax.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, steps=[1, 2, 2.5, 5, 10]))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def legend(ax: Axes, *, least: int = 1, outside: bool = False) -> None:
    """A legend where there are at least `least` things to tell apart.

    Args:
        ax: where.
        least: fewer entries need no legend.
        outside: above the axes, where it can cover nothing; inside all the same when there is a title.
    """
    handles, labels = ax.get_legend_handles_labels()
    if len(labels) < least:
        return
    style: Any = {"fontsize": "small", "handlelength": 1.5, "handletextpad": 0.6}
    if outside and not ax.get_title():
        # From above the tick labels on, clear of the highest of them.
        place: Any = {"loc": "lower left", "bbox_to_anchor": (-0.12, 1), "borderaxespad": 0.5, "borderpad": 0}
        # The layout will widen the axes by the room of labels that they do not have.
        room = 1.25 * 72 * ax.get_position().width * ax.figure.bbox.width / ax.figure.dpi
        columns = _columns(labels, room)
        ax.legend(handles, labels, ncols=columns, columnspacing=1, frameon=False, **place, **style)
    else:
        ax.legend(handles, labels, loc="best", framealpha=0.85, edgecolor="none", **style)


def _columns(labels: list[str], room: float) -> int:
    """How many columns of a legend, filled one after the other, fit into a width in points, at most 3."""
    lengths = [len(label.replace("$", "").replace("\\", "")) for label in labels]
    for columns in (3, 2):
        rows = -(-len(labels) // columns)
        longest = [max(lengths[start : start + rows]) for start in range(0, len(labels), rows)]
        if _LETTER * sum(longest) + _HANDLE * len(longest) <= room:
            return columns
    return 1
