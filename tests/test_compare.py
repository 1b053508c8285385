"""Where each algorithm ends up beside the others, and what one algorithm trained is worth to another."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid import Status

from . import oracles, oracles_algorithms
from .lanes import brief

BOUNDS = (-4.0, 4.0)
CASE_2 = mg.cases.quartic().losses
ALPHAS = np.array([0.1, 0.3, 0.5, 0.8])


def _case_2():
    return {"MAML": mg.maml(CASE_2), "FOMAML": mg.fomaml(CASE_2), "Reptile": mg.reptile(CASE_2)}


def direction_polynomial(name, alpha):
    """The outer direction of case 2 with one step, a polynomial in theta."""
    total = [oracles.Fraction(0)]
    for loss in map(oracles.polynomial, oracles.CASE_2):
        slope = oracles.derivative(loss)
        step = [-oracles.Fraction(alpha) * c for c in slope]
        adapted = oracles.plus([oracles.Fraction(0), oracles.Fraction(1)], step)
        match name:
            case "MAML":
                part = oracles.derivative(oracles.compose(loss, adapted))
            case "FOMAML":
                part = oracles.compose(slope, adapted)
            case "Reptile":
                part = slope
        total = oracles.plus(total, part)
    return total


# --- quadratics ------------------------------------------------------------------------------------

A, C = np.array([1.0, 3.0]), np.array([0.0, 1.0])
QUADRATIC_ALPHAS = np.array([-0.25, 0.0, 0.25, 0.35, 0.5, 0.6, 1.2])  # 1/a is 1 and 1/3


def _quadratics(algorithm, **settings):
    return algorithm(mg.cases.quadratic_loss, mg.Tasks((A, C)), **settings)


def _check_quadratics(found, name, alphas, num_steps, strength=1.0):
    i = found.position(name)
    for j, alpha in enumerate(alphas):
        weights = oracles_algorithms.direction_weights(name, A[:, None, None], alpha, num_steps, strength=strength)
        (exact,), slope = oracles_algorithms.fixed_point(weights, C[:, None]), weights.sum()
        status = [Status(int(s)) for s in found.status[i, j]]
        assert status == [Status.OK] + [Status.ABSENT] * (len(status) - 1)
        np.testing.assert_allclose(found.fixed_points[i, j, 0], exact, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(found.jacobians[i, j, 0], slope, rtol=1e-10)
        assert bool(found.attracting[i, j, 0]) == (slope > 0), (name, alpha)
        assert np.isnan(found.fixed_points[i, j, 1:]).all()
        assert not found.attracting[i, j, 1:].any()


@pytest.mark.parametrize("num_steps", brief([1, 2, 3], 1))
def test_fixed_points_of_quadratics_are_weighted_means(x64, num_steps):
    metas = {
        name: _quadratics(algorithm, num_steps=num_steps)
        for name, algorithm in (("MAML", mg.maml), ("FOMAML", mg.fomaml), ("Reptile", mg.reptile))
    }
    found = mg.compare(metas, QUADRATIC_ALPHAS, BOUNDS)
    for name in metas:
        _check_quadratics(found, name, QUADRATIC_ALPHAS, num_steps)
    # The regret by its definition, from the weights of MAML: a parabola above its optimum.
    for j, alpha in enumerate(QUADRATIC_ALPHAS):
        weights = A * (1 - alpha * A) ** (2 * num_steps)
        best = (weights * C).sum() / weights.sum()
        distance = np.asarray(found.fixed_points[:, j, 0]) - best
        np.testing.assert_allclose(found.regrets[:, j, 0], weights.sum() * distance**2 / 2, rtol=1e-8, atol=1e-14)
        np.testing.assert_allclose(
            found.values[:, j, 0],
            (weights * (np.asarray(found.fixed_points[:, j, 0])[:, None] - C) ** 2).sum(1) / 2,
            rtol=1e-12,
        )
    if num_steps == 1:
        # FOMAML's denominator E[a] - alpha E[a^2] changes sign at alpha = 4 / 10: beyond it the point repels.
        expected = A.mean() / (A**2).mean() > QUADRATIC_ALPHAS
        np.testing.assert_array_equal(found.attracting[1, :, 0], expected)
        assert found.attracting[0, :, 0].all()


@pytest.mark.slow
def test_fixed_points_of_proximal_algorithms_on_quadratics(x64):
    metas = {
        "MAML": _quadratics(mg.maml),
        "iMAML": _quadratics(mg.imaml, strength=1.5),
        "Moreau": _quadratics(mg.moreau, strength=1.5),
    }
    alphas = np.array([0.0, 0.5])
    found = mg.compare(metas, alphas, BOUNDS)
    for name in ("iMAML", "Moreau"):
        _check_quadratics(found, name, alphas, 1, strength=1.5)


# --- the two cases ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_in_case_1_the_fixed_point_of_fomaml_repels_beyond_one_when_steps_are_odd(x64):
    # G = (1 - alpha)^K (2 theta - 1) for FOMAML, (1 - alpha)^2K (2 theta - 1) for MAML.
    losses = mg.cases.quadratic().losses
    metas = {"MAML": mg.maml(losses), **{f"K = {k}": mg.fomaml(losses, num_steps=k) for k in (1, 2, 3)}}
    found = mg.compare(metas, np.array([0.5, 1.0, 1.5]), (-2.0, 3.0))
    np.testing.assert_allclose(found.fixed_points[:, ::2, 0], 0.5, rtol=1e-14)
    assert found.attracting[:, 0, 0].all()
    assert found.attracting[:, 2, 0].tolist() == [True, False, True, False]
    # At alpha = 1 every theta is as good as any other: no point is made up.
    assert (found.status[:, 1, 0] == Status.FLAT).all()
    assert np.isnan(found.fixed_points[:, 1]).all()
    assert not found.attracting[:, 1].any()
    # The wrong sign of FOMAML is uphill everywhere but at the point itself.
    away = np.abs(found.thetas - 0.5) > 1e-6
    assert found.uphill[1, 2][away].all()
    assert not found.uphill[[0, 2], 2].any()


def test_in_case_2_all_fixed_points_are_found(x64):
    found = mg.compare(_case_2(), ALPHAS, (-3.0, 3.0))
    assert found.labels.names == ("MAML", "FOMAML", "Reptile")
    for name in found.labels.names:
        i = found.position(name)
        for j, alpha in enumerate(ALPHAS):
            polynomial = direction_polynomial(name, alpha)
            roots = oracles.real_roots(polynomial, -3.0, 3.0)
            exact = [float(r) for r in roots]
            jacobians = [float(oracles.evaluate(oracles.derivative(polynomial), r)) for r in roots]
            count = int((found.status[i, j] != Status.ABSENT).sum())
            assert count == len(exact), (name, alpha)
            np.testing.assert_allclose(found.fixed_points[i, j, :count], exact, rtol=0, atol=1e-13)
            np.testing.assert_allclose(found.jacobians[i, j, :count], jacobians, rtol=1e-9)
            assert found.attracting[i, j, :count].tolist() == [slope > 0 for slope in jacobians]
            values = oracles.case_2(np.array(exact), alpha)[0]
            np.testing.assert_allclose(found.values[i, j, :count], values, rtol=1e-12, atol=1e-16)
            best = float(oracles.minima(oracles.CASE_2, alpha, (-3, 3))[0].value)
            np.testing.assert_allclose(found.regrets[i, j, :count], values - best, rtol=1e-9, atol=1e-14)
    assert found.fixed_points.shape[2] > 1  # the case would show nothing if there were one point
    # The best of MAML's own points is the optimum.
    np.testing.assert_allclose(np.nanmin(found.regrets[0], axis=1), 0, atol=1e-15)
    # Reptile with one step: the same point for every alpha, theta^3 + theta = 1.
    assert np.ptp(found.fixed_points[2, :, 0]) < 1e-15


def test_a_direction_is_uphill_where_its_sign_is_not_that_of_the_true_gradient(x64):
    found = mg.compare(_case_2(), ALPHAS, (-3.0, 3.0))
    assert found.thetas.shape == (513,)
    thetas = np.asarray(found.thetas)
    for j, alpha in enumerate(ALPHAS):
        t = thetas - alpha * thetas**3
        true = oracles.case_2(thetas, alpha)[1]
        first_order = t**3 + (1 - alpha) * (thetas - 1)
        plain = thetas**3 + thetas - 1
        np.testing.assert_array_equal(found.uphill[0, j], np.zeros_like(thetas, bool))
        np.testing.assert_array_equal(found.uphill[1, j], true * first_order < 0)
        np.testing.assert_array_equal(found.uphill[2, j], true * plain < 0)
    assert found.uphill[1:].any()


def test_another_reference_changes_what_is_judged_not_what_is_found(x64):
    metas = _case_2()
    plain = mg.compare(metas, ALPHAS, (-3.0, 3.0))
    turned = mg.compare(dict(reversed(metas.items())), ALPHAS, (-3.0, 3.0), reference="MAML")
    assert turned.labels.names == ("Reptile", "FOMAML", "MAML")
    for field in ("fixed_points", "jacobians", "regrets", "status", "uphill", "attracting"):
        np.testing.assert_array_equal(getattr(turned, field)[::-1], getattr(plain, field), err_msg=field)
    np.testing.assert_array_equal(turned.optimum.thetas, plain.optimum.thetas)
    assert turned.position("MAML") == 2
    with pytest.raises(ValueError, match=r"no algorithm 'Adam'; there are 'Reptile', 'FOMAML', 'MAML'"):
        turned.position("Adam")


def test_a_second_comparison_does_not_compile_and_a_grid_is_taken_as_it_is(x64, compilations):
    tasks = np.array([[0.0, 0.0, 0.5], [0.5, -1.0, 0.5]]), np.array([[0.0, 0.0, 1.0], [0.25, -1.0, 1.0]])
    grid = np.concatenate([np.linspace(-2, 0.3, 7), np.linspace(0.4, 2, 20)])
    results = []
    for coefficients in tasks:
        compilations.reset()
        metas = {
            "MAML": mg.maml(_parabola, mg.Tasks(coefficients)),
            "FOMAML": mg.fomaml(_parabola, mg.Tasks(coefficients)),
        }
        results.append(mg.compare(metas, np.array([0.25, 0.75]), grid))
    assert compilations.count == 0
    np.testing.assert_array_equal(results[0].thetas, grid)
    np.testing.assert_allclose(results[0].fixed_points[:, :, 0], 0.5, rtol=1e-14)
    np.testing.assert_allclose(results[1].fixed_points[:, :, 0], 0.25, rtol=1e-14)


def _parabola(theta, coefficients):
    return coefficients[0] + coefficients[1] * theta + coefficients[2] * theta**2


@pytest.mark.slow
def test_in_float32_the_points_are_as_exact_as_it_allows():
    found = mg.compare({"Reptile": mg.reptile(CASE_2)}, ALPHAS.astype(np.float32), (-3.0, 3.0), reference="Reptile")
    assert found.fixed_points.dtype == found.regrets.dtype == np.float32
    (exact,) = oracles.real_roots(oracles.polynomial([-1, 1, 0, 1]), -3, 3)
    np.testing.assert_allclose(found.fixed_points[0, :, 0], float(exact), rtol=4 * np.finfo(np.float32).eps)


def test_a_jump_of_the_direction_is_no_zero_of_it(x64):
    # The slope goes from -1 to 2 at 0.3: descent ends there, but the direction is not zero.
    kink = mg.maml([lambda t: jnp.maximum(-t, 2 * t - 0.9)], num_steps=0)
    found = mg.compare({"kink": kink}, np.array([0.0]), (-1.0, 1.0))
    assert found.status[0, 0].tolist() == [Status.NOT_CONVERGED]


def test_room_for_points(x64):
    losses = {"MAML": mg.maml(CASE_2), "FOMAML": mg.fomaml(CASE_2)}
    plain = mg.compare(losses, ALPHAS, (-3.0, 3.0))
    most = int((plain.status != Status.ABSENT).sum(axis=2).max())
    with pytest.raises(ValueError, match=f"up to {most} fixed points for one alpha, but max_points={most - 1}"):
        mg.compare(losses, ALPHAS, (-3.0, 3.0), max_points=most - 1)
    with pytest.raises(ValueError, match="cannot be counted: give max_points="):
        jax.jit(lambda a: mg.compare(losses, a, (-3.0, 3.0)).status)(ALPHAS)


@pytest.mark.slow
def test_a_comparison_under_jit(x64):
    losses = {"MAML": mg.maml(CASE_2), "FOMAML": mg.fomaml(CASE_2)}
    plain = mg.compare(losses, ALPHAS, (-3.0, 3.0), max_points=8)
    jitted = jax.jit(lambda a: mg.compare(losses, a, (-3.0, 3.0), max_points=8))(ALPHAS)
    assert jitted.labels == plain.labels
    for field in ("fixed_points", "jacobians", "regrets"):
        np.testing.assert_allclose(getattr(jitted, field), getattr(plain, field), rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(jitted.status, plain.status)


def test_a_comparison_is_saved_and_has_names(x64, tmp_path):
    found = mg.compare(_case_2(), ALPHAS, (-3.0, 3.0))
    found.save(tmp_path / "comparison.npz")
    again = mg.load(tmp_path / "comparison.npz")
    assert again.labels == found.labels
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    data = found.to_xarray()
    picked = data["regrets"].sel(algorithm="FOMAML", alpha=0.5)
    np.testing.assert_array_equal(picked, found.regrets[1, 2])
    assert "FOMAML" in repr(found.to_xarray())


# --- another meta-loss as the judge ----------------------------------------------------------------


def test_each_theta_is_tested_with_its_own_alpha_or_with_every_other(x64):
    alphas, tests = np.array([0.0, 0.5, 0.9]), np.array([-0.5, 0.0, 0.25, 1.5])
    trained = mg.optimal_theta(mg.maml(CASE_2), alphas, BOUNDS)
    same = mg.evaluate(mg.maml(CASE_2), trained)
    np.testing.assert_allclose(same.values, trained.values, rtol=1e-13, atol=1e-17)
    assert same.alphas_test is None
    crossed = mg.evaluate(mg.maml(CASE_2, num_steps=1), trained, tests)
    assert crossed.values.shape == crossed.status.shape == (3, 4)
    exact = oracles.case_2(np.asarray(trained.thetas)[:, None], tests)[0]
    np.testing.assert_allclose(crossed.values, exact, rtol=1e-13)
    assert (crossed.status == Status.OK).all()
    np.testing.assert_array_equal(crossed.alphas, alphas)
    np.testing.assert_array_equal(crossed.alphas_test, tests)
    data = crossed.to_xarray()
    assert data["values"].dims == ("alpha", "alpha_test")
    assert same.to_xarray()["values"].dims == ("alpha",)


def test_other_tasks_and_another_number_of_steps(x64):
    # What a run trained: parameters in several parts, tested on a task it did not see.
    def loss(theta, center):
        return (theta["x"] - center) ** 2 / 2 + jnp.sum(theta["y"] ** 2) / 2

    meta = mg.maml(loss, mg.Tasks(np.array([0.0, 1.0])))
    run = mg.outer_loop(meta, np.array([0.0, 0.5]), {"x": 0.0, "y": np.ones(2)}, optax.sgd(0.1), num_steps=3)
    tested = mg.evaluate(mg.maml(loss, mg.Tasks(np.array([3.0])), num_steps=2), run)
    for i, alpha in enumerate((0.0, 0.5)):
        shrink = (1 - alpha) ** 4
        x, y = run.thetas["x"][i], run.thetas["y"][i]
        np.testing.assert_allclose(tested.values[i], shrink * ((x - 3) ** 2 + (y**2).sum()) / 2, rtol=1e-13)


def test_what_cannot_be_tested_is_said(x64, tmp_path):
    # Trained where all is flat there is no theta; tested where the inner problem is not convex there is no value.
    trained = mg.optimal_theta(mg.cases.quadratic().meta(), np.array([0.5, 1.0]), BOUNDS)
    tested = mg.evaluate(mg.cases.quadratic().meta(), trained)
    assert tested.status.tolist() == [Status.OK, Status.NONFINITE]
    assert np.isnan(tested.values[1])
    hill = mg.evaluate(mg.imaml([lambda t: -(t**2)]), trained, np.array([0.25, 2.0]))
    assert hill.status[0].tolist() == [Status.OK, Status.NOT_CONVERGED]
    assert np.isnan(hill.values[0, 1])
    np.testing.assert_allclose(hill.values[0, 0], -1.0, rtol=1e-13)  # theta' = theta / (1 - 2 / 4) = 1
    hill.save(tmp_path / "evaluation.npz")
    np.testing.assert_array_equal(mg.load(tmp_path / "evaluation.npz").values, hill.values)


def test_testing_goes_through_jit_and_vmap(x64):
    trained = mg.optimal_theta(mg.cases.quadratic().meta(), np.array([0.0, 0.5]), BOUNDS)
    alphas = np.array([[0.0, 0.5], [0.25, 1.5]])
    over = jax.jit(jax.vmap(lambda a: mg.evaluate(mg.cases.quadratic().meta(), trained, a).values))(alphas)
    np.testing.assert_allclose(over, np.broadcast_to(oracles.case_1(0.5, alphas)[0][:, None], (2, 2, 2)), rtol=1e-13)


@pytest.mark.parametrize("bounds", [(0.5, 2.0), (-1.0, 0.5)])
def test_a_fixed_point_on_a_bound_is_in_the_bounds(bounds, x64):
    losses = mg.cases.quadratic().losses
    both = mg.compare({"MAML": mg.maml(losses), "FOMAML": mg.fomaml(losses)}, np.array([0.3, 1.3]), bounds)
    np.testing.assert_allclose(both.fixed_points[..., 0], 0.5, rtol=1e-14)
    assert both.attracting[..., 0].tolist() == [[True, True], [True, False]]
