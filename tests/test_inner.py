"""How theta' comes from theta: rates, weights of steps, optax optimisers, checkpoints, proximal problems."""

from __future__ import annotations

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid import Status
from mamlgrid.inner._proportional import powers
from mamlgrid.inner._proximal import _linear_solve

from . import oracles_algorithms
from .lanes import brief
from .problems import polynomial_loss

MATRICES = np.array([[[2.0, 0.5], [0.5, 1.0]], [[0.75, -0.25], [-0.25, 1.5]]])
CENTERS = np.array([[1.0, -0.5], [-0.25, 0.75]])
MATRIX_TASKS = mg.Tasks((MATRICES, CENTERS))
THETA = np.array([0.5, 1.25])


def quadratic(theta, data):
    return mg.cases.quadratic_loss(theta, data)


def two_layers(theta, data):
    """A loss of a scalar `body` and a vector `head` that meet."""
    x, y = data
    return jnp.mean((jnp.tanh(theta["body"] * x[:, 0]) * theta["head"][0] + theta["head"][1] * x[:, 1] - y) ** 2)


LAYERS = {"body": np.array(0.75), "head": np.array([0.5, -0.25])}


def layered_tasks():
    rng = np.random.default_rng(3)
    return mg.Tasks((rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 5))))


def by_hand(loss, tasks, theta, rates):
    """The MAML value with one pytree of rates for each step, all in plain JAX outside of the package."""

    def one(data):
        adapted = theta
        for rate in rates:
            adapted = jax.tree.map(lambda p, r, g: p - r * g, adapted, rate, jax.grad(loss)(adapted, data))
        return loss(adapted, data)

    return jnp.sum(jax.vmap(one)(tasks.support))


def close_trees(found, exact, rtol=1e-13):
    assert jax.tree.structure(found) == jax.tree.structure(exact)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-15)


@jax.jit
def value_and_direction(meta, theta, alpha):
    return jax.value_and_grad(meta)(theta, alpha)


# --- rates -----------------------------------------------------------------------------------------


def test_a_rate_for_each_parameter_puts_a_diagonal_in_the_place_of_alpha(x64):
    # W = (I - A D) A (I - D A); D beyond the stable range of one parameter, negative for the other.
    for rates in ([0.3, 0.3], [0.5, -0.2], [1.6, 0.0]):
        weights = oracles_algorithms.direction_weights("MAML", MATRICES, None, rates=np.array(rates))
        by_formula = [(np.eye(2) - A @ np.diag(rates)) @ A @ (np.eye(2) - np.diag(rates) @ A) for A in MATRICES]
        np.testing.assert_allclose(weights, by_formula, rtol=1e-14)
        direction = value_and_direction(mg.maml(quadratic, MATRIX_TASKS), THETA, np.array(rates))[1]
        np.testing.assert_allclose(direction, np.einsum("nij,nj->i", weights, THETA - CENTERS), rtol=1e-10)
        at_rest = oracles_algorithms.fixed_point(weights, CENTERS)
        np.testing.assert_allclose(
            value_and_direction(mg.maml(quadratic, MATRIX_TASKS), at_rest, np.array(rates))[1], 0, atol=1e-12
        )


@pytest.mark.parametrize(
    "alpha",
    [
        0.3,
        {"body": 0.3, "head": 0.1},
        {"body": 0.3, "head": np.array([0.1, -0.2])},
        {"body": 0.3, "head": np.array([0.1])},
    ],
    ids=["scalar", "layers", "parameters", "broadcast"],
)
@pytest.mark.parametrize("per_step", brief([False, True], False))
def test_rates_are_those_of_a_loop_by_hand(x64, alpha, per_step):
    tasks, num_steps = layered_tasks(), 3
    scales = (1.0, 0.5, -0.25) if per_step else (1.0, 1.0, 1.0)
    given = jax.tree.map(lambda r: np.multiply.outer(scales, r), alpha) if per_step else alpha
    full = jax.tree.broadcast(alpha, LAYERS)
    steps = [jax.tree.map(lambda r, s=s: s * r, full) for s in scales]
    meta = mg.maml(two_layers, tasks, num_steps=num_steps, per_step=per_step)
    value, direction = value_and_direction(meta, LAYERS, given)
    exact, slope = jax.jit(jax.value_and_grad(lambda t: by_hand(two_layers, tasks, t, steps)))(LAYERS)
    np.testing.assert_allclose(value, exact, rtol=1e-14)
    close_trees(direction, slope)


def test_a_rate_for_each_step_in_a_long_scan(x64):
    rates = np.linspace(0.3, -0.1, 9)
    meta = mg.maml(polynomial_loss, mg.Tasks(np.array([[0.0, -1.0, 0.5, 0.25]])), num_steps=9, per_step=True)
    theta = 0.25
    for rate in rates:
        theta = theta - rate * (-1 + theta + 0.75 * theta**2)
    np.testing.assert_allclose(meta.adapt(0.25, rates), [theta], rtol=1e-14)


def test_zero_rates_freeze_what_they_belong_to(x64):
    tasks = layered_tasks()
    meta = mg.maml(two_layers, tasks, num_steps=2)
    anil = {"body": 0.0, "head": 0.2}
    adapted = meta.adapt(LAYERS, anil)
    assert (adapted["body"] == LAYERS["body"]).all()
    assert (adapted["head"] != LAYERS["head"]).all()
    # ANIL still learns the body in the outer loop.
    assert abs(float(jax.grad(meta)(LAYERS, anil)["body"])) > 1e-3
    scaled = mg.scale_rates(meta, {"body": 0.0, "head": 0.5})
    close_trees(scaled.adapt(LAYERS, 0.4), adapted)
    assert float(scaled(LAYERS, 0.4)) == float(meta(LAYERS, anil))


def test_new_scaled_rates_do_not_compile(x64, compilations):
    meta = mg.maml(quadratic, MATRIX_TASKS)
    value_and_direction(mg.scale_rates(meta, np.array([1.0, 0.5])), THETA, 0.25)
    again = mg.scale_rates(meta, np.array([0.25, -1.0]))
    compilations.reset()
    _, direction = value_and_direction(again, THETA, 0.5)
    assert compilations.count == 0
    weights = oracles_algorithms.direction_weights("MAML", MATRICES, None, rates=np.array([0.125, -0.5]))
    np.testing.assert_allclose(direction, np.einsum("nij,nj->i", weights, THETA - CENTERS), rtol=1e-12)


@pytest.mark.parametrize("algorithm", [mg.maml, mg.fomaml, mg.reptile])
def test_learned_rates_descend_the_true_derivative_of_the_value(x64, algorithm):
    # With z_i = theta' - c_i the value is sum z A z / 2 and dtheta'/drate_j = -(A (theta - c))_j e_j.
    rates = np.array([0.3, -0.1])
    learned = mg.learn_alpha(algorithm(quadratic, MATRIX_TASKS))
    for scale in (1.0, 0.5):
        value, (direction, in_rates) = value_and_direction(learned, (THETA, rates), scale)
        slopes = np.einsum("nij,nj->ni", MATRICES, THETA - CENTERS)
        offsets = THETA - scale * rates * slopes - CENTERS
        np.testing.assert_allclose(value, np.einsum("ni,nij,nj->", offsets, MATRICES, offsets) / 2, rtol=1e-14)
        exact = -scale * (slopes * np.einsum("nij,nj->ni", MATRICES, offsets)).sum(0)
        np.testing.assert_allclose(in_rates, exact, rtol=1e-12)
        # In theta it is the algorithm's own direction.
        plain = value_and_direction(algorithm(quadratic, MATRIX_TASKS), THETA, scale * rates)[1]
        np.testing.assert_allclose(direction, plain, rtol=1e-14)


@pytest.mark.slow
def test_the_outer_loop_trains_the_rates(x64):
    # Curvatures 1 and 4, two tasks of each, so that no theta solves any: the rates that do are 1 and 1/4.
    a, c = np.array([1.0, 4.0, 1.0, 4.0]), np.array([0.0, 1.0, 2.0, -1.0])
    meta = mg.maml(mg.cases.quadratic_loss, mg.Tasks((a, c)), num_steps=2, per_step=True)
    start = 0.2, np.array([0.5, 0.1])
    run = mg.outer_loop(mg.learn_alpha(meta), np.array([1.0]), start, optax.adam(0.02), num_steps=2000)
    _, rates = run.thetas
    assert rates.shape == (1, 2)
    np.testing.assert_allclose(np.sort(rates[0]), [0.25, 1.0], atol=1e-3)
    np.testing.assert_allclose(run.values, 0, atol=1e-5)
    # Two plain steps, by hand.
    first = mg.outer_loop(mg.learn_alpha(meta), np.array([1.0]), start, optax.sgd(0.02), num_steps=2)
    place = jnp.array(start[0]), jnp.array(start[1])

    def value(place):
        theta, rates = place
        return jnp.sum(a * (1 - rates[0] * a) ** 2 * (1 - rates[1] * a) ** 2 * (theta - c) ** 2) / 2

    for _ in range(2):
        place = jax.tree.map(lambda p, g: p - 0.02 * g, place, jax.grad(value)(place))
    close_trees(jax.tree.map(lambda leaf: leaf[0], first.thetas), place, rtol=1e-12)


# --- weights of steps ------------------------------------------------------------------------------


def _weighted(algorithm, weights, num_steps=3, **more):
    return algorithm(quadratic, MATRIX_TASKS, num_steps=num_steps, step_weights=weights, **more)


def test_step_weights_add_up_the_losses_along_the_way(x64):
    weights = np.array([0.5, -0.25, 2.0])
    for algorithm, name in ((mg.maml, "MAML"), (mg.fomaml, "FOMAML")):
        value, direction = value_and_direction(_weighted(algorithm, weights), THETA, 0.3)
        exact = exact_slope = 0.0
        for k, weight in enumerate(weights, start=1):
            maml = oracles_algorithms.direction_weights("MAML", MATRICES, 0.3, k)
            own = oracles_algorithms.direction_weights(name, MATRICES, 0.3, k)
            exact += weight * np.einsum("ni,nij,nj->", THETA - CENTERS, maml, THETA - CENTERS) / 2
            exact_slope += weight * np.einsum("nij,nj->i", own, THETA - CENTERS)
        np.testing.assert_allclose(value, exact, rtol=1e-13)
        np.testing.assert_allclose(direction, exact_slope, rtol=1e-12)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("num_steps", brief([1, 3, 7], 3))
def test_all_the_weight_on_the_last_step_is_the_plain_value(x64, num_steps, checkpoint):
    last = np.eye(num_steps)[-1]
    found = value_and_direction(_weighted(mg.maml, last, num_steps, checkpoint=checkpoint), THETA, 0.3)
    plain = value_and_direction(mg.maml(quadratic, MATRIX_TASKS, num_steps=num_steps), THETA, 0.3)
    close_trees(found, plain)


def test_weights_of_steps_are_numbers_that_do_not_compile_and_have_derivatives(x64, compilations):
    value_and_direction(_weighted(mg.maml, np.array([1.0, 2.0, 3.0])), THETA, 0.3)
    again = _weighted(mg.maml, np.array([0.0, 1.0, 0.0]))
    compilations.reset()
    value, _ = value_and_direction(again, THETA, 0.3)
    assert compilations.count == 0
    np.testing.assert_allclose(value, mg.maml(quadratic, MATRIX_TASKS, num_steps=2)(THETA, 0.3), rtol=1e-14)
    slope = jax.grad(lambda w: _weighted(mg.maml, w)(THETA, 0.3))(jnp.ones(3))
    np.testing.assert_allclose(slope[1], value, rtol=1e-14)


def test_truncation_along_a_weighted_path(x64):
    # Steps before the last move with theta as they are: weight k counts A_k' (I - alpha A)^min(k - 1, 1) ...
    weights, alpha = np.array([0.5, 1.0, 2.0]), 0.3
    meta = mg.meta_loss(
        quadratic, MATRIX_TASKS, inner=mg.inner.GradientDescent(3), outer=mg.outer.Truncated(1), step_weights=weights
    )
    exact = 0.0
    for A, c in zip(MATRICES, CENTERS, strict=True):
        shrink = np.eye(2) - alpha * A
        path = [np.linalg.matrix_power(shrink, k) @ (THETA - c) for k in (1, 2, 3)]
        exact = exact + weights[0] * A @ path[0] + weights[1] * A @ path[1] + weights[2] * shrink @ A @ path[2]
    np.testing.assert_allclose(value_and_direction(meta, THETA, alpha)[1], exact, rtol=1e-12)


# --- rules of one's own ----------------------------------------------------------------------------


@mg.rule
class Newton(mg.inner.InnerRule):
    def step(self, loss, state, rate):
        theta, memory = state
        return theta - rate * jax.grad(loss)(theta) / jax.hessian(loss)(theta), memory


@mg.rule
class HeavyBall(mg.inner.InnerRule):
    """Momentum without optax, on any parameters."""

    def init(self, loss, theta):
        return theta, jax.tree.map(jnp.zeros_like, theta)

    def step(self, loss, state, rate):
        theta, speed = state
        speed = jax.tree.map(lambda v, g: 0.5 * v + g, speed, jax.grad(loss)(theta))
        return mg.inner.move(theta, rate, speed), speed


OUTER = [mg.outer.ThroughAdaptation(), mg.outer.Truncated(0), mg.outer.Truncated(2), mg.outer.Displacement()]


def test_newton_steps_of_a_quartic_shrink_by_a_known_factor(x64):
    # A Newton step of (t - c)^4 / 4 is (t - c) / 3: theta' - c = (1 - alpha / 3)^K (theta - c).
    c, theta, alpha, num_steps = np.array([-0.5, 0.25]), 0.75, 0.6, 3
    q = 1 - alpha / 3
    directions = [q ** (4 * num_steps), q ** (3 * num_steps), q ** (3 * num_steps + 2)]
    for outer, factor in zip(OUTER[:3], directions, strict=True):
        meta = mg.meta_loss(_quartic, mg.Tasks(c), inner=Newton(num_steps=num_steps), outer=outer)
        value, direction = value_and_direction(meta, theta, alpha)
        np.testing.assert_allclose(value, np.sum((q**num_steps * (theta - c)) ** 4) / 4, rtol=1e-13)
        np.testing.assert_allclose(direction, factor * np.sum((theta - c) ** 3), rtol=1e-12)
    reptile = mg.meta_loss(_quartic, mg.Tasks(c), inner=Newton(num_steps=num_steps), outer=OUTER[3])
    for alpha in (0.6, 0.0):
        q = 1 - alpha / 3
        np.testing.assert_allclose(
            value_and_direction(reptile, theta, alpha)[1], (1 + q + q**2) * np.sum(theta - c) / 3, rtol=1e-12
        )


def _quartic(theta, center):
    return (theta - center) ** 4 / 4


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("settings", brief([{}, {"checkpoint": True}, {"per_step": True}], {}))
def test_a_rule_with_a_memory_is_that_of_optax(x64, outer, settings):
    num_steps = 6 if settings.get("checkpoint") else 3
    rates = {"body": 0.1, "head": np.array([0.3, -0.1])}
    if settings.get("per_step"):
        rates = jax.tree.map(lambda rate: np.multiply.outer(np.linspace(1, 2, num_steps), rate), rates)
    own = HeavyBall(num_steps=num_steps, **settings)
    by_optax = mg.inner.optax(lambda rate: optax.sgd(rate, momentum=0.5), num_steps, **settings)
    found, exact = (
        value_and_direction(mg.meta_loss(two_layers, layered_tasks(), inner=inner, outer=outer), LAYERS, rates)
        for inner in (own, by_optax)
    )
    close_trees(found, exact, rtol=1e-12)


def test_a_rule_that_does_not_look_at_the_precision_of_alpha_keeps_that_of_theta(x64):
    meta = mg.meta_loss(_quartic, mg.Tasks(np.float32([0.0, 1.0])), inner=Newton(num_steps=6), outer=OUTER[0])
    assert [x.dtype for x in value_and_direction(meta, np.float32(0.5), np.float64(0.1))] == [np.float32] * 2


# --- optax -----------------------------------------------------------------------------------------


def _adamw(rate):
    return optax.adamw(rate, eps_root=1e-4, weight_decay=0.1)


def _clipped(rate):
    return optax.chain(mg.inner.clip_by_global_norm(0.5), optax.sgd(rate, momentum=0.5, nesterov=True))


@pytest.mark.parametrize("make", brief([optax.sgd, optax.rmsprop, _adamw, _clipped], optax.sgd, optax.rmsprop))
def test_inner_optax_is_the_loop_written_by_hand(x64, make):
    alpha, num_steps = 0.15, 5

    def hand(theta, data):
        optimizer = make(alpha)  # the rate where optax wants it
        state = optimizer.init(theta)
        for _ in range(num_steps):
            updates, state = optimizer.update(jax.grad(quadratic)(theta, data), state, theta)
            theta = optax.apply_updates(theta, updates)
        return theta

    meta = mg.maml(quadratic, MATRIX_TASKS, inner=mg.inner.optax(make, num_steps))
    with jax.numpy_dtype_promotion("standard"):
        exact = jax.jit(jax.vmap(hand, (None, 0)))(jnp.asarray(THETA), (MATRICES, CENTERS))
    np.testing.assert_allclose(meta.adapt(jnp.asarray(THETA), alpha), exact, rtol=1e-12)


@pytest.mark.slow
def test_plain_optax_descent_is_gradient_descent(x64):
    for algorithm in (mg.maml, mg.reptile):
        own = algorithm(quadratic, MATRIX_TASKS, num_steps=2)
        by_optax = algorithm(quadratic, MATRIX_TASKS, inner=mg.inner.optax(optax.sgd, 2))
        close_trees(value_and_direction(by_optax, THETA, 0.3), value_and_direction(own, THETA, 0.3))


@pytest.mark.slow
def test_the_meta_gradient_of_adam_at_a_zero_gradient_is_finite(x64):
    # Case 1 at theta = 0: the first task does not move. d(theta')/dtheta = 1 - alpha / (sqrt(eps_root) + eps).
    root = 1e-4
    rule = mg.inner.optax(lambda rate: optax.adam(rate, eps_root=root))
    losses = mg.cases.quadratic().losses[:1]
    direction = jax.jacfwd(lambda t: mg.maml(losses, inner=rule).adapt(t, 0.01)[0])(0.0)
    np.testing.assert_allclose(direction, 1 - 0.01 / (np.sqrt(root) + 1e-8), atol=1e-12)
    assert np.isfinite(jax.grad(mg.maml(losses, inner=rule))(0.0, 0.01))


def test_rates_of_an_inner_optimiser_may_differ_and_be_learned(x64):
    rule = mg.inner.optax(optax.sgd, 2, per_step=True)
    rates = {"body": np.array([0.1, 0.2]), "head": np.array([[0.3, 0.1], [0.0, -0.1]])}
    tasks = layered_tasks()
    found = value_and_direction(mg.maml(two_layers, tasks, inner=rule), LAYERS, rates)
    plain = value_and_direction(mg.maml(two_layers, tasks, num_steps=2, per_step=True), LAYERS, rates)
    close_trees(found, plain)


# --- checkpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("num_steps", brief([0, 5, 16], 0))
def test_checkpoints_give_the_same_gradient(x64, num_steps):
    theta, loss = mg.cases.network(jax.random.key(0), (1, 5, 1), "tanh")
    tasks = mg.cases.sinusoid_tasks(jax.random.key(1), num_tasks=2, num_shots=3)
    plain, saved = (mg.maml(loss, tasks, num_steps=num_steps, checkpoint=c) for c in (False, True))
    close_trees(value_and_direction(saved, theta, 0.02), value_and_direction(plain, theta, 0.02), rtol=1e-11)


def test_checkpoints_with_rates_for_each_step(x64):
    rates = np.linspace(0.05, 0.3, 7)
    plain, saved = (mg.maml(quadratic, MATRIX_TASKS, num_steps=7, per_step=True, checkpoint=c) for c in (False, True))
    close_trees(value_and_direction(saved, THETA, rates), value_and_direction(plain, THETA, rates))
    close_trees(saved.adapt(THETA, rates), plain.adapt(THETA, rates))


# --- proximal problems -----------------------------------------------------------------------------


def _hill(theta):
    return -(theta**2)


@pytest.mark.slow
def test_a_proximal_step_solves_its_problem_in_several_dimensions(x64):
    strength = 0.7
    meta = mg.imaml(quadratic, MATRIX_TASKS, strength=strength)
    exact = [np.linalg.solve(A + strength * np.eye(2), A @ c + strength * THETA) for A, c in zip(MATRICES, CENTERS)]  # noqa: B905
    found = _solved(meta, jnp.asarray(THETA))
    np.testing.assert_allclose(found["adapted"], exact, rtol=1e-13)
    assert (found["status"] == Status.OK).all()


@pytest.mark.parametrize("algorithm", [mg.imaml, mg.moreau])
def test_where_the_inner_problem_is_not_convex_there_is_no_number_but_a_status(x64, algorithm):
    # -phi^2 + (phi - theta)^2 / 2 has no minimum: at strength 1 nothing can be right, at 4 theta' is 2 theta.
    weak, strong = (_solved(algorithm([_hill, jnp.square], strength=s), 0.5) for s in (1.0, 4.0))
    assert weak["status"].tolist() == [Status.NOT_CONVERGED, Status.OK]
    assert np.isnan(weak["value"])
    assert np.isnan(weak["direction"])
    assert strong["status"].tolist() == [Status.OK, Status.OK]
    np.testing.assert_allclose(strong["adapted"], [1.0, 2 / 3 * 0.5], rtol=1e-14)
    np.testing.assert_allclose(strong["value"], -1 + 1 / 9, rtol=1e-14)
    # imaml: -2 theta' * 2 + 2 theta' * 2/3; moreau: strength (theta - theta') summed.
    exact = {mg.imaml: -4 + 4 / 9, mg.moreau: -2 + 2 / 3}[algorithm]
    np.testing.assert_allclose(strong["direction"], exact, rtol=1e-13)


@jax.jit
def _solved(meta, theta):
    value, direction = jax.value_and_grad(meta)(theta, 0.0)
    return {
        "value": value,
        "direction": direction,
        "adapted": meta.adapt(theta, 0.0),
        "status": meta.inner_status(theta, 0.0),
    }


@pytest.mark.slow
def test_a_surface_says_where_the_inner_problem_was_not_solved(x64):
    # With alpha = 1 / strength the problem of -theta^2 is convex for alpha < 1/2.
    alphas = np.array([0.0, 0.25, 0.45, 0.75, 1.5])
    found = mg.surface(mg.imaml([_hill]), alphas, np.array([-1.0, 0.5]))
    solved = alphas < 0.5
    assert (found.status[solved] == Status.OK).all()
    assert (found.status[~solved] == Status.NOT_CONVERGED).all()
    assert np.isnan(found.values[~solved]).all()
    exact = -((found.thetas / (1 - 2 * alphas[solved, None])) ** 2)
    np.testing.assert_allclose(found.values[solved], exact, rtol=1e-13)


def test_too_few_newton_steps_are_a_status(x64):
    meta = mg.imaml([lambda t: jnp.cosh(3 * t - 9.0)], strength=0.1, max_steps=1)
    found = _solved(meta, 0.0)
    assert found["status"].tolist() == [Status.NOT_CONVERGED]
    assert np.isnan(found["value"])
    assert np.isnan(found["direction"])


def test_a_proximal_step_has_derivatives_in_its_strength(x64):
    # theta' - c = s (theta - c) / (a + s), value a s^2 (theta - c)^2 / 2 (a + s)^2.
    def value(s):
        return mg.imaml(mg.cases.quadratic_loss, mg.Tasks((np.array([2.0]), np.array([1.0]))), strength=s)(3.0, 0.0)

    s, a = 1.5, 2.0
    exact = a * 4 / 2 * 2 * s * a / (a + s) ** 3
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(value)))(jnp.array([0.5, s]))
    np.testing.assert_allclose(values[1], a * s**2 * 4 / 2 / (a + s) ** 2, rtol=1e-13)
    np.testing.assert_allclose(slopes[1], exact, rtol=1e-12)


# --- where an answer would look right and is not ------------------------------------------


@pytest.mark.slow
def test_a_saddle_of_the_inner_problem_is_no_solution(x64):
    # L + |phi - theta|^2 / 2 falls without end along the second axis; the equation of its stationary point has a root.
    meta = mg.imaml([lambda p: 5 * p[0] ** 2 - 5 * p[1] ** 2 / 2], strength=1.0)
    theta = jnp.array([1.0, 0.1])
    assert meta.inner_status(theta, 0.0).tolist() == [mg.Status.NOT_CONVERGED]
    assert np.isnan(meta(theta, 0.0))
    assert np.isnan(jax.grad(meta)(theta, 0.0)).all()


def test_negative_curvature_is_found_in_any_direction(x64):
    rng = np.random.default_rng(0)
    turns = [np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(20)]
    tasks = mg.Tasks((np.array([q @ np.diag([-3.0, 1.0, 2.0, 3.0]) @ q.T for q in turns]), np.zeros((20, 4))))
    status = mg.imaml(mg.cases.quadratic_loss, tasks, strength=1.0).inner_status(jnp.ones(4), 0.0)
    assert set(status.tolist()) == {mg.Status.NOT_CONVERGED}


@pytest.mark.slow
def test_the_implicit_direction_of_a_stiff_task_is_exact(x64):
    a = jnp.logspace(0, 4, 30)
    meta = mg.imaml([lambda t: jnp.sum(a * t**2) / 2], strength=1.0)
    np.testing.assert_allclose(jax.grad(meta)(jnp.ones(30), 0.0), a / (a + 1) ** 2, rtol=1e-10)


def test_clipping_by_the_norm_has_a_derivative_at_zero(x64):
    clipped = mg.inner.optax(lambda r: optax.chain(mg.inner.clip_by_global_norm(0.25), optax.sgd(r)))
    meta = mg.maml(mg.cases.quadratic().losses, inner=clipped)
    # At 0 the first task stays; the second moves by alpha / 4, whatever theta is.
    np.testing.assert_allclose(meta.adapt(0.0, 0.4), [0.0, 0.1], rtol=1e-15)
    np.testing.assert_allclose(jax.grad(meta)(0.0, 0.4), -0.9, rtol=1e-14)
    other = optax.clip_by_global_norm(0.25)
    for slope in (0.1, 3.0):
        own = mg.inner.clip_by_global_norm(0.25)
        exact = other.update(jnp.asarray(slope), other.init(slope))[0]
        np.testing.assert_allclose(own.update(jnp.asarray(slope), own.init(slope))[0], exact, rtol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda r: optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(r)), r"mg\.inner\.clip_by_global_norm"),
        (
            lambda r: optax.sgd(optax.join_schedules([optax.constant_schedule(r), optax.constant_schedule(0.1)], [5])),
            "step 6",
        ),
        (lambda r: optax.chain(optax.sgd(r), optax.clip(1.0)), r"\[ 3\. -2\.\], it is \[-1\.  1\.\] at rate 1 and"),
        (lambda r: optax.chain(optax.sgd(r), optax.clip(1e10)), "proportional to the learning rate"),
        (lambda r: optax.chain(optax.sgd(r), optax.clip(1e-12)), "proportional to the learning rate"),
        (lambda r: optax.sgd(optax.exponential_decay(r, 10, 0.5, end_value=0.01)), "a multiple of the rate all along"),
        (optax.radam, "is not finite at the gradient"),  # from its third step on
        (optax.lars, "norm of a gradient or of the parameters"),
    ],
)
def test_what_goes_wrong_late_or_backwards_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        mg.inner.optax(make, 8)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda r, x: -r * x / 2, "FACTOR"),
        (lambda r, x: jnp.where(x > 0, r, -r).astype("float16").reshape(1), "FACTOR"),
        (lambda r, x: jax.jit(lambda r: r * x + 3 * r)(r), "FACTOR"),
        (lambda r, x: x * jnp.sin(x), "FREE"),
        (lambda r, x: r * r * x, "OTHER"),
        (lambda r, x: x / r, "OTHER"),
        (lambda r, x: jnp.where(r * x > 1, 1.0, r * x), "OTHER"),
        (lambda r, x: jnp.clip(r * x, -1, 1), "OTHER"),
        (lambda r, x: jnp.maximum(r, 0.1) * x, "OTHER"),
    ],
)
def test_a_factor_is_seen_in_the_structure_of_a_function(function, expected):
    assert [power.name for power in powers(function, 0.5, 2.0)] == [expected]


# Of optax's own optimisers those whose update is no multiple of the rate, or has no finite derivative somewhere, or
# which ask for a value.
REFUSED = {
    *("adafactor", "adam", "adamw", "amsgrad", "fromage", "lamb", "lars", "lbfgs", "novograd", "radam"),
}


def _is_optimizer(make):
    if not inspect.isfunction(make):
        return False
    parameters = list(inspect.signature(make).parameters.values())
    return [p.name for p in parameters if p.default is p.empty or p is parameters[0]] == ["learning_rate"]


# Without what is no optimiser by itself, wants a key, or is deprecated.
OTHERS = ("_", "scale_by", "noisy_sgd", "dpsgd", "optimistic_adam")
OPTIMIZERS = {name: make for name, make in vars(optax).items() if _is_optimizer(make) and not name.startswith(OTHERS)}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_optax_is_the_loop_by_hand_or_refused(name, x64):
    make, num_steps, alpha = OPTIMIZERS[name], 5, 0.125
    if name in REFUSED:
        with pytest.raises((ValueError, TypeError), match=r"proportional|not finite|cannot take"):
            mg.inner.optax(make, num_steps)
        return
    # Far out, where a threshold would show, and in small steps.
    meta = mg.maml([lambda t: jnp.sum((t - 1) ** 2) / 2], inner=mg.inner.optax(make, num_steps))
    for start in (np.array([50.0, -30.0]), np.array([1.001, 0.0])):
        theta, optimizer = jnp.asarray(start), make(alpha)
        state = optimizer.init(theta)
        for _ in range(num_steps):
            updates, state = optimizer.update(theta - 1, state, theta)
            theta = optax.apply_updates(theta, updates)
        np.testing.assert_allclose(meta.adapt(start, alpha)[0], theta, rtol=1e-12)
        assert np.isfinite(jax.grad(meta)(start, alpha)).all()


@pytest.mark.slow
def test_proximal_steps_are_steps_like_others(x64):
    # Each takes theta - c to s / (a + s) of it. With alpha = 1 / s for each step, MAML++ has its proximal form.
    a, c, theta, num_steps = 2.0, 1.0, 3.0, 3
    tasks, outer = mg.Tasks((np.array([a]), np.array([c]))), mg.outer.ThroughAdaptation()
    for strengths, alpha, rule in (
        ([1.5] * 3, 0.0, mg.inner.Proximal(1.5, num_steps=num_steps)),
        ([2.0, 1.0, 0.5], np.array([0.5, 1.0, 2.0]), mg.inner.Proximal(num_steps=num_steps, per_step=True)),
    ):
        factors = np.array([s / (a + s) for s in strengths])
        meta = mg.meta_loss(mg.cases.quadratic_loss, tasks, inner=rule, outer=outer)
        np.testing.assert_allclose(meta.adapt(theta, alpha), c + factors.prod() * (theta - c), rtol=1e-14)
        np.testing.assert_allclose(jax.grad(meta)(theta, alpha), a * factors.prod() ** 2 * (theta - c), rtol=1e-13)
        envelope = dataclasses.replace(meta, outer=mg.outer.Displacement())
        exact = sum(a * factors[:k].prod() * (theta - c) for k in (1, 2, 3))
        np.testing.assert_allclose(jax.grad(envelope)(theta, alpha), exact, rtol=1e-13)
        assert meta.inner_status(theta, alpha).tolist() == [Status.OK]
    lost = mg.meta_loss([_hill], inner=mg.inner.Proximal(1.0, num_steps=num_steps), outer=outer)
    assert lost.inner_status(0.5, 0.0).tolist() == [Status.NOT_CONVERGED]
    # To differentiate the last step of one is to differentiate it all.
    one, last = (
        mg.meta_loss([jnp.cosh], inner=mg.inner.Proximal(2.0), outer=o) for o in (outer, mg.outer.Truncated(1))
    )
    assert float(jax.grad(one)(0.5, 0.0)) == float(jax.grad(last)(0.5, 0.0))


def _meeting(theta, center):
    return jnp.sum((theta["a"] - center) ** 2) / 2 + (theta["b"][0] - center) ** 2 * theta["a"][0] ** 2 / 2


@pytest.mark.parametrize("algorithm", brief([mg.imaml, mg.moreau], mg.imaml))
def test_a_proximal_problem_may_have_parameters_of_two_precisions(x64, algorithm):
    strength, center, theta = 3.0, 1.0, np.array([0.5, 0.25, 0.75])  # of which two are float32

    def gradient(phi):
        x, y, z = phi
        return np.array([x - center + (z - center) ** 2 * x, y - center, (z - center) * x**2])

    phi = theta
    for _ in range(200):  # contracts, since strength exceeds the curvature
        phi = theta - gradient(phi) / strength
    # A complex step for each column of the Hessian.
    hessian = np.stack([gradient(phi + 1e-100j * e).imag / 1e-100 for e in np.eye(3)])
    direction = gradient(phi)
    if algorithm is mg.imaml:
        direction = np.linalg.solve(np.eye(3) + hessian / strength, direction)
    mixed = {"a": np.float32(theta[:2]), "b": theta[2:]}
    found = jax.jit(jax.grad(algorithm(_meeting, mg.Tasks(np.array([center])), strength=strength)))(mixed, 0.0)
    assert [leaf.dtype for leaf in jax.tree.leaves(found)] == [np.float32, np.float64]
    close_trees(found, {"a": direction[:2], "b": direction[2:]}, rtol=2e-6)


@pytest.mark.parametrize("strength", [0.0, -1.0, np.inf])
def test_a_strength_is_positive_however_it_is_given(strength):
    with pytest.raises(ValueError, match="strength must be positive"):
        mg.inner.Proximal(strength)


def test_each_task_says_whether_its_inner_problem_was_solved(x64):
    meta = mg.imaml([lambda t: t**2 / 2, lambda t: -(t**2)], strength=1.0)
    found = mg.task_losses(meta, np.array([0.0]), np.array([0.5]))
    assert found.status[0, 0].tolist() == [mg.Status.OK, mg.Status.NOT_CONVERGED]
    np.testing.assert_allclose(found.values[0, 0, 0], 0.25**2 / 2, rtol=1e-14)
    assert np.isnan(found.values[0, 0, 1])


def test_a_linear_system_without_a_solution_is_not_answered(x64):
    def flattened(x):
        return x * jnp.array([1.0, 0.0])

    assert np.isnan(_linear_solve(flattened, jnp.ones(2), exact=True)).all()
    np.testing.assert_allclose(_linear_solve(lambda x: 2 * x, jnp.ones(2), exact=True), 0.5, rtol=1e-15)
