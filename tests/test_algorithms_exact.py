"""Algorithms where their answers are known in closed form: quadratics, limits, expansions, traps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

from . import oracles_algorithms
from .lanes import brief
from .problems import polynomial_loss
from .test_algorithms import (
    ALPHA,
    PAIRS,
    QUERY,
    SUPPORT,
    TASKS,
    THETA,
    close,
    last_step_only,
    value_and_direction,
)

# --- quadratics ------------------------------------------------------------------------------------

ALGORITHMS = {
    "MAML": lambda loss, tasks, num_steps: mg.maml(loss, tasks, num_steps=num_steps),
    "FOMAML": lambda loss, tasks, num_steps: mg.fomaml(loss, tasks, num_steps=num_steps),
    "Reptile": lambda loss, tasks, num_steps: mg.reptile(loss, tasks, num_steps=num_steps),
    "truncated": last_step_only,
    "iMAML": lambda loss, tasks, num_steps: mg.imaml(loss, tasks, strength=1.5),
    "Moreau": lambda loss, tasks, num_steps: mg.moreau(loss, tasks, strength=1.5),
}
# The Hessian of a solution costs the compiler many seconds: those two in the slow lane.
SOLVERS = ("iMAML", "Moreau")
STEPPING = [name for name in ALGORITHMS if name not in SOLVERS]
QUADRATICS = [(name, k) for name in STEPPING for k in (1, 2, 3)] + [(name, 1) for name in SOLVERS]


def _matrices(dim):
    rng = np.random.default_rng(dim)
    roots = rng.normal(size=(3, dim, dim))
    return roots @ roots.transpose(0, 2, 1) / 2 + 0.25 * np.eye(dim), rng.normal(size=(3, dim))


@jax.jit
def _direction_and_jacobian(meta, theta, alphas):
    direction = jax.grad(meta)
    return jax.vmap(lambda a: (direction(theta, a), jax.jacfwd(direction)(theta, a)))(alphas)


@pytest.mark.parametrize(("name", "num_steps"), brief(QUADRATICS, *((name, 2) for name in STEPPING), ("MAML", 1)))
def test_directions_on_quadratics_are_weighted_offsets(x64, name, num_steps):
    for dim in (2, 3) if (name, num_steps) == ("MAML", 1) else (2,):
        matrices, centers = _matrices(dim)
        meta = ALGORITHMS[name](mg.cases.quadratic_loss, mg.Tasks((matrices, centers)), num_steps)
        # Up to twice the alpha beyond which a step overshoots in the stiffest direction.
        alphas = np.array([-0.2, 0.0, 0.3, 1.0, 2.0]) / np.linalg.eigvalsh(matrices).max()
        theta = np.linspace(-1, 2, dim)
        found, jacobians = _direction_and_jacobian(meta, theta, alphas)
        for alpha, direction, jacobian in zip(alphas, found, jacobians, strict=True):
            weights = oracles_algorithms.direction_weights(name, matrices, alpha, num_steps, strength=1.5, num_last=1)
            exact = np.einsum("nij,nj->i", weights, theta - centers)
            size = np.abs(weights).sum()
            np.testing.assert_allclose(direction, exact, rtol=1e-10, atol=1e-13 * size)
            # Row i is the derivative of entry i of the direction: the Jacobian need not be symmetric.
            np.testing.assert_allclose(jacobian, weights.sum(0), rtol=1e-10, atol=1e-13 * size)
        at_rest = oracles_algorithms.fixed_point(weights, centers)
        np.testing.assert_allclose(
            _direction_and_jacobian(meta, at_rest, alphas[-1:])[0][0], 0, atol=1e-12 * size * (1 + abs(at_rest).max())
        )


def test_the_jacobian_of_a_first_order_direction_on_different_query_losses_is_not_symmetric(x64):
    # W = B (I - alpha A): a symmetric matrix only where the two commute, so a Hessian cannot be the answer.
    matrices, centers = _matrices(2)
    others = np.roll(matrices, 1, axis=0)
    meta = mg.fomaml(mg.cases.quadratic_loss, mg.Tasks((matrices, centers), (others, centers)))
    jacobian = jax.jacfwd(jax.grad(meta))(np.array([0.5, -1.0]), 0.2)
    exact = sum(B @ (np.eye(2) - 0.2 * A) for A, B in zip(matrices, others, strict=True))
    np.testing.assert_allclose(jacobian, exact, rtol=1e-12)
    assert abs(exact[0, 1] - exact[1, 0]) > 0.01


# --- traps, expansions, limits ---------------------------------------------------------------------


def test_the_jacobian_of_fomaml_keeps_what_stop_gradient_loses(x64):
    # G = sum_i L_i'(theta_i'), so dG/dtheta = sum_i L_i''(theta_i') (1 - alpha L_i''(theta)); stop_gradient around the
    # inner gradient gives sum_i L_i''(theta_i').
    theta, alpha = 0.75, 0.5
    adapted = theta - alpha * theta**3
    found = jax.jacfwd(jax.grad(mg.fomaml(mg.cases.quartic().losses)))(theta, alpha)
    close(found, 3 * adapted**2 * (1 - alpha * 3 * theta**2) + (1 - alpha))
    stopped = 3 * adapted**2 + 1
    assert abs(float(found) - stopped) > 0.5


def test_reptile_with_one_step_does_not_depend_on_alpha(x64):
    # Case 2: G = theta^3 + theta - 1 for every alpha, while the value does depend on it.
    meta = mg.reptile(mg.cases.quartic().losses)
    surface = mg.surface(meta, np.linspace(-1, 2, 7), np.linspace(-2, 2, 9))
    assert (surface.grads == surface.grads[0]).all()
    close(surface.grads[0], surface.thetas**3 + surface.thetas - 1)
    assert np.ptp(surface.values[:, 0]) > 1
    assert float(jax.grad(jax.grad(meta), 1)(0.5, 0.25)) == 0


def test_truncation_goes_from_first_order_to_all(x64):
    def direction(outer, num_steps=3):
        meta = mg.meta_loss(polynomial_loss, TASKS, inner=mg.inner.GradientDescent(num_steps), outer=outer)
        return float(jax.grad(meta)(THETA, ALPHA))

    close(direction(mg.outer.Truncated(0)), jax.grad(mg.fomaml(polynomial_loss, TASKS, num_steps=3))(THETA, ALPHA))
    for num_last in (3, 4, 100):
        close(direction(mg.outer.Truncated(num_last)), direction(mg.outer.ThroughAdaptation()))
    between = oracles_algorithms.derivatives("truncated", PAIRS, THETA, ALPHA, 3, num_last=2)
    close(direction(mg.outer.Truncated(2)), between.direction)


def test_a_large_strength_is_no_adaptation_and_a_small_one_all_of_it(x64):
    joint = np.polynomial.Polynomial(QUERY.sum(0))
    far, near = (
        value_and_direction(mg.imaml(polynomial_loss, mg.Tasks(QUERY), strength=s), THETA, 0.0) for s in (1e9, 1e-9)
    )
    np.testing.assert_allclose(far, [joint(THETA), joint.deriv()(THETA)], rtol=1e-8)
    # Every task reaches its own minimum, from wherever it starts.
    np.testing.assert_allclose(near[1], 0, atol=1e-8)


@mg.rule
class TwoBatches(mg.inner.InnerRule):
    """Every step on another minibatch; the parameter `batch` says which of them the loss reads."""

    def init(self, loss, theta):
        return theta, jnp.array(0.0)

    def step(self, loss, state, rate):
        theta, batch = state
        slope = jax.grad(loss)({**theta, "batch": batch})["w"]
        return {**theta, "w": theta["w"] - rate * slope}, batch + 1


def _cubed(w, data):
    x, y = data
    return jnp.sum((x @ w - y) ** 4) / 4


def _either(theta, data):
    first, second = (_cubed(theta["w"], jax.tree.map(lambda d, i=i: d[i], data)) for i in (0, 1))
    return (1 - theta["batch"]) * first + theta["batch"] * second


def test_the_expansion_in_small_alpha(x64):
    """Nichol et al. (2018): average gradient and average inner product, (1, -2a), (1, -a), (2, -a), up to a^2."""
    rng = np.random.default_rng(4)
    x, y, w = rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 3)), np.array([0.3, -0.2])
    gradient, inner_product = oracles_algorithms.small_alpha_terms(w, list(zip(x, y, strict=True)))
    # Each minibatch once adapts and once judges: the average over the order.
    swapped = mg.Tasks((x, y), (x[::-1], y[::-1]))
    orders = mg.Tasks((np.stack([x, x[::-1]]), np.stack([y, y[::-1]])))
    reptile = mg.meta_loss(_either, orders, inner=TwoBatches(num_steps=2), outer=mg.outer.Displacement(), reduce="mean")
    start = {"w": w, "batch": 0.0}
    directions = {
        "MAML": (1, -2, jax.jit(jax.grad(mg.maml(_cubed, swapped, reduce="mean")))),
        "FOMAML": (1, -1, jax.jit(jax.grad(mg.fomaml(_cubed, swapped, reduce="mean")))),
        "Reptile": (2, -1, jax.jit(lambda w, a: jax.grad(reptile)({**start, "w": w}, a)["w"])),
    }
    alphas = 2.0 ** -np.arange(8, 16)
    for name, (first, second, direction) in directions.items():
        residuals = [np.linalg.norm(direction(w, a) - first * gradient - second * a * inner_product) for a in alphas]
        # The residual is c a^2 (1 + O(a)): its slope is 2 up to a few alphas, here 2^-12.
        slopes = np.log2(np.divide(residuals[:-1], residuals[1:]))
        np.testing.assert_allclose(slopes[-3:], 2, atol=0.02, err_msg=name)
        wrong = [np.linalg.norm(direction(w, a) - first * gradient - 1.01 * second * a * inner_product) for a in alphas]
        assert np.log2(wrong[-2] / wrong[-1]) < 1.5, name


def test_a_negative_alpha_never_helps_convex_tasks_without_noise(x64):
    """A negative alpha climbs: `L(theta + |alpha| L') >= L(theta) + |alpha| L'^2` for every convex loss.

    So no noiseless toy can show the negative alphas that are best under noise (Bernacchia 2021).
    """
    meta = mg.maml(polynomial_loss, mg.Tasks(SUPPORT), num_steps=2)
    surface = mg.surface(meta, np.array([-1.0, -0.5, -0.1, 0.0]), np.linspace(-2, 2, 65), derivatives=0)
    assert (np.diff(surface.values, axis=0) < 0).all()
