"""The exact answers about stationary points, each found in a second way that shares nothing with the first."""

from __future__ import annotations

import ast
import itertools
from fractions import Fraction
from pathlib import Path

import flint
import mpmath as mp
import numpy as np
import pytest
import scipy.optimize

from . import oracles, oracles_discontinuous, oracles_folds, oracles_stationary
from .families import FAMILIES, SIX_JUMPS

EPS = np.finfo(float).eps
CASE_2_DIRECTION = oracles_folds.direction(oracles.CASE_2)


@pytest.mark.parametrize("module", [oracles_stationary, oracles_folds, oracles_discontinuous])
def test_the_oracles_import_nothing_of_the_package(module):
    tree = ast.parse(Path(module.__file__).read_text())
    names = {f"{'.' * n.level}{n.module}" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    standard = {"__future__", "collections.abc", "fractions", "itertools", "math", "typing"}
    assert names - standard <= {"numpy", "mpmath", "flint", ".oracles_stationary"}


def direction(losses, theta, alpha, num_steps, algorithm):
    """The outer direction by the chain rule, in the precision of mpmath or of floats: no polynomial is composed."""
    total = 0 * theta
    for c in losses:
        loss = [mp.mpf(x) for x in map(float, c)] if isinstance(theta, mp.mpf) else list(map(float, c))

        def derivative(x, order, loss=loss):
            falling = [(k, np.prod([k - i for i in range(order)])) for k in range(order, len(loss))]
            return sum(int(factor) * loss[k] * x ** (k - order) for k, factor in falling)

        adapted, change = theta, 1 + 0 * theta
        for _ in range(num_steps):
            step, bend = derivative(adapted, 1), derivative(adapted, 2)
            if algorithm == "Reptile":
                total = total + step
            adapted, change = adapted - alpha * step, change * (1 - alpha * bend)
        if algorithm == "MAML":
            total = total + derivative(adapted, 1) * change
        elif algorithm == "FOMAML":
            total = total + derivative(adapted, 1)
    return total


ALGORITHMS = [(name, k) for name in ("MAML", "FOMAML", "Reptile") for k in (1, 2, 3)]


@pytest.mark.parametrize(("algorithm", "num_steps"), ALGORITHMS)
def test_roots_are_zeros_of_the_chain_rule_and_no_sign_change_is_missed(algorithm, num_steps):
    bounds = (-2.0, 2.0)
    grid = np.linspace(*bounds, 20_001)
    for losses in (oracles.CASE_2, SIX_JUMPS):
        for alpha in (-0.21, 0.47) if num_steps == 3 else (-0.21, 0.13, 0.47, 0.9):
            points = oracles_stationary.stationary_points(losses, alpha, bounds, num_steps, algorithm)
            signs = np.sign(direction(losses, grid, alpha, num_steps, algorithm))
            # Every change of sign of the other formula encloses an odd number of roots.
            changes = grid[:-1][signs[:-1] * signs[1:] < 0]
            thetas = np.array([float(p.theta) for p in points])
            cells = np.floor((thetas - bounds[0]) / (grid[1] - grid[0])).astype(int)
            odd = [c for c in set(cells.tolist()) if (cells == c).sum() % 2]
            assert sorted(odd) == sorted(np.searchsorted(grid, changes).tolist())
            with mp.workdps(60):
                h = mp.mpf(10) ** -20
                for p in points:
                    here, above, below = (
                        direction(losses, p.theta + k * h, mp.mpf(alpha), num_steps, algorithm) for k in (0, 1, -1)
                    )
                    jacobian = (above - below) / (2 * h)
                    assert abs(here) < mp.mpf(10) ** -34 * (1 + abs(jacobian))
                    assert abs(jacobian - p.jacobian) < mp.mpf(10) ** -15 * abs(jacobian)
                    assert p.attracting == (jacobian > 0)
                    in_alpha = [direction(losses, p.theta, alpha + k * h, num_steps, algorithm) for k in (1, -1)]
                    rate = -(in_alpha[0] - in_alpha[1]) / (2 * h) / jacobian
                    assert abs(rate - p.rate) < mp.mpf(10) ** -15 * (1 + abs(rate))


def test_roots_are_those_that_descartes_isolates():
    rng = np.random.default_rng(3)
    for _ in range(10):
        losses = rng.integers(-32, 33, (3, 5)) / 16
        alpha = float(rng.uniform(-0.3, 0.6))
        slope = oracles.derivative(oracles.meta_polynomial(losses, alpha)[0])
        one = oracles.real_roots(slope, -3.0, 3.0)
        two = [p.theta for p in oracles_stationary.stationary_points(losses, alpha, (-3.0, 3.0))]
        assert len(one) == len(two)
        assert all(abs(a - b) < mp.mpf(10) ** -35 for a, b in zip(one, two, strict=True))
        minima = oracles.minima(losses, alpha, (-3.0, 3.0))
        row = oracles_stationary.row(losses, alpha, (-3.0, 3.0))
        assert len(minima) == len(row.minima)
        assert abs(minima[0].theta - row.best[0].theta) < mp.mpf(10) ** -30
        assert abs(minima[0].value - row.best[0].value) < mp.mpf(10) ** -30


def test_roots_on_the_ends_and_multiple_roots():
    p = oracles_stationary.polynomial([0.25, 1]) ** 2 * oracles_stationary.polynomial([-1, 1])
    found = [(float(r), m) for r, m in oracles_stationary.real_roots(p, -0.25, 1.0)]
    assert found == [(-0.25, 2), (1.0, 1)]
    assert oracles_stationary.real_roots(p, -0.249, 0.999) == []
    with pytest.raises(ValueError, match="identically zero"):
        oracles_stationary.real_roots(p - p, 0, 1)
    # theta = -1, 0, 1 of case 2 at alpha = 1 are triple.
    points = oracles_stationary.stationary_points(oracles.CASE_2, 1.0, (-5.0, 5.0))
    assert [(round(float(p.theta), 12), p.multiplicity) for p in points if p.multiplicity > 1] == [
        *((-1.0, 3), (0.0, 3), (1.0, 3))
    ]
    assert [float(m.theta) for m in oracles_stationary.row(oracles.CASE_2, 1.0, (-5.0, 5.0)).best] == [-1, 0, 1]


# --- jumps ----------------------------------------------------------------------------------------------


def test_the_jump_of_case_2():
    (jump,) = oracles_stationary.jumps(oracles.CASE_2, (-0.5, 1.51), (-5, 5))
    assert mp.nstr(jump.alpha, 16) == "0.3266070476997144"
    (other,) = oracles.jumps(oracles.CASE_2, np.linspace(-0.5, 1.51, 22), (-5, 5))
    assert all(abs(a - b) < mp.mpf(10) ** -33 for a, b in zip(jump, other, strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_jumps_of_families_are_where_a_dense_grid_sees_them(name):
    family = FAMILIES[name]
    found = oracles_stationary.jumps(family.losses, family.span, family.bounds, family.num_steps, num_alphas=26)
    assert len(found) == family.num_jumps
    thetas, alphas = np.linspace(*family.bounds, 2001), np.linspace(*family.span, 1501)
    lowest = thetas[
        [oracles_values(family.losses, thetas, alpha, family.num_steps).argmin() for alpha in alphas.tolist()]
    ]
    seen = np.flatnonzero(np.abs(np.diff(lowest)) > family.least_move)
    assert seen.size == len(found)
    for k, jump in zip(seen, found, strict=True):
        assert alphas[k] - 2e-3 < jump.alpha < alphas[k + 1] + 2e-3
        assert abs(lowest[k] - jump.theta_before) < 0.05
        assert abs(lowest[k + 1] - jump.theta_after) < 0.05
        before, after = (
            oracles_values(family.losses, np.array(float(t)), float(jump.alpha), family.num_steps)
            for t in (jump.theta_before, jump.theta_after)
        )
        np.testing.assert_allclose([before, after], float(jump.value), rtol=1e-12, atol=1e-13)


def oracles_values(losses, thetas, alpha, num_steps):
    """The meta-loss in floats by NumPy's polynomials."""
    total = 0.0
    for loss in map(np.polynomial.Polynomial, losses):
        adapted = thetas
        for _ in range(num_steps):
            adapted = adapted - alpha * loss.deriv()(adapted)
        total = total + loss(adapted)
    return total


# --- folds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "number", "degenerate"), [("MAML", 8, 3), ("FOMAML", 2, 3)])
def test_the_folds_of_case_2_solve_both_equations_and_are_all(algorithm, number, degenerate):
    g = oracles_folds.direction(oracles.CASE_2, 1, algorithm)
    found = oracles_folds.folds(g, (0, 1.5), (-5, 5))
    folds = [f for f in found if not f.degenerate]
    assert (len(folds), len(found) - len(folds)) == (number, degenerate)
    assert sorted((float(f.alpha), round(float(f.theta), 15)) for f in found if f.degenerate) == [
        *((1.0, -1.0), (1.0, 0.0), (1.0, 1.0))
    ]
    for fold in folds:
        with mp.workdps(50):

            def equations(alpha, theta):
                g = direction(oracles.CASE_2, theta, alpha, 1, algorithm)
                return g, mp.diff(lambda t: direction(oracles.CASE_2, t, alpha, 1, algorithm), theta)

            start = (mp.mpf(float(fold.alpha)), mp.mpf(float(fold.theta)))
            alpha, theta = mp.findroot(equations, start, solver="mdnewton", tol=1e-50)
            assert abs(alpha - fold.alpha) < mp.mpf(10) ** -22
            assert abs(theta - fold.theta) < mp.mpf(10) ** -22
    # The number of roots changes by two at each fold, as it says, and nowhere else.
    ends = sorted({0.0, 1.5, *(float(f.alpha) for f in found)})
    bounds_passed = [a for t in (-5, 5) for a in oracles_folds.crossings_of_bound(g, (0, 1.5), t)]
    for low, high in itertools.pairwise(ends):
        inside = [low + (high - low) * k / 40 for k in range(1, 40)]
        inside = [a for a in inside if not any(low < b < high for b in bounds_passed)]
        counts = {len(oracles_stationary.stationary_points(oracles.CASE_2, a, (-5, 5), 1, algorithm)) for a in inside}
        assert len(counts) <= 1
    for fold in folds:
        near = [fold.alpha - mp.mpf("1e-6"), fold.alpha + mp.mpf("1e-6")]
        before, after = (
            len(oracles_stationary.stationary_points(oracles.CASE_2, float(a), (-5, 5), 1, algorithm)) for a in near
        )
        assert after - before == (2 if fold.births else -2)


def test_where_zeros_pass_the_bounds_the_direction_is_zero_there():
    for theta in (-5, 5):
        alphas = oracles_folds.crossings_of_bound(CASE_2_DIRECTION, (0, 1.5), theta)
        assert len(alphas) == 2
        for alpha in alphas:
            value = oracles.case_2(float(theta), float(alpha))[1]
            assert abs(value) <= 64 * EPS * oracles.case_2_size(float(theta), float(alpha))[1]


@pytest.mark.slow
def test_the_hysteresis_window_of_case_2_ends_at_the_two_folds_beside_the_jump():
    (jump,) = oracles_stationary.jumps(oracles.CASE_2, (0.3, 0.35), (-5, 5))
    ends = oracles_folds.window(CASE_2_DIRECTION, *(float(x) for x in jump[:3]), box=((0.0, 1.5), (-5.0, 5.0)))
    # Followed by descent instead: the minimum after is lost below the window, that before above it.
    for edge, start, sign in ((ends[0], jump.theta_after, 1), (ends[1], jump.theta_before, -1)):
        kept, lost = (
            scipy.optimize.minimize_scalar(
                lambda t, a=a: oracles.case_2(t, a)[0], bracket=(float(start) - 1e-3, float(start)), tol=1e-12
            ).x
            for a in (float(jump.alpha), float(edge) - sign * 0.02)
        )
        assert abs(kept - float(start)) < 1e-6
        assert abs(lost - float(start)) > 0.2
    # The same roots of the discriminant were found with another computer algebra system.
    assert mp.nstr(ends[0], 12) == mp.nstr(mp.mpf("0.3040379695905699453107"), 12)
    assert mp.nstr(ends[1], 12) == mp.nstr(mp.mpf("0.3479180875583053889066"), 12)


def test_a_direction_given_by_its_coefficients():
    g = oracles_folds.from_matrix([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])  # theta^3 - theta + alpha
    low, high = oracles_folds.folds(g, (-1, 1), (-2, 2))
    edge = 2 / (3 * 3**0.5)
    np.testing.assert_allclose([float(low.alpha), float(high.alpha)], [-edge, edge], rtol=1e-15)
    np.testing.assert_allclose([float(low.theta), float(high.theta)], [-(3**-0.5), 3**-0.5], rtol=1e-15)
    assert (low.births, high.births) == (True, False)
    assert oracles_folds.window(g, 0.0, 1.0, -1.0, ((-1.0, 1.0), (-2.0, 2.0))) == (low.alpha, high.alpha)
    assert [float(a) for a in oracles_folds.crossings_of_bound(g, (-1, 1), 1.0)] == [0.0]
    assert oracles_folds.at_alpha(g, 0.5) == flint.fmpq_poly([flint.fmpq(1, 2), -1, 0, 1])


# --- what jumps and has kinks ---------------------------------------------------------------------------


@pytest.mark.parametrize("num_steps", [1, 2])
def test_networks_on_a_grid_are_networks_one_by_one(num_steps):
    case = oracles_discontinuous.network_case(4)
    thetas = np.linspace(-1, 1, 1100)
    values = oracles_discontinuous.network_values(case, 0.03, thetas, num_steps)
    for k in (0, 17, 512, 1099):
        network = oracles_discontinuous.Network(
            *(s + thetas[k] * d for s, d in zip(case.start, case.direction, strict=True))
        )
        layers = [(network.w1[None], network.b1), (network.w2[:, None], network.b2[None])]
        columns = zip(*(part[..., None] for part in (*case.support, *case.query)), strict=True)
        tasks = [((x, y), (xq, yq)) for x, y, xq, yq in columns]
        exact = oracles.network_meta_loss(layers, tasks, 0.03, num_steps, "relu")
        np.testing.assert_allclose(values[k], exact, rtol=1e-12)


def test_the_backpropagation_on_a_grid_is_a_difference_quotient():
    case = oracles_discontinuous.network_case(5)
    network = oracles_discontinuous.along_the_line(case, np.array([0.3, -0.7]))
    x, y = case.support[0][1], case.support[1][1]
    gradient = oracles_discontinuous.network_loss(network, x, y)[1]
    h = 1e-6
    for name, slope in gradient._asdict().items():
        for i in np.ndindex(slope.shape[:-1]):
            ends = []
            for sign in (1, -1):
                moved = getattr(network, name).copy()
                moved[i] += sign * h
                ends.append(oracles_discontinuous.network_loss(network._replace(**{name: moved}), x, y)[0])
            np.testing.assert_allclose(slope[i], (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-6)


def test_the_infimum_of_the_relu_pair_is_that_of_a_dense_grid():
    thetas = np.concatenate([np.linspace(-4, 4, 80_001), [1e-12, -1e-12]])
    for alpha in np.linspace(0, 1, 41):
        infimum = oracles_discontinuous.relu_pair_infimum(float(alpha))
        values = oracles_discontinuous.relu_pair(thetas, float(alpha))
        np.testing.assert_allclose(values.min(), infimum.value, atol=1e-11)
        if not infimum.attained and infimum.value > 0:  # the values come down to it and jump up at 0 itself
            at, *near = oracles_discontinuous.relu_pair(np.array([0, 1e-3, 1e-2, 1e-1]), float(alpha))
            assert at > infimum.value + 0.1
            assert infimum.value < near[0] < near[1] < near[2]
        if infimum.attained or infimum.value > 0:
            np.testing.assert_allclose(thetas[values.argmin()], infimum.theta, atol=1e-9)
    for alpha in oracles_discontinuous.RELU_PAIR_JUMPS:
        np.testing.assert_allclose(2 * (1 - 2 * alpha) ** 2, 1, rtol=1e-14)


def test_steps_and_thresholds():
    edges, heights = [-0.5, 0.25, 0.75, 1.5], [3.0, 1.0, 2.0, 1.0, 1.0]
    plateaus = oracles_discontinuous.lowest_plateaus(edges, heights, (-1.0, 2.0))
    assert plateaus == [(-0.5, 0.25, 1.0), (0.75, 2.0, 1.0)]
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=9), rng.integers(0, 2, 9)
    edges, heights = oracles_discontinuous.threshold_errors(x, labels)
    for theta in rng.normal(size=20):
        wrong = np.mean((x > theta) != labels)
        np.testing.assert_allclose(heights[np.searchsorted(edges, theta)], wrong)


@pytest.mark.parametrize("frequency", [5.0, 20.0, 100.0])
def test_the_waves_exchange_wells_at_their_jumps(frequency):
    jumps = oracles_discontinuous.wave_jumps(frequency, (-1.0, 1.0))
    assert jumps.size == round(frequency / np.pi)
    offset = oracles_discontinuous.wave_offset(frequency)
    for alpha in jumps[:: max(1, jumps.size // 6)]:
        thetas = np.linspace(-2, 2, 400_001)
        for shift in (-1, 1):
            lowest = thetas[oracles_discontinuous.wave(thetas, alpha + shift * 1e-4, frequency).argmin()]
            assert abs(lowest - (alpha + shift * offset)) < 2e-4


def test_fractions_are_taken_as_they_are():
    third = Fraction(1, 3)
    exact = oracles_stationary.meta_polynomials([[0, third, 1]], third)
    # theta' = theta - (1/3 + 2 theta) / 3 = theta / 3 - 1 / 9; L = theta' / 3 + theta'^2
    assert exact.value == flint.fmpq_poly([flint.fmpq(-2, 81), flint.fmpq(1, 27), flint.fmpq(1, 9)])
