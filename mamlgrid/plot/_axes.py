"""Axes, their labels and limits, and the legend below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._base.types import Numbers

# Stable is thick and solid, unstable thin and dashed; the colour never says it alone.
THICK, THIN = 2.2, 1.0

ALPHA_LABEL = r"inner step size $\alpha$"
THETA_LABEL = r"initial parameter $\theta$"
OPTIMUM_LABEL = r"optimal $\theta^*$"
FIELD_LABELS: dict[str, str] = {
    "values": r"meta-loss $L_M$",
    "grads": r"gradient $\partial L_M / \partial\theta$",
    "curvatures": r"curvature $\partial^2 L_M / \partial\theta^2$",
}

# Inches. Small enough that 10 pt text can still be read when the picture is printed 8 cm wide.
SIZE = (4.3, 3.4)
SIZE_3D = (4.6, 3.7)

# As many ticks as have room beside each other with a sign and two decimals; above each other there is more.
_MOST_ACROSS, _MOST_UP, _FEWEST = 7, 10, 3
_STEPS = (1, 2, 2.5, 5, 10)

# Of a legend: the width of a letter and of a handle with the room around it, in points.
_LETTER, _HANDLE = 4.7, 30.0


def span(alphas: Numbers | tuple[float, float]) -> tuple[float, float]:
    """The limits of the alpha axis."""
    low, high = float(np.min(alphas)), float(np.max(alphas))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def number(value: float) -> str:
    """`value` in four significant digits with a true minus sign.

    >>> number(-0.52941), number(12345678.0)
    ('−0.5294', '1.235e+07')
    """
    return f"{value:.4g}".replace("-", "−")


def without_rounding(values: Any, beside: Any = None) -> Any:
    """Zero for what is rounding beside the largest of `values`, or of `beside`: nobody wants to read 2.4652e-32.

    >>> without_rounding(np.array([0.5, 2.4652e-32])).tolist()
    [0.5, 0.0]
    """
    values = np.asarray(values)
    others = np.abs(values if beside is None else np.asarray(beside))
    largest = np.max(others, initial=0, where=np.isfinite(others))
    rounding = np.finfo(values.dtype).eps if values.dtype.kind == "f" else 0.0
    return np.where(np.abs(values) < rounding * largest, 0, values)


def window(thetas: Numbers, bounds: Any) -> tuple[float, float]:
    """The interval of theta to show: what is finite, with a margin up to the next ticks; all of `bounds` around a
    constant.

    Without the second part a curve that is constant but for rounding would be magnified until rounding shows.
    """
    low, high = (float(b) for b in bounds)
    finite = thetas[np.isfinite(thetas)]
    if not finite.size or np.ptp(finite) < 0.02 * (high - low):
        return outwards(low, high)
    margin = 0.07 * float(np.ptp(finite))
    return outwards(float(finite.min()) - margin, float(finite.max()) + margin)


def rim(width: float, color: Any = None) -> list[Any]:
    """Path effects that draw a line of this width with a rim (of paper when None), for any background."""
    from matplotlib import patheffects

    return [
        patheffects.Stroke(linewidth=width + 2, foreground=_colours.paper() if color is None else color),
        patheffects.Normal(),
    ]


def tidy(ax: Axes, xlabel: str, ylabel: str, *, xlim: Any = None, ylim: Any = None, title: str | None = None) -> None:
    """Labels, limits, a light grid, no box; the axis upwards is widened to its next ticks.

    Args:
        ax: the axes.
        xlabel: what is across.
        ylabel: what is up.
        xlim: exact limits across; those of the data when None.
        ylim: what must be in view; the limits as they are when None.
        title: none when None.
    """
    low, high = sorted(ax.get_xlim()) if xlim is None else xlim
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(ticks(low, high))
    inside = sorted(ax.get_ylim()) if ylim is None else ylim
    if ax.get_yscale() == "linear":
        ax.set_ylim(*outwards(*inside))
        ax.yaxis.set_major_locator(ticks(*ax.get_ylim(), _MOST_UP))
    elif ylim is not None:
        ax.set_ylim(*decades(*inside))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=_colours.mixed(0.1), linewidth=0.8)
    ax.set_axisbelow(True)
    named(ax, xlabel, ylabel, title)


def exact(ax: Axes, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    """These limits and no others, as a grid has them."""
    ax.set(xlim=xlim, ylim=ylim)
    ax.xaxis.set_major_locator(ticks(*xlim))
    ax.yaxis.set_major_locator(ticks(*ylim, _MOST_UP))


def named(ax: Axes, xlabel: str, ylabel: str, title: str | None) -> None:
    """Words on the axes, and a title where one is given."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title is not None:
        ax.set_title(title, fontsize="medium")


def ticks(low: float, high: float, most: int = _MOST_ACROSS) -> Any:
    """A locator of at most so many ticks and one, with ticks at both ends where a round step allows it."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    size = 10.0 ** np.floor(np.log10(high - low))
    for step in size * np.array([0.5, 0.25, 0.2, 1, 0.1, 3]):
        parts = np.array([(high - low) / step, low / step])
        whole = np.abs(parts - parts.round()) < 1e-6
        if _FEWEST <= parts[0].round() <= most and whole.all():
            return MultipleLocator(float(step))
    return MaxNLocator(most, steps=_STEPS)


def outwards(low: float, high: float) -> tuple[float, float]:
    """The ticks next to an interval on both sides; its ends where these are ticks.

    >>> outwards(0.13, 0.87), outwards(-1.0, 2.0)
    ((0.1, 0.9), (-1.0, 2.0))
    """
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    if isinstance(ticks(low, high, _MOST_UP), MultipleLocator):
        return low, high
    at = MaxNLocator(_MOST_UP, steps=_STEPS).tick_values(low, high)
    inside = [float(v) for v in at if low <= v <= high]
    below = max((float(v) for v in at if v <= low), default=inside[0])
    above = min((float(v) for v in at if v >= high), default=inside[-1])
    return below, above


def decades(low: float, high: float) -> tuple[float, float]:
    """The powers of ten next to an interval of positive numbers on both sides.

    >>> decades(0.03, 7.0)
    (0.01, 10.0)
    """
    below, above = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    return 10.0**below, 10.0 ** max(above, below + 1)


def legend(ax: Axes, *, least: int = 1) -> None:
    """A legend below the axes and flush with them, where it covers nothing and leaves a title its place.

    Args:
        ax: where.
        least: fewer entries need no legend.
    """
    from matplotlib.transforms import ScaledTranslation

    handles, labels = ax.get_legend_handles_labels()
    if len(labels) < least:
        return
    figure: Any = ax.figure
    words: Any = (ax.xaxis.label, ax.xaxis.get_ticklabels()[0])
    # Below the tick labels and the label of the axis.
    drop = 10 + 1.3 * sum(word.get_fontsize() for word in words)
    # What the axes share with their colour bar; the layout will widen it by the room of labels that there are not.
    cell = ax.get_subplotspec()
    width = ax.get_position().width if cell is None else cell.get_position(figure).width
    room = 1.2 * 72 * width * figure.bbox.width / figure.dpi
    ax.legend(
        handles,
        labels,
        ncols=_columns(labels, room),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, -drop / 72, figure.dpi_scale_trans),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        fontsize="small",
        handlelength=1.5,
        handletextpad=0.6,
        columnspacing=1,
    )


def _columns(labels: list[str], room: float) -> int:
    """How many columns of a legend, filled one after the other, fit into a width in points, at most 3."""
    lengths = [len(label.replace("$", "").replace("\\", "")) for label in labels]
    for columns in (3, 2):
        rows = -(-len(labels) // columns)
        longest = [max(lengths[start : start + rows]) for start in range(0, len(labels), rows)]
        if _LETTER * sum(longest) + _HANDLE * len(longest) <= room:
            return len(longest)
    return 1
