"""Each step from rows to curves by itself: normal forms, sections, pieces, and the curves that are made of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from mamlgrid._diagram.arms import Arms, are_pieces
from mamlgrid._diagram.branches import curves, window
from mamlgrid._diagram.linking import Graph
from mamlgrid._diagram.plane_newton import critical_equations, fold_equations, newton_step, plane_newton
from mamlgrid._diagram.sections import Columns, Section, Vertices, extrema, sections, with_secants
from mamlgrid._diagram.special_points import Box, Form, critical_points, folds
from mamlgrid._points.jet import jet
from mamlgrid._points.many import on_points
from mamlgrid._stationary.rows import Solver

from .plane import Terms, meta_with_direction

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

BUDGET = 2**28
EPS = float(np.finfo(float).eps)
BOX = Box(-1.0, 1.0, -2.0, 2.0, EPS)
FOLD = {(2, 0): 1.0, (0, 1): -1.0}  # theta^2 = alpha
PITCHFORK = {(3, 0): 1.0, (1, 1): -1.0}
CROSSING = {(2, 0): 1.0, (1, 1): -1.0, (0, 2): -2.0}  # (theta - 2 alpha) (theta + alpha)


def jets(terms: Terms) -> Any:
    meta = meta_with_direction(terms)
    return lambda thetas, alphas: on_points(jet, meta, thetas, alphas, BUDGET)


def test_newton_in_the_plane_knows_a_multiple_root_and_a_place_without_one():
    start, scales, reach = (np.array([0.3]), np.array([0.2])), BOX.scales, np.array([0.5])
    simple = plane_newton(jets(FOLD), fold_equations, *start, scales, reach)
    assert simple.converged & ~simple.slow
    assert abs(simple.thetas[0]) + abs(simple.alphas[0]) < 1e-15
    double = plane_newton(jets({(3, 0): 1, (0, 1): -1}), fold_equations, *start, scales, reach)
    assert double.converged & double.slow
    assert abs(double.thetas[0]) < EPS**0.25
    none = plane_newton(jets({(1, 0): 1, (0, 1): -1}), fold_equations, *start, scales, reach)
    assert not none.converged


def test_newton_in_the_plane_that_gets_too_far_is_back_at_its_start():
    cubic, start = jets({(3, 0): 1, (0, 1): -1}), (np.array([0.3]), np.array([0.027]))
    near, far = (plane_newton(cubic, fold_equations, *start, BOX.scales, np.array([reach])) for reach in (0.05, 0.5))
    assert far.converged & ~near.converged
    assert (near.thetas, near.alphas) == start


def test_a_newton_step_says_whether_its_equations_contradict_each_other():
    line = jets({(2, 0): 1, (1, 1): -2, (0, 2): 1})(np.array([0.3]), np.array([0.1]))  # (theta - alpha)^2
    step, solves = newton_step(critical_equations, line, np.ones(2))
    assert solves.all()
    assert step[0] == pytest.approx([-0.1, 0.1])  # the shortest way to the line
    assert not newton_step(critical_equations, line._replace(g_a=line.g_a + 1), np.ones(2))[1].any()


@pytest.mark.parametrize(
    ("terms", "form", "slopes"),
    [
        (CROSSING, Form.TRANSCRITICAL, (-1.0, 2.0)),
        (PITCHFORK, Form.PITCHFORK, (0.0, np.inf)),
        ({(2, 0): 1, (0, 2): 1}, Form.DEGENERATE, (np.nan,)),
        ({(2, 0): 1, (0, 2): 1, (0, 0): 0.1}, Form.EXTREMUM, (np.nan,)),
    ],
)
def test_critical_points_have_the_name_of_their_normal_form(terms, form, slopes):
    (found,) = critical_points(jets(terms), lambda t, _: 0 * t + EPS, np.array([0.1]), np.array([0.08]), BOX)
    assert found.form == form
    assert found.slopes == pytest.approx(slopes, abs=1e-12, nan_ok=True)
    assert found.is_isolated == (form in (Form.DEGENERATE, Form.EXTREMUM))
    if form == Form.PITCHFORK:
        assert found.side_bend == pytest.approx(2)  # alpha = theta^2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_folds_say_where_their_pair_is_and_a_pitchfork_is_none(sign):
    start = np.array([0.1]), np.array([0.05])
    (fold,) = folds(jets({(2, 0): 1, (0, 1): -sign}), *start, BOX)
    assert (fold.form, fold.births, fold.slopes) == (Form.FOLD, sign > 0, (np.inf,))
    (cubic,) = folds(jets({(3, 0): 1, (0, 1): -sign}), *start, BOX)
    assert cubic.form == Form.HYSTERESIS
    assert folds(jets(PITCHFORK), *start, BOX) == []


# --- sections, pieces, curves ---------------------------------------------------------------------------


def section(alpha: float, theta: float, rate: float, stability: int = 1) -> Section:
    one = np.ones(1)
    return Section(alpha, 0, theta * one, rate * one, one, stability * one, 0 * one, one < 0, np.zeros(2), False, "")


def test_sections_number_the_zeros_of_rows_one_after_the_other():
    solve, alphas = Solver(meta_with_direction(PITCHFORK), jnp.asarray(-2.0), jnp.asarray(2.0), 33, BUDGET), [-0.3, 0.3]
    found, _ = solve(np.array(alphas))
    vertices = Vertices()
    one, three = sections(np.array(alphas), found, np.zeros(4), vertices)
    assert (one.first, three.first, vertices.number) == (0, 1, 4)
    assert three.thetas == pytest.approx([-(0.3**0.5), 0, 0.3**0.5])
    assert three.stabilities.tolist() == [1, -1, 1]
    assert three.rates == pytest.approx([-0.5 / 0.3**0.5, 0, 0.5 / 0.3**0.5])
    assert vertices.columns().thetas[1:] == pytest.approx(three.thetas)
    row, thetas = extrema(found)
    assert row.tolist() == [1, 1]
    assert thetas == pytest.approx([-(0.1**0.5), 0.1**0.5], abs=1e-3)


def test_a_kink_has_the_rate_of_the_kinks_beside_it_that_are_like_it():
    cuts = [section(0.0, 0.0, np.nan), section(1.0, 0.5, np.nan), section(2.0, 2.0, np.nan)]
    assert [s.rates[0] for s in with_secants(cuts)] == [0.5, 1.0, 1.5]
    cuts[2] = section(2.0, 2.0, np.nan, -1)
    assert with_secants(cuts)[1].rates == 0.5


@pytest.mark.parametrize(
    ("start", "stop", "stability", "special", "is_piece"),
    [
        ((0.04, 0.2, 2.5), (0.16, 0.4, 1.25), 1, False, True),
        ((0.04, 0.2, 2.5), (0.16, 0.4, 1.25), -1, False, False),  # it attracts
        ((0.04, 0.2, 2.5), (0.16, 0.5, 1.25), 1, False, False),  # another zero
        ((0.04, -0.2, -2.5), (0.16, 0.4, 1.25), 1, False, False),  # another branch
        ((0.0, 0.0, np.inf), (0.04, 0.2, 2.5), 1, True, True),  # vertical at its fold
        ((0.0, 0.0, np.inf), (0.04, -0.2, -2.5), 1, True, False),
    ],
)
def test_a_piece_of_a_parabola_is_one(start, stop, stability, special, is_piece):
    alphas, thetas, slopes = np.array([start, stop]).T[:, None]
    one = np.ones(1)
    arm = Arms(np.zeros((1, 2), int), alphas, thetas, slopes, stability * one, one < 2 * special, one > 0, np.inf * one)
    assert are_pieces(jets(FOLD), arm, 4.0, EPS).tolist() == [is_piece]


def graph(alphas: list[float], thetas: list[float], stabilities: list[int], edges: list[tuple[int, int]]) -> Graph:
    columns = Columns(*(np.array(x, float) for x in (alphas, thetas, thetas, thetas, stabilities, alphas)))
    return Graph(columns, np.array(edges), np.ones(len(edges), int), [], [], [], [])


def test_curves_are_walked_from_their_ends_and_closed_ones_from_their_least_alpha():
    # A line 0 - 1 - 2, named from its right end, and a loop 3 - 4 - 5 - 6.
    edges = [(2, 1), (1, 0), (5, 6), (3, 4), (6, 3), (4, 5)]
    line, loop = curves(graph([0, 1, 2, 1.5, 1, 0.5, 1], [0, 0, 0, 2, 3, 2, 1], [1] * 7, edges), np.array([0, 2.0]), -9)
    assert (line.alphas.tolist(), line.ends) == ([0, 1, 2], ("axis", "axis"))
    assert (loop.alphas.tolist()[0], sorted(loop.thetas), loop.closed) == (0.5, [1, 2, 2, 3], True)


def test_a_hysteresis_window_ends_where_the_curves_of_both_minima_turn():
    alphas, thetas = [0, 0.3, 0.6, 0.45, 0.3, 0.6, 1], [-3, -2, -1, 0, 1, 2, 3]
    found = curves(
        graph(alphas, thetas, [1, 1, 0, -1, 0, 1, 1], [(i, i + 1) for i in range(6)]), np.array([0.0, 1.0]), -9
    )
    assert window(found, 0.45, -1.5, 1.5) == (0.3, 0.6)
    assert np.isnan(window(found, 0.8, 2.5, 2.5)[1])
