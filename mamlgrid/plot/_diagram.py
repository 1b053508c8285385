"""The bifurcation diagram: all stationary points against alpha, and what happens to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._axes import ALPHA_LABEL, legend, span, tidy, window
from ._door import axes, switch, text, wanted
from ._draw import draw
from ._scene_diagram import diagram_scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: taller than other pictures, for the rows of its legend.
SIZE_DIAGRAM = (4.3, 3.8)


def bifurcation_diagram(result: Any, ax: Axes | None = None, *, labels: bool = True, title: str | None = None) -> Axes:
    r"""All stationary points of a meta-loss against alpha, attracting ones thick and solid, repelling thin and dashed.

    Folds, branch points and the jumps of the optimum are marked. The optimum lies under its branches in pale orange
    and ends at each jump: filled before, open after; the range of alpha in which both minima exist is shaded. A fold
    points to the side where there are two points less. Open circles are limits that are not attained, upright bars
    intervals on which the direction is zero, hatched ranges those that could not be settled. Hollow grey marks were
    found but not confirmed.

    Args:
        result: what `mg.bifurcation_diagram` returned.
        ax: where to draw; a new figure when None.
        labels: write the alphas of a handful of jumps, branch points and folds beside them, where there is room.
        title: none when None.

    Returns:
        The axes.

    Raises:
        TypeError: an argument of another kind.
    """
    scene = diagram_scene(wanted(result, "BifurcationDiagram"))
    labels, title = switch("labels", labels), text("title", title)
    ax = axes(ax, SIZE_DIAGRAM)
    draw(ax, scene, labels=labels)
    ylim = window(scene.thetas, scene.bounds)
    tidy(ax, ALPHA_LABEL, r"stationary point $\theta$", xlim=span(scene.alphas), ylim=ylim, title=title)
    legend(ax)
    return ax
