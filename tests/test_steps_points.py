"""Where a meta-loss meets many points: together as each alone, within its memory, with its rounding and derivatives."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mamlgrid._points.at import sample
from mamlgrid._points.jet import jet
from mamlgrid._points.many import on_points
from mamlgrid._points.memory import in_batches
from mamlgrid._points.rounding import probe
from mamlgrid._stationary.implicit import implicit_root

from .plane import meta_with_direction
from .problems import polynomials

pytestmark = pytest.mark.usefixtures("x64")

BUDGET = 2**28
EPS = float(np.finfo(float).eps)


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_batches_change_nothing_also_where_the_last_is_not_full(batch):
    x = jnp.arange(7.0)
    found = in_batches(lambda pair: (pair[0] * pair[1], pair[0] - 1), (x, x + 2), 7, batch)
    assert np.array_equal(found[0], x * (x + 2))
    assert np.array_equal(found[1], x - 1)


@pytest.mark.parametrize(("number", "budget"), [(0, BUDGET), (1, BUDGET), (300, BUDGET), (17_000, BUDGET), (70, 1)])
def test_any_number_of_points_gives_what_each_gives(number, budget):
    thetas, alphas = np.linspace(-1, 2, number), np.linspace(0.5, 0, number)
    found = on_points(sample, meta_with_direction({(3, 0): 1, (1, 2): -2}), thetas, alphas, budget)
    assert found.directions.shape == (number,)
    assert np.allclose(found.directions, thetas**3 - 2 * thetas * alphas**2, rtol=0, atol=1e-14)
    assert np.allclose(found.jacobians, 3 * thetas**2 - 2 * alphas**2, rtol=0, atol=1e-14)


def test_noise_covers_the_error_of_terms_that_cancel_and_not_much_more():
    tasks = [[0.0, 1e6, 0.0], [0.09, -1e6 - 0.6, 1.0]]  # the sum is (t - 0.3)^2 at alpha = 0
    meta, theta = polynomials(tasks, num_steps=0), 0.7
    exact = sum(Fraction(c) * Fraction(theta) ** k for task in tasks for k, c in enumerate(task))
    seen = probe(meta, jnp.asarray(theta), jnp.asarray(0.0))
    error = abs(float(Fraction(float(meta(theta, 0.0))) - exact))
    assert error <= seen.value_noise <= 64 * EPS * 1e6
    assert 2 * EPS * 1e6 <= seen.direction_noise <= 64 * EPS * 1e6
    constant = probe(polynomials([[3.0, 0.0, 0.0]], num_steps=0), jnp.asarray(0.7), jnp.asarray(0.0))
    assert 2 * EPS <= constant.value_noise <= 64 * EPS  # no move of theta shows it


def test_probe_has_the_derivatives_in_alpha():
    seen = probe(meta_with_direction({(2, 1): 3, (0, 2): 1}), jnp.asarray(0.5), jnp.asarray(0.2))
    assert float(seen.values_alpha) == pytest.approx(0.5**3 + 2 * 0.2 * 0.5, rel=1e-14)
    assert float(seen.directions_alpha) == pytest.approx(3 * 0.25 + 2 * 0.2, rel=1e-14)


def test_a_jet_has_all_derivatives_of_a_polynomial():
    t, a = 0.3, 0.2
    at = jet(meta_with_direction({(3, 1): 2, (1, 2): 1}), jnp.asarray(t), jnp.asarray(a))
    g = (
        2 * t**3 * a + t * a**2,
        6 * t**2 * a + a**2,
        2 * t**3 + 2 * t * a,
        12 * t * a,
        6 * t**2 + 2 * a,
        2 * t,
        12 * a,
    )
    assert [float(x) for x in at] == pytest.approx([t**4 * a / 2 + t**2 * a**2 / 2, *g], rel=1e-14)


def test_a_root_has_the_derivatives_of_the_implicit_function_theorem():
    def root(a: Any) -> Any:
        return implicit_root(lambda x: x**2 - a, jax.lax.stop_gradient(jnp.sqrt(a)))

    assert float(jax.grad(root)(0.49)) == pytest.approx(0.5 / 0.7)
    assert float(jax.grad(jax.grad(root))(0.49)) == pytest.approx(-0.25 / 0.7**3)

    def pair(ab: Any) -> Any:  # x + y = a, x y = b
        return implicit_root(lambda x: jnp.stack([x.sum() - ab[0], x.prod() - ab[1]]), jnp.array([1.0, 3.0]))

    found = jax.jacrev(pair)(jnp.array([4.0, 3.0]))
    assert np.allclose(found, [[-0.5, 0.5], [1.5, -0.5]])
    lost = jax.value_and_grad(lambda a: implicit_root(lambda x: x**2 - a, jnp.asarray(jnp.nan)))(0.49)
    assert np.isnan(lost[0])
    assert lost[1] == 0
