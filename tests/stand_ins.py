"""Results made by hand from closed forms: no engine is asked. What is not given is empty."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import numpy as np

import mamlgrid as mg
from mamlgrid import Status
from mamlgrid._stationary.compare import Labels

FINE = np.zeros(1, np.int8)

_T = TypeVar("_T")


def made(cls: type[_T], **fields: Any) -> _T:
    """A result of the class; each field that is not given is an array of nothing."""
    empty = {field.name: np.zeros(0) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**empty | fields)


def folds(alphas: Any, thetas: Any, values: Any, births: Any, status: Any) -> mg.Folds:
    """Folds with what is drawn of them."""
    return made(mg.Folds, alphas=alphas, thetas=thetas, values=values, births=births, status=status)


def branch_points(alphas: Any, thetas: Any, values: Any, kinds: Any, status: Any) -> mg.BranchPoints:
    """Branch points with what is drawn of them."""
    return made(mg.BranchPoints, alphas=alphas, thetas=thetas, values=values, kinds=kinds, status=status)


def optimal(alphas: Any, thetas: Any, status: Any = Status.OK, *, values: Any = 0.0, **fields: Any) -> mg.OptimalTheta:
    """An optimum; single numbers hold for every alpha, and there are no jumps unless they are given."""
    alphas = np.asarray(alphas, float)
    zero = np.zeros(alphas.shape)
    accuracies, bounds = zero + fields.pop("accuracies", 0.0), fields.pop("bounds", (-4.0, 4.0))
    fields = {"jumps": made(mg.Jumps, windows=np.zeros((0, 2))), "ties": np.full((alphas.size, 0), np.nan), **fields}
    codes = (zero + np.asarray(status)).astype(np.int8)
    numbers = {"thetas": zero + thetas, "values": zero + values, "accuracies": accuracies}
    return made(mg.OptimalTheta, alphas=alphas, status=codes, bounds=bounds, **numbers, **fields)


def jumps(at: Any, before: Any, after: Any, status: Any = Status.OK, windows: Any = np.nan) -> mg.Jumps:
    """Jumps with equal status."""
    at, before, after = (np.atleast_1d(np.asarray(a, float)) for a in (at, before, after))
    codes = np.broadcast_to(np.asarray(status, np.int8), at.shape)
    return mg.Jumps(at, before, after, 0 * at, codes, np.broadcast_to(windows, (at.size, 2)))


def branch(
    alphas: Any, thetas: Any, slopes: Any, values: Any = 0.0, ends: tuple[str, str] = ("axis", "axis")
) -> mg.Branch:
    """A branch from the derivative of the direction along it; what is nearly zero is a fold."""
    alphas, thetas, slopes = np.broadcast_arrays(*(np.asarray(a, float) for a in (alphas, thetas, slopes)))
    stabilities = np.where(np.abs(slopes) < 1e-9, 0, np.sign(slopes)).astype(np.int8)
    return mg.Branch(alphas, thetas, np.broadcast_to(values, alphas.shape), slopes, stabilities, ends)


def points(rows: list[list[float]], kinds: Any = 0, status: Any = Status.OK, accuracies: Any = 0.0) -> mg.Points:
    """Stationary points alpha by alpha, filled up with NaN."""
    most = max(map(len, rows))
    thetas = np.array([row + [np.nan] * (most - len(row)) for row in rows])
    there = np.isfinite(thetas)
    codes = np.where(there, np.asarray(status), Status.ABSENT).astype(np.int8)
    kinds = np.where(there, np.asarray(kinds), 0).astype(np.int8)
    numbers = {"thetas": thetas, "values": 0 * thetas, "accuracies": 0 * thetas + accuracies}
    return made(mg.Points, kinds=kinds, stabilities=np.ones_like(kinds), status=codes, **numbers)


def diagram(optimum: mg.OptimalTheta, branches: Any, **parts: Any) -> mg.BifurcationDiagram:
    """A diagram over the alphas of its optimum; what is not given is empty."""
    parts = {
        "points": points([[np.nan]] * optimum.alphas.size),
        "folds": made(mg.Folds),
        "branch_points": made(mg.BranchPoints),
        "unresolved": made(mg.Unresolved, reasons=()),
        "jumps": optimum.jumps,
        **parts,
    }
    return made(
        mg.BifurcationDiagram,
        alphas=optimum.alphas,
        bounds=optimum.bounds,
        branches=tuple(branches),
        optimum=optimum,
        **parts,
    )


def hysteresis() -> mg.BifurcationDiagram:
    """Losses theta^4/12 - theta^2/2 - alpha theta: an S with folds at (2/3, -1) and (-2/3, 1), a jump at 0."""
    theta = np.unique(np.concatenate([np.linspace(-2.1, 2.1, 121), [-1.0, 1.0]]))
    curve = branch(_cubic(theta), theta, theta**2 - 1, _quartic(theta))
    outer = np.linspace(3**0.5, 2.1, 21)
    best = np.concatenate([-outer[::-1], outer[1:]])
    jump = jumps(0.0, -(3**0.5), 3**0.5, windows=np.array([[-2 / 3, 2 / 3]]))
    optimum = optimal(_cubic(best), best, values=_quartic(best), bounds=(-2.5, 2.5), jumps=jump)
    turns, born = np.array([-1.0, 1.0]), np.array([False, True])
    return diagram(optimum, [curve], folds=folds(_cubic(turns), turns, _quartic(turns), born, np.zeros(2, np.int8)))


def _cubic(theta: Any) -> Any:
    """The alpha at which theta is stationary."""
    return theta**3 / 3 - theta


def _quartic(theta: Any) -> Any:
    """The meta-loss there."""
    return theta**4 / 12 - theta**2 / 2 - _cubic(theta) * theta


def pitchfork() -> mg.BifurcationDiagram:
    """Losses theta^4/4 - alpha theta^2/2: 0 for all alpha, and +-sqrt(alpha)."""
    alphas = np.linspace(-1, 1, 41)
    arm = np.linspace(-1, 1, 81)
    curves = [
        branch(alphas, 0 * alphas, -alphas),
        branch(arm[:41] ** 2, arm[:41], 2 * arm[:41] ** 2, ends=("axis", "branch point")),
        branch(arm[40:] ** 2, arm[40:], 2 * arm[40:] ** 2, ends=("branch point", "axis")),
    ]
    root = np.sqrt(np.maximum(alphas, 0))
    status = np.where(alphas > 0, Status.TIED, np.where(alphas == 0, Status.DEGENERATE, Status.OK))
    ties = np.where(alphas[:, None] > 0, np.stack([-root, root], 1), np.nan)
    optimum = optimal(alphas, -root, status, ties=ties, bounds=(-1.5, 1.5))
    zero = np.zeros(1)
    return diagram(optimum, curves, branch_points=branch_points(zero, zero, zero, np.ones(1, np.int8), FINE))


def circle() -> mg.BifurcationDiagram:
    """A closed loop around (0, 1) that no axis is reached from, over a branch at -1."""
    alphas, angle = np.linspace(-1, 1, 41), np.linspace(0, 2 * np.pi, 65)[:-1]
    x, y = 0.5 * np.cos(angle), 1 + 0.5 * np.sin(angle)
    loop = branch(x, y, np.where(np.abs(np.sin(angle)) < 1e-9, 0, np.sin(angle)), ends=("closed",) * 2)
    turns = folds(np.array([-0.5, 0.5]), np.ones(2), np.zeros(2), np.array([True, False]), np.zeros(2, np.int8))
    optimum = optimal(alphas, -1.0, bounds=(-2.0, 2.0))
    return diagram(optimum, [loop, branch(alphas, -1.0, 1.0)], folds=turns)


def doubtful() -> mg.BifurcationDiagram:
    """Everything that can go wrong or be odd, each once."""
    alphas = np.linspace(0, 1, 21)
    upper, lower = branch(alphas[:11], 1.0, 1.0, ends=("axis", "unresolved")), branch(alphas, -1.0, 1.0)
    rows = [[-1.0, 0.0, 0.6] for _ in alphas]
    kinds, status = np.zeros((21, 3)), np.zeros((21, 3))
    kinds[:, 1] = 2  # the value jumps at 0
    kinds[4:9, 2] = 3  # an interval around 0.6
    status[4:9, 2] = Status.PLATEAU
    status[15, 2], status[18, 2] = Status.NOT_CONVERGED, Status.DEGENERATE
    rows = [row if 4 <= i < 9 or i in (15, 18) else row[:2] for i, row in enumerate(rows)]
    bad = np.array([Status.NOT_CONVERGED], np.int8)
    at = np.full(1, 0.3)
    optimum = optimal(
        alphas, np.select([(alphas > 0.25) & (alphas < 0.52), alphas > 0.8], [1.0, -0.5], -1.0), bounds=(-2.0, 2.0),
        status=np.where(alphas == 0.5, Status.FLAT, Status.OK),
        jumps=jumps([0.25, 0.8], [-1, -1], [1.0, -0.5], [Status.OK, Status.NOT_CONVERGED], [[0.1, np.nan], [0.7, 0.9]]),
    )  # fmt: skip
    return diagram(
        optimum,
        [upper, lower, branch(alphas, 0.0, -1.0)],
        points=points(rows, kinds, status, np.where(kinds == 3, 0.15, 0.05)),
        folds=folds(at, 0 * at + 1.4, at, np.array([True]), bad),
        branch_points=branch_points(
            np.array([0.6, 0.9]), np.array([1.5, 1.5]), np.zeros(2), np.array([0, 2], np.int8), np.zeros(2, np.int8)
        ),
        unresolved=mg.Unresolved(np.array([0.5, 0.95]), np.array([0.55, 0.951]), ("too many points", "NaN")),
    )


def parabolas() -> mg.Comparison:
    """MAML and FOMAML, one step, on parabolas of curvature 1 and 3 around 0 and 1: FOMAML repels past alpha = 0.4."""
    alphas, grid = np.linspace(0, 0.9, 10), np.linspace(-4, 4, 17)
    alphas = np.where(alphas == 0.4, 0.41, alphas)  # the fixed point is at infinity there
    first, third = (1 - alphas) ** 2, 3 * (1 - 3 * alphas) ** 2
    best, slope = third / (first + third), 4 - 10 * alphas
    other = 3 * (1 - 3 * alphas) / slope

    def loss(theta: Any) -> Any:
        return (first * theta**2 + third * (theta - 1) ** 2) / 2

    fixed = np.stack([best, other])[:, :, None]
    attracting = np.stack([np.ones(10, bool), alphas < 0.4])[:, :, None]
    direction = slope[:, None] * (grid - other[:, None])
    uphill = np.stack([np.zeros((10, 17), bool), direction * (grid - best[:, None]) < 0])
    values, none = np.stack([loss(best), loss(other)])[:, :, None], np.zeros(fixed.shape, np.int8)
    return made(
        mg.Comparison,
        alphas=alphas, thetas=grid, labels=Labels(("MAML", "FOMAML")), fixed_points=fixed, attracting=attracting,
        values=values, regrets=values - values[:1], status=none, uphill=uphill,
        optimum=optimal(alphas, best, values=loss(best)),
    )  # fmt: skip
