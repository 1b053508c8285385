"""Algorithms beside each other: their fixed points, what these cost, and where an algorithm climbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._status import Status
from ._axes import ALPHA_LABEL, CYCLE, THETA_LABEL, THICK, THIN, axes, legend, span, tidy, wanted
from ._optimum import curve, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._compare import Comparison
    from ._axes import Points

ATTRACTING: Any = {"linestyle": "solid", "linewidth": THICK}
REPELLING: Any = {"linestyle": (0, (4, 2)), "linewidth": THIN}

# Statuses of points that are there.
_KNOWN = (Status.OK, Status.DEGENERATE)

# Regrets below this share of the largest are rounding: on a logarithmic axis they would be all there is to see.
_LEAST_REGRET = 1e-12


def fixed_points(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""The fixed points of all algorithms against alpha, over the optimum of the reference.

    Attracting ones are solid and thick, repelling ones thin and dashed. Points of neighbouring alphas are joined where
    each is the other's nearest of its kind, so that a curve ends where its point vanishes.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quadratic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 2, 8), (-1.0, 2.0))
    >>> mg.plot.fixed_points(both).get_ylabel()
    'fixed point $\\theta$'
    """
    wanted(result, "Comparison")
    ax = axes(ax)
    x, y = curve(result.optimum)
    ax.plot(x, y, color="0.8", linewidth=3 * THICK, solid_capstyle="butt", label="optimum", zorder=1)
    thetas = np.asarray(result.fixed_points)
    _draw(ax, result, thetas)
    tidy(ax, ALPHA_LABEL, r"fixed point $\theta$")
    stable = thetas[np.asarray(result.attracting)]
    low, high = np.asarray(result.thetas)[[0, -1]]
    # What attracts is what a reader looks for; a repelling point far away would squeeze it.
    ax.set_ylim(window(np.concatenate([stable, y]), (low, high)))
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def regrets(result: Comparison, ax: Axes | None = None) -> Axes:
    r"""What the fixed points cost: the true meta-loss there minus its minimum, against alpha, on a logarithmic axis.

    Attracting fixed points are solid, repelling ones dashed. Regrets that are zero to rounding (the reference at its
    own optimum) lie below the picture.

    Args:
        result: what `mg.compare` returned.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "Reptile": mg.reptile(losses)}, np.linspace(0, 0.3, 4), (-4.0, 4.0))
    >>> mg.plot.regrets(both).get_yscale()
    'log'
    """
    values = np.array(wanted(result, "Comparison").regrets)
    ax = axes(ax)
    finite = values[np.isfinite(values)]
    least = _LEAST_REGRET * float(finite.max(initial=0))
    values[~(values > least)] = np.nan
    _draw(ax, result, values)
    ax.set_yscale("log")
    tidy(ax, ALPHA_LABEL, r"regret $L_M(\theta) - \min L_M$")
    ax.set_xlim(*span(np.asarray(result.alphas)))
    legend(ax, outside=True)
    return ax


def climbing(result: Comparison, label: str, ax: Axes | None = None) -> Axes:
    r"""Where the direction of an algorithm and the true gradient have opposite signs, over alpha and theta.

    In the shaded cells a small outer step raises the true meta-loss. The lines are the fixed points of the algorithm,
    attracting ones solid and repelling ones dashed, over the optimum of the reference.

    Args:
        result: what `mg.compare` returned.
        label: which algorithm.
        ax: where to draw; a new figure when None.

    Returns:
        The axes.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.cases.quartic().losses
    >>> both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.linspace(0, 1, 5), (-2.0, 2.0))
    >>> mg.plot.climbing(both, "FOMAML").get_title()
    'FOMAML'
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    number = wanted(result, "Comparison").position(label)
    ax = axes(ax)
    alphas, thetas = np.asarray(result.alphas), np.asarray(result.thetas)
    shade = ListedColormap(["white", "#F2C6A6"])
    cells: Any = {"cmap": shade, "vmin": 0, "vmax": 1, "shading": "nearest", "rasterized": True}
    ax.pcolormesh(alphas, thetas, np.asarray(result.uphill)[number].T.astype(float), **cells)
    x, y = curve(result.optimum)
    ax.plot(x, y, color="0.6", linewidth=2 * THICK, solid_capstyle="butt", label="optimum", zorder=2)
    _draw(ax, result, np.asarray(result.fixed_points), only=number)
    ax.set(xlabel=ALPHA_LABEL, ylabel=THETA_LABEL, xlim=span(alphas), ylim=thetas[[0, -1]], title=label)
    handles, labels = ax.get_legend_handles_labels()
    patch = Patch(facecolor="#F2C6A6", label="climbs")
    ax.legend([patch, *handles], ["climbs", *labels], loc="best", fontsize="small", framealpha=0.85, edgecolor="none")
    return ax


def _draw(ax: Axes, result: Comparison, values: Points, only: int | None = None) -> None:
    """The fixed points of the algorithms as curves of `values`, `[algorithms, alphas, points]`."""
    alphas, status = np.asarray(result.alphas), np.asarray(result.status)
    thetas, attracting = np.asarray(result.fixed_points), np.asarray(result.attracting)
    for number, name in enumerate(result.labels.names):
        if only not in (None, number):
            continue
        color = CYCLE[number % len(CYCLE)]
        for kind, style in ((True, ATTRACTING), (False, REPELLING)):
            here = np.isin(status[number], _KNOWN) & (attracting[number] == kind)
            label = name if kind else "repelling"
            for chain in _chains(np.where(here, thetas[number], np.nan)):
                at, which = np.array(chain).T
                y = values[number, at, which]
                if not np.isfinite(y).any():
                    continue
                # A curve of a single alpha would be invisible as a line.
                dot = {"marker": "o", "markersize": 3} if np.isfinite(y).sum() == 1 else {}
                zorder = 3 + 0.01 * (len(result.labels.names) - number)
                ax.plot(alphas[at], y, color=color, zorder=zorder, **style, **dot)
                if label not in ax.get_legend_handles_labels()[1]:
                    # Dashes are the same for all algorithms: one grey entry stands for them.
                    ax.plot([], [], color=color if kind else "0.3", label=label, **style)


def _chains(thetas: Points) -> list[list[tuple[int, int]]]:
    """Points `[alphas, points]` joined to the next alpha where each is the other's nearest: lists of indices."""
    chains: list[list[tuple[int, int]]] = []
    ends: dict[int, list[tuple[int, int]]] = {}
    for row, points in enumerate(thetas):
        there = [int(i) for i in np.flatnonzero(np.isfinite(points))]
        links = _mutual(thetas[row - 1], points, list(ends), there) if row else {}
        now = {}
        for i in there:
            chain = ends[links[i]] if i in links else []
            if not chain:
                chains.append(chain)
            chain.append((row, i))
            now[i] = chain
        ends = now
    return chains


def _mutual(before: Points, after: Points, starts: list[int], stops: list[int]) -> dict[int, int]:
    """For each stop the start that is its nearest, where it is the start's nearest too."""
    if not starts or not stops:
        return {}
    distance = np.abs(before[starts][:, None] - after[stops][None, :])
    forth, back = distance.argmin(axis=1), distance.argmin(axis=0)
    return {stops[j]: starts[i] for j, i in enumerate(back) if forth[i] == j}
