"""The bifurcation diagram: all stationary points of a meta-loss, the curves they lie on, and what happens to them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ._grid import NUM_THETAS, axis, checked_bounds, checked_count, is_traced
from ._meta import MetaLoss, checked_meta
from ._optimum import Jumps, OptimalTheta, listed_jumps
from ._points._memory import MEMORY_BUDGET, checked_budget
from ._results import Provenance, described, provenance
from ._stationary._branches import Curve, window
from ._stationary._sections import stabilities
from ._stationary._special_points import Form, Special
from ._stationary._whole import Whole, whole
from ._status import Status

if TYPE_CHECKING:
    from ._stationary._row import Stationary
    from ._types import Array, ArrayLike, Bool, Float, Int

_STATIC = {"static": True}


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


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Points:
    """All stationary points of each alpha in order of theta, filled up with NaN.

    Attributes:
        thetas: `[alphas, points]`, where.
        values: `[alphas, points]`, the meta-loss.
        jacobians: `[alphas, points]`, the derivative of the direction in theta.
        rates: `[alphas, points]`, dtheta/dalpha; NaN where rounding leaves it less than three digits.
        accuracies: `[alphas, points]`, the distance within which rounding hides the sign of the direction.
        kinds: `[alphas, points]`, int8, a `Kind`: ZERO, a smooth zero of the direction; KINK, where the direction jumps
            through zero; JUMP, where the value jumps; PLATEAU, the middle of an interval of zeros.
        stabilities: `[alphas, points]`, int8: 1 attracting, -1 repelling, 0 where the direction only touches zero.
        status: `[alphas, points]`, int8: OK, DEGENERATE, PLATEAU, ONE_SIDED, NONFINITE; TRUNCATED in the last place of
            a row that has more than `max_points`; ABSENT where padded.
    """

    thetas: Float[Array, "alphas points"]
    values: Float[Array, "alphas points"]
    jacobians: Float[Array, "alphas points"]
    rates: Float[Array, "alphas points"]
    accuracies: Float[Array, "alphas points"]
    kinds: Int[Array, "alphas points"]
    stabilities: Int[Array, "alphas points"]
    status: Int[Array, "alphas points"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Branch:
    """A curve of stationary points, through its folds and crossings.

    Attributes:
        alphas: `[points]`, in order along the curve.
        thetas: `[points]`.
        values: `[points]`, the meta-loss.
        jacobians: `[points]`, the derivative of the direction in theta.
        stabilities: `[points]`, int8: 1 attracting, -1 repelling, 0 at a fold or branch point where that changes.
        ends: how it starts and stops: "axis", the end of the alphas; "low" or "high", it leaves through a bound of
            theta; "branch point", where no normal form says how it goes on; "unresolved"; "closed".
    """

    alphas: Float[Array, "points"]
    thetas: Float[Array, "points"]
    values: Float[Array, "points"]
    jacobians: Float[Array, "points"]
    stabilities: Int[Array, "points"]
    ends: tuple[str, str] = field(metadata=_STATIC)

    @property
    def closed(self) -> bool:
        """Whether the last point goes on to the first."""
        return self.ends[0] == "closed"


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Folds:
    """Where two stationary points meet and vanish, G = G_theta = 0, in order of alpha.

    Attributes:
        alphas: `[folds]`.
        thetas: `[folds]`.
        values: `[folds]`, the meta-loss.
        curvatures: `[folds]`, G_theta,theta: not zero at a fold.
        transversalities: `[folds]`, G_alpha: not zero at a fold.
        residuals: `[folds]`, the larger of |G| and |G_theta|.
        births: `[folds]`, whether the two points exist on the side of larger alpha.
        status: `[folds]`, int8: OK; DEGENERATE for a hysteresis point, where G_theta,theta = 0 too: the curve is
            vertical there, but goes on.
    """

    alphas: Float[Array, "folds"]
    thetas: Float[Array, "folds"]
    values: Float[Array, "folds"]
    curvatures: Float[Array, "folds"]
    transversalities: Float[Array, "folds"]
    residuals: Float[Array, "folds"]
    births: Bool[Array, "folds"]
    status: Int[Array, "folds"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class BranchPoints:
    """Where curves cross, G = G_theta = G_alpha = 0, in order of alpha.

    Attributes:
        alphas: `[branch_points]`.
        thetas: `[branch_points]`.
        values: `[branch_points]`, the meta-loss.
        kinds: `[branch_points]`, int8, a `BranchPointKind`: two curves cross (TRANSCRITICAL), one of them vertically
            (PITCHFORK), or second derivatives do not decide (DEGENERATE; an isolated zero too).
        residuals: `[branch_points]`, the largest of |G|, |G_theta| and |G_alpha|.
        status: `[branch_points]`, int8: OK; DEGENERATE where the position is that of a multiple root, known to less
            than rounding.
    """

    alphas: Float[Array, "branch_points"]
    thetas: Float[Array, "branch_points"]
    values: Float[Array, "branch_points"]
    kinds: Int[Array, "branch_points"]
    residuals: Float[Array, "branch_points"]
    status: Int[Array, "branch_points"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Unresolved:
    """Intervals of alpha in which the curves could not be told.

    Attributes:
        starts: `[intervals]`.
        stops: `[intervals]`.
        reasons: one for each.
    """

    starts: Float[Array, "intervals"]
    stops: Float[Array, "intervals"]
    reasons: tuple[str, ...] = field(metadata=_STATIC)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class BifurcationDiagram:
    """All stationary points of a meta-loss on an interval, for each alpha and between the alphas.

    Attributes:
        alphas: `[alphas]`, inner step sizes.
        bounds: `(low, high)`, the interval searched.
        points: the stationary points of each alpha, `Points`.
        num_points: `[alphas]`, how many there are, also where there is no room for them.
        branches: the curves they lie on, a tuple of `Branch`, in order of where they start.
        folds: where two of them meet, `Folds`.
        branch_points: where curves cross, `BranchPoints`.
        jumps: where the global minimiser switches between basins, `Jumps`, with their hysteresis windows.
        unresolved: where the curves could not be told, `Unresolved`.
        optimum: the global minimiser, an `OptimalTheta`.
        provenance: the call and the versions.
    """

    alphas: Float[Array, "alphas"]
    bounds: tuple[Float[Array, ""], Float[Array, ""]]
    points: Points
    num_points: Int[Array, "alphas"]
    branches: tuple[Branch, ...]
    folds: Folds
    branch_points: BranchPoints
    jumps: Jumps
    unresolved: Unresolved
    optimum: OptimalTheta
    provenance: Provenance = field(metadata=_STATIC)


def bifurcation_diagram(
    meta: MetaLoss,
    alphas: ArrayLike,
    bounds: tuple[float, float],
    *,
    num_thetas: int = NUM_THETAS,
    max_points: int | None = None,
    memory_budget: int = MEMORY_BUDGET,
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
    alphas = axis("alphas", alphas, increasing=True)
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
    origin = provenance(
        "bifurcation_diagram", alphas.dtype, meta=meta, bounds=described(bounds), num_thetas=num_thetas,
        max_points=most,
    )  # fmt: skip
    everything = whole(meta, alphas, low, high, num_thetas, memory_budget)
    jumps = _with_windows(listed_jumps(everything.switches, alphas.dtype), everything.curves)
    graph = everything.graph
    events = sorted([*(event.special for event in graph.events), *graph.edge_folds], key=lambda s: (s.alpha, s.theta))
    best = everything.best
    optimum = OptimalTheta(
        alphas, best.thetas, best.values, best.curvatures, best.rates, best.accuracies, best.ties, best.status,
        jumps, (low, high), origin,
    )  # fmt: skip
    points, numbers = _points(everything.found, everything.own, most)
    return BifurcationDiagram(
        alphas, (low, high), points, numbers, tuple(_branch(c, alphas.dtype) for c in everything.curves),
        _folds([s for s in events if s.form in (Form.FOLD, Form.HYSTERESIS)], alphas.dtype),
        _branch_points([s for s in events if s.form <= Form.DEGENERATE], alphas.dtype),
        jumps, _unresolved(everything, alphas.dtype), optimum, origin,
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
    return jumps._replace(windows=jnp.asarray(np.array(windows).reshape(-1, 2), jumps.alphas.dtype))
