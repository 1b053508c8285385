"""Each step from nodes to jumps by itself, in the order in which data runs, against what can be said by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import Status
from mamlgrid._points.at import Sample
from mamlgrid._stationary.cells import against, marked, unexplained
from mamlgrid._stationary.evaluator import OnHost
from mamlgrid._stationary.ladder import ladder
from mamlgrid._stationary.lowest import lowest
from mamlgrid._stationary.minima import Minima, Point, point, points
from mamlgrid._stationary.row import even, looked_at, stationary
from mamlgrid._stationary.rows import Solver
from mamlgrid._stationary.search import Bracket, bisected, extremum, safeguarded_newton, tolerance
from mamlgrid._stationary.switches import _dip, switches
from mamlgrid._stationary.zeros import JUMP, PLATEAU, ZERO, Events, zeros

from .plane import meta_with_direction

# As the doors of the engine call its steps: what is not finite has a status.
pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

BUDGET = 2**28
EPS = float(np.finfo(float).eps)
NODES = np.linspace(-1.0, 1.0, 5)  # cells of a half

LOSSES = {
    "abs": lambda t: jnp.abs(t - 0.3),
    "one-sided cube": lambda t: jnp.where(t < 0, t**2 / 2, t**4 / 4),
    "log": lambda t: jnp.log(jnp.abs(t)),
    "arctan": lambda t: t * jnp.arctan(t) - jnp.log(1 + t**2) / 2,
    "kinked direction": lambda t: (t - 0.2) * jnp.abs(t - 0.2) / 2 - 1e-6 * t,
    "step down": lambda t: jnp.where(t < 0.3, -t, -5 - t),
    "step up": lambda t: jnp.where(t < 0.3, -t, 5 - t),
    "two plateaus": lambda t: jnp.where(t < 0.3, 0.0, 1.0) + 0 * t,
    "flat bottom": lambda t: jnp.maximum(jnp.abs(t) - 0.6, 0),
    "wave": lambda t: jnp.sin(4 * jnp.pi * t + 0.2),
}


def _named(theta: Any, number: Any) -> Any:
    return jax.lax.switch(number, list(LOSSES.values()), theta)


def named(name: str) -> mg.MetaLoss:
    return mg.maml(_named, mg.Tasks(np.array([list(LOSSES).index(name)])), num_steps=0)


def direction(*coefficients: float) -> mg.MetaLoss:
    """The meta-loss whose direction is a polynomial in theta, constant first."""
    return meta_with_direction({(i, 0): c for i, c in enumerate(coefficients)})


def known(what: str | tuple[float, ...]) -> mg.MetaLoss:
    """By name, or by its direction. Made inside a test, so in its precision."""
    return named(what) if isinstance(what, str) else direction(*what)


def host(meta: mg.MetaLoss, alpha: float = 0.0) -> OnHost:
    return OnHost(meta, np.array([alpha]), BUDGET)


def looked(meta: mg.MetaLoss, nodes: np.ndarray = NODES) -> tuple[OnHost, np.ndarray, Sample]:
    evaluator, nodes = host(meta), nodes[None]
    return evaluator, nodes, evaluator.sample(nodes, True)


def marks(meta: mg.MetaLoss, nodes: np.ndarray = NODES, is_gradient: bool = True) -> dict[str, list[int]]:
    """The marked nodes."""
    evaluator, nodes, at = looked(meta, nodes)
    cells = marked(evaluator, nodes, at, np.zeros((1, 1)), is_gradient)
    return {name: np.flatnonzero(mark[0]).tolist() for name, mark in cells._asdict().items()}


def events_of(meta: mg.MetaLoss, nodes: np.ndarray = NODES) -> tuple[list[tuple[float, int, int, int]], bool]:
    """Theta, kind, and the signs before and after, of all that is found; and whether the row is settled."""
    evaluator, nodes, at = looked(meta, nodes)
    row = zeros(evaluator, nodes, at, np.zeros((1, 1)), np.zeros((1, 2)), nodes[:, -1:] - nodes[:, :1], True)
    e = row.events
    columns = (x[0][e.exists[0]] for x in (e.thetas, e.kinds, e.before, e.after))
    return [(float(t), int(k), int(b), int(a)) for t, k, b, a in zip(*columns, strict=True)], bool(row.settled[0])


def row_of(meta: mg.MetaLoss, low: float = -2.0, high: float = 2.0) -> tuple[OnHost, Any]:
    evaluator = host(meta)
    nodes, at = looked_at(evaluator, even(evaluator, np.float64(low), np.float64(high), 33))
    return evaluator, stationary(evaluator, nodes, at, np.float64(low), np.float64(high), True)


# --- cells ----------------------------------------------------------------------------------------------


def test_a_change_of_sign_marks_its_cell_also_over_a_node_that_is_zero():
    assert marks(direction(-0.3, 1))["crossing"] == [2]
    over = marks(direction(0, 1))
    assert (over["crossing"], over["touching"]) == ([1], [])
    touched = marks(direction(0, 0, 1))
    assert (touched["crossing"], touched["touching"]) == ([], [1])


def test_a_cell_is_looked_into_where_the_direction_goes_towards_zero_or_its_cubic_comes_near():
    assert marks(direction(5, 1))["looking"] == []
    assert marks(direction(0.0625 + 0.03, -0.5, 1))["looking"] == [2]  # (t - 1/4)^2 + 0.03
    # (2t - 0.7)^2 (2t + 0.2) rises at both ends of its cell.
    assert marks(direction(0.098, 0.42, -4.8, 8))["looking"] == [2]


def test_plateaus_are_runs_of_zeros_of_one_value():
    bottom = marks(named("flat bottom"))
    assert (bottom["plateau_starts"], bottom["plateau_stops"]) == ([1], [3])
    two = marks(named("two plateaus"))
    assert (two["plateau_starts"], two["plateau_stops"]) == ([0, 3], [2, 4])


def test_a_jump_of_the_value_is_marked_and_a_kink_is_not():
    assert marks(named("step down"))["jump"] == [2]
    assert marks(named("step down"), is_gradient=False)["jump"] == []
    assert marks(named("abs"))["jump"] == []


@pytest.mark.parametrize("place", [0.01, 0.3, 0.5, 0.99])
def test_a_kink_anywhere_in_a_cell_explains_itself_and_a_jump_beside_it_does_not(place):
    left, right = Sample(np.array(place), np.array(-1.0), 0.0), Sample(np.array(1 - place), np.array(1.0), 0.0)
    assert unexplained(np, 1.0, left, right, 0.0) <= 1
    assert unexplained(np, 1.0, left, right._replace(values=right.values + 2), 0.0) > 1
    falls = Sample(np.array(0.0), np.array(-1.0), 0.0)
    assert against(np, falls, falls._replace(values=np.array(1e-3)), 0.0)
    assert not against(np, falls, falls._replace(values=np.array(-1e-3)), 0.0)


# --- searches in brackets -------------------------------------------------------------------------------


def bracket(left: float, right: float, sign: float) -> Bracket:
    return Bracket(*(np.array([[x]]) for x in (left, right, sign, True)))


@pytest.mark.parametrize(
    ("meta", "ends", "sign", "root"),
    [
        ((2, -2, 0, 1), (-3.0, 3.0), -1.0, np.roots([1, 0, -2, 2])[0].real),  # Newton goes 0, 1, 0, 1, ...
        ("arctan", (-1.0, 11.0), -1.0, 0.0),  # from 5 Newton goes to -30, and on
        ((-0.5, 7.5, -28, 22), (0.0, 1.0), -1.0, np.roots([22, -28, 7.5, -0.5]).real.max()),  # from 0.5 to 0.25
        ((0, 0, 0, 0, 0, 1), (-1.0, 2.0), -1.0, 0.0),  # each step is four fifths of the one before
    ],
    ids=["cycles", "diverges", "backwards", "slow"],
)
def test_safeguarded_newton_converges_where_newton_does_not(meta, ends, sign, root):
    found = safeguarded_newton(host(known(meta)), bracket(*ends, sign), ends[1] - ends[0])
    assert abs(found[0, 0] - root) <= 4 * EPS * (ends[1] - ends[0])


@pytest.mark.parametrize(
    ("meta", "reached"),
    [
        ((0.04 - 1e-9, -0.4, 1), True),  # (t - 0.2)^2 - 1e-9
        ((0.04 + 1e-9, -0.4, 1), False),
        ("kinked direction", True),  # |t - 0.2| - 1e-6
    ],
    ids=["dips", "stays", "dips at a kink"],
)
def test_extremum_tells_whether_the_direction_reaches_zero_between(meta, reached):
    evaluator = host(known(meta))
    ends = [evaluator.sample(np.array([[t]]), True) for t in (-0.37, 1.0)]
    theta, seen = extremum(evaluator, bracket(-0.37, 1.0, 1.0), (ends[0], ends[1]), 1.37)
    assert (seen[0, 0] <= 0) == reached
    assert abs(theta[0, 0] - 0.2) < 1e-4


def test_bisected_encloses_an_edge_to_two_neighbouring_numbers():
    evaluator = host(named("step down"))
    ends = [evaluator.sample(np.array([[t]]), True) for t in (-1.0, 1.0)]
    halves = lambda _, three: (three[1].values > -2, np.array(True))  # noqa: E731
    left, right, at, exists = bisected(evaluator, bracket(-1.0, 1.0, 0.0), (ends[0], ends[1]), halves, 2.0)
    assert exists.all()
    assert left < 0.3 <= right
    assert right - left <= tolerance(evaluator, left, 2.0)
    assert at[0].values - at[1].values == pytest.approx(5)


# --- zeros of a row -------------------------------------------------------------------------------------


def test_zeros_that_share_a_cell_are_all_found():
    pair, _ = events_of(direction(0.04 - 1e-8, -0.4, 1))
    assert [e[1:] for e in pair] == [(ZERO, 1, -1), (ZERO, -1, 1)]
    assert [e[0] for e in pair] == pytest.approx([0.2 - 1e-4, 0.2 + 1e-4], abs=1e-11)
    three, _ = events_of(direction(*np.polynomial.polynomial.polyfromroots([0.1, 0.12, 0.15])))
    assert [e[0] for e in three] == pytest.approx([0.1, 0.12, 0.15], abs=1e-12)
    assert [e[3] for e in three] == [1, -1, 1]


def test_a_jump_has_its_limits_as_events_where_they_are_extreme_and_a_plateau_its_middle():
    infimum, supremum = events_of(named("step up"))[0]
    assert infimum == (pytest.approx(0.3, abs=4 * EPS), JUMP, -1, 1)
    assert supremum == (pytest.approx(0.3, abs=4 * EPS), JUMP, 1, -1)
    assert events_of(named("step down"))[0] == []  # falls all the way
    (bottom,), _ = events_of(named("flat bottom"))
    assert bottom == (pytest.approx(0, abs=EPS), PLATEAU, -1, 1)


def test_a_row_is_settled_unless_every_other_node_says_something_else():
    fine = np.linspace(-1, 1, 9)
    assert not events_of(named("wave"), fine)[1]
    assert events_of(named("wave"), np.linspace(-1, 1, 65))[1]


# --- what is known of an event --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "theta", "orders", "accuracy"),
    [
        ((0, 1), 0.0, (1, 1), 4 * EPS),
        ((0, 0, 0, 1), 0.0, (3, 3), 1e-10),
        ((-0.027, 0.27, -0.9, 1), 0.3, (3, 3), 64 * EPS ** (1 / 3)),  # (t - 0.3)^3 written out
        ("abs", 0.3, (0, 0), 4 * EPS),
        ("one-sided cube", 0.0, (1, 3), 1e-10),
        ("log", 0.0, (-1, -1), 4 * EPS),
    ],
    ids=["t", "t^3", "(t - 0.3)^3", "|t - 0.3|", "t, then t^3", "1/t"],
)
def test_the_ladder_tells_order_and_accuracy(loss, theta, orders, accuracy):
    evaluator, place, yes = host(known(loss)), np.array([[theta]]), np.ones((1, 1), bool)
    event = Events(place, place, place, -1.0 * yes, 1.0 * yes, 0 * yes.astype(np.int8), ~yes, yes)
    seen = ladder(evaluator, event, yes, evaluator.probe(place + 1e-9, yes), np.float64(-2), np.float64(2))
    assert seen.orders[0, 0] == pytest.approx(orders, abs=0.01)
    assert accuracy / 4096 <= seen.accuracies[0, 0] <= accuracy
    assert not seen.blind.any()


def test_a_step_down_is_blind_on_its_far_side():
    evaluator, place, yes = host(named("step up")), np.array([[0.3]]), np.ones((1, 1), bool)
    event = Events(place, place, place, -1.0 * yes, 1.0 * yes, JUMP * yes.astype(np.int8), ~yes, yes)
    seen = ladder(evaluator, event, yes, evaluator.probe(place - 1e-9, yes), np.float64(-2), np.float64(2))
    assert seen.blind[0, 0].tolist() == [False, True]  # the value falls beyond it too


# --- the lowest, and where it switches ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tilt", "theta", "status", "ties"),
    [(0.0, -1.0, Status.TIED, [-1.0, 1.0]), (1e-6, -1.0, Status.OK, []), (-1e-6, 1.0, Status.OK, [])],
)
def test_the_lowest_of_two_wells(tilt, theta, status, ties):
    best = lowest(*row_of(direction(tilt, -1, 0, 1)), True)
    assert best.thetas == pytest.approx(theta, abs=1e-6)
    assert best.status == status
    assert best.ties[np.isfinite(best.ties)] == pytest.approx(ties, abs=1e-12)


@pytest.mark.parametrize(("slope", "bound"), [(1.0, -2.0), (-1.0, 2.0)])
def test_a_bound_is_the_lowest_where_everything_falls_towards_it(slope, bound):
    best = lowest(*row_of(direction(slope)), True)
    assert (float(best.thetas[0]), int(best.status[0]), float(best.rates[0])) == (bound, Status.AT_BOUND, 0)


def test_a_value_that_was_looked_at_below_all_minima_is_given_as_unresolved():
    evaluator, row = row_of(direction(0, -1, 0, 1))
    values = row.looked.values.copy()
    values[0, 40] -= 1
    best = lowest(evaluator, row._replace(looked=row.looked._replace(values=values)), True)
    assert (float(best.thetas[0]), int(best.status[0])) == (row.nodes[0, 40], Status.UNRESOLVED)
    assert float(best.values[0]) == values[0, 40]


@pytest.mark.parametrize(
    ("terms", "end", "jumps"),
    [
        ({(3, 0): 1, (1, 0): -1, (0, 1): -1}, 0.25, [0]),
        ({(3, 0): 1, (1, 0): -1, (0, 2): -1, (0, 0): 0.01}, 0.3, [-0.1, 0.1]),  # one theta at both ends
        ({(3, 0): 1, (1, 0): -1, (0, 2): -1, (0, 0): -0.01}, 0.3, []),
    ],
    ids=["one", "there and back", "almost"],
)
def test_switches_between_two_rows(terms, end, jumps):
    solve = Solver(meta_with_direction(terms), jnp.asarray(-2.0), jnp.asarray(2.0), 33, BUDGET)
    alphas = np.array([-0.3, end])
    found = switches(solve.evaluator(alphas), points(alphas, *solve(alphas)), solve, *solve.ends, True)
    assert [s.alpha for s in found] == pytest.approx(jumps, abs=1e-12)
    assert all(s.status == Status.OK and {round(s.before), round(s.after)} == {-1, 1} for s in found)


@pytest.mark.parametrize(("slope", "dips"), [(3.0, True), (1.9, False)])
def test_another_minimum_may_dip_where_the_tangents_of_its_height_meet_below_zero(slope, dips):
    def lower_of_two(alpha: float, rate: float) -> Point:
        both, zero = np.array([0.0, 1.0]), np.zeros(2)
        kinds = np.full(2, ZERO)
        return point(alpha, Minima(both, both, zero, rate * both, zero + EPS, kinds, zero == 0, zero > 0), 0)

    found = _dip(lower_of_two(0.0, -slope), lower_of_two(1.0, slope))
    assert found == (0.5 if dips else None)
