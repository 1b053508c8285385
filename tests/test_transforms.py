"""Everything public goes through jit, vmap and grad where that has a meaning, in both precisions."""

from __future__ import annotations

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid import Status

from . import oracles
from .problems import polynomials

QUARTIC = mg.cases.quartic().meta()
BOUNDS = (-4.0, 4.0)
ALPHAS, THETAS = np.array([-0.3, 0.0, 0.2, 0.6]), np.linspace(-2, 2, 9)
SGD = optax.sgd(0.05)


# --- the meta-loss ----------------------------------------------------------------


def test_jit_changes_nothing(dtype):
    theta, alpha = np.array(0.7, dtype), np.array(0.3, dtype)
    for function in (QUARTIC, QUARTIC.per_task, QUARTIC.adapt, jax.grad(QUARTIC), jax.grad(QUARTIC, argnums=1)):
        plain, jitted = function(theta, alpha), jax.jit(function)(theta, alpha)
        assert plain.dtype == jitted.dtype == dtype
        np.testing.assert_allclose(jitted, plain, rtol=16 * np.finfo(dtype).eps)


def test_vmap_is_a_loop(dtype):
    alphas, thetas = ALPHAS.astype(dtype), THETAS.astype(dtype)
    along = jax.jit(jax.vmap(jax.vmap(QUARTIC, (0, None)), (None, 0)))(thetas, alphas)
    size = oracles.case_2_size(thetas, alphas[:, None])[0]
    exact = oracles.case_2(thetas.astype(float), alphas.astype(float)[:, None])[0]
    assert (np.abs(along - exact) <= 16 * np.finfo(dtype).eps * size).all()
    pairs = jax.vmap(QUARTIC)(thetas[:4], alphas)
    np.testing.assert_allclose(pairs, np.diagonal(along)[:4], rtol=16 * np.finfo(dtype).eps)


@pytest.mark.slow
def test_forward_and_reverse_derivatives_agree(x64):
    for theta, alpha in ((0.7, 0.3), (-1.2, -0.4), (1.1, 0.9)):
        _, slope, curvature = oracles.case_2(theta, alpha)
        sizes = oracles.case_2_size(theta, alpha)
        at = jnp.asarray(theta), jnp.asarray(alpha)
        for derivative in (jax.grad, jax.jacfwd, jax.jacrev):
            assert abs(derivative(QUARTIC)(*at) - slope) <= 16 * np.finfo(float).eps * sizes[1]
        for outer, inner in ((jax.grad, jax.grad), (jax.jacfwd, jax.grad), (jax.jacfwd, jax.jacfwd)):
            assert abs(outer(inner(QUARTIC))(*at) - curvature) <= 16 * np.finfo(float).eps * sizes[2]


def test_a_batch_of_meta_losses_is_a_vmap_over_its_leaves(x64):
    rng = np.random.default_rng(9)
    batch = rng.integers(-16, 16, (5, 2, 4)) / 16
    metas = polynomials(batch[0])
    metas = jax.tree.unflatten(jax.tree.structure(metas), [jnp.asarray(batch)])
    found = jax.vmap(lambda meta: jax.grad(meta)(0.5, 0.25))(metas)
    for coefficients, slope in zip(batch, found, strict=True):
        polynomial, _ = oracles.meta_polynomial(coefficients, 0.25)
        exact = float(oracles.evaluate(oracles.derivative(polynomial), Fraction(1, 2)))
        assert abs(float(slope) - exact) <= 64 * np.finfo(float).eps * oracles.meta_size(coefficients, 0.5, 0.25)[1]


# --- surfaces ---------------------------------------------------------------------


def test_surfaces_under_jit_and_vmap(dtype):
    alphas, thetas = ALPHAS.astype(dtype), THETAS.astype(dtype)
    plain = mg.surface(QUARTIC, alphas, thetas, derivatives=2)
    jitted = jax.jit(lambda meta, a, t: mg.surface(meta, a, t, derivatives=2))(QUARTIC, alphas, thetas)
    assert isinstance(jitted, mg.Surface)
    shifted = jax.vmap(lambda s: mg.surface(QUARTIC, alphas, thetas + s))(jnp.zeros(3, dtype))
    assert shifted.values.shape == (3, 4, 9)
    for values in (jitted.values, *shifted.values):
        assert values.dtype == dtype
        np.testing.assert_allclose(values, plain.values, rtol=32 * np.finfo(dtype).eps)
    terms = jax.jit(mg.task_losses)(QUARTIC, alphas, thetas)
    np.testing.assert_allclose(terms.values.sum(-1), plain.values, rtol=32 * np.finfo(dtype).eps)


def test_a_surface_can_be_differentiated_in_its_axes(x64):
    slope = jax.grad(lambda thetas: mg.surface(QUARTIC, ALPHAS, thetas, derivatives=0).values.sum())(THETAS)
    exact = oracles.case_2(THETAS, ALPHAS[:, None])[1].sum(0)
    np.testing.assert_allclose(slope, exact, rtol=1e-12, atol=1e-13)


# --- the optimum ------------------------------------------------------------------


@pytest.mark.slow
def test_the_optimum_under_jit_is_the_same_and_leaves_jumps_to_a_function_of_their_own(x64):
    alphas, eps = np.linspace(0, 0.9, 10), np.finfo(float).eps
    plain = mg.optimal_theta(QUARTIC, alphas, BOUNDS)
    jitted = jax.jit(lambda meta, a: mg.optimal_theta(meta, a, BOUNDS))(QUARTIC, alphas)
    np.testing.assert_allclose(jitted.thetas, plain.thetas, rtol=0, atol=32 * eps)
    np.testing.assert_array_equal(jitted.status, plain.status)
    assert jitted.status.dtype == np.int8
    assert len(plain.jumps.alphas) == 1
    assert jitted.jumps is None
    known = [float(x[0]) for x in (plain.jumps.alphas, plain.jumps.thetas_before, plain.jumps.thetas_after)]
    jump = jax.jit(lambda meta: mg.jump(meta, near=(0.3, 0.8, 1.3)))(QUARTIC)
    np.testing.assert_allclose(jump[:3], known, rtol=8 * eps)


@pytest.mark.slow
def test_bounds_may_be_traced(x64):
    found = jax.jit(lambda low, high: mg.optimal_theta(QUARTIC, np.array([0.2]), (low, high)))(-4.0, 0.5)
    assert (float(found.thetas[0]), Status(int(found.status[0]))) == (0.5, Status.AT_BOUND)


@pytest.mark.slow
def test_the_optimum_of_a_batch_of_tasks_is_a_vmap(x64):
    a, c = np.array([[0.5, 1.0], [1.0, 0.25], [0.75, 0.5]]), np.array([[0.0, 1.0], [-1.0, 0.5], [0.25, 2.0]])
    alphas = np.array([0.25])
    thetas = jax.vmap(lambda a, c: mg.optimal_theta(mg.cases.quadratics(a, c).meta(), alphas, BOUNDS).thetas)(a, c)
    for i in range(3):
        exact = [oracles.quadratics(a[i], c[i], alpha).theta for alpha in alphas]
        np.testing.assert_allclose(thetas[i], exact, rtol=0, atol=1e-14)


def test_the_derivative_of_the_optimum_in_alpha_is_its_sensitivity(x64):
    jacobian = jax.jacrev(lambda alphas: mg.optimal_theta(QUARTIC, alphas, BOUNDS).thetas)(ALPHAS)
    exact = [float(oracles.minima(oracles.CASE_2, alpha, BOUNDS)[0].sensitivity) for alpha in ALPHAS]
    np.testing.assert_allclose(jacobian, np.diag(exact), rtol=1e-10, atol=1e-13)


def test_the_derivative_of_the_optimum_in_the_tasks_is_the_implicit_one(x64):
    # theta* = sum w c / sum w, w = a (1 - alpha a)^2: dtheta*/dc = w / sum w, dL*/dc = w (c - theta*).
    a, c, alphas = np.array([0.5, 1.0, 0.25]), np.array([-1.0, 0.5, 2.0]), np.array([0.0, 0.3])

    def optimum(c):
        found = mg.optimal_theta(mg.cases.quadratics(a, c).meta(), alphas, BOUNDS)
        return found.thetas, found.values

    thetas, values = jax.jacrev(optimum)(c)
    for i, alpha in enumerate(alphas):
        w = a * (1 - alpha * a) ** 2
        np.testing.assert_allclose(thetas[i], w / w.sum(), rtol=1e-12)
        np.testing.assert_allclose(values[i], w * (c - (w * c).sum() / w.sum()), rtol=1e-11)


@pytest.mark.slow
def test_the_derivative_of_a_jump_in_the_tasks_is_that_of_the_jump(x64):
    coefficients = np.array([oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]])
    alphas = np.array([0.0, 0.2, 0.5, 0.9])

    def jumps(coefficients):
        return mg.optimal_theta(polynomials_of(coefficients), alphas, BOUNDS).jumps

    def jump(coefficients):
        return jumps(coefficients).alphas[0]

    plain = jumps(coefficients)
    near = tuple(round(float(x[0]), 2) for x in (plain.alphas, plain.thetas_before, plain.thetas_after))
    found = jax.grad(jump)(coefficients)
    alone = jax.jit(jax.grad(lambda coefficients: mg.jump(polynomials_of(coefficients), near=near).alpha))(coefficients)
    np.testing.assert_allclose(found, alone, rtol=1e-12, atol=1e-15)
    forward, reverse = (of(lambda c: jumps(c).values)(coefficients) for of in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-15)
    # Central differences at fifty digits, exact to the square of the step.
    step = Fraction(1, 10**8)
    for task, power in ((0, 4), (1, 1), (1, 2)):
        ends = []
        for sign in (1, -1):
            losses = [[Fraction(x) for x in row] for row in coefficients]
            losses[task][power] += sign * step
            ends.append(_jump_of(losses))
        with mp.workdps(oracles.DIGITS):
            exact = float((ends[0] - ends[1]) / (2 * mp.mpf(10) ** -8))
        np.testing.assert_allclose(found[task, power], exact, rtol=1e-9)


def polynomials_of(coefficients):
    return mg.maml(polynomials([[0.0]]).loss, mg.Tasks(coefficients))


def _jump_of(losses):
    (jump,) = oracles.jumps(losses, [0.3, 0.35], BOUNDS)
    return jump.alpha


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_a_derivative_is_not_spoilt_by_a_neighbour_without_an_optimum(alpha, x64):
    # Case 1 is flat at alpha = 1: no theta there, NaN; the others keep their derivative, zero.
    alphas = np.array([0.5, 1.0, 1.5])
    meta = mg.cases.quadratic().meta()
    slope = jax.grad(lambda a: jnp.nansum(mg.optimal_theta(meta, a, BOUNDS).thetas))(alphas)
    assert np.isfinite(slope[np.array([0, 2])]).all()
    np.testing.assert_allclose(slope[np.array([0, 2])], 0, atol=1e-13)


# --- the outer loop ---------------------------------------------------------------


@pytest.mark.slow
def test_outer_loops_under_jit_vmap_and_grad(x64):
    def end(start, coefficients):
        return mg.outer_loop(polynomials_of(coefficients), ALPHAS, start, SGD, num_steps=3).thetas

    coefficients = jnp.asarray([oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]])
    plain = end(0.8, coefficients)
    np.testing.assert_allclose(jax.jit(end)(0.8, coefficients), plain, rtol=1e-14)
    starts = jnp.array([0.8, -0.5])
    np.testing.assert_allclose(jax.vmap(end, (0, None))(starts, coefficients)[0], plain, rtol=1e-14)
    # The derivative of three steps in the start is the product of 1 - rate * curvature along the way.
    slope = jax.jit(jax.jacrev(end))(0.8, coefficients)
    theta, product = np.full(4, 0.8), np.ones(4)
    for _ in range(3):
        _, gradient, curvature = oracles.case_2(theta, ALPHAS)
        theta, product = theta - 0.05 * gradient, product * (1 - 0.05 * curvature)
    np.testing.assert_allclose(plain, theta, rtol=1e-13)
    np.testing.assert_allclose(slope, product, rtol=1e-12)


# --- compilation ------------------------------------------------------------------


def test_the_second_call_inside_a_program_does_not_compile(dtype, compilations):
    @jax.jit
    def program(meta, alphas, thetas, start):
        surface = mg.surface(meta, alphas, thetas)
        run = mg.outer_loop(meta, alphas, start, SGD, num_steps=2)
        return surface.values.sum(), run.thetas

    def arguments(shift):
        meta = polynomials(np.array([[0.5, -1.0, 0.5], [shift, 1.0, 2.0]], dtype))
        return meta, (ALPHAS + shift).astype(dtype), (THETAS - shift).astype(dtype), np.array(shift, dtype)

    program(*arguments(0.25))
    second = arguments(0.5)
    compilations.reset()
    program(*second)
    assert compilations.count == 0


def test_a_flat_neighbour_does_not_spoil_a_derivative(x64):
    def value(centers):
        meta = mg.cases.quadratics(np.ones(2), centers).meta()
        return mg.optimal_theta(meta, np.array([0.5, 1.0]), (-4.0, 4.0)).values[0]

    # (1 - alpha)^2 (c_1 - c_0)^2 / 4 at its minimum.
    np.testing.assert_allclose(jax.grad(value)(jnp.array([0.0, 1.0])), [-0.125, 0.125], rtol=1e-12)
