"""The problems with known answers, against the formulas written again without the package."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

from . import oracles

CASES = {
    "quadratic": (mg.cases.quadratic, oracles.case_1, oracles.case_1_size),
    "quartic": (mg.cases.quartic, oracles.case_2, oracles.case_2_size),
}
ALPHAS = np.linspace(-0.5, 1.5, 21)[:, None]
THETAS = np.linspace(-2, 2, 41)


@pytest.mark.parametrize("name", CASES)
def test_the_closed_forms_are_those_of_the_post(name, x64):
    case, form, size = CASES[name][0](), *CASES[name][1:]
    value, slope, _ = form(THETAS, ALPHAS)
    value_size, slope_size, _ = size(THETAS, ALPHAS)
    eps = np.finfo(float).eps
    assert case.name == name
    assert (np.abs(case.meta_loss(THETAS, ALPHAS) - value) <= 16 * eps * value_size).all()
    assert (np.abs(case.meta_grad(THETAS, ALPHAS) - slope) <= 16 * eps * slope_size).all()


@pytest.mark.parametrize("name", CASES)
def test_the_losses_and_adapted_parameters_are_those_of_the_post(name, x64):
    case = CASES[name][0]()
    first = {"quadratic": lambda t: t**2 / 2, "quartic": lambda t: t**4 / 4}[name]
    slope = {"quadratic": lambda t: t, "quartic": lambda t: t**3}[name]
    for theta in (-1.5, 0.0, 0.25, 1.0, 2.0):
        assert [float(loss(theta)) for loss in case.losses] == [first(theta), (theta - 1) ** 2 / 2]
        for alpha in (-0.5, 0.0, 0.5, 1.0):
            exact = [theta - alpha * slope(theta), theta - alpha * (theta - 1)]
            assert [float(t) for t in case.adapted(theta, alpha)] == exact
            assert [float(t) for t in case.meta().adapt(theta, alpha)] == exact
    assert len(case.labels) == len(case.losses) == 2
    assert case.adapted(THETAS, 0.5).shape == (2, 41)


def test_case_1_is_flat_at_alpha_one_and_case_2_has_three_optima(x64):
    assert (np.asarray(mg.cases.quadratic().meta_loss(THETAS, 1.0)) == 0).all()
    case = mg.cases.quartic()
    assert [float(case.meta()(t, 1.0)) for t in (-1.0, 0.0, 1.0)] == [0.0, 0.0, 0.0]
    assert [float(case.meta_grad(t, 1.0)) for t in (-1.0, 0.0, 1.0)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("num_steps", [0, 1, 2, 4])
def test_the_optimum_of_the_quadratics(num_steps, x64):
    rng = np.random.default_rng(num_steps)
    for alpha in (-0.3, 0.0, 0.2, 0.9):
        a, c = rng.uniform(0.2, 1.5, 5), rng.normal(size=5)
        exact, tasks = oracles.quadratics(a, c, alpha, num_steps), mg.cases.quadratics(a, c)
        np.testing.assert_allclose(tasks.optimal_theta(alpha, num_steps), exact.theta, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(tasks.weights(alpha, num_steps).sum(), exact.curvature, rtol=1e-13)
        np.testing.assert_allclose(tasks.meta(num_steps)(exact.theta, alpha), exact.value, rtol=1e-13)
        roots = rng.normal(size=(5, 3, 3))
        matrices, centers = roots @ roots.transpose(0, 2, 1) / 3 + np.eye(3) / 4, rng.normal(size=(5, 3))
        exact, tasks = (
            oracles.matrix_quadratics(matrices, centers, alpha, num_steps),
            mg.cases.quadratics(matrices, centers),
        )
        scale = np.linalg.cond(exact.curvature) * np.abs(exact.theta).max()
        np.testing.assert_allclose(tasks.optimal_theta(alpha, num_steps), exact.theta, atol=1e-14 * scale)
        np.testing.assert_allclose(tasks.meta(num_steps)(exact.theta, alpha), exact.value, rtol=1e-12)


def test_quadratics_of_disagreeing_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        mg.cases.quadratics(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 3\)"):
        mg.cases.quadratics(np.ones((2, 3)), np.ones((2, 3)))


def test_the_sinusoids_are_those_of_the_paper(x64):
    tasks = mg.cases.sinusoid_tasks(jax.random.key(0), num_tasks=400, num_shots=10, num_queries=15)
    (x, y), (qx, qy) = tasks
    assert x.shape == y.shape == (400, 10, 1)
    assert qx.shape == qy.shape == (400, 15, 1)
    assert -5 <= x.min() < -4.9
    assert 4.9 < x.max() <= 5
    # A sin(x - p) is linear in (sin x, cos x): least squares on the support gives A and p.
    amplitudes, phases = [], []
    for i in range(400):
        basis = np.stack([np.sin(x[i, :, 0]), np.cos(x[i, :, 0])], 1)
        (a, b), *_ = np.linalg.lstsq(basis, np.asarray(y[i, :, 0]), rcond=None)
        np.testing.assert_allclose(a * np.sin(qx[i]) + b * np.cos(qx[i]), qy[i], atol=1e-10)
        amplitudes.append(np.hypot(a, b))
        phases.append(np.arctan2(-b, a))
    # Uniform on [0.1, 5] and [0, pi]: the extremes and the mean of 400 draws (five standard errors).
    assert 0.1 <= min(amplitudes) < 0.2
    assert 4.9 < max(amplitudes) <= 5
    assert abs(np.mean(amplitudes) - 2.55) < 5 * 4.9 / np.sqrt(12 * 400)
    assert min(phases) >= -1e-12
    assert max(phases) <= np.pi + 1e-12
    assert abs(np.mean(phases) - np.pi / 2) < 5 * np.pi / np.sqrt(12 * 400)


def test_another_key_draws_other_tasks_and_the_same_key_the_same():
    draw = [mg.cases.sinusoid_tasks(jax.random.key(k), 3, 4) for k in (0, 0, 1)]
    np.testing.assert_array_equal(draw[0].support[0], draw[1].support[0])
    assert not (draw[0].support[0] == draw[2].support[0]).any()
    assert draw[0].query[0].shape == (3, 4, 1)


@pytest.mark.parametrize("name", ["num_tasks", "num_shots", "num_queries"])
def test_no_tasks_or_examples_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        mg.cases.sinusoid_tasks(jax.random.key(0), **{name: 0})


def test_the_network_of_the_paper():
    theta, loss = mg.cases.network(jax.random.key(0))
    assert [layer["weight"].shape for layer in theta] == [(1, 40), (40, 40), (40, 1)]
    assert [layer["bias"].shape for layer in theta] == [(40,), (40,), (1,)]
    assert loss(theta, (jnp.ones((3, 1)), jnp.ones((3, 1)))).shape == ()
    assert mg.cases.network(jax.random.key(1))[1] is loss, "a new loss for each network would compile again"
    with pytest.raises(ValueError, match=r"'relu' or 'tanh', got 'elu'"):
        mg.cases.network(jax.random.key(0), activation="elu")
