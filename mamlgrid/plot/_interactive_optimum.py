"""Stationary points in plotly: optimal theta against alpha, and the bifurcation diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import number, window
from ._door import beside, one_result, scalar_thetas, text, wanted
from ._interactive_draw import add_scene
from ._interactive_style import ALPHA, axis, ends, graph_objects, laid_out
from ._scene_diagram import diagram_scene
from ._scene_optimum import optimum_scene
from ._scene_run import run_scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta
    from ._scene import Scene

# More jumps than this are counted below the title, not listed.
_MOST_LISTED = 2


@one_result
def optimal_theta(result: OptimalTheta, *, run: OuterRun | None = None, title: str | None = None) -> Figure:
    """The global minimiser of the meta-loss against alpha.

    A jump is a gap with both ends marked, filled before and open after it, hollow and grey where it was not confirmed.
    Where every theta is optimal there is a band. What is not plain OK has marks, as in `plot.optimal_theta`: tied
    minima all of them; NONFINITE is left out.

    Args:
        result: what `mg.optimal_theta` returned.
        run: end points of an outer loop of one scalar parameter to lay over it; one that diverged or is not
            finite has a cross on the lower edge.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        ValueError: the parameters of the run are not one scalar.
        ImportError: plotly is missing.

    >>> import numpy as np, mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quartic().meta(), np.linspace(0, 0.9, 10), (-4.0, 4.0))
    >>> [trace.name for trace in optimal_theta(best).data]
    ['optimal θ*', 'jump', 'jump']
    """
    figure = graph_objects().Figure()
    scene, title = optimum_scene(wanted(result, "OptimalTheta")), text("title", title)
    drawn = [scene]
    if run is not None:
        drawn.append(run_scene(run, scalar_thetas(beside(run, "run"))[0]))
    low, high = window(np.concatenate([part.thetas for part in drawn]), scene.bounds)
    for part in drawn:
        add_scene(figure, part, (low, high))
    words = title or "Optimal θ for every α", _told(scene)
    across, up = axis(ALPHA, ends(scene.alphas)), axis("optimal θ*" if run is None else "θ", [low, high])
    return laid_out(figure, words, across, up)


@one_result
def bifurcation_diagram(result: Any, *, title: str | None = None) -> Figure:
    """All stationary points of a meta-loss against alpha; the same facts and looks as `plot.bifurcation_diagram`.

    The hover text tells alpha, theta, the meta-loss and the stability of each point, where its branch starts and stops,
    what each mark is, and why something was not confirmed or not settled. A click on the legend hides things.

    Args:
        result: what `mg.bifurcation_diagram` returned.
        title: of the figure.

    Returns:
        A plotly figure.

    Raises:
        ImportError: plotly is missing.
    """
    figure = graph_objects().Figure()
    scene, title = diagram_scene(wanted(result, "BifurcationDiagram")), text("title", title)
    low, high = window(scene.thetas, scene.bounds)
    add_scene(figure, scene, (low, high))
    note = "<br>".join(part for part in (_told(scene), _counted(scene)) if part)
    words = title or "All stationary points for every α", note
    return laid_out(figure, words, axis(ALPHA, ends(scene.alphas)), axis("stationary θ", [low, high]))


def _told(scene: Scene) -> str:
    """The jumps in words: few readers hover before they know what to look for."""
    ends = [marks for marks in scene.marks if marks.kind == "jump"]
    sure = [marks for marks in ends if marks.confirmed]
    doubtful = max((marks.x.size for marks in ends if not marks.confirmed), default=0)
    found = np.array([sure[0].x, sure[0].y, sure[-1].y]).T if sure else np.zeros((0, 3))
    told = [f"at α = {a:.4f} (θ from {number(b)} to {number(c)})" for a, b, c in found.tolist()]
    words = "Jump " + " and ".join(told) if told else ""
    if len(found) > _MOST_LISTED:
        words = f"{len(found)} jumps, from α = {number(found[0, 0])} to {number(found[-1, 0])}"
    more = f"{doubtful} jump{'s' * (doubtful > 1)} not confirmed" if doubtful else ""
    return ", ".join(part for part in (words, more) if part)


_COUNTED = ("fold", "vertical point", "pitchfork", "transcritical point", "degenerate branch point")


def _counted(scene: Scene) -> str:
    """How many folds and branch points there are, and what is in doubt."""
    counts: dict[str, int] = {}
    doubts = sum(marks.x.size for marks in scene.marks if not marks.confirmed and marks.kind != "jump")
    for marks in scene.marks:
        if marks.confirmed and marks.kind in _COUNTED:
            counts[marks.kind] = counts.get(marks.kind, 0) + marks.x.size
    gaps = sum(band.look.hatched for band in scene.bands)
    parts = [f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items()]
    parts += [f"{doubts} mark{'s' * (doubts > 1)} not confirmed"] if doubts else []
    parts += [f"{gaps} range{'s' * (gaps > 1)} of α not settled"] if gaps else []
    return ", ".join(parts)
