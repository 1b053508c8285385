"""The algorithms beside each other on case 2: where they come to rest, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import cases, plot
from .._meta.algorithms import fomaml, imaml, maml, reptile
from .._stationary.compare import compare
from .checks import check_fixed_points, fomaml_direction, imaml_direction, reptile_direction
from .picture import CASE_2, Picture, figure_of, new_axes

if TYPE_CHECKING:
    from .._stationary.compare import Comparison


def algorithm_pictures() -> list[Picture]:
    """MAML, FOMAML, Reptile and implicit MAML: their fixed points, and the regret of these."""
    case = cases.quartic()
    metas = {
        "MAML": maml(case.losses),
        "FOMAML": fomaml(case.losses),
        "Reptile": reptile(case.losses),
        "iMAML": imaml(case.losses),
    }
    found = compare(metas, np.linspace(0, 1.25, 51), (-2.0, 2.0))
    directions = {
        "MAML": case.meta_grad,
        "FOMAML": fomaml_direction,
        "Reptile": reptile_direction,
        "iMAML": imaml_direction,
    }
    checks = check_fixed_points(found, directions)
    middle = int(np.argmin(np.abs(np.asarray(found.alphas) - 0.75)))
    told = ", ".join(f"{name} {value:.2g}" for name, value in _regrets(found, middle).items())
    return [
        Picture(
            "algorithms_fixed_points",
            CASE_2,
            "Four algorithms: where they come to rest",
            "The zeros of the direction of MAML, FOMAML, Reptile and implicit MAML (strength 1/α); large ones attract. "
            "Only that of MAML is the gradient of the meta-loss, and only MAML follows the optimum over its jump. With "
            "one step Reptile does not see α: it stays at the minimum of the sum of the task losses.",
            lambda: figure_of(plot.fixed_points(found, new_axes())),
            lambda: plot.interactive.fixed_points(found),
            checks[:-1],
            {"alphas": np.asarray(found.alphas)[::10].tolist(), "attracting": _attracting(found)},
        ),
        Picture(
            "algorithms_regrets",
            CASE_2,
            "Four algorithms: what that costs",
            "The true meta-loss at each fixed point minus its minimum at that α, on a logarithmic axis; MAML at its "
            f"optimum costs nothing and is not drawn. The least at α = 0.75: {told}.",
            lambda: figure_of(plot.regrets(found, new_axes())),
            lambda: plot.interactive.regrets(found),
            checks[-1:],
            {"alpha": 0.75, "least_regrets": _regrets(found, middle)},
        ),
    ]


def _regrets(found: Comparison, row: int) -> dict[str, float]:
    """The least regret of an attracting fixed point of each algorithm at one alpha."""
    regrets = np.where(np.asarray(found.attracting), np.asarray(found.regrets), np.inf)[:, row]
    return {name: max(0.0, float(least)) for name, least in zip(found.labels.names, regrets.min(axis=1), strict=True)}


def _attracting(found: Comparison) -> dict[str, Any]:
    """The attracting fixed points at every tenth alpha."""
    rows = zip(found.labels.names, np.asarray(found.fixed_points), np.asarray(found.attracting), strict=True)
    return {
        name: [t[a].tolist() for t, a in zip(thetas[::10], there[::10], strict=True)] for name, thetas, there in rows
    }
