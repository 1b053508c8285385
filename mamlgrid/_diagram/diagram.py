"""The bifurcation diagram: all stationary points of a meta-loss, the curves they lie on, and what happens to them."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import NUM_THETAS, axis, checked_bits, checked_bounds, checked_count, is_traced
from .._base.progress import shown
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.memory import MEMORY_BUDGET, checked_budget
from .._results import (
    Part,
    Provenance,
    Result,
    coordinate,
    described,
    origin,
    part,
    provenance,
    result,
    static,
    variable,
)  # fmt: skip
from .._results.status import Status
from .._stationary.optimum import Jumps, OptimalTheta, listed_jumps
from .branches import Curve, window
from .sections import stabilities
from .special_points import Form, Special
from .whole import Whole, whole

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Bool, Float, Int
    from .._stationary.row import Stationary


class Kind(enum.IntEnum):
    """What a stationary point is. Stored as int8."""

    ZERO = 0
    KINK = 1
    JUMP = 2
    PLATEAU = 3


class BranchPointKind(enum.IntEnum):
    """The normal form of a branch point. Stored as int8."""

    TRANSCRITICAL = 0
    PITCHFORK = 1
    DEGENERATE = 2


@result
class Points(Part):
    """All stationary points of each alpha in order of theta, filled up with NaN."""

    thetas: Float[Array, "alphas points"] = variable("alpha point", "stationary theta", "where")
    values: Float[Array, "alphas points"] = variable(
        "alpha point", "meta-loss at the stationary point", "the meta-loss"
    )
    jacobians: Float[Array, "alphas points"] = variable(
        "alpha point", "derivative of the direction", "the derivative of the direction in theta"
    )
    rates: Float[Array, "alphas points"] = variable(
        "alpha point",
        "derivative of the stationary theta in alpha",
        "dtheta/dalpha; NaN where rounding leaves it less than three digits",
    )
    accuracies: Float[Array, "alphas points"] = variable(
        "alpha point",
        "accuracy of the stationary theta",
        "the distance within which rounding hides the sign of the direction",
    )
    kinds: Int[Array, "alphas points"] = variable(
        "alpha point",
        "kind of the stationary point",
        "int8, a `Kind`: ZERO, a smooth zero of the direction; KINK, where the direction jumps through zero; JUMP, "
        "where the value jumps; PLATEAU, the middle of an interval of zeros",
    )
    stabilities: Int[Array, "alphas points"] = variable(
        "alpha point",
        "stability of the stationary point",
        "int8: 1 attracting, -1 repelling, 0 where the direction only touches zero",
    )
    status: Int[Array, "alphas points"] = variable(
        "alpha point",
        "status of the stationary point",
        "int8: OK, DEGENERATE, PLATEAU, ONE_SIDED, UNRESOLVED, NONFINITE; TRUNCATED in the last place of a row that "
        "has more than `max_points`; ABSENT where padded",
    )


@result
class Branch(Part):
    """A curve of stationary points, through its folds and crossings."""

    alphas: Float[Array, "points"] = variable("vertex", "inner step size", "in order along the curve")
    thetas: Float[Array, "points"] = variable("vertex", "stationary theta")
    values: Float[Array, "points"] = variable("vertex", "meta-loss along the curve")
    jacobians: Float[Array, "points"] = variable(
        "vertex", "derivative of the direction", "the derivative of the direction in theta"
    )
    stabilities: Int[Array, "points"] = variable(
        "vertex",
        "stability along the curve",
        "int8: 1 attracting, -1 repelling, 0 at a fold or branch point where that changes",
    )
    ends: tuple[str, str] = static(
        'how it starts and stops: "axis", the end of the alphas; "low" or "high", it leaves through a bound of theta; '
        '"branch point", where no normal form says how it goes on; "unresolved"; "closed"'
    )

    @property
    def closed(self) -> bool:
        """Whether the last point goes on to the first."""
        return self.ends[0] == "closed"


@result
class Folds(Part):
    """Where two stationary points meet and vanish, G = G_theta = 0, in order of alpha."""

    alphas: Float[Array, "folds"] = variable("fold", "alpha of the fold")
    thetas: Float[Array, "folds"] = variable("fold", "theta of the fold")
    values: Float[Array, "folds"] = variable("fold", "meta-loss at the fold")
    curvatures: Float[Array, "folds"] = variable(
        "fold", "second derivative of the direction", "G_theta,theta: not zero at a fold"
    )
    transversalities: Float[Array, "folds"] = variable(
        "fold", "derivative of the direction in alpha", "G_alpha: not zero at a fold"
    )
    residuals: Float[Array, "folds"] = variable("fold", "residual of the fold", "the larger of |G| and |G_theta|")
    births: Bool[Array, "folds"] = variable(
        "fold", "whether the pair is born", "whether the two points exist on the side of larger alpha"
    )
    status: Int[Array, "folds"] = variable(
        "fold",
        "status of the fold",
        "int8: OK; DEGENERATE for a hysteresis point, where G_theta,theta = 0 too: the curve is vertical there, but "
        "goes on",
    )


@result
class BranchPoints(Part):
    """Where curves cross, G = G_theta = G_alpha = 0, in order of alpha."""

    alphas: Float[Array, "branch_points"] = variable("branch_point", "alpha of the branch point")
    thetas: Float[Array, "branch_points"] = variable("branch_point", "theta of the branch point")
    values: Float[Array, "branch_points"] = variable("branch_point", "meta-loss at the branch point")
    kinds: Int[Array, "branch_points"] = variable(
        "branch_point",
        "kind of the branch point",
        "int8, a `BranchPointKind`: two curves cross (TRANSCRITICAL), one of them vertically (PITCHFORK), or second "
        "derivatives do not decide (DEGENERATE; an isolated zero too)",
    )
    residuals: Float[Array, "branch_points"] = variable(
        "branch_point", "residual of the branch point", "the largest of |G|, |G_theta| and |G_alpha|"
    )
    status: Int[Array, "branch_points"] = variable(
        "branch_point",
        "status of the branch point",
        "int8: OK; DEGENERATE where the position is that of a multiple root, known to less than rounding",
    )


@result
class Unresolved(Part):
    """Intervals of alpha in which the curves could not be told."""

    starts: Float[Array, "intervals"] = variable("interval", "start of what is not resolved", "where it starts")
    stops: Float[Array, "intervals"] = variable("interval", "end of what is not resolved", "where it stops")
    reasons: tuple[str, ...] = static("one for each")


@result
class BifurcationDiagram(Result):
    """All stationary points of a meta-loss on an interval, for each alpha and between the alphas."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    bounds: tuple[Float[Array, ""], Float[Array, ""]] = variable(
        "", "interval searched", "`(low, high)`, the interval searched"
    )
    points: Points = part("the stationary points of each alpha, `Points`")
    num_points: Int[Array, "alphas"] = variable(
        "alpha", "number of stationary points", "how many there are, also where there is no room for them"
    )
    branches: tuple[Branch, ...] = part("the curves they lie on, a tuple of `Branch`, in order of where they start")
    folds: Folds = part("where two of them meet, `Folds`")
    branch_points: BranchPoints = part("where curves cross, `BranchPoints`")
    jumps: Jumps = part("where the global minimiser switches between basins, `Jumps`, with their hysteresis windows")
    unresolved: Unresolved = part("where the curves could not be told, `Unresolved`")
    optimum: OptimalTheta = part("the global minimiser, an `OptimalTheta`")
    provenance: Provenance = origin()


@theta_is_a_number
def bifurcation_diagram(
    meta: MetaLoss,
    alphas: ArrayLike,
    bounds: tuple[float, float],
    *,
    num_thetas: int = NUM_THETAS,
    max_points: int | None = None,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> BifurcationDiagram:
    """All stationary points `G(theta, alpha) = 0` on the bounds, with the curves they lie on, folds and branch points.

    The zeros of each alpha are those that `mg.optimal_theta` chooses from. Zeros of neighbouring alphas are linked by
    their order, `dtheta/dalpha = -G_alpha / G_theta`: the cubic through both, with their rates, must be a curve of
    zeros. Where their number changes, a fold (`G = G_theta = 0`, by Newton's method), a branch point
    (`G_theta = G_alpha = 0` at which `G = 0`) or a bound of theta must explain it, or alpha is halved. Closed curves
    that are smaller than a step of alpha enclose an extremum of G, which is looked for. What stays unexplained is
    `unresolved`; no curve is drawn there.

    It runs on the host: not under `jit` or `vmap`; `mg.fold`, `mg.jump` and `mg.stationary_point` do, and can be
    differentiated.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alphas: `[alphas]`, finite, floating, strictly increasing. Fewer than 33 are filled up with alphas between them.
        bounds: `(low, high)`, the interval searched.
        num_thetas: points of the even grid on which zeros are looked for first.
        max_points: room for so many stationary points of one alpha in `points`; as many as there are when None.
        memory_budget: bytes of temporaries that one chunk may take.
        progress: count the points that were evaluated in a bar (extra `progress`).

    Returns:
        A `BifurcationDiagram`.

    Raises:
        ValueError, TypeError: bad alphas or bounds; fewer than 3 `num_thetas`; arguments that are traced.

    >>> import numpy as np, mamlgrid as mg
    >>> diagram = mg.bifurcation_diagram(mg.cases.quartic().meta(), np.linspace(0, 0.9, 91), (-2.0, 2.0))
    >>> [round(float(a), 4) for a in diagram.folds.alphas]
    [0.304, 0.3479, 0.7614, 0.8713]
    >>> [branch.ends for branch in diagram.branches]
    [('axis', 'axis'), ('axis', 'axis'), ('axis', 'axis')]
    >>> [round(float(a), 4) for a in diagram.jumps.windows[0]]
    [0.304, 0.3479]
    """
    meta = checked_meta(meta)
    alphas = checked_bits(axis("alphas", alphas, increasing=True))
    low, high = checked_bounds(bounds, alphas.dtype)
    num_thetas = checked_count("num_thetas", num_thetas)
    if num_thetas < 3:
        raise ValueError(f"num_thetas must be 3 or more, got {num_thetas}")
    most = None if max_points is None else checked_count("max_points", max_points)
    if most == 0:
        raise ValueError("max_points must be 1 or more, or None for as many as there are")
    checked_budget(memory_budget)
    if any(map(is_traced, jax.tree.leaves((meta, alphas, low, high)))):
        raise TypeError(
            "bifurcation_diagram counts what it finds, so it runs on the host: not under jit, vmap or grad. Use "
            "mg.stationary_point, mg.fold and mg.jump there, with what it found as their start"
        )
    made_by = provenance(
        "bifurcation_diagram", alphas.dtype, meta=meta, bounds=described(bounds), num_thetas=num_thetas,
        max_points=most,
    )  # fmt: skip
    with shown(progress, "points", ()):
        everything = whole(meta, alphas, low, high, num_thetas, memory_budget)
    jumps = _with_windows(listed_jumps(everything.rows.switches, alphas.dtype), everything.curves)
    graph = everything.graph
    events = sorted([*(event.special for event in graph.events), *graph.edge_folds], key=lambda s: (s.alpha, s.theta))
    best = everything.rows.best
    optimum = OptimalTheta(
        alphas, best.thetas, best.values, best.curvatures, best.rates, best.accuracies, best.ties, best.status,
        jumps, (low, high), made_by,
    )  # fmt: skip
    points, numbers = _points(everything.rows.found, everything.rows.own, most)
    return BifurcationDiagram(
        alphas, (low, high), points, numbers, tuple(_branch(c, alphas.dtype) for c in everything.curves),
        _folds([s for s in events if s.form in (Form.FOLD, Form.HYSTERESIS)], alphas.dtype),
        _branch_points([s for s in events if s.form <= Form.DEGENERATE], alphas.dtype),
        jumps, _unresolved(everything, alphas.dtype), optimum, made_by,
    )  # fmt: skip


def _points(found: Stationary, own: np.ndarray, most: int | None) -> tuple[Points, Array]:
    """The points of the rows of the axis."""
    exists = found.events.exists[own]
    numbers = exists.sum(axis=1)
    slots = int(numbers.max(initial=0)) if most is None else most

    def fit(x: np.ndarray, fill: Any) -> np.ndarray:
        cut = np.where(exists, x[own], fill)[:, :slots]
        return np.pad(cut, ((0, 0), (0, slots - cut.shape[1])), constant_values=fill)

    numeric = (found.events.thetas, found.at.values, found.at.jacobians, found.rates, found.accuracies)
    status = fit(found.status, int(Status.ABSENT))
    status[numbers > slots, -1:] = int(Status.TRUNCATED)
    codes = (fit(found.events.kinds, 0), fit(stabilities(found), 0), status)
    thetas, values, jacobians, rates, accuracies = (jax.device_put(fit(x, np.nan)) for x in numeric)
    kinds, signs, status = (jax.device_put(c.astype(np.int8)) for c in codes)
    points = Points(thetas, values, jacobians, rates, accuracies, kinds, signs, status)
    return points, jax.device_put(numbers.astype(np.int32))


def _branch(curve: Curve, dtype: Any) -> Branch:
    numeric = (curve.alphas, curve.thetas, curve.values, curve.jacobians)
    alphas, thetas, values, jacobians = (jnp.asarray(x, dtype) for x in numeric)
    return Branch(alphas, thetas, values, jacobians, jax.device_put(curve.stabilities), curve.ends)


def _places(specials: list[Special], dtype: Any) -> tuple[Array, Array, Array]:
    """Alphas, thetas, values."""
    places = ([s.alpha for s in specials], [s.theta for s in specials], [s.at.value for s in specials])
    alphas, thetas, values = (jnp.asarray(np.array(x), dtype) for x in places)
    return alphas, thetas, values


def _derivatives(specials: list[Special], name: str, dtype: Any) -> Array:
    return jnp.asarray(np.array([getattr(s.at, name) for s in specials]), dtype)


def _residuals(specials: list[Special], names: tuple[str, ...], dtype: Any) -> Array:
    """The largest of the derivatives that should be zero."""
    return jnp.asarray(np.array([max(abs(getattr(s.at, name)) for name in names) for s in specials]), dtype)


def _codes(specials: list[Special]) -> Array:
    doubtful = (s.slow or s.form == Form.HYSTERESIS for s in specials)
    return jax.device_put(np.array([int(Status.DEGENERATE if d else Status.OK) for d in doubtful], np.int8))


def _folds(specials: list[Special], dtype: Any) -> Folds:
    curvatures, transversalities = (_derivatives(specials, name, dtype) for name in ("g_tt", "g_a"))
    residuals = _residuals(specials, ("g", "g_t"), dtype)
    births = jax.device_put(np.array([s.births for s in specials], bool))
    return Folds(*_places(specials, dtype), curvatures, transversalities, residuals, births, _codes(specials))


def _branch_points(specials: list[Special], dtype: Any) -> BranchPoints:
    kinds = jax.device_put(np.array([int(s.form) for s in specials], np.int8))
    residuals = _residuals(specials, ("g", "g_t", "g_a"), dtype)
    return BranchPoints(*_places(specials, dtype), kinds, residuals, _codes(specials))


def _unresolved(everything: Whole, dtype: Any) -> Unresolved:
    intervals = everything.graph.unexplained
    starts = jnp.asarray(np.array([i.start for i in intervals]), dtype)
    stops = jnp.asarray(np.array([i.stop for i in intervals]), dtype)
    return Unresolved(starts, stops, tuple(i.reason for i in intervals))


def _with_windows(jumps: Jumps, curves: list[Curve]) -> Jumps:
    """The jumps with what bounds their hysteresis."""
    places = zip(*(np.asarray(x) for x in (jumps.alphas, jumps.thetas_before, jumps.thetas_after)), strict=True)
    windows = [window(curves, *map(float, place)) for place in places]
    return dataclasses.replace(jumps, windows=jnp.asarray(np.array(windows).reshape(-1, 2), jumps.alphas.dtype))
