"""The figures of the post and what they lead to, each with the identities it is checked by."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .. import cases, plot
from .._diagram.diagram import bifurcation_diagram
from .._grid.surface import surface
from .._grid.task_losses import task_losses
from .._meta.algorithms import fomaml
from .._outer_loop.loop import outer_loop
from .._results.status import Status
from .._stationary.optimum import optimal_theta
from ..plot._axes import legend
from ..plot._colours import OPTIMUM
from .algorithms import algorithm_pictures
from .checks import (
    Check,
    check_descent,
    check_diagram,
    check_grid,
    check_jump,
    check_losses,
    check_not_below,
    check_optimum,
    fomaml_direction,
    largest,
)
from .explore import explorer_of_case
from .picture import CASE_1, CASE_2, Picture, figure_of, new_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._diagram.diagram import BifurcationDiagram
    from .._outer_loop.outer_run import OuterRun
    from .._stationary.optimum import OptimalTheta
    from ..cases import Case

# The outer loop of the post, line 8 of its algorithm: plain gradient descent.
_LEARNING_RATE = 0.1

# Where the stationary points of case 2 are looked for.
_BOUNDS = (-2.0, 2.0)


def pictures(case: str) -> list[Picture]:
    """All pictures of "quadratic", "quartic" or "all", computed and checked; nothing is written."""
    makers = {"quartic": [_quartic, algorithm_pictures], "quadratic": [_quadratic]}
    wanted = [make for name, several in makers.items() if case in (name, "all") for make in several]
    # Most of the time goes into compilation, which leaves the interpreter free: the cases run side by side.
    with ThreadPoolExecutor() as pool:
        return [picture for group in pool.map(_in_float64, wanted) for picture in group]


def _in_float64(make: Callable[[], list[Picture]]) -> list[Picture]:
    """The identities hold to rounding, so: float64, in this thread and nowhere else."""
    with jax.enable_x64(True):
        return make()


def _bifurcations(case: Case, full: BifurcationDiagram) -> list[Picture]:
    """All stationary points against alpha, of MAML and of FOMAML."""
    first_order = bifurcation_diagram(fomaml(case.losses), full.alphas, _BOUNDS)
    loops = sum(branch.closed for branch in full.branches)
    low, high = np.asarray(full.jumps.windows)[0]
    at, before, after = (
        float(np.asarray(x)[0]) for x in (full.jumps.alphas, full.jumps.thetas_before, full.jumps.thetas_after)
    )
    return [
        Picture(
            "bifurcation_diagram",
            CASE_2,
            "All stationary points of the meta-loss",
            f"The optimal θ jumps at α = {at:.4g} from {before:.4g} to {after:.4g}. Between the folds at α = {low:.4g} "
            f"and {high:.4g} both minima exist: an outer loop stays on the one it is on (hysteresis). {loops} closed "
            "loops lie around α = 1, where no curve from elsewhere leads.",
            lambda: figure_of(plot.bifurcation_diagram(full)),
            lambda: plot.interactive.bifurcation_diagram(full),
            check_diagram("MAML", case.meta_grad, full),
            _diagram_numbers(full),
            partial(explorer_of_case, case.name),
        ),
        Picture(
            "bifurcation_diagram_fomaml",
            CASE_2,
            "The same for FOMAML",
            "Where the direction of first-order MAML is zero. Its curves are others: what attracts it need not be a "
            "minimum of the meta-loss.",
            lambda: figure_of(plot.bifurcation_diagram(first_order)),
            lambda: plot.interactive.bifurcation_diagram(first_order),
            check_diagram("FOMAML", fomaml_direction, first_order),
            _diagram_numbers(first_order),
        ),
    ]


def _quadratic() -> list[Picture]:
    """Case 1: figures 0 and 1, the optimum that does not move, the outer loop that stops moving."""
    case = cases.quadratic()
    meta = case.meta()
    alphas, thetas = np.linspace(0, 2, 201), np.linspace(-1, 2, 301)
    losses = task_losses(meta, np.array([0.0]), thetas)
    found = surface(meta, alphas, thetas)
    optimum = optimal_theta(meta, alphas, (-1.0, 2.0))
    run = _descent(meta, alphas[::2], -0.5, num_steps=100)
    start = np.asarray(run.trace.thetas)[:, :1] - 0.5
    shrink = 1 - 2 * _LEARNING_RATE * (1 - np.asarray(run.alphas)[:, None]) ** 2
    closed_run = 0.5 + start * shrink ** np.asarray(run.trace.steps)
    half = int(np.argmin(np.abs(alphas - 0.5)))
    labels = (r"$L_0 = \theta^2/2$", r"$L_1 = (\theta - 1)^2/2$")
    status, star = np.asarray(optimum.status), np.asarray(optimum.thetas)

    def section() -> Figure:
        ax = plot.section(found, new_axes(), alpha=0.5)
        dot = {"color": OPTIMUM, "markersize": 7, "linestyle": "none", "label": r"minimum, $\theta = 1/2$"}
        ax.plot(star[half], np.asarray(optimum.values)[half], "o", **dot)
        legend(ax)
        return figure_of(ax)

    return [
        Picture(
            "figure_0",
            CASE_1,
            "Figure 0. Task losses",
            "Two parabolas of one shape, L₀ = θ²/2 and L₁ = (θ − 1)²/2.",
            lambda: figure_of(plot.task_losses(losses, new_axes(), labels=labels)),
            lambda: plot.interactive.task_losses(losses, labels=case.labels),
            (check_losses(case, losses),),
            {},
        ),
        Picture(
            "figure_1",
            CASE_1,
            "Figure 1. Meta-loss at α = 0.5",
            "After one inner step the sum is (1 − α)² {(θ − 1/2)² + 1/4}: α scales it and moves nothing. "
            f"The minimum is at θ = {star[half]:.4g}.",
            section,
            lambda: plot.interactive.section(found, alpha=0.5),
            (
                check_grid(
                    "L_M(theta, alpha) = (1 - alpha)^2 {(theta - 1/2)^2 + 1/4}",
                    found.values,
                    case.meta_loss,
                    found,
                ),
                Check("theta* = 1/2 at alpha = 1/2", abs(float(star[half]) - 0.5)),
            ),
            {"optimal_theta": float(star[half]), "meta_loss": float(np.asarray(optimum.values)[half])},
        ),
        Picture(
            "optimal_theta_quadratic",
            CASE_1,
            "Optimal θ against α",
            "It stays at 1/2 for every α but one. At α = 1 a single step solves each task from anywhere: every θ is "
            "optimal, and no number is given.",
            lambda: figure_of(plot.optimal_theta(optimum, new_axes())),
            lambda: plot.interactive.optimal_theta(optimum),
            (
                Check("theta* = 1/2 for alpha != 1", largest(star[status == Status.OK] - 0.5)),
                Check(
                    "flat at alpha = 1, and only there",
                    float(((status == Status.FLAT) != (alphas == 1)).sum()),
                    0,
                ),
                Check("no jump", float(np.asarray(optimum.jumps.alphas).size), 0),
            ),
            _numbers(optimum),
        ),
        Picture(
            "contour_quadratic",
            CASE_1,
            "Outer loop on the meta-loss",
            "Seen from above; colours are spaced by ratio. White lines are runs of the outer loop from θ = −0.5: "
            "α does not change along a run, so each goes straight up.",
            lambda: figure_of(plot.contour(found, new_axes(), optimum=optimum, run=run)),
            lambda: plot.interactive.contour(found, optimum=optimum, run=run),
            (check_grid("dL_M/dtheta = (1 - alpha)^2 (2 theta - 1)", found.grads, case.meta_grad, found),),
            {},
        ),
        Picture(
            "outer_loop_quadratic",
            CASE_1,
            "Outer loop against the optimum",
            f"Where {_steps(run)} steps of gradient descent with rate {_LEARNING_RATE} from θ = −0.5 end. "
            "The closer α is to 1, the smaller the meta-gradient: a perfect inner loop leaves the outer loop "
            "nothing to learn from.",
            lambda: figure_of(plot.outer_loop(run, new_axes(), optimum=optimum)),
            lambda: plot.interactive.outer_loop(run, optimum=optimum),
            (
                Check(
                    "theta_n = 1/2 + (theta_0 - 1/2) (1 - 2 beta (1 - alpha)^2)^n",
                    largest(np.asarray(run.trace.thetas) - closed_run),
                ),
            ),
            {"theta_0": -0.5, "learning_rate": _LEARNING_RATE, "num_steps": _steps(run)},
        ),
    ]


def _quartic() -> list[Picture]:
    """Case 2: figures 2 to 4, the optimum that jumps, the outer loop that is caught."""
    case = cases.quartic()
    meta = case.meta()
    alphas, thetas = np.linspace(0, 1.25, 251), np.linspace(-1.5, 1.7, 321)
    losses = task_losses(meta, np.array([0.0]), thetas)
    found = surface(meta, alphas, thetas)
    optimum = optimal_theta(meta, alphas, (-4.0, 4.0))
    run = _descent(meta, alphas[::2], 0.0, num_steps=2000)
    diagram = bifurcation_diagram(meta, np.linspace(0, 1.5, 257), _BOUNDS)
    labels = (r"$L_0 = \theta^4/4$", r"$L_1 = (\theta - 1)^2/2$")
    jumps = optimum.jumps
    at, before, after = (np.asarray(j) for j in (jumps.alphas, jumps.thetas_before, jumps.thetas_after))
    told = ", ".join(f"at α = {a:.6f} from θ = {b:.4f} to {c:.4f}" for a, b, c in zip(at, before, after, strict=True))
    return [
        *_bifurcations(case, diagram),
        Picture(
            "figure_2",
            CASE_2,
            "Figure 2. Task losses",
            "One of the two is quartic now: L₀ = θ⁴/4 and L₁ = (θ − 1)²/2.",
            lambda: figure_of(plot.task_losses(losses, new_axes(), labels=labels)),
            lambda: plot.interactive.task_losses(losses, labels=case.labels),
            (check_losses(case, losses),),
            {},
        ),
        Picture(
            "figure_3",
            CASE_2,
            "Figure 3. Meta-loss",
            "¼(θ − αθ³)⁴ + ½(1 − α)²(θ − 1)² over α and θ. Colours are spaced by ratio. At α = 1 there are "
            "three wells, at θ = −1, 0 and 1, where the first term vanishes. On it the optimal θ, which jumps.",
            lambda: figure_of(plot.surface(found, new_axes("3d"), optimum=optimum)),
            lambda: plot.interactive.surface(found, optimum=optimum),
            (
                check_grid(
                    "L_M(theta, alpha) = (theta - alpha theta^3)^4 / 4 + (1 - alpha)^2 (theta - 1)^2 / 2",
                    found.values,
                    case.meta_loss,
                    found,
                ),
            ),
            {},
        ),
        Picture(
            "figure_4",
            CASE_2,
            "Figure 4. Gradient of the meta-loss",
            "∂L_M/∂θ with the plane z = 0. Where they meet the meta-loss has a minimum (solid: the gradient rises "
            "through zero) or a maximum (dashed).",
            lambda: figure_of(plot.gradient_surface(found, new_axes("3d"), diagram=diagram)),
            lambda: plot.interactive.gradient_surface(found, diagram=diagram),
            (
                check_grid(
                    "dL_M/dtheta = (theta - alpha theta^3)^3 (1 - 3 alpha theta^2) + (1 - alpha)^2 (theta - 1)",
                    found.grads,
                    case.meta_grad,
                    found,
                ),
            ),
            {},
        ),
        Picture(
            "optimal_theta_quartic",
            CASE_2,
            "Optimal θ against α",
            f"The best initial parameter jumps {told}: two minima change rank. At α = 1 three are tied at zero.",
            lambda: figure_of(plot.optimal_theta(optimum, new_axes())),
            lambda: plot.interactive.optimal_theta(optimum),
            (*check_optimum(case, optimum), *check_jump(case, optimum)),
            _numbers(optimum),
        ),
        Picture(
            "contour_quartic",
            CASE_2,
            "Outer loop on the meta-loss",
            "Seen from above. White lines are runs of the outer loop from θ = 0: past the jump they climb to the far "
            "branch; around α = 1 a nearer well holds them back.",
            lambda: figure_of(plot.contour(found, new_axes(), optimum=optimum, run=run)),
            lambda: plot.interactive.contour(found, optimum=optimum, run=run),
            (check_descent(case, run, _LEARNING_RATE),),
            {},
        ),
        Picture(
            "outer_loop_quartic",
            CASE_2,
            "Outer loop against the optimum",
            f"Where {_steps(run)} steps of gradient descent with rate {_LEARNING_RATE} from θ = 0 end. It finds the "
            "optimum for most α, stays on the old branch for a while after the jump, and is caught by a local "
            "minimum around α = 1.",
            lambda: figure_of(plot.outer_loop(run, new_axes(), optimum=optimum)),
            lambda: plot.interactive.outer_loop(run, optimum=optimum),
            (check_descent(case, run, _LEARNING_RATE), check_not_below(run, optimum)),
            {"theta_0": 0.0, "learning_rate": _LEARNING_RATE, "num_steps": _steps(run)},
        ),
    ]


def _descent(meta: Any, alphas: Any, theta0: float, num_steps: int) -> OuterRun:
    import optax

    return outer_loop(meta, alphas, theta0, optax.sgd(_LEARNING_RATE), num_steps=num_steps)


def _steps(run: OuterRun) -> int:
    return int(np.asarray(run.trace.steps)[-1])


def _diagram_numbers(diagram: BifurcationDiagram) -> dict[str, Any]:
    """Folds and branch points as plain numbers."""
    return {
        name: {"alphas": np.asarray(found.alphas).tolist(), "thetas": np.asarray(found.thetas).tolist()}
        for name, found in (("folds", diagram.folds), ("branch_points", diagram.branch_points))
    }


def _numbers(optimum: OptimalTheta) -> dict[str, Any]:
    """Optimum and jumps as plain numbers; None where no theta is given."""
    some = slice(None, None, 25)
    thetas = [float(t) if np.isfinite(t) else None for t in np.asarray(optimum.thetas)[some]]
    jumps = optimum.jumps
    return {
        "alphas": np.asarray(optimum.alphas)[some].tolist(),
        "optimal_thetas": thetas,
        "jumps": {
            "alphas": np.asarray(jumps.alphas).tolist(),
            "thetas_before": np.asarray(jumps.thetas_before).tolist(),
            "thetas_after": np.asarray(jumps.thetas_after).tolist(),
        },
    }
