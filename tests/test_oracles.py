"""The answers themselves: each found in two ways, neither of which is the package's."""

from __future__ import annotations

import ast
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from . import oracles, oracles_algorithms


@pytest.mark.parametrize("module", [oracles, oracles_algorithms])
def test_the_oracles_import_only_numpy_and_mpmath(module):
    tree = ast.parse(Path(module.__file__).read_text())
    names = [f"{'.' * n.level}{n.module}" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    own = {".oracles"} if module is oracles_algorithms else set()
    standard = {"__future__", "collections.abc", "fractions", "itertools", "math", "typing"}
    assert set(names) - standard == {"numpy", "mpmath"} | own


@pytest.mark.parametrize(
    ("losses", "closed_form"), [(oracles.CASE_1, oracles.case_1), (oracles.CASE_2, oracles.case_2)]
)
def test_the_formulas_of_the_post_are_the_composed_polynomials(losses, closed_form):
    for alpha in (-0.7, 0.0, 0.3, 1.0, 1.6):
        value, _ = oracles.meta_polynomial(losses, alpha)
        slope = oracles.derivative(value)
        for theta in (-1.7, 0.0, 0.4, 1.0, 2.3):
            exact = [
                float(oracles.evaluate(p, oracles.Fraction(theta))) for p in (value, slope, oracles.derivative(slope))
            ]
            np.testing.assert_allclose(closed_form(theta, alpha), exact, rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Descending:DeprecationWarning")  # mpmath 1.4 turns the order round
def test_isolated_roots_are_the_roots_of_the_whole_polynomial():
    rng = np.random.default_rng(0)
    for _ in range(5):
        losses = [[*rng.normal(size=4), 0.3], [*rng.normal(size=4), 0.2]]
        slope = oracles.derivative(oracles.meta_polynomial(losses, rng.uniform(0, 0.5))[0])
        with mp.workdps(oracles.DIGITS):
            descending = [mp.mpf(c.numerator) / c.denominator for c in reversed(slope)]
            found = mp.polyroots(descending, maxsteps=300, extraprec=300)
            real = sorted(r.real for r in found if abs(r.imag) < 1e-30 and -3 < r.real < 3)
            isolated = oracles.real_roots(slope, -3.0, 3.0)
            assert len(real) == len(isolated)
            assert all(abs(a - b) < mp.mpf(10) ** -45 for a, b in zip(real, isolated, strict=True))


def test_multiple_roots_and_roots_at_the_ends_are_found_once():
    squared = oracles.times(oracles.polynomial([1, -2, 1]), oracles.polynomial([0.25, 1]))
    assert [float(r) for r in oracles.real_roots(squared, -0.25, 2.0)] == [-0.25, 1.0]
    np.testing.assert_allclose([float(r) for r in oracles.real_roots([0, 0, 0, 1], -1.0, 2.0)], [0.0], atol=1e-50)
    with pytest.raises(ValueError, match="identically zero"):
        oracles.real_roots([0, 0], -1.0, 1.0)


def test_sensitivities_are_difference_quotients_of_optima():
    step = 1e-6
    for alpha in (-0.4, 0.2, 0.6, 1.3):
        before, at, after = (oracles.minima(oracles.CASE_2, alpha + k * step, (-4, 4))[0] for k in (-1, 0, 1))
        # A central difference: the error is of order step^2.
        np.testing.assert_allclose(float(at.sensitivity), float((after.theta - before.theta) / (2 * step)), rtol=1e-8)


def test_the_jump_of_case_2_is_a_tie_of_two_stationary_points():
    (jump,) = oracles.jumps(oracles.CASE_2, np.linspace(-0.5, 1.51, 22), (-4, 4))
    with mp.workdps(oracles.DIGITS):
        values, slopes = zip(*(mp_case_2(t, jump.alpha) for t in (jump.theta_before, jump.theta_after)), strict=True)
        assert max(map(abs, (values[0] - values[1], *slopes))) < mp.mpf(10) ** -45
    assert 0.32 < jump.alpha < 0.33
    assert jump.theta_after - jump.theta_before > 0.4


def mp_case_2(theta, alpha):
    t = theta - alpha * theta**3
    value = t**4 / 4 + (1 - alpha) ** 2 * (theta - 1) ** 2 / 2
    return value, t**3 * (1 - 3 * alpha * theta**2) + (1 - alpha) ** 2 * (theta - 1)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_backpropagation_written_out_is_the_derivative_of_the_network(activation):
    rng = np.random.default_rng(1)
    layers = [(rng.normal(size=(n, m)), rng.normal(size=m)) for n, m in ((1, 5), (5, 4), (4, 1))]
    x, y = rng.normal(size=(7, 1)), rng.normal(size=(7, 1))
    gradient = oracles.network_loss(layers, x, y, activation)[1]
    # With alpha = 0 the meta-gradient is the plain gradient, found by complex steps instead of backwards.
    stepped = oracles.network_meta_gradient(layers, [((x, y), (x, y))], 0.0, 1, activation)
    for (w, b), (dw, db) in zip(gradient, stepped, strict=True):
        np.testing.assert_allclose(w, dw, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(b, db, rtol=1e-12, atol=1e-14)
