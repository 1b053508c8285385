"""What is hard for a search for all stationary points: each claim once failed for a loss that looks harmless."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import Status

from . import oracles_discontinuous as discontinuous
from . import oracles_stationary
from .families import FAMILIES, SIX_JUMPS
from .lanes import brief
from .problems import polynomials

EPS = np.finfo(float).eps
BOUNDS = (-4.0, 4.0)
ZERO = np.array([0.0])  # at alpha = 0 the meta-loss is the loss


def names(status):
    return [Status(int(s)).name for s in np.asarray(status).ravel()]


# --- losses with a name: one program for all of them ----------------------------------------------------

# Edges and heights of a piecewise constant loss.
EDGES, HEIGHTS = np.array([1.37, 2.0, 4.25, 7.5]), np.array([3.0, 1.0, 2.0, 0.5, 4.0])
THRESHOLD_X, THRESHOLD_LABELS = np.array([-0.9, -0.43, 0.1, 0.37, 0.8]), np.array([0, 1, 0, 1, 1])

LOSSES = {
    "many wells": lambda t: jnp.cos(60 * t) + 1e-5 * (t - 1.3) ** 2,
    "downward step": lambda t: jnp.where(t < 0.3, -t, 5 - t),
    "floor": jnp.floor,
    "table": lambda t: jnp.asarray(HEIGHTS, t.dtype)[jnp.searchsorted(jnp.asarray(EDGES, t.dtype), t)],
    "0-1 error": lambda t: jnp.mean(((jnp.asarray(THRESHOLD_X) > t) != (THRESHOLD_LABELS == 1)).astype(t.dtype)),
    "cos 20t": lambda t: jnp.cos(20 * t),
    "tied kinks": lambda t: jax.nn.relu(1 - jnp.abs(t)) + jax.nn.relu(jnp.abs(t) - 1) ** 2,
    "triangle wave": lambda t: 2 * jnp.abs(7.5 * t - jnp.round(7.5 * t)) + 1e-3 * (t - 0.777) ** 2,
    "flat bottom": lambda t: jnp.maximum(jnp.abs(t) - 1, 0),
    "half": lambda t: jnp.maximum(-t, 0),
    "flat wells": lambda t: (1 - jnp.cos(t)) ** 2 + 1e-4 * t**4,
    "shifted flat wells": lambda t: (1 - jnp.cos(t - 0.3)) ** 2 + 1e-4 * (t - 0.3) ** 4,
}


def _named(theta, number):
    return jax.lax.switch(number, list(LOSSES.values()), theta)


def named(name):
    return mg.maml(_named, mg.Tasks(np.array([list(LOSSES).index(name)])))


def lowest(name, bounds=BOUNDS):
    """`optimal_theta` of one loss, as numbers: status, theta, value, accuracy, and the ties."""
    found = mg.optimal_theta(named(name), ZERO, bounds)
    ties = np.asarray(found.ties)[0]
    return names(found.status)[0], float(found.thetas[0]), float(found.values[0]), float(found.accuracies[0]), ties


@pytest.mark.slow
def test_the_lowest_of_many_wells_of_almost_one_depth_is_found(x64):
    status, theta, _, _, _ = lowest("many wells")
    # 60 sin(60 t) = 2e-5 (t - 1.3), next to 25 pi / 60, the well that is nearest to 1.3.
    exact = float(mp.findroot(lambda t: -60 * mp.sin(60 * t) + 2e-5 * (t - 1.3), 25 * mp.pi / 60))
    assert status == "OK"
    assert abs(theta - exact) <= 8 * EPS


@pytest.mark.slow
def test_no_answer_lies_above_a_value_beyond_a_downward_step(x64):
    for bounds in ((-1.0, 1.0), BOUNDS, (-0.7, 0.9)):
        status, theta, value, _, _ = lowest("downward step", bounds)
        assert status == "ONE_SIDED"
        # Enclosed to 2 eps times the width of the bounds.
        np.testing.assert_allclose([theta, value], [0.3, -0.3], rtol=0, atol=2 * EPS * (bounds[1] - bounds[0]))


@pytest.mark.slow
def test_piecewise_constant_losses_have_a_plateau_as_their_minimiser(x64):
    status, theta, value, accuracy, _ = lowest("floor", (0.0, 10.0))
    assert (status, value) == ("PLATEAU", 0)
    np.testing.assert_allclose([theta, accuracy], 0.5, atol=1e-12)
    ((left, right, height),) = discontinuous.lowest_plateaus(EDGES, HEIGHTS, (0.0, 10.0))
    status, theta, value, accuracy, _ = lowest("table", (0.0, 10.0))
    assert (status, value) == ("PLATEAU", height)
    np.testing.assert_allclose([theta, accuracy], [(left + right) / 2, (right - left) / 2], atol=1e-12)


@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-2.1, 2.0), (0.0, 2.0), (1.0, 2.0), (-3.0, 10.0)])
def test_steps_are_plateaus_of_their_own_also_where_they_meet_the_bounds(bounds, x64):
    status, theta, value, accuracy, _ = lowest("floor", bounds)
    height = np.floor(bounds[0])
    assert (status, value) == ("PLATEAU", height)
    np.testing.assert_allclose([theta - accuracy, theta + accuracy], [bounds[0], height + 1], rtol=0, atol=1e-12)


def test_the_error_of_a_threshold_is_not_flat(x64):
    edges, heights = discontinuous.threshold_errors(THRESHOLD_X, THRESHOLD_LABELS)
    plateaus = discontinuous.lowest_plateaus(edges, heights, (-1.0, 1.0))
    assert len(plateaus) == 2  # of one height: the left one is given
    status, theta, value, _, ties = lowest("0-1 error", (-1.0, 1.0))
    assert (status, value) == ("TIED", pytest.approx(plateaus[0].value, abs=EPS))
    assert theta == ties[0]
    np.testing.assert_allclose(ties[np.isfinite(ties)], [(p.left + p.right) / 2 for p in plateaus], atol=1e-12)


def test_the_leftmost_of_many_ties_is_given_and_all_are_listed(x64):
    status, theta, value, _, ties = lowest("cos 20t")
    minima = np.arange(-25, 26, 2) * np.pi / 20
    assert (status, value) == ("TIED", -1)
    assert abs(theta - minima[0]) < 16 * EPS
    np.testing.assert_allclose(ties[np.isfinite(ties)], minima, atol=64 * EPS)


def test_minima_at_kinks_tie_although_one_side_is_flat(x64):
    status, theta, value, accuracy, ties = lowest("tied kinks")
    # Beyond the kink the value rises with the square, lost in rounding below its root.
    assert (status, value) == ("TIED", pytest.approx(0, abs=EPS))
    assert abs(theta + 1) <= max(accuracy, EPS) < 1e-6
    np.testing.assert_allclose(ties[np.isfinite(ties)], [-1, 1], atol=1e-7)


def test_the_lowest_of_59_kinks_is_found(x64):
    status, theta, value, _, _ = lowest("triangle wave")
    exact = 6 / 7.5
    assert status == "OK"
    np.testing.assert_allclose([theta, value], [exact, 1e-3 * (exact - 0.777) ** 2], rtol=0, atol=64 * EPS)


@pytest.mark.parametrize("high", [2.0, 2.1])
def test_a_flat_bottom_is_a_plateau_on_grid_points_and_beside_them(high, x64):
    status, theta, value, accuracy, _ = lowest("flat bottom", (-2.0, high))
    assert (status, value) == ("PLATEAU", 0)
    np.testing.assert_allclose([theta, accuracy], [0, 1], atol=1e-9)
    found = mg.compare({"it": named("flat bottom")}, ZERO, (-2.0, high))
    assert names(found.status) == ["PLATEAU"]
    assert found.attracting.tolist() == [[[True]]]
    status, theta, value, accuracy, _ = lowest("half", (-2.0, high))
    assert (status, value) == ("PLATEAU", 0)
    np.testing.assert_allclose([theta, accuracy], high / 2, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "bounds", "exact"),
    [
        ("flat wells", (-40.0, 40.0), 0.0),
        ("flat wells", (-4.0, 4.1), 0.0),
        ("shifted flat wells", (-40.0, 40.1), 0.3),
        ("shifted flat wells", (-47.0, 47.1), 0.3),
    ],
)
def test_what_is_flatter_than_it_seems_has_a_true_accuracy(name, bounds, exact, x64):
    status, theta, _, accuracy, _ = lowest(name, bounds)
    assert abs(theta - exact) <= accuracy or status not in ("OK", "DEGENERATE")


# --- zeros that touch ------------------------------------------------------------------------------------

TOUCHING = {
    "sin^2": (lambda t: 1.5 * (t - jnp.sin(2 * t) / 2), [-np.pi, 0, np.pi]),
    "1 + sin": (lambda t: t - jnp.cos(t), [-np.pi / 2]),
    "(t^2 - 2)^2": (lambda t: t**5 / 5 - 4 * t**3 / 3 + 4 * t, [-np.sqrt(2), np.sqrt(2)]),
    "triple": (lambda t: jnp.cos(t - 0.7) + (t - 0.7) ** 2 / 2, [0.7]),
}


def _touching(theta, number):
    return jax.lax.switch(number, [loss for loss, _ in TOUCHING.values()], theta)


@pytest.mark.parametrize("name", TOUCHING)
def test_zeros_that_touch_are_fixed_points(name, dtype):
    meta = mg.maml(_touching, mg.Tasks(np.array([list(TOUCHING).index(name)])))
    found = mg.compare({"it": meta}, ZERO.astype(dtype), BOUNDS)
    exact = TOUCHING[name][1]
    assert names(found.status) == ["DEGENERATE"] * len(exact)
    # A zero of order m hides in rounding below the m-th root of it.
    order = 3 if name == "triple" else 2
    allowed = (64 * np.finfo(dtype).eps) ** (1 / order)
    np.testing.assert_allclose(found.fixed_points[0, 0], exact, rtol=0, atol=allowed)
    assert found.attracting[0, 0].tolist() == [name == "triple"] * len(exact)
    best = mg.optimal_theta(meta, ZERO.astype(dtype), BOUNDS)
    if name == "triple":
        assert names(best.status) == ["DEGENERATE"]
        assert abs(float(best.thetas[0]) - 0.7) <= float(best.accuracies[0]) <= 8 * allowed
    else:
        assert names(best.status) == ["AT_BOUND"]


# --- polynomials: one program --------------------------------------------------------------------------------


def padded(*losses):
    """Two tasks of degree six."""
    losses = [*losses, [0.0]][:2]
    return polynomials([[*loss, *[0.0] * (7 - len(loss))] for loss in losses])


@pytest.mark.parametrize("bounds", [(-2.0, 2.9), (-4.0, 4.0), (0.98, 1.0213)])
def test_a_sixth_power_written_out_is_known_to_its_accuracy_only(bounds, x64):
    coefficients = np.poly([1.0] * 6)[::-1].tolist()
    found = mg.optimal_theta(padded(coefficients), ZERO, bounds)
    assert abs(float(found.thetas[0]) - 1) <= float(found.accuracies[0]) or names(found.status)[0] not in (
        "OK",
        "DEGENERATE",
        "TIED",
    )


def test_an_upper_bound_is_met_exactly(dtype):
    for bounds in ((-2.5, 0.9), (-0.1, 0.3), (-3.0, 1.1)):
        low, high = map(dtype.type, bounds)
        down, up = (mg.optimal_theta(padded([0, sign]), ZERO.astype(dtype), bounds) for sign in (-1.0, 1.0))
        assert (names(down.status), down.thetas[0]) == (["AT_BOUND"], high)
        assert (names(up.status), up.thetas[0]) == (["AT_BOUND"], low)


def test_a_minimum_on_a_bound_is_stationary(x64):
    found = mg.optimal_theta(padded([0, 0, 1]), ZERO, (0.0, 1.0))
    assert abs(float(found.thetas[0])) <= float(found.accuracies[0]) < 1e-12
    assert names(found.status) == ["OK"]


@pytest.mark.parametrize("number", brief([2, 3, 4, 6, 8, 11, 16, 20, 33, 40, 76], 2, 3, 6, 11, 40))
def test_the_six_jumps_are_found_from_any_number_of_alphas(number, x64, six_jumps):
    alphas = np.linspace(-0.25, 1, number) + 1 / 1024
    jumps = mg.optimal_theta(padded(*SIX_JUMPS), alphas, (-3.0, 3.0)).jumps
    assert len(jumps.alphas) == 6, jumps.alphas
    assert set(names(jumps.status)) == {"OK"}
    for k, exact in enumerate(six_jumps):
        assert abs(float(jumps.alphas[k]) - exact.alpha) < 1e-12
        assert abs(float(jumps.thetas_before[k]) - exact.theta_before) < 1e-10
        assert abs(float(jumps.thetas_after[k]) - exact.theta_after) < 1e-10
        assert abs(float(jumps.values[k]) - exact.value) < 1e-12


@pytest.fixture(scope="module")
def six_jumps():
    return oracles_stationary.jumps(SIX_JUMPS, (-0.25 + 1 / 1024, 1 + 1 / 1024), (-3, 3), num_alphas=26)


@pytest.mark.parametrize("name", brief(["two", "four", "eight"], "two", "eight"))
def test_all_jumps_of_a_family_are_found_from_few_alphas(name, x64):
    family = FAMILIES[name]
    exact = oracles_stationary.jumps(family.losses, family.span, family.bounds, num_alphas=26)
    for number in (2, 5, 13):
        jumps = mg.optimal_theta(padded(*family.losses), np.linspace(*family.span, number), family.bounds).jumps
        assert len(jumps.alphas) == family.num_jumps, (number, jumps.alphas)
        assert set(names(jumps.status)) == {"OK"}
        np.testing.assert_allclose(jumps.alphas, [float(j.alpha) for j in exact], rtol=0, atol=1e-12)


# Even meta-losses: wells side by side by symmetry, from each number of alphas.
MIRRORED = {
    "split wells": ([[1.0, 0, -2, 0, 1], [0, 0, 0.5]], (0.0, 0.4), (-2.0, 2.0)),
    "swapped tasks": ([[0.0, 0.5, 0.5, 0.25, 0.25], [0.0, -0.5, 0.5, -0.25, 0.25]], (-0.25, 1.0), (-3.0, 3.0)),
    "four wells": ([[0.0, 0, 1, 0, -1, 0, 0.25], [0, 0, 0.25]], (-0.2, 0.2), (-2.0, 2.0)),
}


@pytest.mark.parametrize("number", [2, 9, 40])
@pytest.mark.parametrize("name", MIRRORED)
def test_mirrored_minima_tie_and_do_not_jump_between_each_other(name, number, x64):
    losses, span, bounds = MIRRORED[name]
    alphas = np.linspace(*span, number) + 1 / 1024
    found = mg.optimal_theta(padded(*losses), alphas, bounds)
    for theta, status, ties, alpha in zip(found.thetas, names(found.status), found.ties, alphas, strict=True):
        best = oracles_stationary.row(losses, float(alpha), bounds).best
        if len(best) > 1 and -best[0].theta > 1e-3:
            assert status == "TIED", alpha
            np.testing.assert_allclose(ties[np.isfinite(ties)], [float(m.theta) for m in best], atol=1e-10)
            assert abs(float(theta) - best[0].theta) < 1e-10
    jumps = found.jumps
    # Only |theta| may jump.
    assert (np.abs(np.abs(jumps.thetas_before) - np.abs(jumps.thetas_after)) > 1e-3).all(), jumps
    exact = oracles_stationary.jumps(losses, (alphas[0], alphas[-1]), bounds, num_alphas=26)
    true = [j for j in exact if abs(abs(j.theta_before) - abs(j.theta_after)) > 1e-3]
    np.testing.assert_allclose(jumps.alphas, [float(j.alpha) for j in true], rtol=0, atol=1e-10)


def test_all_ties_of_case_2_are_listed(x64):
    found = mg.optimal_theta(padded([0, 0, 0, 0, 0.25], [0.5, -1, 0.5]), np.array([1.0]), BOUNDS)
    assert names(found.status) == ["TIED"]
    np.testing.assert_allclose(found.ties[0], [-1, 0, 1], atol=float(found.accuracies[0]))


# --- kinks and jumps that an inner step makes -----------------------------------------------------------------

RELU_PAIR = mg.maml([lambda t: (jax.nn.relu(t) - 1) ** 2, lambda t: (t + 1) ** 2])


def test_one_step_through_a_relu_has_an_infimum_that_is_not_attained(x64):
    alphas = np.linspace(0, 1, 21)
    found = mg.optimal_theta(RELU_PAIR, alphas, BOUNDS)
    for k, alpha in enumerate(alphas):
        exact = discontinuous.relu_pair_infimum(float(alpha))
        assert float(found.values[k]) == pytest.approx(exact.value, abs=64 * EPS)
        if exact.attained or exact.value > 1e-9:
            assert abs(float(found.thetas[k]) - exact.theta) <= max(float(found.accuracies[k]), 64 * EPS), alpha
            assert names(found.status)[k] == ("OK" if exact.attained else "ONE_SIDED"), alpha


@pytest.mark.parametrize("number", brief([2, 9, 40], 9))
def test_the_minimiser_jumps_to_a_one_sided_limit(number, x64):
    jumps = mg.optimal_theta(RELU_PAIR, np.linspace(0, 0.45, number), BOUNDS).jumps
    np.testing.assert_allclose(jumps.alphas, discontinuous.RELU_PAIR_JUMPS[:1], rtol=0, atol=1e-12)
    np.testing.assert_allclose([jumps.thetas_before[0], jumps.thetas_after[0]], [-1, 0], atol=1e-10)
    np.testing.assert_allclose(jumps.values, 1, rtol=1e-12)


def _wave(theta, kind):
    both = jnp.where(kind == 2, theta**2 / 2, 1 - jnp.cos(20 * theta))
    return jnp.where(kind == 0, theta, jnp.where(kind == 1, 0 * theta, both))


@pytest.mark.parametrize("number", [2, 3, 7, 13, 50])
def test_a_wave_under_a_parabola_exchanges_wells_where_it_must(number, x64):
    meta = mg.maml(_wave, mg.Tasks(np.array([0, 1]), np.array([2, 3])))
    jumps = mg.optimal_theta(meta, np.linspace(0, 0.6, number), BOUNDS).jumps
    exact, offset = discontinuous.wave_jumps(20.0, (0.0, 0.6)), discontinuous.wave_offset(20.0)
    np.testing.assert_allclose(jumps.alphas, exact, rtol=0, atol=1e-12)
    np.testing.assert_allclose(jumps.thetas_before, exact - offset, atol=1e-10)
    np.testing.assert_allclose(jumps.thetas_after, exact + offset, atol=1e-10)


def _hinge(theta, line):
    return jax.nn.relu(line[0] * theta + line[1])


def _huber(theta, line):
    u = line[0] * theta + line[1]
    return jnp.where(jnp.abs(u) < 1, u**2 / 2, jnp.abs(u) - 0.5)


def _dips(theta, dip):
    return theta**2 / 40 - dip[0] * jnp.exp(-(((theta - dip[1]) / dip[2]) ** 2))


def _slope(kind, u):
    return (u > 0) * 1.0 if kind is _hinge else np.clip(u, -1, 1)


def _value(kind, u):
    return np.maximum(u, 0) if kind is _hinge else np.where(np.abs(u) < 1, u**2 / 2, np.abs(u) - 0.5)


@pytest.mark.parametrize("kind", brief([_hinge, _huber], _hinge))
@pytest.mark.parametrize("count", brief([6, 250], 6))
def test_kinked_tasks_are_nowhere_lower_than_said(kind, count, x64):
    rng = np.random.default_rng(11)
    alphas = np.array([0.0, 0.2, 0.65])
    grid = np.linspace(*BOUNDS, 40_001)
    for _ in range(count):
        lines = np.stack([rng.choice([-1, 1], 3) * rng.uniform(0.5, 2, 3), rng.uniform(-3, 3, 3)], axis=1)
        found = mg.optimal_theta(mg.maml(kind, mg.Tasks(lines)), alphas, BOUNDS)
        a, b = lines.T[:, :, None]
        edges = ((np.array([[-1], [0], [1]]) - lines[:, 1]) / lines[:, 0]).ravel()
        moved = (edges[:, None] + np.outer(alphas, [-2, -1, 0, 1, 2]).ravel()).ravel()
        near = np.concatenate([edges, moved])
        thetas = np.concatenate([grid, *(np.clip(near + e, *BOUNDS) for e in (-1e-13, 0, 1e-13))])
        for k, alpha in enumerate(alphas):
            adapted = thetas - alpha * a * _slope(kind, a * thetas + b)
            values = _value(kind, a * adapted + b).sum(0)
            message = (kind.__name__, lines.tolist(), alpha, names(found.status)[k], float(found.thetas[k]))
            assert float(found.values[k]) <= values.min() + 1e-11, message
            assert names(found.status)[k] != "NONFINITE", message


@pytest.mark.parametrize("count", brief([20, 200], 20))
def test_dips_as_wide_as_a_cell_are_not_passed_over(count, x64):
    rng = np.random.default_rng(5)
    grid = np.linspace(*BOUNDS, 200_001)
    for _ in range(count):
        dips = np.stack([rng.uniform(0.5, 1.5, 3), rng.uniform(-3.5, 3.5, 3), rng.uniform(8 / 1024, 0.1, 3)], axis=1)
        found = mg.optimal_theta(mg.maml(_dips, mg.Tasks(dips)), ZERO, BOUNDS)
        depth, center, width = dips.T[:, :, None]
        values = (grid**2 / 40 - depth * np.exp(-(((grid - center) / width) ** 2))).sum(0)
        message = (dips.tolist(), names(found.status), float(found.thetas[0]), grid[values.argmin()])
        assert float(found.values[0]) <= values.min() + 64 * EPS or names(found.status)[0] == "UNRESOLVED", message


def _norm(theta, center):
    return jnp.linalg.norm(jnp.atleast_1d(theta - center))


@pytest.mark.parametrize("bounds", [(-4.0, 4.0), (-4.0, 4.1)])
def test_a_norm_has_its_minimum_on_a_grid_point_or_beside_it(bounds, x64):
    meta = mg.maml(_norm, mg.Tasks(np.array([0.0, 1.0, -0.5])))
    found = mg.optimal_theta(meta, ZERO, bounds)
    assert names(found.status) == ["OK"]
    assert abs(float(found.thetas[0])) <= max(float(found.accuracies[0]), 8 * EPS) < 1e-12
    assert float(found.values[0]) == pytest.approx(1.5, abs=16 * EPS)


@pytest.mark.parametrize("bounds", [(-4.0, 4.0), (-4.0, 4.1)])
def test_between_two_norms_every_theta_is_a_minimum_although_rounding_gives_the_direction_a_sign(bounds, x64):
    found = mg.optimal_theta(mg.maml(_norm, mg.Tasks(np.array([0.25, 1.0]))), ZERO, bounds)
    assert names(found.status) == ["PLATEAU"]
    theta, reach = float(found.thetas[0]), float(found.accuracies[0])
    # Within a cell of the grid.
    assert -1 / 128 <= theta - reach - 0.25 <= EPS
    assert -EPS <= theta + reach - 1 <= 1 / 128
    assert float(found.values[0]) == pytest.approx(0.75, abs=16 * EPS)


def _pole(theta, weights):
    u = theta - 0.3
    return weights[0] * jnp.log(jnp.abs(u)) + theta**2 - weights[1] / u**2 + weights[2] / u


@pytest.mark.parametrize("weights", [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, -1.0]])
@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-1.7, 2.3), (-0.7, 1.3)])
def test_at_a_pole_there_is_no_minimum(weights, bounds, x64):
    found = mg.optimal_theta(mg.maml(_pole, mg.Tasks(np.array([weights]))), ZERO, bounds)
    assert names(found.status) == ["NONFINITE"]
    assert np.isnan(found.thetas[0])


# --- where rounding decides -------------------------------------------------------------------------------------


def _tilted(theta, numbers):
    return numbers[0] * theta + numbers[1] * (theta - 0.3) ** 2


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_what_cancels_between_tasks_is_found_as_well_as_rounding_allows(name):
    with jax.enable_x64(name == "float64"):
        size, bend = (1e6, 0.5e-7) if name == "float64" else (5.0, 0.5e-3)
        meta = mg.maml(_tilted, mg.Tasks(np.array([[size, bend], [-size, 0.0]], name)))
        found = mg.compare({"it": meta}, ZERO.astype(name), (-2.0, 2.0))
        assert names(found.status)[0] != "ABSENT"
        best = found.optimum
        assert names(best.status)[0] in ("OK", "DEGENERATE", "FLAT")
        if names(best.status)[0] != "FLAT":
            assert abs(float(best.thetas[0]) - 0.3) <= float(best.accuracies[0])


def _wiggly(theta, kind):
    return jnp.where(kind == 0, jnp.sin(3 * theta) + theta**2 / 8, jnp.tanh(theta) - jnp.cos(5 * theta))


@pytest.mark.slow
def test_no_regret_is_negative_and_none_depends_on_the_other_alphas(x64):
    tasks = mg.Tasks(np.array([0, 1]))
    metas = {"MAML": mg.maml(_wiggly, tasks, num_steps=3), "FOMAML": mg.fomaml(_wiggly, tasks, num_steps=3)}
    alphas = np.linspace(-0.1, 0.3, 17)
    found = mg.compare(metas, alphas, BOUNDS)
    settled = np.isin(found.optimum.status, [int(s) for s in (Status.OK, Status.TIED)])
    assert settled.sum() >= 15
    assert np.nanmin(found.regrets[:, settled]) >= -64 * 10 * EPS  # terms of a size of ten
    # MAML's own points include the optimum.
    np.testing.assert_allclose(np.nanmin(found.regrets[0, settled], axis=1), 0, atol=640 * EPS)
    alone = mg.compare(metas, alphas[15:16], BOUNDS)
    np.testing.assert_array_equal(alone.optimum.thetas[0], found.optimum.thetas[15])
    points = np.asarray(found.fixed_points)[:, 15]
    np.testing.assert_array_equal(
        np.sort(points[np.isfinite(points)]), np.sort(alone.fixed_points[np.isfinite(alone.fixed_points)])
    )


@pytest.mark.slow  # more than a minute to compile
def test_points_without_room_are_said_to_be_left_out(x64):
    losses = [0, 0, 0, 0, 0.25], [0.5, -1, 0.5]
    alphas = np.array([0.2, 0.7, 0.95])
    exact = [[p.theta for p in oracles_stationary.stationary_points(losses, a, BOUNDS)] for a in alphas]
    crowded = [len(row) > 4 for row in exact]
    assert set(crowded) == {True, False}
    few = jax.jit(lambda a: mg.compare({"it": padded(*losses)}, a, BOUNDS, max_points=4))(alphas)
    for row, points, status in zip(exact, few.fixed_points[0], few.status[0], strict=True):
        assert ("TRUNCATED" in names(status)) == (len(row) > 4)
        for theta, one in zip(points, names(status), strict=True):
            assert one in ("OK", "TRUNCATED", "ABSENT")
            if one == "OK":
                assert min(abs(float(theta) - exact) for exact in row) < 1e-12
        if len(row) <= 4:
            assert names(status) == ["OK"] * len(row) + ["ABSENT"] * (4 - len(row))


@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-1.7, 2.3), (-10.0, 10.3)])
def test_a_minimum_that_splits_in_two_does_not_jump(bounds, x64):
    # theta_2' = (1 - alpha) theta: L = theta^4 / 4 + ((1 - alpha)^2 - 1/2) theta^2 / 2, two minima from 1 - sqrt(1/2).
    def loss(theta, data):
        return data[0] * theta**4 / 4 + data[1] * theta**2 / 2

    support, query = (np.array([0.0, 0.0]), np.array([0.0, 1.0])), (np.array([1.0, 0.0]), np.array([-0.5, 1.0]))
    away = np.array([-1e-3, -1e-6, 1e-9, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2])
    found = mg.optimal_theta(mg.maml(loss, mg.Tasks(support, query)), 1 - np.sqrt(0.5) + away, bounds)
    assert found.jumps.alphas.size == 0
    exact = -np.sqrt(np.maximum(0.5 - (np.sqrt(0.5) - away) ** 2, 0))
    np.testing.assert_allclose(found.thetas, exact, rtol=1e-6, atol=1e-7)
