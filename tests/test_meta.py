"""The contract at the centre: a pure function of theta and alpha, and its gradient is the true one."""

from __future__ import annotations

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mamlgrid as mg

from . import oracles
from .lanes import brief
from .problems import polynomial_loss, polynomials, rates, sixteenths, tasks, value_and_slope


def close(found, exact, size, dtype=np.float64, operations=64):
    """Equal to rounding: each of some `operations` roundings is at most eps of the sizes of the terms."""
    tolerance = operations * float(jnp.finfo(dtype).eps) * size + float(jnp.finfo(dtype).tiny)
    np.testing.assert_array_less(np.abs(np.asarray(found, float) - np.asarray(exact, float)), tolerance)


# --- one parameter ---------------------------------------------------------------------------------


@given(tasks(), sixteenths, rates, st.sampled_from([0, 1, 2, 3]))
def test_the_meta_gradient_of_maml_is_the_true_gradient(x64, coefficients, theta, alpha, num_steps):
    polynomial, _ = oracles.meta_polynomial(coefficients, alpha, num_steps)
    exact = [float(oracles.evaluate(p, Fraction(theta))) for p in (polynomial, oracles.derivative(polynomial))]
    found = value_and_slope(polynomials(coefficients, num_steps), theta, alpha)
    close(found, exact, oracles.meta_size(coefficients, theta, alpha, num_steps))


def test_the_meta_gradient_holds_in_both_precisions(dtype):
    theta, alpha = np.array(0.7, dtype), np.array(0.3, dtype)
    for losses, form, size in (
        (mg.cases.quadratic().losses, oracles.case_1, oracles.case_1_size),
        (mg.cases.quartic().losses, oracles.case_2, oracles.case_2_size),
    ):
        value, slope = jax.value_and_grad(mg.maml(losses))(theta, alpha)
        assert value.dtype == slope.dtype == dtype
        exact = form(float(theta), float(alpha))[:2]
        close([value, slope], exact, np.array(size(theta, alpha)[:2], float), dtype)


@pytest.mark.slow
def test_many_steps_are_differentiated_through_as_well_as_few(x64):
    # Short loops are written out and long ones scanned: both sides of that border.
    coefficients = [[0.5, -1.0, 0.75, 0.0, 0.125], [0.0, 0.25, 0.5, 0.125, 0.0625]]
    for num_steps in (3, 4, 5, 6):
        with_size = oracles.meta_size(coefficients, 0.5, 0.125, num_steps)
        with_step = []
        for theta in (Fraction(1, 2), Fraction(1, 2) + Fraction(1, 10**30)):
            value = Fraction(0)
            for loss in map(oracles.polynomial, coefficients):
                slope, adapted = oracles.derivative(loss), theta
                for _ in range(num_steps):
                    adapted = adapted - Fraction(1, 8) * oracles.evaluate(slope, adapted)
                value += oracles.evaluate(loss, adapted)
            with_step.append(value)
        exact = float(with_step[0]), float((with_step[1] - with_step[0]) * 10**30)
        found = value_and_slope(polynomials(coefficients, num_steps), 0.5, 0.125)
        close(found, exact, with_size, operations=32 * num_steps)


@given(tasks(), sixteenths, rates)
def test_the_derivative_in_alpha_is_true(x64, coefficients, theta, alpha):
    # dL/dalpha = -sum_i L_i'(theta_i') L_i'(theta) for one step.
    exact = size = 0.0
    for loss in coefficients:
        p = np.polynomial.Polynomial(loss)
        q = np.polynomial.Polynomial(np.abs(loss))
        exact -= p.deriv()(theta - alpha * p.deriv()(theta)) * p.deriv()(theta)
        size += q.deriv()(abs(theta) + abs(alpha) * q.deriv()(abs(theta))) * q.deriv()(abs(theta))
    close(_slope_in_alpha(polynomials(coefficients), theta, alpha), exact, size)


@jax.jit
def _slope_in_alpha(meta, theta, alpha):
    return jax.grad(meta, argnums=1)(theta, alpha)


def test_derivatives_in_the_tasks_are_true(x64):
    # Quadratics a (theta - c)^2 / 2, one step: L = a (1 - alpha a)^2 (theta - c)^2 / 2.
    a, c, theta, alpha = np.array([0.5, 2.0]), np.array([-1.0, 0.25]), 0.75, 0.3
    meta = mg.cases.quadratics(a, c).meta()
    slopes = jax.grad(lambda meta: meta(theta, alpha))(meta).tasks.support
    weight, offset = a * (1 - alpha * a) ** 2, theta - c
    np.testing.assert_allclose(slopes[0], (1 - alpha * a) * (1 - 3 * alpha * a) * offset**2 / 2, rtol=1e-14)
    np.testing.assert_allclose(slopes[1], -weight * offset, rtol=1e-14)


def test_second_derivatives_keep_the_third_derivatives_of_the_losses(x64):
    for theta, alpha in ((1.3, 0.4), (-0.8, 1.2), (0.5, -0.6)):
        found = jax.jacfwd(jax.grad(mg.cases.quartic().meta()))(theta, alpha)
        close(found, oracles.case_2(theta, alpha)[2], oracles.case_2_size(theta, alpha)[2])


# --- the parts -------------------------------------------------------------------------------------


def test_adapted_parameters_are_steps_of_gradient_descent(x64):
    for num_steps in (0, 1, 2, 5):
        meta = mg.cases.quartic().meta(num_steps)
        first = second = 0.6
        for _ in range(num_steps):
            first, second = first - 0.3 * first**3, second - 0.3 * (second - 1)
        np.testing.assert_allclose(meta.adapt(0.6, 0.3), [first, second], rtol=1e-15)
        np.testing.assert_allclose(meta.per_task(0.6, 0.3), [first**4 / 4, (second - 1) ** 2 / 2], rtol=1e-14)


def test_at_alpha_one_over_the_curvature_a_quadratic_is_solved_in_one_step(x64):
    tasks = mg.cases.quadratics([4.0, 0.5], [-1.0, 0.25])
    for i, alpha in enumerate((1 / 4.0, 1 / 0.5)):
        assert float(tasks.meta().adapt(3.0, alpha)[i]) == float(tasks.centers[i])
        assert float(tasks.meta().per_task(3.0, alpha)[i]) == 0.0


def test_the_terms_add_up_and_the_mean_is_the_sum_over_their_number(x64):
    coefficients = [[0.5, 1.0, 0.25], [1.0, -1.0, 0.5], [0.0, 0.5, 0.125]]
    total, mean = polynomials(coefficients), polynomials(coefficients, reduce="mean")
    terms = total.per_task(0.3, 0.2)
    assert terms.shape == (3,)
    assert total.num_tasks == mean.num_tasks == 3
    np.testing.assert_allclose(total(0.3, 0.2), sum(map(float, terms)), rtol=1e-15)
    np.testing.assert_allclose(mean(0.3, 0.2), sum(map(float, terms)) / 3, rtol=1e-15)


def test_no_inner_step_is_the_plain_joint_loss(x64):
    meta = mg.cases.quartic().meta(num_steps=0)
    for theta in (-1.5, 0.0, 0.75):  # exact in binary, so nothing is rounded
        for alpha in (-1.0, 0.0, 2.0):
            assert float(meta(theta, alpha)) == theta**4 / 4 + (theta - 1) ** 2 / 2
            assert float(jax.grad(meta)(theta, alpha)) == theta**3 + (theta - 1)
            assert float(jax.grad(meta, argnums=1)(theta, alpha)) == 0.0


def test_a_sequence_of_losses_and_data_tasks_are_the_same_meta_loss(x64):
    data, sequence = polynomials([oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]]), mg.cases.quartic().meta()
    theta, alpha = 1.2, 0.35
    size = oracles.case_2_size(theta, alpha)
    close(data(theta, alpha), sequence(theta, alpha), size[0])
    close(jax.grad(data)(theta, alpha), jax.grad(sequence)(theta, alpha), size[1])


def test_support_data_adapt_and_query_data_judge(x64):
    meta = mg.maml(lambda t, c: (t - c) ** 2 / 2, mg.Tasks(np.array([0.0, 1.0]), np.array([5.0, -3.0])))
    theta, alpha = 0.5, 0.25
    adapted = np.array([0.75 * 0.5, 0.75 * 0.5 + 0.25])
    np.testing.assert_allclose(meta.adapt(theta, alpha), adapted, rtol=1e-15)
    np.testing.assert_allclose(meta.per_task(theta, alpha), (adapted - [5.0, -3.0]) ** 2 / 2, rtol=1e-15)
    # d/dtheta (theta' - q)^2 / 2 = (theta' - q) (1 - alpha)
    np.testing.assert_allclose(jax.grad(meta)(theta, alpha), ((adapted - [5.0, -3.0]) * 0.75).sum(), rtol=1e-14)


def test_a_python_number_an_array_and_another_precision_of_alpha_are_one_alpha(x64):
    meta = mg.cases.quartic().meta()
    assert (
        float(meta(0.5, 0.25)) == float(meta(jnp.asarray(0.5), jnp.asarray(0.25))) == float(meta(0.5, np.float64(0.25)))
    )
    assert float(meta(1, 0)) == float(meta(1.0, 0.0))
    # The parameters decide the precision: alpha follows them, not the other way round.
    assert meta(jnp.float32(0.5), jnp.float64(0.25)).dtype == jnp.float32
    assert jax.grad(meta)(jnp.float32(0.5), jnp.float64(0.25)).dtype == jnp.float32


# --- invariants ------------------------------------------------------------------------------------


@given(tasks(), sixteenths)
def test_alpha_zero_is_the_joint_loss(x64, coefficients, theta):
    found = value_and_slope(polynomials(coefficients), theta, 0.0)
    joint = np.polynomial.Polynomial(np.sum(coefficients, axis=0))
    close(found, (joint(theta), joint.deriv()(theta)), oracles.meta_size(coefficients, theta, 0.0))


@given(tasks(num_tasks=3), st.permutations(range(3)), sixteenths, rates)
def test_the_order_of_the_tasks_does_not_matter(x64, coefficients, order, theta, alpha):
    found = value_and_slope(polynomials(coefficients), theta, alpha)
    again = value_and_slope(polynomials([coefficients[i] for i in order]), theta, alpha)
    # Only the order of the sum changes, never a term.
    close(found, again, oracles.meta_size(coefficients, theta, alpha), operations=6)


def _shifted_loss(theta, data):
    coefficients, shift = data
    return polynomial_loss(theta - shift, coefficients)


@given(tasks(), sixteenths, rates, st.integers(-64, 64).map(lambda i: i / 16))
def test_moving_all_tasks_together_moves_the_meta_loss(x64, coefficients, theta, alpha, shift):
    def at(shift):
        data = jnp.asarray(coefficients), jnp.full(2, shift)
        return value_and_slope(mg.maml(_shifted_loss, mg.Tasks(data)), theta + shift, alpha)

    # theta + shift is exact here; theta' is rounded at its own size, which the shift makes larger.
    size = oracles.meta_size(coefficients, abs(theta) + abs(shift), alpha)
    close(at(shift), at(0.0), np.array(size))


@given(tasks(), sixteenths, rates, st.sampled_from([-4.0, -0.5, 0.125, 2.0, 1024.0]))
def test_losses_times_s_with_alpha_over_s_is_the_meta_loss_times_s(x64, coefficients, theta, alpha, s):
    found = value_and_slope(polynomials(np.array(coefficients) * s), theta, alpha / s)
    plain = value_and_slope(polynomials(coefficients), theta, alpha)
    # A power of two changes exponents only: every rounding is the same, so equality is exact.
    np.testing.assert_array_equal(found, s * np.array(plain))


@given(tasks(), sixteenths, rates, st.sampled_from([2, 3]))
def test_k_steps_are_k_times_one_step(x64, coefficients, theta, alpha, num_steps):
    many = _adapt(polynomials(coefficients, num_steps), jnp.full(2, theta), alpha)
    one = jnp.full(2, theta)
    for _ in range(num_steps):
        one = _adapt(polynomials(coefficients), one, alpha)
    size = max(_adapted_size(loss, theta, alpha, num_steps) for loss in coefficients)
    close(many, one, size, operations=32 * num_steps)


@jax.jit
def _adapt(meta, thetas, alpha):
    """Task i adapted from `thetas[i]`."""
    return jnp.diagonal(jax.vmap(lambda theta: meta.adapt(theta, alpha))(thetas))


def _adapted_size(loss, theta, alpha, num_steps):
    slope, size = np.polynomial.Polynomial(np.abs(loss)).deriv(), abs(theta)
    for _ in range(num_steps):
        size += abs(alpha) * slope(size)
    return size


# --- several parameters ----------------------------------------------------------------------------


@pytest.mark.parametrize("num_steps", [0, 1, 3])
def test_quadratics_in_several_dimensions(x64, num_steps):
    rng = np.random.default_rng(2)
    roots, centers = rng.normal(size=(3, 4, 4)), rng.normal(size=(3, 4))
    matrices = roots @ roots.transpose(0, 2, 1) + np.eye(4)
    alpha = 0.07
    exact = oracles.matrix_quadratics(matrices, centers, alpha, num_steps)
    meta = mg.cases.quadratics(matrices, centers).meta(num_steps)
    scale = np.abs(exact.curvature).max()
    np.testing.assert_allclose(meta(exact.theta, alpha), exact.value, rtol=1e-13)
    np.testing.assert_allclose(jax.grad(meta)(jnp.asarray(exact.theta), alpha), 0, atol=1e-14 * scale)
    hessian = jax.hessian(meta)(jnp.asarray(exact.theta), alpha)
    np.testing.assert_allclose(hessian, exact.curvature, atol=1e-13 * scale)


def _network_problem(activation, widths, shots, dtype=np.float64):
    """A network and three sinusoid tasks, once for the package and once as plain arrays for the oracle."""
    rng = np.random.default_rng(5)
    # Biases away from zero, so that no unit sits on the corner of the relu.
    shapes = itertools.pairwise(widths)
    layers = [(rng.normal(size=s) * np.sqrt(2 / s[0]), 0.1 * rng.normal(size=s[1])) for s in shapes]
    layers = [(w.astype(dtype).astype(float), b.astype(dtype).astype(float)) for w, b in layers]
    x = rng.uniform(-5, 5, size=(3, 2 * shots + 2, 1)).astype(dtype)
    y = (rng.uniform(0.1, 5, size=(3, 1, 1)) * np.sin(x - rng.uniform(0, np.pi, size=(3, 1, 1)))).astype(dtype)
    tasks = mg.Tasks((x[:, :shots], y[:, :shots]), (x[:, shots:], y[:, shots:]))
    pairs = [tuple(tuple(a[i].astype(float) for a in part) for part in tasks) for i in range(3)]
    theta = [{"weight": w.astype(dtype), "bias": b.astype(dtype)} for w, b in layers]
    return theta, mg.cases.network(jax.random.key(0), (1, 1), activation)[1], tasks, layers, pairs


@pytest.mark.parametrize(
    ("num_steps", "activation"), brief(itertools.product([1, 2, 5], ["tanh", "relu"]), (2, "tanh"), (1, "relu"))
)
def test_the_meta_gradient_of_a_two_layer_network_is_the_hand_unrolled_one(x64, activation, num_steps):
    theta, loss, sinusoids, layers, pairs = _network_problem(activation, (1, 6, 5, 1), 4)
    value, gradient = value_and_slope(mg.maml(loss, sinusoids, num_steps=num_steps), theta, 0.02)
    exact = oracles.network_meta_gradient(layers, pairs, 0.02, num_steps, activation)
    exact_value = oracles.network_meta_loss(layers, pairs, 0.02, num_steps, activation)
    np.testing.assert_allclose(value, exact_value, rtol=1e-13)
    scale = max(np.abs(w).max() for w, _ in exact)
    for layer, (weight, bias) in zip(gradient, exact, strict=True):
        np.testing.assert_allclose(layer["weight"], weight, rtol=1e-12, atol=1e-13 * scale)
        np.testing.assert_allclose(layer["bias"], bias, rtol=1e-12, atol=1e-13 * scale)


@pytest.mark.parametrize("dtype", brief(["float32", "float64"], "float64"), indirect=True)
def test_the_network_of_the_paper_along_random_directions(dtype):
    # 1,761 parameters: a directional derivative by one complex step instead of every partial one.
    theta, loss, sinusoids, layers, pairs = _network_problem("relu", (1, 40, 40, 1), 10, dtype)
    _, gradient = value_and_slope(mg.maml(loss, sinusoids), theta, 0.01)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient))
    rng = np.random.default_rng(6)
    for _ in range(3):
        directions = [(rng.normal(size=w.shape), rng.normal(size=b.shape)) for w, b in layers]
        moved = [(w + 1e-100j * dw, b + 1e-100j * db) for (w, b), (dw, db) in zip(layers, directions, strict=True)]
        exact = oracles.network_meta_loss(moved, pairs, 0.01, 1, "relu").imag / 1e-100
        found = sum(
            float(np.vdot(np.asarray(layer["weight"], float), dw) + np.vdot(np.asarray(layer["bias"], float), db))
            for layer, (dw, db) in zip(gradient, directions, strict=True)
        )
        # A sum of 1,761 products with entries of order one, each gradient entry right to some hundred eps.
        close(found, exact, scale * np.sqrt(1761), dtype, operations=500)


def test_the_first_order_gradient_would_not_pass(x64):
    # The check above sees the second-order term: without it the answer is far away.
    theta, loss, sinusoids, layers, pairs = _network_problem("tanh", (1, 6, 5, 1), 4)
    adapted = jax.jit(lambda meta: meta.adapt(theta, 0.02))(mg.maml(loss, sinusoids))
    query = jax.jit(jax.vmap(jax.grad(loss)))(adapted, sinusoids.query)
    first_order = query[0]["weight"].sum(0)
    exact = oracles.network_meta_gradient(layers, pairs, 0.02, 1, "tanh")[0][0]
    assert np.abs(first_order - exact).max() > 1e-3 * np.abs(exact).max()


# --- a pytree --------------------------------------------------------------------------------------


def test_a_meta_loss_is_a_pytree_of_its_tasks(x64):
    meta = polynomials(oracles.CASE_2[:1])
    leaves, structure = jax.tree.flatten(meta)
    assert [leaf.shape for leaf in leaves] == [(1, 5)]
    assert float(jax.tree.unflatten(structure, leaves)(0.5, 0.2)) == float(meta(0.5, 0.2))
    assert jax.tree.leaves(mg.cases.quartic().meta()) == []
    doubled = jax.tree.map(lambda c: 2 * c, meta)
    assert float(doubled(0.5, 0.0)) == 2 * float(meta(0.5, 0.0))


def test_an_equal_meta_loss_built_again_and_new_task_values_do_not_compile(x64, compilations):
    traces = []

    @jax.jit
    def function(meta, theta, alpha):
        traces.append(1)
        return jax.grad(meta)(theta, alpha)

    # Structure tells two meta-losses apart: another number of steps compiles, other numbers do not.
    first, second = np.array([[0.5, -1.0, 0.5]]), np.array([[1.0, 2.0, 3.0]])
    function(polynomials(first), 0.5, 0.25)
    compilations.reset()
    found = function(polynomials(second), 0.75, -0.5)
    assert (compilations.count, len(traces)) == (0, 1)
    # L = 1 + 2t + 3t^2: L' = 2 + 6t, theta' = 0.75 + 0.5 * 6.5 = 4, dL/dtheta = (2 + 24) (1 + 0.5 * 6).
    assert float(found) == 104.0
    function(polynomials(first, num_steps=2), 0.5, 0.25)
    assert len(traces) == 2


def test_a_meta_loss_says_what_it_is():
    text = repr(mg.cases.quartic().meta(3, "mean"))
    assert "3" in text
    assert "mean" in text
    assert "num_tasks=2" in text
