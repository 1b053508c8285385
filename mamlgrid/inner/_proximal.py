"""The proximal inner rule of iMAML and Moreau envelopes: theta' solves a regularised problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.scipy.sparse.linalg import cg

from .._base.arguments import as_float, checked_count, is_traced, said
from .._base.rule import rule, static
from .._base.trees import dot, largest
from ._rules import InnerRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._base.types import Alpha, Array, ArrayLike, Loss, State, Theta

# Conjugate gradients end in exact arithmetic after as many steps as there are parameters, in floating arithmetic after
# a few times as many; a network is done long before, since I + H / strength has few eigenvalues far from one.
_MAX_CG_STEPS = 2000

# Steps of the Lanczos iteration that looks for negative curvature: exact for so many parameters, and the extreme
# eigenvalues, which it finds first, for more.
_LANCZOS_STEPS = 32

# A step is halved at most so often: 2^-30 of a Newton step is no step.
_MAX_HALVINGS = 30


@rule
class Proximal(InnerRule):
    """theta' = argmin_phi alpha L(phi) + |phi - theta|^2 / 2, with alpha = 1 / strength.

    Solved as `phi - theta + alpha grad L(phi) = 0`, an implicit gradient step (for a negative alpha one uphill): Newton
    steps by conjugate gradients, halved until the objective falls, until a step is at most `8 eps` of the parameters.
    Derivatives come from the implicit function theorem, again by conjugate gradients: they cost no memory for the
    steps. With `strength=None` alpha itself is the step, so that the alpha axis sweeps the strength.

    The status is NOT_CONVERGED, and theta' NaN, where the steps did not end, or where `I + alpha H` has a negative
    eigenvalue at theta' (looked for by Lanczos iteration): the problem is not convex enough there; a larger strength
    makes it so. A derivative is NaN where conjugate gradients did not solve its system.

    Attributes:
        strength: positive, traced; alpha is not used then. None: 1 / alpha.
        max_steps: cap on the Newton steps, static.

    >>> round(float(Proximal(1.0)(lambda t: (t - 1) ** 2 / 2, jnp.asarray(0.0), 0.0)), 6)
    0.5

    Source: Rajeswaran, Finn, Kakade, Levine (2019), Meta-Learning with Implicit Gradients, eqs. (3) and (6).
    """

    strength: ArrayLike | None = None
    max_steps: int = static(default=50)
    may_fail: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a strength that does not keep theta' near theta."""
        super().__post_init__()
        object.__setattr__(self, "strength", _checked_strength(self.strength))
        object.__setattr__(self, "max_steps", checked_count("max_steps", self.max_steps))

    def rates(self, theta: Theta, alpha: Alpha) -> Alpha:
        """`alpha`, or `1 / strength` in its place: a number, since several would make the problem another one."""
        alpha = super().rates(theta, alpha)
        if not isinstance(alpha, jax.Array) or alpha.ndim != self.per_step:
            raise ValueError(f"a proximal inner problem takes one alpha for all parameters, got {alpha}")
        return alpha if self.strength is None else jnp.full_like(alpha, 1 / jnp.asarray(self.strength))

    def step(self, loss: Loss, state: State, rate: Alpha) -> State:
        """The theta' that solves the problem, or NaN where the solver failed."""
        theta, memory = state

        def equation(phi: Theta) -> Theta:
            return _equation(loss, theta, rate, phi)

        def solve(_: Callable[[Theta], Theta], start: Theta) -> Theta:
            end = self._solve(loss, theta, rate, start)
            return jax.tree.map(lambda p: jnp.where(end.converged, p, jnp.nan), end.phi)

        def tangent(linear: Callable[[Theta], Theta], right_side: Theta) -> Theta:
            return _linear_solve(linear, right_side, exact=True)

        return jax.lax.custom_root(equation, theta, solve, tangent), memory

    def step_and_direction(self, loss: Loss, state: State, rate: Alpha) -> tuple[State, Theta]:
        """The step, and `grad L(theta') = strength (theta - theta')`: the gradient of the Moreau envelope."""
        state = self.step(loss, state, rate)
        return state, jax.grad(loss)(state[0])

    def _solve(self, loss: Loss, theta: Theta, alpha: Alpha, start: Theta) -> _End:
        def objective(phi: Theta) -> Array:
            distance = jax.tree.map(jnp.subtract, phi, theta)
            return jnp.asarray(alpha, loss(phi).dtype) * loss(phi) + dot(distance, distance) / 2

        def residual(phi: Theta) -> Theta:
            return _equation(loss, theta, alpha, phi)

        def advance(s: _Search) -> _Search:
            slope, linear = jax.linearize(residual, s.phi)
            step = _linear_solve(linear, jax.tree.map(jnp.negative, slope))
            # Where the objective is not convex along the Newton step, go down the slope.
            downhill = (dot(step, linear(step)) > 0) & (dot(step, slope) < 0)
            step = jax.tree.map(lambda p, g: jnp.where(downhill, p, -g), step, slope)
            value, fall, size = objective(s.phi), dot(step, slope), dot(slope, slope)

            def unacceptable(c: tuple[Array, Array]) -> Array:
                trial = _along(s.phi, step, c[0])
                # Near the end the objective no longer shows a fall, the residual still does.
                falls = objective(trial) <= value + 1e-4 * c[0] * fall
                shrinks = dot(residual(trial), residual(trial)) <= size / 4
                return ~(falls | (shrinks & downhill)) & (c[1] < _MAX_HALVINGS)

            share, _ = jax.lax.while_loop(
                unacceptable, lambda c: (c[0] / 2, c[1] + 1), (jnp.ones_like(value), jnp.asarray(0))
            )
            return _Search(_along(s.phi, step, share), largest(step), s.rounds + 1)

        def unfinished(s: _Search) -> Array:
            return (s.step > 8 * _eps(theta) * _scale(s.phi, theta)) & (s.rounds < self.max_steps)

        far = jnp.full((), jnp.inf, _dtype(theta))
        end = jax.lax.while_loop(unfinished, advance, _Search(start, far, jnp.asarray(0)))
        # Quadratic convergence: a last step of sqrt(eps) leaves an error of eps. Rounding in the residual may keep
        # steps above 8 eps for ever, which is no failure.
        small = end.step <= jnp.sqrt(_eps(theta)) * _scale(end.phi, theta)
        convex = _smallest_eigenvalue(jax.linearize(residual, end.phi)[1], end.phi) > 0
        return _End(end.phi, small & convex)


class _Search(NamedTuple):
    phi: Any
    step: Array
    rounds: Array


class _End(NamedTuple):
    phi: Any
    converged: Array


def _equation(loss: Loss, theta: Theta, alpha: Alpha, phi: Theta) -> Theta:
    slope = jax.grad(loss)(phi)
    return jax.tree.map(lambda p, t, g: p - t + jnp.asarray(alpha, p.dtype) * g, phi, theta, slope)


def _linear_solve(linear: Callable[[Theta], Theta], right_side: Theta, exact: bool = False) -> Theta:
    """The solution of `linear(x) = right_side`, by conjugate gradients; of one number, by a division.

    With `exact`, NaN where the residual stays above `sqrt(eps)` of the right side. (A Newton step need not be exact:
    the next one corrects it.)
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(right_side))
    if size == 1:
        return jax.tree.map(jnp.divide, right_side, linear(jax.tree.map(jnp.ones_like, right_side)))
    eps, dtype = _eps(right_side), _dtype(right_side)

    def solve(linear: Callable[[Theta], Theta], right_side: Theta) -> Theta:
        def in_one_precision(x: Theta) -> Theta:  # cg does not go on in another than it began with
            return jax.tree.map(lambda leaf: leaf.astype(dtype), linear(_like(right_side, x)))

        start = jax.tree.map(lambda leaf: leaf.astype(dtype), right_side)
        found = _like(right_side, cg(in_one_precision, start, tol=eps, maxiter=min(10 * size, _MAX_CG_STEPS))[0])
        # Of a right side that is NaN cg makes zero, which would look like an answer.
        known = jnp.isfinite(dot(right_side, right_side))
        if exact:
            rest = jax.tree.map(jnp.subtract, linear(found), right_side)
            known &= dot(rest, rest) <= eps * dot(right_side, right_side)
        return jax.tree.map(lambda x: jnp.where(known, x, jnp.nan), found)

    # The derivatives of a linear solve are linear solves; those that cg brings itself cannot be transposed here.
    return jax.lax.custom_linear_solve(linear, right_side, solve, symmetric=True)


def _smallest_eigenvalue(linear: Callable[[Theta], Theta], like: Theta) -> Array:
    """The smallest eigenvalue of a symmetric linear map that Lanczos iteration with full orthogonalisation finds."""
    flat, unravel = ravel_pytree(like)
    if flat.size == 1:
        return dot(jax.tree.map(jnp.ones_like, like), linear(jax.tree.map(jnp.ones_like, like)))
    steps = min(flat.size, _LANCZOS_STEPS)
    start = jax.random.normal(jax.random.key(0), flat.shape, flat.dtype)  # any vector with a part in every direction

    def advance(carry: tuple[Array, Array, Array], k: Array) -> Any:
        basis, vector, alive = carry
        image = ravel_pytree(linear(unravel(vector)))[0]
        basis = basis.at[k].set(vector)
        diagonal = jnp.vdot(vector, image)
        rest = image
        for _ in range(2):  # once more than in exact arithmetic: twice is enough (Parlett 1998, section 6.9)
            rest = rest - basis.T @ (basis @ rest)
        length = jnp.linalg.norm(rest)
        # An invariant subspace: what follows would be rounding. The rows left over repeat the first eigenvalue.
        goes_on = alive & (length > 64 * jnp.finfo(flat.dtype).eps * jnp.linalg.norm(image))
        following = jnp.where(goes_on, rest / jnp.where(goes_on, length, 1), 0)
        return (basis, following, goes_on), (diagonal, jnp.where(goes_on, length, 0), alive)

    basis = jnp.zeros((steps, flat.size), flat.dtype)
    first = (basis, start / jnp.linalg.norm(start), jnp.ones((), bool))
    _, (diagonal, beside, there) = jax.lax.scan(advance, first, jnp.arange(steps))
    diagonal = jnp.where(there, diagonal, diagonal[0])
    # NaN in the loss is NaN here, and no positive number.
    return jnp.linalg.eigvalsh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))[0]


def _along(phi: Theta, step: Theta, share: Array) -> Theta:
    return jax.tree.map(lambda p, d: p + share.astype(p.dtype) * d, phi, step)


def _scale(*trees: Theta) -> Array:
    """The largest parameter; one where all are smaller: losses here are of order one around theta of order one."""
    return jnp.maximum(1, jnp.max(jnp.stack([largest(tree) for tree in trees])))


def _like(wanted: Theta, tree: Theta) -> Theta:
    """The tree in the precisions of another, leaf by leaf."""
    return jax.tree.map(lambda w, leaf: leaf.astype(w.dtype), wanted, tree)


def _dtype(tree: Theta) -> Any:
    return jnp.result_type(*jax.tree.leaves(tree))


def _eps(tree: Theta) -> float:
    """That of the coarsest leaf: none of the others is known better than what it is computed from."""
    return max(float(jnp.finfo(leaf.dtype).eps) for leaf in jax.tree.leaves(tree))


def _checked_strength(strength: Any) -> Any:
    if strength is None or is_traced(strength):
        return strength
    number = np.asarray(strength)
    if number.ndim or not np.issubdtype(number.dtype, np.number) or np.iscomplexobj(number):
        raise TypeError(f"strength must be a real number, got {said(strength)}")
    if not (number > 0 and np.isfinite(number)):
        raise ValueError(f"strength must be positive and finite, got {strength}: it is what keeps theta' near theta")
    return as_float(strength)
