"""Results made by hand from closed forms, with the fields that pictures read: no engine is asked.

The classes have the names of the real ones, which is how a picture knows what it was given.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from mamlgrid import Status

Array = Any
FINE = np.zeros(1, np.int8)


def no_floats() -> Any:
    """Where there are none."""
    return np.zeros(0)


def no_codes() -> Any:
    """Where there are none."""
    return np.zeros(0, np.int8)


def no_windows() -> Any:
    """Where there are none."""
    return np.zeros((0, 2))


@dataclass(frozen=True)
class Points:
    """All stationary points, `[alphas, points]`."""

    thetas: Array
    values: Array
    accuracies: Array
    kinds: Array
    stabilities: Array
    status: Array


@dataclass(frozen=True)
class Branch:
    """A curve of stationary points."""

    alphas: Array
    thetas: Array
    values: Array
    jacobians: Array
    stabilities: Array
    closed: bool = False
    ends: tuple[str, str] = ("axis", "axis")


@dataclass(frozen=True)
class Folds:
    """Where two points meet."""

    alphas: Array = field(default_factory=no_floats)
    thetas: Array = field(default_factory=no_floats)
    values: Array = field(default_factory=no_floats)
    births: Array = field(default_factory=no_codes)
    status: Array = field(default_factory=no_codes)


@dataclass(frozen=True)
class BranchPoints:
    """Where branches cross."""

    alphas: Array = field(default_factory=no_floats)
    thetas: Array = field(default_factory=no_floats)
    values: Array = field(default_factory=no_floats)
    kinds: Array = field(default_factory=no_codes)
    status: Array = field(default_factory=no_codes)


@dataclass(frozen=True)
class Jumps:
    """Where the optimum switches."""

    alphas: Array = field(default_factory=no_floats)
    thetas_before: Array = field(default_factory=no_floats)
    thetas_after: Array = field(default_factory=no_floats)
    values: Array = field(default_factory=no_floats)
    status: Array = field(default_factory=no_codes)
    windows: Array = field(default_factory=no_windows)


@dataclass(frozen=True)
class Unresolved:
    """What could not be settled."""

    starts: Array = field(default_factory=no_floats)
    stops: Array = field(default_factory=no_floats)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class OptimalTheta:
    """The global minimiser."""

    alphas: Array
    thetas: Array
    values: Array
    accuracies: Array
    status: Array
    jumps: Jumps | None
    bounds: tuple[float, float]
    ties: Array


@dataclass(frozen=True)
class BifurcationDiagram:
    """All of it."""

    alphas: Array
    bounds: tuple[float, float]
    points: Points
    branches: tuple[Branch, ...]
    folds: Folds
    branch_points: BranchPoints
    jumps: Jumps
    unresolved: Unresolved
    optimum: OptimalTheta


@dataclass(frozen=True)
class Comparison:
    """Algorithms beside each other, `[algorithms, alphas, points]`."""

    alphas: Array
    thetas: Array
    labels: Any
    fixed_points: Array
    attracting: Array
    values: Array
    regrets: Array
    status: Array
    uphill: Array
    optimum: OptimalTheta

    def position(self, label: str) -> int:
        """The place of an algorithm."""
        return self.labels.names.index(label)


def replaced(result: Any, **fields: Any) -> Any:
    """A copy of any result with some fields changed or added; its class keeps its name."""
    whole = result._asdict() if hasattr(result, "_asdict") else dict(vars(result))
    names = [(name, Any) for name in whole | fields]
    made = dataclasses.make_dataclass(type(result).__name__, names, frozen=True)
    for name, member in vars(type(result)).items():
        if callable(member) and not name.startswith("_"):
            setattr(made, name, member)
    return made(**whole | fields)


def optimal(alphas: Any, thetas: Any, status: Any = Status.OK, *, values: Any = 0.0, **fields: Any) -> OptimalTheta:
    """An optimum; single numbers hold for every alpha, and there are no jumps unless they are given."""
    alphas = np.asarray(alphas, float)
    zero = np.zeros(alphas.shape)
    accuracies, bounds = zero + fields.pop("accuracies", 0.0), fields.pop("bounds", (-4.0, 4.0))
    fields = {"jumps": Jumps(), "ties": np.full((alphas.size, 0), np.nan), **fields}
    codes = (zero + np.asarray(status)).astype(np.int8)
    return OptimalTheta(alphas, zero + thetas, zero + values, accuracies, codes, bounds=bounds, **fields)


def jumps(at: Any, before: Any, after: Any, status: Any = Status.OK, windows: Any = np.nan) -> Jumps:
    """Jumps with equal status."""
    at, before, after = (np.atleast_1d(np.asarray(a, float)) for a in (at, before, after))
    codes = np.broadcast_to(np.asarray(status, np.int8), at.shape)
    return Jumps(at, before, after, 0 * at, codes, np.broadcast_to(windows, (at.size, 2)))


def branch(alphas: Any, thetas: Any, slopes: Any, values: Any = 0.0, **ends: Any) -> Branch:
    """A branch from the derivative of the direction along it; what is nearly zero is a fold."""
    alphas, thetas, slopes = np.broadcast_arrays(*(np.asarray(a, float) for a in (alphas, thetas, slopes)))
    stabilities = np.where(np.abs(slopes) < 1e-9, 0, np.sign(slopes)).astype(np.int8)
    return Branch(alphas, thetas, np.broadcast_to(values, alphas.shape), slopes, stabilities, **ends)


def points(rows: list[list[float]], kinds: Any = 0, status: Any = Status.OK, accuracies: Any = 0.0) -> Points:
    """Stationary points alpha by alpha, filled up with NaN."""
    most = max(map(len, rows))
    thetas = np.array([row + [np.nan] * (most - len(row)) for row in rows])
    there = np.isfinite(thetas)
    codes = np.where(there, np.asarray(status), Status.ABSENT).astype(np.int8)
    kinds = np.where(there, np.asarray(kinds), 0).astype(np.int8)
    return Points(thetas, 0 * thetas, 0 * thetas + accuracies, kinds, np.ones_like(kinds), codes)


def diagram(optimum: OptimalTheta, branches: Any, **parts: Any) -> BifurcationDiagram:
    """A diagram over the alphas of its optimum; what is not given is empty."""
    parts = {
        "points": points([[np.nan]] * optimum.alphas.size),
        "folds": Folds(),
        "branch_points": BranchPoints(),
        "unresolved": Unresolved(),
        "jumps": optimum.jumps,
        **parts,
    }
    return BifurcationDiagram(optimum.alphas, optimum.bounds, branches=tuple(branches), optimum=optimum, **parts)


def hysteresis() -> BifurcationDiagram:
    """Losses theta^4/12 - theta^2/2 - alpha theta: an S with folds at (2/3, -1) and (-2/3, 1), a jump at 0."""
    theta = np.unique(np.concatenate([np.linspace(-2.1, 2.1, 121), [-1.0, 1.0]]))
    curve = branch(_cubic(theta), theta, theta**2 - 1, _quartic(theta))
    outer = np.linspace(3**0.5, 2.1, 21)
    best = np.concatenate([-outer[::-1], outer[1:]])
    jump = jumps(0.0, -(3**0.5), 3**0.5, windows=np.array([[-2 / 3, 2 / 3]]))
    optimum = optimal(_cubic(best), best, values=_quartic(best), bounds=(-2.5, 2.5), jumps=jump)
    turns, born = np.array([-1.0, 1.0]), np.array([False, True])
    return diagram(optimum, [curve], folds=Folds(_cubic(turns), turns, _quartic(turns), born, np.zeros(2, np.int8)))


def _cubic(theta: Any) -> Any:
    """The alpha at which theta is stationary."""
    return theta**3 / 3 - theta


def _quartic(theta: Any) -> Any:
    """The meta-loss there."""
    return theta**4 / 12 - theta**2 / 2 - _cubic(theta) * theta


def pitchfork() -> BifurcationDiagram:
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
    return diagram(optimum, curves, branch_points=BranchPoints(zero, zero, zero, np.ones(1, np.int8), FINE))


def circle() -> BifurcationDiagram:
    """A closed loop around (0, 1) that no axis is reached from, over a branch at -1."""
    alphas, angle = np.linspace(-1, 1, 41), np.linspace(0, 2 * np.pi, 65)[:-1]
    x, y = 0.5 * np.cos(angle), 1 + 0.5 * np.sin(angle)
    loop = branch(x, y, np.where(np.abs(np.sin(angle)) < 1e-9, 0, np.sin(angle)), closed=True, ends=("closed",) * 2)
    folds = Folds(np.array([-0.5, 0.5]), np.ones(2), np.zeros(2), np.array([True, False]), np.zeros(2, np.int8))
    optimum = optimal(alphas, -1.0, bounds=(-2.0, 2.0))
    return diagram(optimum, [loop, branch(alphas, -1.0, 1.0)], folds=folds)


def doubtful() -> BifurcationDiagram:
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
        folds=Folds(at, 0 * at + 1.4, at, np.array([True]), bad),
        branch_points=BranchPoints(
            np.array([0.6, 0.9]), np.array([1.5, 1.5]), np.zeros(2), np.array([0, 2], np.int8), np.zeros(2, np.int8)
        ),
        unresolved=Unresolved(np.array([0.5, 0.95]), np.array([0.55, 0.951]), ("too many points", "NaN")),
    )


def parabolas() -> Comparison:
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
    return Comparison(
        *(alphas, grid, SimpleNamespace(names=("MAML", "FOMAML")), fixed, attracting),
        *(values, values - values[:1], none, uphill),
        optimal(alphas, best, values=loss(best)),
    )
