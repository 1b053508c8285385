"""The identities of the figures: closed forms, and what an optimum, a jump and a descent must be.

The closed forms are those of `mamlgrid.cases`, evaluated by NumPy on NumPy arrays; nothing here calls what it checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .._diagram.diagram import BifurcationDiagram
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.compare import Comparison
    from .._stationary.optimum import OptimalTheta
    from ..cases import Case

# The numbers below are of order one and come out of some ten operations in float64: far more than rounding, far less
# than any mistake. A minimiser is as exact as the slope it makes zero.
TOLERANCE = 1e-12

# Where the optimal theta of case 2 jumps, from 40-digit arithmetic: both thetas stationary, equal values.
_JUMP = 0.3266070476997144


class Check(NamedTuple):
    """One identity of a figure.

    Attributes:
        identity: what must be zero, as a formula.
        deviation: how far it is from that at most.
        tolerance: how far it may be.
    """

    identity: str
    deviation: float
    tolerance: float = TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether the deviation is within the tolerance; NaN is not."""
        return self.deviation <= self.tolerance


def largest(deviations: Any) -> float:
    """The largest absolute value; NaN where there is one, or nothing at all to judge by."""
    sizes = np.abs(np.asarray(deviations, float))
    return float(sizes.max()) if sizes.size else float("nan")


def check_grid(identity: str, values: Any, closed: Callable[[Any, Any], Any], grid: Any) -> Check:
    """Deviation from a closed form on the grid, relative where that exceeds one."""
    exact = closed(np.asarray(grid.thetas)[None, :], np.asarray(grid.alphas)[:, None])
    return Check(identity, largest((np.asarray(values) - exact) / np.maximum(1, np.abs(exact))))


def check_losses(case: Case, losses: Any) -> Check:
    """Without adaptation the task losses are the losses."""
    exact = np.stack([loss(np.asarray(losses.thetas)) for loss in case.losses], axis=-1)
    return Check("L_i(theta_i') = L_i(theta) at alpha = 0", largest(np.asarray(losses.values)[0] - exact))


def check_optimum(case: Case, optimum: OptimalTheta) -> tuple[Check, ...]:
    """Stationary, and nowhere above a dense grid over the same bounds."""
    known = np.isfinite(np.asarray(optimum.thetas))
    alphas, thetas = np.asarray(optimum.alphas)[known], np.asarray(optimum.thetas)[known]
    low, high = (float(b) for b in optimum.bounds)
    lowest = case.meta_loss(np.linspace(low, high, 4001)[None, :], alphas[:, None]).min(axis=1)
    return (
        Check("dL_M/dtheta(theta*) = 0", largest(case.meta_grad(thetas, alphas))),
        Check("L_M(theta*) <= L_M(theta) on 4001 points", float(np.max(case.meta_loss(thetas, alphas) - lowest))),
    )


def check_jump(case: Case, optimum: OptimalTheta) -> tuple[Check, ...]:
    """One jump, where it must be, between two stationary points of equal value."""
    jumps = optimum.jumps
    at, before, after = (np.asarray(j) for j in (jumps.alphas, jumps.thetas_before, jumps.thetas_after))
    slopes = np.concatenate([case.meta_grad(before, at), case.meta_grad(after, at)])
    return (
        Check(f"the only jump is at alpha = {_JUMP}", largest(at - _JUMP) if at.size == 1 else float("nan")),
        Check("both sides of the jump are stationary", largest(slopes)),
        Check("L_M is equal on both sides", largest(case.meta_loss(before, at) - case.meta_loss(after, at))),
    )


def check_diagram(name: str, direction: Callable[[Any, Any], Any], diagram: BifurcationDiagram) -> tuple[Check, ...]:
    """Every point on every curve is stationary, and folds are where the direction touches zero."""
    slopes = [direction(np.asarray(b.thetas), np.asarray(b.alphas)) for b in diagram.branches]
    folds = [np.asarray(x) for x in (diagram.folds.thetas, diagram.folds.alphas)]
    return (
        Check(f"the direction of {name} is zero on every curve", largest(np.concatenate(slopes))),
        Check("G = G_theta = 0 at every fold", largest([direction(*folds), np.asarray(diagram.folds.residuals)])),
    )


def fomaml_direction(theta: Any, alpha: Any) -> Any:
    """The direction of FOMAML for case 2: the sum of L_i'(theta_i')."""
    return (theta - alpha * theta**3) ** 3 + (1 - alpha) * (theta - 1)


def reptile_direction(theta: Any, alpha: Any) -> Any:
    """The direction of Reptile with one step for case 2: the sum of L_i'(theta), whatever alpha is."""
    return theta**3 + theta - 1 + 0 * alpha


def imaml_direction(theta: Any, alpha: Any) -> Any:
    """The direction of implicit MAML for case 2: each gradient at its proximal point, divided by 1 + alpha L_i''."""
    # The proximal point of the quartic, alpha phi^3 + phi = theta, by the hyperbolic form of Cardano's root.
    root = np.sqrt(1 / (3 * alpha))
    phi = 2 * root * np.sinh(np.arcsinh(1.5 * theta / root) / 3)
    return phi**3 / (1 + 3 * alpha * phi**2) + (theta - 1) / (1 + alpha) ** 2


def check_fixed_points(comparison: Comparison, directions: dict[str, Callable[[Any, Any], Any]]) -> tuple[Check, ...]:
    """The direction of each algorithm is zero at its fixed points, and nothing is below the optimum."""
    alphas, regrets = np.asarray(comparison.alphas)[:, None], np.asarray(comparison.regrets)
    checks = []
    for name, direction in directions.items():
        thetas = np.asarray(comparison.fixed_points)[comparison.position(name)]
        there = np.isfinite(thetas) & (alphas > 0)
        at = np.broadcast_to(alphas, thetas.shape)[there]
        checks.append(
            Check(f"the direction of {name} is zero at its fixed points", largest(direction(thetas[there], at)))
        )
    below = -np.min(regrets, initial=0, where=np.isfinite(regrets))
    return (*checks, Check("L_M(theta*) <= L_M(fixed point)", float(below)))


def check_descent(case: Case, run: OuterRun, learning_rate: float) -> Check:
    """Every recorded step is the step of gradient descent by the closed gradient."""
    thetas, alphas = np.asarray(run.trace.thetas), np.asarray(run.alphas)[:, None]
    expected = thetas[:, :-1] - learning_rate * case.meta_grad(thetas[:, :-1], alphas)
    return Check("theta_{n+1} = theta_n - beta dL_M/dtheta(theta_n)", largest(thetas[:, 1:] - expected))


def check_not_below(run: OuterRun, optimum: OptimalTheta) -> Check:
    """No run ends below the global minimum."""
    lowest = np.interp(np.asarray(run.alphas), np.asarray(optimum.alphas), np.asarray(optimum.values))
    return Check("L_M(theta*) <= L_M(end of the outer loop)", float(np.max(lowest - np.asarray(run.values))))
