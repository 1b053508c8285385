"""Pictures of results.

Functions take a result and an optional matplotlib `ax`, return the axes and never call show. Nothing is computed
here: what is drawn is what the result holds. `mg.plot.interactive` has the same with plotly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._base.names import listed as _listed
from ._comparison import climbing as climbing
from ._comparison import fixed_points as fixed_points
from ._comparison import regrets as regrets
from ._contour import contour as contour
from ._diagram import bifurcation_diagram as bifurcation_diagram
from ._evaluation import evaluation as evaluation
from ._explorer import explorer as explorer
from ._learning_curves import learning_curves as learning_curves
from ._lines import section as section
from ._lines import task_losses as task_losses
from ._optimum import optimal_theta as optimal_theta
from ._outer_loop import outer_loop as outer_loop
from ._shared import animate as animate
from ._shared import shared_levels as shared_levels
from ._surface import gradient_surface as gradient_surface
from ._surface import surface as surface

if TYPE_CHECKING:
    from . import interactive as interactive

__all__ = [
    "animate",
    "bifurcation_diagram",
    "climbing",
    "contour",
    "evaluation",
    "explorer",
    "fixed_points",
    "gradient_surface",
    "interactive",
    "learning_curves",
    "optimal_theta",
    "outer_loop",
    "regrets",
    "section",
    "shared_levels",
    "surface",
    "task_losses",
]

__dir__ = _listed(__name__)


def __getattr__(name: str) -> Any:
    # Loaded when first used: it brings plotly, an extra.
    if name == "interactive":
        return import_module(".interactive", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
