"""Stationary points, optima and jumps against exact isolation of all roots, and networks against dense grids."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import mamlgrid as mg
from mamlgrid import Status

from . import oracles, oracles_discontinuous, oracles_folds, oracles_stationary
from .lanes import brief
from .problems import polynomial_loss, polynomials, tasks

EPS = np.finfo(float).eps
MAKERS = {"MAML": mg.maml, "FOMAML": mg.fomaml}
CASES = {"case 1": (oracles.CASE_1, (-4.0, 4.0)), "case 2": (oracles.CASE_2, (-5.0, 5.0))}


def padded(losses):
    """Coefficients of one length."""
    return [[float(c) for c in loss] + [0.0] * (5 - len(loss)) for loss in losses]


def slope_noise(losses, thetas, alpha, num_steps=1):
    """What rounding may do to the direction: a few eps of it with every minus made a plus."""
    return 64 * EPS * np.array([oracles.meta_size(losses, t, alpha, num_steps)[1] for t in thetas])


# --- the two cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", brief([20, 200], 20))
@pytest.mark.parametrize("num_steps", brief([1, 2, 3], 1, 2))
@pytest.mark.parametrize("algorithm", MAKERS)
@pytest.mark.parametrize("case", CASES)
def test_all_roots_of_both_cases(case, algorithm, num_steps, count, x64):
    losses, bounds = padded(CASES[case][0]), CASES[case][1]
    alphas = np.linspace(-0.5, 1.5, count) + 1 / 997
    meta = MAKERS[algorithm](polynomial_loss, mg.Tasks(np.array(losses)), num_steps=num_steps)
    found = mg.compare({"it": meta}, alphas, bounds)
    for k, alpha in enumerate(alphas):
        exact = oracles_stationary.stationary_points(losses, float(alpha), bounds, num_steps, algorithm)
        points = np.asarray(found.fixed_points[0, k])
        assert np.isfinite(points).sum() == len(exact), alpha
        thetas = np.array([float(p.theta) for p in exact])
        # 1e-12, or what rounding leaves of a root where case 1 is almost flat.
        jacobians = np.array([abs(float(p.jacobian)) for p in exact])
        allowed = np.maximum(1e-12, slope_noise(losses, thetas, alpha, num_steps) / jacobians)
        assert (np.abs(points[: len(exact)] - thetas) <= allowed).all(), alpha
        assert found.attracting[0, k, : len(exact)].tolist() == [p.attracting for p in exact], alpha


@pytest.mark.parametrize("algorithm", MAKERS)
def test_two_roots_are_two_close_to_a_fold_and_none_beyond_it(algorithm, x64):
    losses, bounds = padded(oracles.CASE_2), (-5.0, 5.0)
    meta = MAKERS[algorithm](polynomial_loss, mg.Tasks(np.array(losses)))
    folds = oracles_folds.folds(oracles_folds.direction(oracles.CASE_2, 1, algorithm), (0.0, 1.5), bounds)
    alphas = np.sort([float(f.alpha) + d for f in folds if not f.degenerate for d in (-1e-8, -2e-9, 2e-9, 1e-8)])
    found = mg.compare({"it": meta}, alphas, bounds)
    for k, alpha in enumerate(alphas):
        exact = oracles_stationary.stationary_points(losses, float(alpha), bounds, 1, algorithm)
        assert np.isfinite(found.fixed_points[0, k]).sum() == len(exact), alpha


@pytest.mark.parametrize("number", [2, 7, 40])
def test_the_jump_of_case_2_from_any_alphas(number, x64):
    (exact,) = oracles_stationary.jumps(padded(oracles.CASE_2), (0.0, 0.95), (-5, 5), num_alphas=12)
    jumps = mg.optimal_theta(polynomials(padded(oracles.CASE_2)), np.linspace(0, 0.95, number), (-5.0, 5.0)).jumps
    np.testing.assert_allclose(jumps.alphas, [float(exact.alpha)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(jumps.thetas_before, [float(exact.theta_before)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(jumps.thetas_after, [float(exact.theta_after)], rtol=0, atol=1e-12)


# --- drawn polynomials ----------------------------------------------------------------------------------------


def _no_root_is_missed_and_no_optimum_wrong(losses):
    bounds, k = (-3.0, 3.0), 0
    for alpha in (-0.21875, 0.15625, 0.84375):  # one by one: nobody asks for jumps between them
        found = mg.compare({"it": polynomials(losses)}, np.array([alpha]), bounds)
        if oracles_stationary.meta_polynomials(losses, alpha).direction.is_zero():
            assert found.status[0, k, 0] == found.optimum.status[k] == Status.FLAT
            continue
        exact = oracles_stationary.stationary_points(losses, alpha, bounds)
        points = np.asarray(found.fixed_points[0, k])
        status = np.asarray(found.status[0, k])[np.isfinite(points)]
        points = points[np.isfinite(points)]
        thetas = np.array([float(p.theta) for p in exact])
        for point, noise in zip(exact, slope_noise(losses, thetas, alpha), strict=True):
            near = np.abs(points - float(point.theta)).min(initial=np.inf)
            sharp = abs(float(point.jacobian)) > 1e-6 * noise / (64 * EPS)
            allowed = 1e-12 + noise / abs(float(point.jacobian)) if sharp else 1e-4
            assert near <= allowed, (losses, alpha, float(point.theta), near)
        for theta, code in zip(points, status, strict=True):
            assert code != Status.OK or np.abs(thetas - theta).min(initial=np.inf) < 1e-6, (losses, alpha, theta)

        best = oracles_stationary.row(losses, alpha, bounds).best[0]
        name = Status(int(found.optimum.status[k])).name
        assert name in ("OK", "AT_BOUND", "TIED", "DEGENERATE", "UNRESOLVED"), (losses, alpha)
        if name != "UNRESOLVED":
            size = oracles.meta_size(losses, float(best.theta), alpha)[0]
            difference = abs(float(found.optimum.values[k]) - float(best.value))
            assert difference <= 256 * EPS * size, (losses, alpha, name, float(found.optimum.thetas[k]))


@settings(max_examples=15)
@given(tasks(num_tasks=3))
def test_no_root_of_three_tasks_is_missed(x64, losses):
    _no_root_is_missed_and_no_optimum_wrong(losses)


@pytest.mark.slow
@settings(max_examples=1000)
@given(tasks(num_tasks=3))
def test_no_root_of_a_thousand_is_missed(x64, losses):
    _no_root_is_missed_and_no_optimum_wrong(losses)


@pytest.mark.parametrize("count", brief([3, 100], 3))
def test_jumps_of_random_polynomials_are_found_from_13_alphas(count, x64):
    rng = np.random.default_rng(0)
    bounds, alphas = (-3.0, 3.0), np.linspace(-0.25, 1, 13) + 1 / 1024
    missed, made_up, total = [], [], 0
    for _ in range(count):
        losses = rng.integers(-32, 33, (2, 5)) / 16
        losses[:, 4] = np.abs(losses[:, 4]) + 1 / 16
        losses = losses.tolist()
        exact = oracles_stationary.jumps(losses, (alphas[0], alphas[-1]), bounds, num_alphas=49)
        jumps = mg.optimal_theta(polynomials(losses), alphas, bounds).jumps
        thetas, found = np.array([float(j.alpha) for j in exact]), np.asarray(jumps.alphas)
        total += len(exact)
        missed += [(losses, alpha) for alpha in thetas if np.abs(found - alpha).min(initial=np.inf) > 1e-9]
        columns = (np.asarray(x) for x in (jumps.alphas, jumps.thetas_before, jumps.thetas_after, jumps.status))
        for alpha, before, after, status in zip(*columns, strict=True):
            # 49 alphas do not show the oracle all that go there and back; it is asked again on both sides.
            if status == Status.OK and np.abs(thetas - alpha).min(initial=np.inf) > 1e-9:
                beside = [oracles.minima(losses, float(alpha) + step, bounds)[0].theta for step in (-1e-5, 1e-5)]
                if not np.allclose([float(theta) for theta in beside], [before, after], rtol=0, atol=1e-2):
                    made_up.append((losses, alpha))
    assert (missed, made_up) == ([], []), f"of {total} jumps {len(missed)} were missed, {len(made_up)} made up"


# --- networks along lines -------------------------------------------------------------------------------------


@mg.rule
class Line:
    """Theta is a place on a line through the parameters."""

    start: dict[str, jax.Array]
    direction: dict[str, jax.Array]

    def __call__(self, theta, alpha):
        return jax.tree.map(lambda s, d: s + theta * d, self.start, self.direction), alpha


def _relu_network(parameters, data):
    x, y = data
    hidden = jax.nn.relu(x[:, None] * parameters["w1"] + parameters["b1"])
    return jnp.mean((hidden @ parameters["w2"] + parameters["b2"] - y) ** 2)


def network(case):
    line = Line(*(jax.tree.map(jnp.asarray, part._asdict()) for part in (case.start, case.direction)))
    return dataclasses.replace(mg.maml(_relu_network, mg.Tasks(case.support, case.query)), coordinates=line)


def test_the_network_along_a_line_is_that_of_the_oracle(x64):
    case = oracles_discontinuous.network_case(0)
    thetas = np.array([-2.5, -0.3, 0.0, 1.7])
    values = jax.jit(jax.vmap(network(case), (0, None)))(thetas, 0.03)
    np.testing.assert_allclose(values, oracles_discontinuous.network_values(case, 0.03, thetas), rtol=1e-12)


@pytest.mark.slow
def test_no_network_goes_below_its_optimum(x64):
    bounds, wrong = (-3.0, 3.0), []
    for seed in range(200):
        case, alpha = oracles_discontinuous.network_case(seed), (0.0, 0.01, 0.03, 0.1)[seed % 4]
        found = mg.optimal_theta(network(case), np.array([alpha]), bounds)
        value, theta = oracles_discontinuous.dense_minimum(case, alpha, bounds, size=5001)
        name = Status(int(found.status[0])).name
        if name != "UNRESOLVED" and not float(found.values[0]) <= value * (1 + 1e-12):
            wrong.append((seed, alpha, name, float(found.thetas[0]), theta, float(found.values[0]) - value))
    assert not wrong
