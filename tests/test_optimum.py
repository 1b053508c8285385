"""The optimal theta is the global minimiser, and says how well it is known."""

from __future__ import annotations

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mamlgrid as mg
from mamlgrid import Status

from . import oracles
from .problems import bounded_tasks, polynomials

BOUNDS = (-4.0, 4.0)
WIDTH = 8.0
EPS = np.finfo(float).eps
QUARTIC = mg.cases.quartic().meta()
# A hundred alphas, no two of them alike in binary, and none on the tie at alpha = 1.
HUNDRED = np.linspace(-0.8, 2.0, 100)


def names(status):
    return [Status(int(s)).name for s in np.asarray(status)]


def error(found, exact):
    """The distance of a float from a number of many digits."""
    with mp.workdps(oracles.DIGITS):
        return abs(float(mp.mpf(float(found)) - exact))


# --- the two cases ----------------------------------------------------------------


@pytest.fixture(scope="module")
def quartic_minima():
    """All minima of case 2 at a hundred alphas, to fifty digits."""
    return [oracles.minima(oracles.CASE_2, alpha, BOUNDS) for alpha in HUNDRED]


def test_case_2_at_a_hundred_alphas(x64, quartic_minima):
    found = mg.optimal_theta(QUARTIC, HUNDRED, BOUNDS)
    best = [minima[0] for minima in quartic_minima]
    assert set(names(found.status)) == {"OK"}
    np.testing.assert_allclose(found.thetas, [float(m.theta) for m in best], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.values, [float(m.value) for m in best], rtol=1e-10, atol=1e-28)
    np.testing.assert_allclose(found.curvatures, [float(m.curvature) for m in best], rtol=1e-9)
    np.testing.assert_allclose(found.rates, [float(m.sensitivity) for m in best], rtol=1e-9)


def test_case_2_to_a_few_eps_where_the_problem_allows(x64, quartic_minima):
    # The best any method can do: the rounding of the gradient divided by the curvature.
    found = mg.optimal_theta(QUARTIC, HUNDRED, BOUNDS)
    for theta, alpha, minima in zip(found.thetas, HUNDRED, quartic_minima, strict=True):
        _, slope_size, _ = oracles.case_2_size(float(theta), alpha)
        allowed = EPS * (slope_size / float(minima[0].curvature) + abs(float(theta)))
        assert error(theta, minima[0].theta) <= 4 * allowed


def test_case_2_in_float32(quartic_minima):
    alphas = HUNDRED.astype(np.float32)
    found = mg.optimal_theta(QUARTIC, alphas, BOUNDS)
    fields = ("thetas", "values", "curvatures", "rates", "accuracies")
    assert {getattr(found, field).dtype for field in fields} == {np.dtype(np.float32)}
    assert set(names(found.status)) <= {"OK", "TIED", "DEGENERATE"}
    for i, alpha in enumerate(alphas.astype(float)):
        best = oracles.minima(oracles.CASE_2, alpha, BOUNDS)[0]
        if found.status[i] == Status.OK:
            slope_size = oracles.case_2_size(float(best.theta), alpha)[1]
            allowed = np.finfo(np.float32).eps * (slope_size / float(best.curvature) + 1)
            assert error(found.thetas[i], best.theta) <= 4 * allowed


def test_case_2_jumps_once(x64):
    (exact,) = oracles.jumps(oracles.CASE_2, np.linspace(-0.5, 1.51, 22), BOUNDS)
    for alphas in (HUNDRED, np.linspace(0, 1, 100), np.linspace(0.32, 0.33, 100), np.array([-0.5, 1.5])):
        jumps = mg.optimal_theta(QUARTIC, alphas, BOUNDS).jumps
        assert names(jumps.status) == ["OK"], alphas
        # Values agree to eps where they cross at the rate |dL/dalpha| ~ 0.3, of a size of 0.05: alpha to a few eps.
        assert error(jumps.alphas[0], exact.alpha) < 8 * EPS
        assert error(jumps.thetas_before[0], exact.theta_before) < 64 * EPS
        assert error(jumps.thetas_after[0], exact.theta_after) < 64 * EPS
        assert error(jumps.values[0], exact.value) < 8 * EPS


def test_case_2_jumps_once_in_float32():
    (exact,) = oracles.jumps(oracles.CASE_2, [0.3, 0.35], BOUNDS)
    jumps = mg.optimal_theta(QUARTIC, np.linspace(0, 0.9, 100, dtype=np.float32), BOUNDS).jumps
    assert names(jumps.status) == ["OK"]
    assert error(jumps.alphas[0], exact.alpha) < 8 * np.finfo(np.float32).eps
    assert error(jumps.thetas_before[0], exact.theta_before) < 64 * np.finfo(np.float32).eps


def test_no_jump_is_seen_where_there_is_none(x64):
    around_the_tie = np.concatenate([np.linspace(0.98, 1.0, 50), np.linspace(1.0, 1.02, 51)[1:]])
    for alphas in (np.linspace(-0.8, 0.32, 100), np.linspace(0.33, 2.0, 100), around_the_tie):
        assert mg.optimal_theta(QUARTIC, alphas, BOUNDS).jumps.alphas.shape == (0,)
    assert mg.optimal_theta(mg.cases.quadratic().meta(), HUNDRED, BOUNDS).jumps.alphas.shape == (0,)


def test_case_2_at_alpha_one_is_tied_between_minus_one_zero_and_one(x64):
    alphas = np.concatenate([np.linspace(0.5, 1.0, 50), np.linspace(1.0, 1.5, 51)[1:]])
    found = mg.optimal_theta(QUARTIC, alphas, BOUNDS)
    assert names(found.status) == ["OK"] * 49 + ["TIED"] + ["OK"] * 50
    # L = (theta - theta^3)^4 / 4: the leftmost is given, as well as the fourth power lets it be known.
    assert abs(float(found.thetas[49]) + 1) <= float(found.accuracies[49]) < 1e-3
    assert float(found.values[49]) < (4 * EPS) ** 2
    # A minimum flatter than quadratic: the implicit function theorem says nothing about it.
    assert np.isnan(found.rates[49])


def test_case_1_is_optimal_at_a_half_and_flat_at_alpha_one(dtype):
    alphas = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0], dtype)
    found = mg.optimal_theta(mg.cases.quadratic().meta(), alphas, BOUNDS)
    assert names(found.status) == ["OK", "OK", "OK", "FLAT", "OK", "OK"]
    others = alphas != 1
    np.testing.assert_allclose(found.thetas[others], 0.5, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(found.values[others], (1 - alphas[others]) ** 2 / 4, rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(found.curvatures[others], 2 * (1 - alphas[others]) ** 2, rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(found.rates[others], 0, atol=32 * np.finfo(dtype).eps)
    # No number is invented where every theta is optimal.
    assert np.isnan([found.thetas[3], found.rates[3]]).all()
    assert found.values[3] == 0
    assert found.jumps.alphas.shape == (0,)


def test_case_1_close_to_flat_is_not_flat(x64):
    distances = np.array([-1e-3, -1e-5, -1e-6, 1e-6, 1e-5, 1e-3])
    found = mg.optimal_theta(mg.cases.quadratic().meta(), 1 + distances, BOUNDS)
    assert names(found.status) == ["OK"] * 6
    # (1 - alpha) theta cancels to eps / |1 - alpha|, relatively: that much of theta* is lost.
    assert (np.abs(found.thetas - 0.5) <= 8 * EPS / np.abs(distances)).all()


# --- polynomial tasks, against all their stationary points to fifty digits ------------------------


def _check(coefficients, num_steps, alphas, bounds):
    """The claim of every field at every alpha whose two best minima can be told apart in float64."""
    found = mg.optimal_theta(polynomials(coefficients, num_steps), alphas, bounds)
    width = bounds[1] - bounds[0]
    for i, alpha in enumerate(alphas):
        if not any(oracles.derivative(oracles.meta_polynomial(coefficients, alpha, num_steps)[0])):
            assert found.status[i] == Status.FLAT
            continue
        minima = oracles.minima(coefficients, alpha, bounds, num_steps)
        best = minima[0]
        size, slope_size = oracles.meta_size(coefficients, float(best.theta), alpha, num_steps)
        rivals = [m for m in minima[1:] if float(m.value - best.value) < 256 * EPS * size]
        if rivals:
            assert names(found.status[i : i + 1])[0] in ("TIED", "OK", "AT_BOUND", "DEGENERATE")
            continue
        status = names(found.status[i : i + 1])[0]
        miss = error(found.thetas[i], best.theta)
        message = (
            f"{coefficients}, K={num_steps}, alpha={alpha}: {status} {found.thetas[i]} for {mp.nstr(best.theta, 20)}"
        )
        if best.at_bound:
            assert (status, miss) == ("AT_BOUND", 0.0), message
            continue
        # What rounding of the gradient leaves of theta: to be within it, or to say DEGENERATE.
        blur = 64 * EPS * (slope_size / max(float(best.curvature), EPS) + width)
        if status == "OK":
            assert miss <= max(1e-12 * width, blur), message
            assert miss <= max(2 * float(found.accuracies[i]), 4 * EPS * width), message
            assert error(found.values[i], best.value) <= 64 * EPS * size, message
        else:
            assert status == "DEGENERATE", message
            assert miss <= 2 * float(found.accuracies[i]) + 4 * EPS * width, message
            # It may say so only where the minimum is flat indeed, seen from its accuracy.
            assert best.curvature < 1e-6 or blur > 1e-9 * width, message
    return found


@settings(max_examples=8)
@given(bounded_tasks(num_tasks=2, degree=4), st.lists(st.integers(-8, 32), min_size=5, max_size=5, unique=True))
def test_polynomial_tasks_of_one_step(x64, coefficients, alphas):
    _check(coefficients, 1, np.sort(np.array(alphas) / 32), (-3.0, 3.0))


@pytest.mark.slow
@settings(max_examples=8)
@given(bounded_tasks(num_tasks=2, degree=4), st.lists(st.integers(-8, 16), min_size=5, max_size=5, unique=True))
def test_polynomial_tasks_of_two_steps(x64, coefficients, alphas):
    _check(coefficients, 2, np.sort(np.array(alphas) / 64), (-3.0, 3.0))


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 32), st.integers(-32, 32)), min_size=2, max_size=2), st.sampled_from([1, 2]))
def test_quadratics_have_the_weighted_mean_of_their_centers(x64, tasks, num_steps):
    a, c = np.array(tasks, float).T / 16
    alphas = np.array([-0.75, -0.25, 0.0, 0.375, 0.8125])
    coefficients = np.stack([a * c**2 / 2, -a * c, a / 2, 0 * a, 0 * a], axis=1)  # exact: all are short fractions
    found = mg.optimal_theta(polynomials(coefficients, num_steps), alphas, BOUNDS)
    for i, alpha in enumerate(alphas):
        exact = oracles.quadratics(a, c, alpha, num_steps)
        size = (a * (1 + abs(alpha) * a) ** (2 * num_steps) * (abs(exact.theta) + abs(c))).sum()
        if exact.curvature < 1e-6 * size:  # almost flat: not what this is about
            continue
        blur = 16 * EPS * (size / exact.curvature + WIDTH)
        assert names(found.status)[i] == "OK"
        assert abs(float(found.thetas[i]) - exact.theta) <= blur
        assert abs(float(found.rates[i]) - exact.sensitivity) <= 64 * blur * (1 + size / exact.curvature)
        np.testing.assert_allclose(found.curvatures[i], exact.curvature, rtol=1e-11, atol=64 * EPS * size)
    assert found.jumps.alphas.shape == (0,)


# Tasks, steps, alphas and bounds with jumps between basins, from a bound, to a bound, and there and back.
FAMILIES = {
    "tilted wells": ([[0.0, 0.125, -0.5, 0.0625, 0.25], [0.0, 0.25, 0.5, -0.25, 0.125]], 1, (-0.5, 1.0), (-3.0, 3.0)),
    "two steps": ([[0.0, 0.25, -0.5, 0.0, 0.25], [0.5, -0.5, 0.25, 0.0, 0.0]], 2, (-0.25, 0.5), (-2.0, 2.0)),
    "case 2 cut off": ([oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]], 1, (0.1, 1.6), (-1.5, 1.2)),
    "a cubic": ([[0.0, 1.0, 0.0, -0.25, 0.0], [0.0, 0.0, 0.5, 0.0, 0.0]], 1, (-0.6, 0.6), (-2.0, 2.0)),
    # Onto a bound, a tenth of the bounds away, with no barrier left at the alphas on either side.
    "a barrier that comes and goes": (
        [[1.9375, -0.75, 1.625, 1.75, 0.5], [-0.125, 0.3125, 0.8125, 0.8125, 0.125]],
        *(1, (-0.25, 1.0), (-3.0, 3.0)),
    ),
    # Over 0.028, where the minimiser moves fast on both sides.
    "a short jump": (
        [[0.6875, -1.3125, 1.6875, -0.375, 0.625], [1.0, 1.0, 0.875, -1.0625, 0.375]],
        *(1, (-0.25, 1.0), (-3.0, 3.0)),
    ),
    "six jumps": (
        [[1.4375, 0.5625, 0.0625, -0.9375, 0.4375], [-1.875, -1.75, -1.9375, -1.3125, 0.6875]],
        *(1, (-0.25, 1.0), (-3.0, 3.0)),
    ),
    "to bounds and back": (
        [[-0.375, 1.1875, -0.75, -1.0625, 0.65625], [1.5, -1.6875, -1.8125, 0.6875, 0.40625]],
        *(1, (-0.25, 1.0), (-3.0, 3.0)),
    ),
}


@pytest.fixture(scope="module")
def family_jumps():
    """The jumps of each family to fifty digits."""
    return {name: oracles.jumps(c, _family_alphas(a), b, k) for name, (c, k, a, b) in FAMILIES.items()}


def _family_alphas(ends):
    # Shifted, so that no alpha is special.
    return np.linspace(*ends, 76) + 1 / 1024


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_jumps_of_other_families(name, x64, family_jumps):
    coefficients, num_steps, ends, bounds = FAMILIES[name]
    exact = family_jumps[name]
    jumps = mg.optimal_theta(polynomials(coefficients, num_steps), _family_alphas(ends), bounds).jumps
    assert len(jumps.alphas) == len(exact), (jumps, exact)
    assert set(names(jumps.status)) <= {"OK"}
    for i, jump in enumerate(exact):
        ends = jump.theta_before, jump.theta_after
        sizes = [oracles.meta_size(coefficients, float(t), float(jump.alpha), num_steps)[0] for t in ends]
        lower, upper = (_drift(coefficients, t, jump.alpha, num_steps) for t in ends)
        # The alpha at which two values cross is known to the rounding of the values over the speed of crossing.
        allowed = 64 * EPS * (sum(sizes) / abs(lower - upper) + abs(float(jump.alpha)))
        assert error(jumps.alphas[i], jump.alpha) <= allowed
        np.testing.assert_allclose(jumps.thetas_before[i], float(ends[0]), rtol=0, atol=1e-10)
        np.testing.assert_allclose(jumps.thetas_after[i], float(ends[1]), rtol=0, atol=1e-10)
        assert error(jumps.values[i], jump.value) <= 64 * EPS * sum(sizes)
    assert (np.diff(jumps.alphas) > 0).all()


def _drift(coefficients, theta, alpha, num_steps):
    with mp.workdps(oracles.DIGITS):
        return float(oracles.evaluate(oracles.meta_polynomial(coefficients, alpha, num_steps)[1], theta))


@pytest.mark.slow
def test_the_families_have_every_kind_of_jump(family_jumps):
    # So that the test above is not empty.
    assert [len(jumps) for jumps in family_jumps.values()] == [2, 2, 1, 1, 2, 2, 6, 5]
    on_bound = [t in FAMILIES[n][3] for n, jumps in family_jumps.items() for j in jumps for t in j[1:3]]
    assert sum(on_bound) >= 4


def test_a_minimum_that_splits_in_two_is_no_jump(x64):
    # Mirrored tasks make an even meta-loss: as alpha grows, the minimum at 0 splits into a tied pair.
    coefficients = np.array([[0.0, 0.5, 0.5, 0.25, 0.25], [0.0, -0.5, 0.5, -0.25, 0.25]])
    alphas = np.linspace(-0.25, 1.0, 76) + 1 / 1024
    found = mg.optimal_theta(polynomials(coefficients), alphas, (-3.0, 3.0))
    for i, alpha in enumerate(alphas):
        minima = oracles.minima(coefficients, alpha, (-3.0, 3.0))
        tied = [m for m in minima if m.value - minima[0].value < 1e-40]
        leftmost = min(tied, key=lambda m: m.theta)
        # A pair closer than rounding shows may be given as one flat minimum.
        assert error(found.thetas[i], leftmost.theta) <= max(2 * float(found.accuracies[i]), 1e-12)
        if len(tied) > 1 and -leftmost.theta > 1e-3:
            assert names(found.status)[i] == "TIED"
        if len(tied) == 1:
            assert names(found.status)[i] in ("OK", "DEGENERATE")
    assert {"OK", "TIED"} <= set(names(found.status))


# --- every status -----------------------------------------------------------------

# Near 0, 10, 20, ...: a landscape of each kind, a polynomial in the distance u, which alpha moves under the bounds.
LANDSCAPES = {
    "OK": [1 / 16, -0.5, 1, 0, 0],  # (u - 1/4)^2
    "AT_BOUND": [0, 1, 0.125, 0, 0],  # rising
    "FLAT": [3, 0, 0, 0, 0],
    "TIED": [1 / 16, 0, -0.5, 0, 1],  # (u^2 - 1/4)^2
    "DEGENERATE": [1 / 256, -1 / 16, 3 / 8, -1, 1],  # (u - 1/4)^4
    "NONFINITE": [np.nan, 0, 0, 0, 0],
    "AT_BOUND again": [0, -1, 0, 0, 0],  # falling
    "OK again": [1.25, 1, 1, 0, 0],  # (u + 1/2)^2 + 1
}


def _window(theta, is_query):
    """To adapt on: -theta, so that theta' = theta + alpha. To be judged on: the landscape there."""
    kind = jnp.round(theta / 10).astype(int)
    u = theta - 10 * kind
    height = jnp.zeros_like(theta)
    for column in reversed(np.array(list(LANDSCAPES.values())).T):
        height = height * u + jnp.asarray(column)[kind]
    return jnp.where(is_query == 1, height, -theta)


@pytest.mark.slow
def test_one_call_yields_every_status(x64):
    meta = mg.maml(_window, mg.Tasks(np.array([0]), np.array([1])))
    found = mg.optimal_theta(meta, 10.0 * np.arange(8), (-1.0, 1.0))
    assert names(found.status) == [name.removesuffix(" again") for name in LANDSCAPES]
    assert found.status.dtype == np.int8
    given = np.array([0.25, -1.0, np.nan, -0.5, 0.25, np.nan, 1.0, -0.5])
    known = ~np.isnan(given)
    np.testing.assert_array_equal(np.isnan(found.thetas), ~known)
    # theta + 70 is rounded at the size of 70, and a fourth power shows its slope from the cube root of that on.
    allowed = np.array([1, 0, 0, 1, 1e11, 0, 0, 1]) * 70 * EPS
    assert (np.abs(found.thetas - given)[known] <= allowed[known]).all()
    assert (np.abs(found.thetas - given)[known] <= found.accuracies[known]).all()
    # theta moves with the window: dtheta*/dalpha = -1, but 0 on a bound, and nothing where nothing is known.
    np.testing.assert_allclose(found.rates, [-1, 0, np.nan, -1, np.nan, np.nan, 0, -1], atol=1e-12)
    values = [0, -0.875, 3, 0, 0, np.nan, -1, 1]
    np.testing.assert_allclose(found.values, values, rtol=1e-14, atol=70 * EPS)
    np.testing.assert_allclose(np.array(found.curvatures)[[0, 3, 7]], [2, 2, 2], rtol=1e-12)


def test_a_minimum_like_a_sixth_power_is_known_to_the_accuracy_given(x64):
    # The slope 6 u^5 of u^6 + 1 is lost in rounding below eps^(1/5) = 7e-4.
    found = mg.optimal_theta(mg.maml([lambda t: (t - 0.25) ** 6 + 1], num_steps=0), np.array([0.0]), (-2.0, 3.0))
    assert names(found.status) == ["DEGENERATE"]
    assert abs(float(found.thetas[0]) - 0.25) <= float(found.accuracies[0]) < 1e-2


def test_a_region_that_overflows_elsewhere_does_not_matter(x64):
    # exp overflows on the right half: the minimum on the left is found all the same.
    meta = mg.maml([lambda t: (t + 1) ** 2 + jnp.exp(400 * t) * 1e-30], num_steps=0)
    found = mg.optimal_theta(meta, np.array([0.0]), BOUNDS)
    assert names(found.status) == ["OK"]
    np.testing.assert_allclose(found.thetas, -1, rtol=4 * EPS)


@pytest.mark.slow
@pytest.mark.parametrize(("num_steps", "num_thetas"), [(1, 513), (3, 4097)])
def test_the_value_is_the_lowest_of_a_dense_grid(num_steps, num_thetas, x64):
    # Losses that are no polynomials. Three steps make basins 0.01 wide: narrower than the cells of the usual grid.
    meta = mg.maml([lambda t: jnp.sin(3 * t) + t**2 / 8, lambda t: jnp.tanh(t) - jnp.cos(5 * t)], num_steps=num_steps)
    alphas = np.linspace(-0.1, 0.3, 17)
    found = mg.optimal_theta(meta, alphas, BOUNDS, num_thetas=num_thetas)
    grid = mg.surface(meta, alphas, np.linspace(*BOUNDS, 40_001), derivatives=0).values.min(1)
    assert set(names(found.status)) == {"OK"}
    # No value on the dense grid is lower, beyond the rounding of terms of a size of ten; the grid comes close.
    assert (found.values <= grid + 640 * EPS).all()
    assert (found.values >= grid - 1e-2).all()


# --- grids ------------------------------------------------------------------------


def test_one_alpha_is_enough(x64):
    for alpha in (0.0, 0.2, 0.5):
        found = mg.optimal_theta(QUARTIC, np.array([alpha]), (-4, 4))
        assert error(found.thetas[0], oracles.minima(oracles.CASE_2, alpha, BOUNDS)[0].theta) < 32 * EPS
        assert found.jumps.alphas.shape == (0,)
        assert tuple(map(float, found.bounds)) == BOUNDS


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"num_thetas": 2001}, {"memory_budget": 200_000}])
def test_the_grid_and_its_chunks_change_how_it_is_found_not_what(settings, x64):
    usual, other = mg.optimal_theta(QUARTIC, HUNDRED, BOUNDS), mg.optimal_theta(QUARTIC, HUNDRED, BOUNDS, **settings)
    np.testing.assert_allclose(other.thetas, usual.thetas, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(other.status, usual.status)
    np.testing.assert_allclose(other.jumps.alphas, usual.jumps.alphas, rtol=8 * EPS)


def test_no_inner_step_has_one_optimum_for_all_alphas(x64):
    found = mg.optimal_theta(mg.cases.quartic().meta(num_steps=0), np.array([-1.0, 0.0, 3.0]), BOUNDS)
    exact = oracles.minima(oracles.CASE_2, 0.0, BOUNDS)[0].theta
    np.testing.assert_allclose(found.thetas, float(exact), rtol=4 * EPS)
    np.testing.assert_array_equal(found.rates, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("of_tasks", "of_alphas"), [(np.float64, np.float32), (np.float32, np.float64)])
def test_tasks_and_alphas_of_different_precision(of_tasks, of_alphas, x64):
    # No mistake of the caller's: a loss may well be finer, or coarser, than the axis it is looked at on.
    coefficients = np.array([oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]], of_tasks)
    meta = mg.maml(polynomials([[0.0]]).loss, mg.Tasks(coefficients))
    alphas = np.linspace(0, 0.9, 10).astype(of_alphas)
    found = mg.optimal_theta(meta, alphas, BOUNDS)
    (exact,) = oracles.jumps(oracles.CASE_2, [0.3, 0.35], BOUNDS)
    assert names(found.jumps.status) == ["OK"]
    np.testing.assert_allclose(found.jumps.alphas, float(exact.alpha), rtol=8 * np.finfo(np.float32).eps)
    assert np.isfinite(mg.surface(meta, alphas, np.array([-1.0, 1.0], of_alphas)).values).all()


def test_the_mean_has_the_optimum_of_the_sum(x64):
    metas = [mg.cases.quartic().meta(reduce=r) for r in ("sum", "mean")]
    total, mean = (mg.optimal_theta(meta, np.array([0.5]), BOUNDS) for meta in metas)
    np.testing.assert_allclose(mean.thetas, total.thetas, rtol=0, atol=1e-14)
    np.testing.assert_allclose(mean.values, total.values / 2, rtol=1e-13)
    np.testing.assert_allclose(mean.curvatures, total.curvatures / 2, rtol=1e-13)


def test_the_second_call_does_not_compile(dtype, compilations):
    def go(coefficients, shift):
        alphas = (np.linspace(-0.5, 0.9, 20) + shift).astype(dtype)
        return mg.optimal_theta(polynomials(np.array(coefficients, dtype)), alphas, (-3.0 + shift, 3.0 + shift))

    one = [oracles.CASE_2[0], [0.5, -1, 0.5, 0, 0]]
    first = go(one, 0.0)
    compilations.reset()
    second = go(one, 0.01)
    assert compilations.count == 0
    # Not even where another number of jumps is found.
    third = go([[0.0, 0.0, 0.5, 0.0, 0.0], [0.5, -1, 0.5, 0, 0]], 0.0)
    assert compilations.count == 0
    assert [len(found.jumps.alphas) for found in (first, second, third)] == [1, 1, 0]


# --- what a coarse look at the alphas must not invent -----------------------------------


@pytest.mark.parametrize("alphas", [[0.0, 2.0], [0.0, 1.0, 2.0], [-1.0, 0.0, 2.0, 10.0], [0.0, 0.5, 1.0, 1.5, 2.0]])
def test_a_tie_that_halving_meets_is_no_jump(alphas, dtype):
    # At alpha = 1 three minima are equal, and no minimiser switches there.
    jumps = mg.optimal_theta(QUARTIC, np.array(alphas, dtype), BOUNDS).jumps
    (exact,) = oracles.jumps(oracles.CASE_2, [0.3, 0.35], BOUNDS)
    assert names(jumps.status) == ["OK"]
    np.testing.assert_allclose(jumps.alphas, [float(exact.alpha)], rtol=8 * np.finfo(dtype).eps)


def test_two_minima_in_one_cell_make_no_jumps(x64):
    # Two steps fold the landscape so finely that two basins share a cell of the grid; the lower one goes on smoothly.
    coefficients = np.array([[0.26, -1.412, 0.87, 0.0, 0.0], [-1.126, 0.0957, -0.1785, 0.2026, 1.7057]])
    alphas, bounds = np.linspace(0.4, 0.6, 21), (-2.0, 2.0)
    found = mg.optimal_theta(polynomials(coefficients, 2), alphas, bounds)
    assert names(found.jumps.status) == []
    for i in (15, 20):
        (best, *_) = oracles.minima(coefficients, alphas[i], bounds, 2)
        assert error(found.thetas[i], best.theta) <= 1e-9


@pytest.mark.parametrize("bounds", [(-4.0, 4.0), (-2.0, 2.0), (-3.0, 3.125)])
def test_a_double_well_is_tied(bounds, dtype):
    found = mg.optimal_theta(mg.maml([lambda t: (t**2 - 1) ** 2], num_steps=0), np.zeros(1, dtype), bounds)
    assert names(found.status) == ["TIED"]
    np.testing.assert_allclose(found.thetas, -1, rtol=4 * np.finfo(dtype).eps)


def test_a_kink_is_not_flat_and_a_stationary_bound_is_a_minimum(x64):
    kink = mg.optimal_theta(mg.maml([lambda t: jnp.abs(t - 0.3)], num_steps=0), np.zeros(1), (-1.0, 1.0))
    assert names(kink.status) == ["OK"]
    np.testing.assert_allclose(kink.thetas, 0.3, rtol=8 * EPS)
    assert float(kink.accuracies[0]) <= 8 * EPS
    for bounds in ((0.0, 1.0), (-1.0, 0.0)):
        found = mg.optimal_theta(mg.maml([lambda t: t**2], num_steps=0), np.zeros(1), bounds)
        assert (names(found.status), float(found.thetas[0])) == (["OK"], 0.0)


def test_a_sensitivity_that_rounding_hides_is_not_given(x64):
    # Case 1: the optimum is 1/2 for every alpha, its curvature 2 (1 - alpha)^2 is lost near 1.
    alphas = 1 - np.array([0.5, 1e-3, 1e-8, 1e-12])
    found = mg.optimal_theta(mg.cases.quadratic().meta(), alphas, (-4.0, 4.0))
    np.testing.assert_allclose(found.rates[:2], 0, atol=1e-6)
    assert np.isnan(found.rates[2:]).all()
