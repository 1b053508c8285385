"""The scenes of a surface: the field with what lies on it, in three dimensions or seen from above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._base.arguments import said
from ._door import Field, beside, grid_of, limits, scalar_thetas, wanted
from ._door import scale as checked_scale
from ._levels import Levels, levels_of
from ._looks import OPTIMAL, OPTIMAL_UNDER
from ._scene import Scene
from ._scene_diagram import branch_scene
from ._scene_optimum import optimum_scene
from ._scene_run import evenly, run_scene
from ._view import SurfaceView, surface_view

if TYPE_CHECKING:
    from .._base.types import Numbers


class SurfaceScene(NamedTuple):
    """A surface in three dimensions.

    Attributes:
        alphas: `[alphas]`, increasing.
        thetas: `[thetas]`, increasing.
        values: `[alphas, thetas]`, the heights.
        field: what they are.
        view: which of them are in view, and their colours.
        on_it: what lies on the surface, from the back to the front.
        at: the height of all that lies on it; None where each thing has that of its own value.
    """

    alphas: Numbers
    thetas: Numbers
    values: Numbers
    field: Field
    view: SurfaceView
    on_it: tuple[Scene, ...] = ()
    at: float | None = None

    @property
    def signed(self) -> bool:
        """Whether zero is the middle."""
        return _signed(self.field)


class ContourScene(NamedTuple):
    """A surface seen from above.

    Attributes:
        alphas: `[alphas]`, increasing.
        thetas: `[thetas]`, increasing.
        values: `[alphas, thetas]`.
        levels: where the colours change.
        on_it: what is drawn on the colours, from the back to the front.
        ways: alphas and trajectories `[alphas, steps]` of the outer loop, under its ends; None where there are none.
        ends: the ends of the outer loop, in front of everything.
    """

    alphas: Numbers
    thetas: Numbers
    values: Numbers
    levels: Levels
    on_it: tuple[Scene, ...] = ()
    ways: tuple[Numbers, Numbers] | None = None
    ends: Scene | None = None


def surface_scene(
    result: Any, field: Any, *, optimum: Any = None, diagram: Any = None, zlim: Any = None, **scale: Any
) -> SurfaceScene:
    """One field of a surface with its optimum and its branches, which are on the surface of the values only.

    Args:
        result: the surface.
        field: which.
        optimum: the curve of optimal theta.
        diagram: the branches of stationary points.
        zlim: the heights to show.
        scale: `levels`, `cmap`, `norm`, `vmin` and `vmax`.
    """
    bare = _bare(result, field, zlim, scale)
    given = {"optimum": beside(optimum, "optimum"), "diagram": beside(diagram, "diagram")}
    for name, other in given.items():
        if other is not None and field != "values":
            raise ValueError(
                f"{name} is drawn at its meta-loss, which is on the surface of field='values' only, got {said(field)}"
            )
    on_it = [] if diagram is None else [branch_scene(diagram)]
    if optimum is not None:
        look = OPTIMAL if diagram is None else OPTIMAL_UNDER._replace(dash="solid")
        on_it.append(optimum_scene(optimum, look=look))
    return bare._replace(on_it=tuple(on_it))


def gradient_scene(result: Any, *, diagram: Any = None, zlim: Any = None, **scale: Any) -> SurfaceScene:
    """The gradient of a surface, and the branches with their folds on the plane where it is zero.

    Args:
        result: the surface.
        diagram: the branches of stationary points.
        zlim: the heights to show.
        scale: `levels`, `cmap`, `norm`, `vmin` and `vmax`.
    """
    bare = _bare(result, "grads", zlim, scale)._replace(at=0.0)
    return bare if beside(diagram, "diagram") is None else bare._replace(on_it=(branch_scene(diagram),))


def contour_scene(
    result: Any, field: Any, *, optimum: Any = None, run: Any = None, diagram: Any = None, **scale: Any
) -> ContourScene:
    """One field of a surface seen from above, with its branches, its optimum and an outer loop.

    Args:
        result: the surface.
        field: which.
        optimum: the curve of optimal theta.
        run: an outer loop of one scalar; evenly chosen trajectories are shown.
        diagram: the branches of stationary points.
        scale: `levels`, `cmap`, `norm`, `vmin` and `vmax`.
    """
    alphas, thetas, values = grid_of(wanted(result, "Surface"), field)
    levels = levels_of(values, _signed(field), checked_scale(**scale))
    on_it = []
    if beside(diagram, "diagram") is not None:
        branches = branch_scene(diagram)
        # On colours there is room for the labels of jumps only.
        on_it.append(branches._replace(marks=tuple(marks._replace(labels=()) for marks in branches.marks)))
    if beside(optimum, "optimum") is not None:
        on_it.append(optimum_scene(optimum))
    scene = ContourScene(alphas, thetas, values, levels, tuple(on_it))
    if beside(run, "run") is None:
        return scene
    ends, ways = scalar_thetas(run)
    some = evenly(ends.size)
    if ways is None:
        return scene._replace(ends=run_scene(run, ends, some=some))
    some_ways = np.asarray(run.alphas)[some], ways[some]
    return scene._replace(ways=some_ways, ends=run_scene(run, ends, starts=ways[:, 0], some=some))


def _bare(result: Any, field: Any, zlim: Any, scale: dict[str, Any]) -> SurfaceScene:
    """The surface with nothing on it."""
    alphas, thetas, values = grid_of(wanted(result, "Surface"), field)
    checked = checked_scale(**scale)
    view = surface_view(values, signed=_signed(field), zlim=limits("zlim", zlim), scale=checked)
    return SurfaceScene(alphas, thetas, values, field, view)


def _signed(field: Any) -> bool:
    """Whether zero is the middle of a field."""
    return field != "values"
