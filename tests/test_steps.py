"""Each step of the engine by itself: marks of cells, searches, what is known of what they find, pieces of curves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid._diagram.arms import Arms, are_pieces
from mamlgrid._diagram.plane_newton import critical_equations, fold_equations, plane_newton
from mamlgrid._diagram.sections import extrema
from mamlgrid._points.at import sample
from mamlgrid._points.jet import Jet
from mamlgrid._points.many import on_points
from mamlgrid._points.memory import in_batches
from mamlgrid._points.rounding import probe
from mamlgrid._stationary.cells import marked
from mamlgrid._stationary.evaluator import OnHost
from mamlgrid._stationary.implicit import implicit_root
from mamlgrid._stationary.lowest import lowest
from mamlgrid._stationary.row import even, looked_at, stationary, with_middles
from mamlgrid._stationary.search import Bracket, extremum, safeguarded_newton
from mamlgrid._stationary.zeros import JUMP, KINK, PLATEAU, ZERO

pytestmark = pytest.mark.usefixtures("x64")

EPS = float(np.finfo(float).eps)
BUDGET = 10**9


def host(loss):
    """The loss itself, its derivative and its second derivative, at alpha = 0."""
    return OnHost(mg.maml([loss], num_steps=0), np.zeros(1), BUDGET)


def row(loss, low=-2.0, high=2.1, num_thetas=33):
    """All that is found on one row, and where it was looked for."""
    evaluator = host(loss)
    nodes, at = looked_at(evaluator, even(evaluator, np.float64(low), np.float64(high), num_thetas))
    with np.errstate(all="ignore"):
        return stationary(evaluator, nodes, at, nodes[0, 0], nodes[0, -1], True)


def cells(loss, low=-2.0, high=2.1):
    evaluator = host(loss)
    nodes, at = looked_at(evaluator, even(evaluator, np.float64(low), np.float64(high), 33))
    return nodes[0], marked(evaluator, nodes, at, np.full((1, 1), EPS), True)


def bracket(left, right, sign):
    return Bracket(*(np.array([[x]]) for x in (left, right, sign)), np.array([[True]]))


def test_an_even_row_has_both_bounds_and_its_middles_halve_it():
    evaluator = host(lambda t: t**2)
    nodes = even(evaluator, np.float64(-0.1), np.float64(0.7), 17)
    assert (nodes[0, 0], nodes[0, -1], nodes.shape) == (-0.1, 0.7, (1, 33))
    finer = with_middles(evaluator, nodes)
    np.testing.assert_array_equal(finer[:, ::2], nodes)
    np.testing.assert_allclose(np.diff(finer), 0.8 / 64, rtol=1e-12)


def test_cells_of_a_double_well_hold_three_changes_of_sign():
    nodes, marks = cells(lambda t: (t**2 - 1) ** 2)
    left = nodes[marks.crossing[0]]
    assert (left < [-1, 0, 1]).all()
    assert (left + 4.1 / 64 > [-1, 0, 1]).all()
    assert not marks.touching.any()
    assert not marks.jump.any()


def test_a_zero_without_a_change_of_sign_touches_on_a_node_and_is_looked_for_beside_one():
    nodes, marks = cells(lambda t: t**3, -2.0, 2.0)
    assert nodes[np.flatnonzero(marks.touching[0]) + 1] == 0
    nodes, marks = cells(lambda t: t**3, -2.0, 2.1)
    (left,) = nodes[marks.looking[0]]
    assert left < 0 < left + 4.1 / 64


def test_steps_and_plateaus_are_told_from_slopes():
    nodes, marks = cells(lambda t: jnp.where(t < 0.3, -t, 5 - t))
    (left,) = nodes[marks.jump[0]]
    assert left < 0.3 < left + 4.1 / 64
    nodes, marks = cells(lambda t: jnp.maximum(jnp.abs(t) - 1, 0.0))
    start, stop = nodes[marks.plateau_starts[0]], nodes[marks.plateau_stops[0]]
    assert -1 <= start[0] <= -1 + 4.1 / 64
    assert 1 - 4.1 / 64 <= stop[0] <= 1
    assert not marks.jump.any()


def test_newton_that_would_run_away_stays_in_its_bracket():
    # arctan: plain Newton diverges from farther away than 1.39.
    evaluator = host(lambda t: (t - 0.3) * jnp.arctan(t - 0.3) - jnp.log1p((t - 0.3) ** 2) / 2)
    found = safeguarded_newton(evaluator, bracket(-5.0, 70.0, -1.0), 75.0)
    assert abs(found[0, 0] - 0.3) <= 2 * EPS * 75


def test_an_extremum_of_the_direction_shows_the_pair_hidden_beside_it():
    evaluator = host(lambda t: (t - 0.2) ** 3 / 3 - 1e-8 * t)
    ends = tuple(evaluator.sample(np.array([[x]]), np.array([[True]])) for x in (-0.5, 0.6))
    theta, direction = extremum(evaluator, bracket(-0.5, 0.6, 1.0), ends, 1.1)
    assert direction[0, 0] < 0
    assert abs(theta[0, 0] - 0.2) < 1e-4


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
    found = row(loss)
    (slot,) = np.flatnonzero(found.attracting[0])
    assert (found.events.kinds[0, slot], mg.Status(int(found.status[0, slot])).name) == (kind, status)
    assert abs(found.events.thetas[0, slot] - theta) <= found.accuracies[0, slot] <= accuracy


def test_the_lowest_of_a_row_with_its_ties_and_bounds():
    evaluator = host(lambda t: (t**2 - 1) ** 2)
    with np.errstate(all="ignore"):
        best = lowest(evaluator, row(lambda t: (t**2 - 1) ** 2), True)
        falling = lowest(host(lambda t: t), row(lambda t: t), True)
    assert mg.Status(int(best.status[0])).name == "TIED"
    np.testing.assert_allclose(best.ties[0][np.isfinite(best.ties[0])], [-1, 1], rtol=4 * EPS)
    assert (mg.Status(int(falling.status[0])).name, falling.thetas[0]) == ("AT_BOUND", -2.0)


@pytest.mark.parametrize("number", [1, 255, 257, 1000])
def test_points_are_evaluated_alike_however_many_there_are(number):
    meta, thetas = mg.cases.quartic().meta(), np.linspace(-1, 1, number)
    found = on_points(sample, meta, thetas, np.full(number, 0.3), BUDGET)
    one = sample(meta, jnp.asarray(thetas[-1]), jnp.asarray(0.3))
    np.testing.assert_allclose([x[-1] for x in found], one, rtol=16 * EPS)
    batched = in_batches(lambda t: t**3, jnp.asarray(thetas), number, min(number, 64))
    np.testing.assert_allclose(batched, thetas**3, rtol=4 * EPS)


def test_rounding_is_seen_where_terms_cancel():
    losses = [lambda t: 1e6 * t + t**2, lambda t: -1e6 * t]
    noise = probe(mg.maml(losses, num_steps=0), jnp.asarray(0.5), jnp.asarray(0.0)).direction_noise
    assert 1e6 * EPS < noise < 100 * 1e6 * EPS


def test_an_implicit_root_has_the_derivative_of_the_theorem_and_nan_has_none():
    def root(a, start):
        return implicit_root(lambda x: x**2 - a, start)

    assert float(jax.grad(root)(2.0, jnp.sqrt(2.0))) == pytest.approx(1 / np.sqrt(8), rel=4 * EPS)
    assert float(jax.grad(lambda a: jnp.nan_to_num(root(a, jnp.asarray(jnp.nan))))(2.0)) == 0


def _fold_jet(thetas, alphas):
    """G = alpha - theta^2: a fold at the origin. Its one critical equation that has a root is G_theta = 0."""
    zero = np.zeros_like(thetas)
    return Jet(zero, alphas - thetas**2, -2 * thetas, zero + 1, zero - 2, zero, zero, zero)


def _saddle_jet(thetas, alphas):
    """G = theta^2 - alpha^2: two crossing lines, critical at the origin."""
    zero = np.zeros_like(thetas)
    return Jet(zero, thetas**2 - alphas**2, 2 * thetas, -2 * alphas, zero + 2, zero, zero - 2, zero)


def test_newton_in_the_plane_finds_the_fold_and_the_critical_point():
    starts, scales, reach = np.array([0.4, -0.3]), np.array([2.0, 2.0]), np.full(2, 1.0)
    for jet, equations in ((_fold_jet, fold_equations), (_saddle_jet, critical_equations)):
        found = plane_newton(jet, equations, starts, starts / 2, scales, reach)
        assert found.converged.all()
        np.testing.assert_allclose([found.thetas, found.alphas], 0, atol=4 * EPS)


def test_a_piece_of_a_curve_is_one_and_a_chord_across_a_gap_is_none():
    def arm(thetas, slopes):
        one, alphas = np.ones(1), np.array([[1.0, 1.1]])
        ends = alphas, np.array([thetas]), np.array([slopes])
        return Arms(np.array([[0, 1]]), *ends, -one, one < 0, one > 0, one)

    # theta = sqrt(alpha) is repelling for G = alpha - theta^2, theta = -sqrt(alpha) attracting.
    ends = np.sqrt([1.0, 1.1])
    assert are_pieces(_fold_jet, arm(ends, 1 / (2 * ends)), 4.0, EPS).all()
    assert not are_pieces(_fold_jet, arm(ends * [1, -1], [0.5, -0.5]), 4.0, EPS).any()


def test_the_direction_is_extreme_where_its_jacobian_changes_its_sign():
    rows, thetas = extrema(row(lambda t: (t - 0.1) ** 3 / 3 - t))
    assert rows.tolist() == [0]
    np.testing.assert_allclose(thetas, 0.1, rtol=1e-12)
