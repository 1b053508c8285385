"""How the meta-loss falls along an outer loop, a curve for each alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._axes import legend, span, tidy
from ._colours import paper
from ._door import axes, recorded_steps, text, wanted, whole_number
from ._draw import MARKERS, LegendNames
from ._lines import DASHES
from ._scene_learning import FEW, learning_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._outer_loop.outer_run import OuterRun


def learning_curves(run: OuterRun, ax: Axes | None = None, *, window: int = 1, title: str | None = None) -> Axes:
    """The meta-loss at each recorded outer step, for each alpha; theta may be any pytree.

    A curve ends in a cross where the loop diverged or stopped being finite, on the edge if that is far above the
    others, and in a ring where it was still moving. The axis is logarithmic where values are
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
    ['α = 0', 'α = 0.4', 'outer loop: still moving']
    """
    import matplotlib

    steps = recorded_steps(wanted(run, "OuterRun", "run"))
    window, title = whole_number("window", window, 1, max(1, steps.size)), text("title", title)
    scene = learning_scene(run, window)
    ax = axes(ax)
    known = LegendNames(ax)
    shades = matplotlib.colormaps["viridis"]([curve.shade for curve in scene.curves])
    for i, curve in enumerate(scene.curves):
        style = {"color": shades[i], "linestyle": DASHES[i] if len(scene.curves) <= FEW else "solid"}
        if window > 1:
            ax.plot(curve.steps, curve.values, color=shades[i], linewidth=0.6, alpha=0.3)
        ax.plot(curve.late, curve.means, label=curve.name if curve.named else "_", linewidth=1.6, **style)
    for shade, curve in zip(shades, scene.curves, strict=True):  # after all curves, as in the legend
        if curve.end is not None:
            look = curve.end
            face = {"markerfacecolor": paper(), "markersize": look.size, "markeredgewidth": 1.4, "clip_on": False}
            ax.plot(*curve.end_at, MARKERS[look.symbol], color=shade, zorder=5, **face, **known.name(look.label))
    if scene.logarithmic:
        ax.set_yscale("log")
    if scene.high is not None:
        ax.set_ylim(scene.low, scene.high)
    low, high = ax.get_ylim()
    ylim = 0.0 if scene.from_zero else low, high
    tidy(ax, "outer step", r"meta-loss $L_M$ after adaptation", xlim=span(steps), ylim=ylim, title=title)
    legend(ax)
    return ax
