"""The mathematics of the page is that of the package: the same points, curves, optima, jumps, folds and runs."""

from __future__ import annotations

import functools
import json
from typing import Any

import contourpy
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid._explorer import page

from . import javascript

BOX = ((0.0, 1.2), (-2.0, 2.0))


@pytest.fixture(scope="module")
def metas():
    with jax.enable_x64(True):
        case, loss = mg.cases.quartic(), mg.cases.polynomial_loss
        tasks = case.tasks()
        return {
            "MAML": mg.maml(loss, tasks),
            "FOMAML": mg.fomaml(loss, tasks),
            "iMAML": mg.imaml(loss, tasks, strength=2.0),
            "case 1": mg.maml(loss, mg.cases.quadratic().tasks()),
        }


@pytest.fixture(scope="module")
def asked(metas):
    """Answers of the engine, all from one run of it."""
    explorer = mg.plot.explorer(metas, *BOX, num_steps=[0, 1, 5, 10])
    data = explorer.data
    numbers = [parameter["value"] for parameter in data["parameters"]]
    questions: dict[str, str] = {
        "optimum": "optimum(programOf(0, '1'), linspace(0, 1.2, 61), linspace(-2, 2, 201), p)",
        "deep": "optimum(programOf(0, '5'), linspace(0, 0.5, 41), linspace(-2, 2, 201), p)",
        "deepest": "optimum(programOf(0, '10'), linspace(0.9, 1.2, 61), linspace(-2, 2, 241), p)",
        "folds": "folds(programOf(0, '1'), linspace(0, 1.2, 121), linspace(-2, 2, 241), p)",
        "row": "row(programOf(0, '1'), 0.95, linspace(-2, 2, 201), p)",
        "curves": "zeroCurves(programOf(0, '1'), linspace(0, 1.2, 61), linspace(-2, 2, 81), p)",
        "flats": "flats(programOf(3, '1'), linspace(0, 1.4, 33), linspace(-2, 2, 41), p)",
        "not flat": "flats(programOf(0, '5'), linspace(0, 1.2, 61), linspace(-2, 2, 61), p)",
        "flat row": "row(programOf(3, '1'), 1, linspace(-2, 2, 41), p)",
        "first order": "optimum(programOf(1, '1'), linspace(0, 0.85, 35), linspace(-2, 2, 201), p)",
        "regret": "regret(programOf(1, '1'), programOf(0, '1'), linspace(0.1, 0.8, 8), linspace(-2, 2, 201), p)",
        "point": "point(programOf(0, '5'), 0.3, 0.7, p)",
        "grid": "grid(programOf(2, '1'), linspace(0, 1.2, 4), linspace(-2, 2, 5), p, 'direction')",
        "surface": "surface(programOf(0, '5'), linspace(0, 1.2, 31), linspace(-2, 2, 41), p, 'value', [0.01, 0.1, 1])",
        "overflow": "point(programOf(0, '5'), 1e80, 2, p)",
        "climbing": "climbing(programOf(1, '1'), programOf(0, '1'), linspace(0, 1.2, 5), linspace(-2, 2, 7), p)",
        "one sample": "optimum(programOf(0, '1'), [0.5], linspace(-2, 2, 201), p)",
    }
    for name in OPTIMIZERS:
        settings = f"{{ optimizer: '{name}', learningRate: 0.05, numSteps: 30 }}"
        questions[name] = f"descent(programOf(0, '1'), 0.3, 1.7, p, {settings})"
    script = f"{page.engine_script(data, explorer.sources)}\nconst p = Float64Array.from({json.dumps(numbers)});\n"
    answers = ",\n".join(f"{json.dumps(name)}: {question}" for name, question in questions.items())
    return javascript.run(f"{script}\nconst answer = {{ {answers} }};")


def _optimum_of(meta: mg.MetaLoss, num_steps: int, alphas: tuple[float, float, int]) -> Any:
    """What the fine round says of the optimum on 240 thetas."""
    made = mg.plot.explorer(meta, alphas[:2], (-2.0, 2.0), num_steps=[num_steps])
    numbers = json.dumps([parameter["value"] for parameter in made.data["parameters"]])
    question = f"optimum(programOf(0, '{num_steps}'), linspace{alphas}, linspace(-2, 2, 240), p, true)"
    script = f"{page.engine_script(made.data, made.sources)}\nconst p = Float64Array.from({numbers});"
    return javascript.run(f"{script}\nconst answer = {question};")


@pytest.fixture
def kinked(x64):
    """Two tasks that mirror each other, quadratic at their centers and straight further out."""

    def loss(theta: Any, center: Any) -> Any:
        far = jnp.abs(theta - center)
        return jnp.where(far < 0.5, far**2, far - 0.25)

    meta = mg.maml(loss, mg.Tasks(np.array([-1.0, 0.7])), num_steps=2)
    return lambda *alphas: _optimum_of(meta, 2, alphas)


@pytest.fixture
def oscillating(x64):
    """A meta-loss with more valleys than the page has samples for."""
    meta = mg.maml(lambda t, d: jnp.sin(3 * t - d) ** 2 + 0.05 * t**2, mg.Tasks(np.array([-1.0, 0.7])), num_steps=2)
    return meta, _optimum_of(meta, 2, (0.0, 0.6, 81)), np.linspace(0.0, 0.6, 81)


OPTIMIZERS = {
    "plain": optax.sgd,
    "momentum": functools.partial(optax.sgd, momentum=0.9),
    "adam": optax.adam,
}


def test_the_optimum_and_its_jump_are_those_of_the_package(asked, metas, x64):
    alphas = np.linspace(0, 1.2, 61)
    found = mg.optimal_theta(metas["MAML"], alphas, BOX[1])
    settled = np.asarray(found.status) == mg.Status.OK
    np.testing.assert_allclose(np.array(asked["optimum"]["thetas"])[settled], found.thetas[settled], rtol=1e-12)
    np.testing.assert_allclose(asked["optimum"]["values"], found.values, rtol=1e-10, atol=1e-25)
    (jump,) = asked["optimum"]["jumps"]
    assert jump["confirmed"]
    np.testing.assert_allclose(jump["alpha"], found.jumps.alphas[0], rtol=1e-12)
    np.testing.assert_allclose(
        (jump["below"], jump["above"]), (found.jumps.thetas_before[0], found.jumps.thetas_after[0]), rtol=1e-10
    )


def test_the_status_of_a_tie_is_said(asked):
    # At alpha = 1 the points -1, 0 and 1 are all optimal.
    (k,) = np.flatnonzero(np.isclose(np.linspace(0, 1.2, 61), 1.0))
    assert asked["optimum"]["status"][k] == "tied"
    assert asked["one sample"]["status"] == ["optimum"]


def test_the_jump_of_five_steps_is_that_of_the_package(asked, metas, x64):
    meta = mg.maml(mg.cases.polynomial_loss, metas["MAML"].tasks, num_steps=5)
    found = mg.optimal_theta(meta, np.linspace(0.2, 0.4, 5), BOX[1]).jumps
    (jump,) = asked["deep"]["jumps"]
    np.testing.assert_allclose(jump["alpha"], found.alphas[0], rtol=1e-11)


def test_where_values_are_rounding_the_optimum_is_tied_and_does_not_jump(asked):
    # Ten steps at alpha = 1 solve either task from near -1, 0 and 1: which value is lower is a matter of rounding.
    alphas = np.linspace(0.9, 1.2, 61)
    assert {asked["deepest"]["status"][k] for k in np.flatnonzero(np.abs(alphas - 1) < 0.02)} == {"tied"}
    assert not [jump for jump in asked["deepest"]["jumps"] if abs(jump["alpha"] - 1) < 0.05]


def test_two_minima_that_are_as_low_over_a_stretch_have_no_confirmed_jump_between_them(kinked):
    found = kinked(0.5, 0.6, 81)
    assert found["status"].count("tied") > 60
    assert not [jump for jump in found["jumps"] if jump["confirmed"]]


def test_an_optimum_that_more_samples_lower_is_not_resolved(oscillating):
    meta, found, alphas = oscillating
    best = np.asarray(mg.optimal_theta(meta, alphas, (-2.0, 2.0)).values)
    unresolved = ~np.array(found["resolved"])
    worse = np.array(found["values"]) > best + 1e-9
    assert unresolved.any()
    assert worse.sum() <= 0.05 * alphas.size  # what twice as many samples do not see either
    assert all(found["status"][k].startswith("not resolved") for k in np.flatnonzero(unresolved))
    steps = [jump for jump in found["jumps"] if not jump["confirmed"]]
    assert steps
    assert {jump["reason"] for jump in steps} <= {found["status"][k] for k in np.flatnonzero(unresolved)}


def test_the_folds_are_those_of_the_diagram(asked, metas, x64):
    diagram = mg.bifurcation_diagram(metas["MAML"], np.linspace(0, 1.2, 25), BOX[1])
    wanted = sorted(zip(diagram.folds.alphas.tolist(), diagram.folds.thetas.tolist(), strict=True))
    found = sorted((fold["alpha"], fold["theta"]) for fold in asked["folds"])
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_every_zero_of_a_row_is_found_and_named(asked, metas, x64):
    found = asked["row"]
    thetas = np.array([zero["theta"] for zero in found])
    case = mg.cases.quartic()
    # dL_M/dtheta is a polynomial in theta: its real roots are all there is.
    alpha, t = 0.95, np.polynomial.Polynomial([0, 1])
    slope = (t - alpha * t**3) ** 3 * (1 - 3 * alpha * t**2) + (1 - alpha) ** 2 * (t - 1)
    roots = slope.roots()
    real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    np.testing.assert_allclose(thetas, real[np.abs(real) <= 2], rtol=1e-9)
    kinds = ["attracting" if slope.deriv()(theta) > 0 else "repelling" for theta in thetas]
    assert [zero["kind"] for zero in found] == kinds
    np.testing.assert_allclose([zero["value"] for zero in found], case.meta_loss(thetas, alpha), rtol=1e-9)


def test_zero_curves_lie_on_the_zeros_and_are_split_by_stability(asked, metas, x64):
    case, pieces = mg.cases.quartic(), asked["curves"]
    assert len(pieces) >= 4
    alphas, thetas = np.concatenate([piece["points"] for piece in pieces]).T
    assert np.all(np.abs(case.meta_grad(thetas, alphas)) <= 1e-10 * (1 + np.abs(thetas) + np.abs(alphas)))
    curvature = np.asarray(jax.vmap(jax.grad(case.meta_grad))(thetas, alphas))
    inside = np.concatenate([np.r_[False, np.ones(len(piece["points"]) - 2, bool), False] for piece in pieces])
    attracting = np.repeat([piece["attracting"] for piece in pieces], [len(piece["points"]) for piece in pieces])
    assert np.all((curvature > 0)[inside & attracting])
    assert np.all((curvature <= 1e-9)[inside & ~attracting])


def test_level_lines_are_those_of_contourpy(asked):
    alphas, thetas = np.linspace(0, 1.2, 31), np.linspace(-2, 2, 41)
    values = np.reshape(asked["surface"]["values"], (31, 41))
    contours = contourpy.contour_generator(thetas, alphas, values)
    for found in asked["surface"]["contours"]:
        wanted = contours.lines(found["level"])
        assert len(found["lines"]) == len(wanted) > 0
        points, others = (
            np.array(sorted({(round(float(x), 9), round(float(y), 9)) for line in lines for x, y in line}))
            for lines in (found["lines"], [line[:, ::-1] for line in wanted])
        )
        np.testing.assert_allclose(points, others, atol=1e-8)


def test_where_all_is_flat_is_found_and_nowhere_else(asked):
    ((flat),) = asked["flats"]
    np.testing.assert_allclose(flat["alpha"], 1.0, atol=1e-7)
    assert asked["not flat"] == []
    assert [zero["kind"] for zero in asked["flat row"]] == ["flat"]
    assert not asked["flat row"][0]["confirmed"]


def test_first_order_fixed_points_and_their_regrets(asked, metas, x64):
    alphas = np.linspace(0, 0.85, 35)
    found = mg.optimal_theta(metas["FOMAML"], alphas, BOX[1])
    np.testing.assert_allclose(asked["first order"]["thetas"], found.thetas, rtol=1e-11)
    alphas = np.linspace(0.1, 0.8, 8)
    there = mg.optimal_theta(metas["FOMAML"], alphas, BOX[1]).thetas
    best = mg.optimal_theta(metas["MAML"], alphas, BOX[1]).values
    wanted = np.array([metas["MAML"](theta, alpha) for theta, alpha in zip(there, alphas, strict=True)]) - best
    np.testing.assert_allclose(asked["regret"]["values"], wanted, rtol=1e-8, atol=1e-14)
    assert asked["regret"]["largest"]["value"] == max(asked["regret"]["values"])


def test_a_point_has_everything_that_the_package_says_of_it(asked, metas, x64):
    meta = mg.maml(mg.cases.polynomial_loss, metas["MAML"].tasks, num_steps=5)
    found, theta, alpha = asked["point"], 0.7, 0.3
    np.testing.assert_allclose(found["value"], meta(theta, alpha), rtol=1e-13)
    np.testing.assert_allclose(found["direction"], jax.grad(meta)(theta, alpha), rtol=1e-12)
    np.testing.assert_allclose(found["slope"], jax.grad(jax.grad(meta))(theta, alpha), rtol=1e-12)
    np.testing.assert_allclose([task["value"] for task in found["tasks"]], meta.per_task(theta, alpha), rtol=1e-12)
    np.testing.assert_allclose([task["path"][-1] for task in found["tasks"]], meta.adapt(theta, alpha), rtol=1e-13)
    assert [len(task["path"]) for task in found["tasks"]] == [6, 6]
    assert [task["path"][0] for task in found["tasks"]] == [theta, theta]
    assert asked["overflow"]["status"].startswith("overflows")


def test_a_grid_of_an_implicit_direction(asked, metas, x64):
    alphas, thetas = np.linspace(0, 1.2, 4), np.linspace(-2, 2, 5)
    found = mg.surface(metas["iMAML"], alphas, thetas, derivatives=1).grads
    np.testing.assert_allclose(np.reshape(asked["grid"], (4, 5)), found, rtol=1e-9, atol=1e-12)


def test_climbing_is_where_two_directions_disagree(asked, metas, x64):
    alphas, thetas = np.linspace(0, 1.2, 5), np.linspace(-2, 2, 7)
    one, other = (mg.surface(metas[name], alphas, thetas).grads for name in ("FOMAML", "MAML"))
    np.testing.assert_array_equal(np.reshape(asked["climbing"], (5, 7)), np.asarray(one * other) < 0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_descent_is_the_outer_loop_of_optax(name: str, asked: Any, metas: Any, x64: Any) -> None:
    run = mg.outer_loop(metas["MAML"], np.array([0.3]), 1.7, OPTIMIZERS[name](0.05), num_steps=30)
    np.testing.assert_allclose(asked[name]["thetas"], run.trace.thetas[0], rtol=1e-10)
    np.testing.assert_allclose(asked[name]["values"], run.trace.values[0], rtol=1e-9)
    assert asked[name]["end"]["words"] == "still moving"
