"""A row of nodes, and what is said of each event on it once all steps before have been made."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid._stationary.evaluator import OnHost
from mamlgrid._stationary.row import even, looked_at, stationary, with_middles
from mamlgrid._stationary.zeros import JUMP, KINK, PLATEAU, ZERO

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

EPS = float(np.finfo(float).eps)


def host(loss):
    """The loss itself, its derivative and its second derivative, at alpha = 0."""
    return OnHost(mg.maml([loss], num_steps=0), np.zeros(1), 10**9)


def test_an_even_row_has_both_bounds_and_its_middles_halve_it():
    evaluator = host(lambda t: t**2)
    nodes = even(evaluator, np.float64(-0.1), np.float64(0.7), 17)
    assert (nodes[0, 0], nodes[0, -1], nodes.shape) == (-0.1, 0.7, (1, 33))
    finer = with_middles(evaluator, nodes)
    np.testing.assert_array_equal(finer[:, ::2], nodes)
    np.testing.assert_allclose(np.diff(finer), 0.8 / 64, rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "kind", "theta", "status", "accuracy"),
    [
        (lambda t: (t - 0.3) ** 2, ZERO, 0.3, "OK", 64 * EPS),
        (lambda t: (t - 0.3) ** 4, ZERO, 0.3, "DEGENERATE", 1e-4),
        (lambda t: jnp.abs(t - 0.3), KINK, 0.3, "OK", 64 * EPS),
        (lambda t: jnp.where(t < 0.3, -t, 5 - t), JUMP, 0.3, "ONE_SIDED", 64 * EPS),
        (lambda t: jnp.maximum(jnp.abs(t - 0.3) - 1, 0.0), PLATEAU, 0.3, "PLATEAU", 1 + 64 * EPS),
    ],
)
def test_what_is_found_has_its_kind_its_status_and_an_accuracy_that_is_true(loss, kind, theta, status, accuracy):
    evaluator = host(loss)
    nodes, at = looked_at(evaluator, even(evaluator, np.float64(-2), np.float64(2.1), 33))
    found = stationary(evaluator, nodes, at, nodes[0, 0], nodes[0, -1], True)
    (slot,) = np.flatnonzero(found.attracting[0])
    assert (found.events.kinds[0, slot], mg.Status(int(found.status[0, slot])).name) == (kind, status)
    assert abs(found.events.thetas[0, slot] - theta) <= found.accuracies[0, slot] <= accuracy
