"""mamlgrid: see what gradient-based meta-learning does.

A meta-loss is a pure function `meta(theta, alpha)`; everything else looks at it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import inner as inner
from . import outer as outer
from ._algorithms import fomaml as fomaml
from ._algorithms import imaml as imaml
from ._algorithms import maml as maml
from ._algorithms import meta_loss as meta_loss
from ._algorithms import moreau as moreau
from ._algorithms import reptile as reptile
from ._compare import Comparison as Comparison
from ._compare import compare as compare
from ._coordinates import learn_alpha as learn_alpha
from ._coordinates import scale_rates as scale_rates
from ._evaluate import Evaluation as Evaluation
from ._evaluate import evaluate as evaluate
from ._meta import MetaLoss as MetaLoss
from ._optimum import Jumps as Jumps
from ._optimum import OptimalTheta as OptimalTheta
from ._optimum import optimal_theta as optimal_theta
from ._outer_loop import OuterRun as OuterRun
from ._outer_loop import OuterState as OuterState
from ._outer_loop import Trace as Trace
from ._outer_loop import outer_loop as outer_loop
from ._results import load as load
from ._rule import rule as rule
from ._rule import static as static
from ._status import Status as Status
from ._status import raise_for_status as raise_for_status
from ._surface import Surface as Surface
from ._surface import surface as surface
from ._task_losses import TaskLosses as TaskLosses
from ._task_losses import task_losses as task_losses
from ._tasks import Tasks as Tasks

if TYPE_CHECKING:
    from . import cases as cases
    from . import measure as measure
    from . import plot as plot

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Loaded when first used: plot brings matplotlib, which import mamlgrid must not wait for.
    if name in ("cases", "measure", "plot"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
