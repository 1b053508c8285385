"""mamlgrid: see what gradient-based meta-learning does.

A meta-loss is a pure function `meta(theta, alpha)`; everything else looks at it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import inner as inner
from . import outer as outer
from ._base.names import listed as _listed
from ._base.rule import rule as rule
from ._base.rule import static as static
from ._diagram.diagram import BifurcationDiagram as BifurcationDiagram
from ._diagram.diagram import Branch as Branch
from ._diagram.diagram import BranchPointKind as BranchPointKind
from ._diagram.diagram import BranchPoints as BranchPoints
from ._diagram.diagram import Folds as Folds
from ._diagram.diagram import Kind as Kind
from ._diagram.diagram import Points as Points
from ._diagram.diagram import Unresolved as Unresolved
from ._diagram.diagram import bifurcation_diagram as bifurcation_diagram
from ._grid.surface import Surface as Surface
from ._grid.surface import surface as surface
from ._grid.task_losses import TaskLosses as TaskLosses
from ._grid.task_losses import task_losses as task_losses
from ._meta.algorithms import fomaml as fomaml
from ._meta.algorithms import imaml as imaml
from ._meta.algorithms import maml as maml
from ._meta.algorithms import meta_loss as meta_loss
from ._meta.algorithms import moreau as moreau
from ._meta.algorithms import reptile as reptile
from ._meta.coordinates import learn_alpha as learn_alpha
from ._meta.coordinates import scale_rates as scale_rates
from ._meta.meta_loss import MetaLoss as MetaLoss
from ._meta.tasks import Tasks as Tasks
from ._outer_loop.evaluate import Evaluation as Evaluation
from ._outer_loop.evaluate import evaluate as evaluate
from ._outer_loop.loop import outer_loop as outer_loop
from ._outer_loop.outer_run import OuterRun as OuterRun
from ._outer_loop.outer_run import OuterState as OuterState
from ._outer_loop.outer_run import Trace as Trace
from ._results import load as load
from ._results.status import Status as Status
from ._results.status import raise_for_status as raise_for_status
from ._stationary.compare import Comparison as Comparison
from ._stationary.compare import compare as compare
from ._stationary.features import Fold as Fold
from ._stationary.features import Jump as Jump
from ._stationary.features import StationaryPoint as StationaryPoint
from ._stationary.features import fold as fold
from ._stationary.features import jump as jump
from ._stationary.features import stationary_point as stationary_point
from ._stationary.optimum import Jumps as Jumps
from ._stationary.optimum import OptimalTheta as OptimalTheta
from ._stationary.optimum import optimal_theta as optimal_theta

if TYPE_CHECKING:
    from . import cases as cases
    from . import measure as measure
    from . import plot as plot

__version__ = "0.1.0"

__dir__ = _listed(__name__, "cases", "measure", "plot")


def __getattr__(name: str) -> Any:
    # Loaded when first used: plot brings matplotlib, which import mamlgrid must not wait for.
    if name in ("cases", "measure", "plot"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
