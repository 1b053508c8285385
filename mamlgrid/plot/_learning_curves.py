"""How the meta-loss falls along an outer loop, a curve for each alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._axes import legend, number, span, tidy
from ._door import axes, text, wanted, whole_number
from ._lines import DASHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._outer_loop.outer_run import OuterRun

# More curves than this are told apart by one row of shades.
_FEW = 4

# Of many curves so many are named in the legend, evenly.
_NAMED = 6

# A curve may rise to this multiple of what the others reach; above that it leaves the picture.
_HEADROOM = 3

# Positive values that span more than this factor are drawn on a logarithmic axis.
_WIDE = 20


def learning_curves(run: OuterRun, ax: Axes | None = None, *, window: int = 1, title: str | None = None) -> Axes:
    """The meta-loss at each recorded outer step, for each alpha; theta may be any pytree.

    A curve ends in a cross where the loop diverged or stopped being finite. The axis is logarithmic where values are
    positive and far apart.

    Args:
        run: what `mg.outer_loop` returned. With fresh tasks for every step the values are those of other tasks in
            each, the same for every alpha.
        ax: where to draw; a new figure when None.
        window: each curve is the mean over so many records, the values themselves pale behind it: for batches of
            fresh tasks, which differ more from each other than the curves do.
        title: none when None.

    Returns:
        The axes.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.array([0.0, 0.4]), 0.0, optax.sgd(0.3), num_steps=20)
    >>> [line.get_label() for line in mg.plot.learning_curves(run).lines]
    ['α = 0', 'α = 0.4']
    """
    trace = wanted(run, "OuterRun", "run").trace
    alphas, steps, values = (np.asarray(x) for x in (run.alphas, trace.steps, trace.values))
    window, title = whole_number("window", window, 1, max(1, steps.size)), text("title", title)
    ax = axes(ax)
    shades = _shades(alphas.size)
    few = alphas.size <= _FEW
    named = set(np.linspace(0, alphas.size - 1, min(alphas.size, _NAMED)).round().astype(int).tolist())
    for i, alpha in enumerate(alphas):
        style = {"color": shades[i], "linestyle": DASHES[i] if few else "solid"}
        finite = np.flatnonzero(np.isfinite(values[i]))
        along = values[i, : finite[-1] + 1 if finite.size else 0]
        if window > 1:
            ax.plot(steps[: along.size], along, color=shades[i], linewidth=0.6, alpha=0.3)
            along = np.convolve(along, np.full(window, 1 / window), "valid")
        late = steps[window - 1 :][: along.size]
        label = f"α = {number(alpha)}" if i in named else "_"
        ax.plot(late, along, label=label, linewidth=1.6, **style)
        if 0 < finite.size < steps.size:
            ax.plot(steps[finite[-1]], values[i, finite[-1]], marker="x", color=shades[i], linestyle="none")
    whole = values[np.isfinite(values).all(axis=1)]
    known = np.concatenate([whole.ravel(), values[np.isfinite(values[:, 0]), 0]])
    if known.size and known.min() > 0 and known.max() > _WIDE * known.min():
        ax.set_yscale("log")
    if known.size and np.nanmax(np.where(np.isfinite(values), values, np.nan)) > known.max():
        room = _HEADROOM * np.ptp(known) if ax.get_yscale() == "linear" else 0.0
        ax.set_ylim(whole.min(initial=known.min()) * 0.8 - room * 0.02, _HEADROOM * known.max() + room)
    low, high = ax.get_ylim()
    floor = 0.0 if known.size and known.min() >= 0 else low
    what = r"meta-loss $L_M$ after adaptation"
    tidy(ax, "outer step", what, xlim=span(steps), ylim=(floor, high), title=title)
    legend(ax)
    return ax


def _shades(count: int) -> list:
    """Alphas in order, from dark to light."""
    import matplotlib

    # To neither end, which are no lines on black and on white.
    return list(matplotlib.colormaps["viridis"](np.linspace(0.12, 0.85, count)))
