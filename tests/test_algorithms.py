"""Every algorithm through one contract: its value, the direction it descends, the true derivatives of both."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg

from . import oracles, oracles_algorithms
from .lanes import brief
from .problems import polynomial_loss

# Two tasks, each with a support and another query loss, lowest power first; all four are convex, as a proximal inner
# problem needs, and none is even, which would hide a wrong sign.
SUPPORT = np.array([[0.25, -0.5, 0.5, 0.125, 0.125], [0.0, 0.25, 0.75, -0.125, 0.0625]])
QUERY = np.array([[0.0, 0.5, 0.25, 0.125, 0.0625], [0.5, -0.25, 0.5, -0.125, 0.125]])
TASKS = mg.Tasks(SUPPORT, QUERY)
PAIRS = [[list(support), list(query)] for support, query in zip(SUPPORT, QUERY, strict=True)]
THETA, ALPHA = 0.6875, 0.3125
THETAS, ALPHAS = np.array([-0.75, 0.0, 0.6875]), np.array([-0.25, 0.0, 0.3125, 1.25])


def _momentum(rate: float) -> Any:
    return optax.sgd(rate, momentum=0.9)


def _adam(rate: float) -> Any:
    return optax.adam(rate, eps_root=1e-4)


class Row(NamedTuple):
    """An algorithm: how to make it for a number of steps, and its name and settings in the oracles."""

    make: Callable[..., mg.MetaLoss]
    name: str
    settings: dict[str, Any]
    has_steps: bool = True


def _optax(make_optimizer, algorithm=mg.maml):
    def make(loss, tasks, num_steps, checkpoint=False):
        rule = mg.inner.optax(make_optimizer, num_steps, checkpoint=checkpoint)
        return algorithm(loss, tasks, inner=rule)

    return make


def last_step_only(loss, tasks, num_steps, checkpoint=False):
    rule = mg.inner.GradientDescent(num_steps, checkpoint=checkpoint)
    return mg.meta_loss(loss, tasks, inner=rule, outer=mg.outer.Truncated(1))


def _named(algorithm):
    return lambda loss, tasks, num_steps, **more: algorithm(loss, tasks, num_steps=num_steps, **more)


def _proximal(algorithm):
    return lambda loss, tasks, num_steps=None, strength=2.0: algorithm(loss, tasks, strength=strength)


TABLE = {
    "maml": Row(_named(mg.maml), "MAML", {}),
    "fomaml": Row(_named(mg.fomaml), "FOMAML", {}),
    "reptile": Row(_named(mg.reptile), "Reptile", {}),
    "truncated": Row(last_step_only, "truncated", {"num_last": 1}),
    "imaml": Row(_proximal(mg.imaml), "iMAML", {"strength": 2}, False),
    "moreau": Row(_proximal(mg.moreau), "Moreau", {"strength": 2}, False),
    "momentum": Row(_optax(_momentum), "MAML", {"optimizer": "momentum"}),
    "rmsprop": Row(_optax(optax.rmsprop), "MAML", {"optimizer": "rmsprop"}),
    "adam": Row(_optax(_adam), "MAML", {"optimizer": "adam"}),
    "first-order momentum": Row(_optax(_momentum, mg.fomaml), "FOMAML", {"optimizer": "momentum"}),
    "reptile of adam": Row(_optax(_adam, mg.reptile), "Reptile", {"optimizer": "adam"}),
}
STEPPING = [name for name, row in TABLE.items() if row.has_steps]
# Compiling a derivative of a solver or of adam takes seconds.
ROWS = brief(TABLE, "maml", "fomaml", "reptile", "momentum")


@jax.jit
def evaluated(meta, theta, alpha):
    """Value, direction, and the derivatives of both in theta and alpha, forwards."""
    both = jax.value_and_grad(meta)
    return both(theta, alpha), jax.jacfwd(both, (0, 1))(theta, alpha)


@jax.jit
def value_and_direction(meta, theta, alpha):
    return jax.value_and_grad(meta)(theta, alpha)


def close(found, exact, dtype=np.float64, operations=256):
    """To rounding: everything here is of order one, and so are the numbers that it is computed from."""
    error = np.abs(np.asarray(found, float) - np.asarray(exact, float))
    assert (error <= operations * np.finfo(dtype).eps * (1 + np.abs(exact))).all(), (found, exact)


# --- the table -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", brief(TABLE, "maml", "fomaml", "reptile", "truncated", "imaml", "momentum"))
def test_value_direction_and_their_derivatives_are_those_of_the_definition(x64, name):
    row = TABLE[name]
    exact = oracles_algorithms.derivatives(row.name, PAIRS, THETA, ALPHA, 2, **row.settings)
    meta = row.make(polynomial_loss, TASKS, 2)
    (value, direction), ((_, in_alpha), (jacobian, direction_in_alpha)) = evaluated(meta, THETA, ALPHA)
    close([value, direction, jacobian], exact[:3], operations=2048)
    close([in_alpha, direction_in_alpha], exact[3:], operations=2048)


@pytest.mark.parametrize("name", ["maml", "fomaml", "reptile"])
def test_a_move_of_theta_changes_the_value_by_the_direction(x64, name):
    meta = TABLE[name].make(polynomial_loss, TASKS, 2)
    moved = jax.jvp(lambda t: meta(t, ALPHA), (THETA,), (1.0,))[1]
    close(moved, jax.grad(meta)(THETA, ALPHA))


def test_no_algorithm_is_taken_for_another(x64):
    # A compiled program is looked up by the structure of its arguments: two rules without fields must differ in it.
    metas = {name: row.make(polynomial_loss, TASKS, 2) for name, row in TABLE.items()}
    metas["own"] = mg.meta_loss(polynomial_loss, TASKS, inner=mg.inner.GradientDescent(2), outer=Halfway())
    metas["own steps"] = mg.maml(polynomial_loss, TASKS, inner=Doubled(num_steps=2))
    structures = {name: jax.tree.structure(meta) for name, meta in metas.items()}
    same = [(a, b) for a, b in itertools.combinations(structures, 2) if structures[a] == structures[b]]
    assert same == []


@mg.rule
class Doubled(mg.inner.InnerRule):
    """Steps of twice the gradient: the fields of `GradientDescent`, another rule."""

    def step(self, loss, state, rate):
        theta, memory = state
        return theta - 2 * rate * jax.grad(loss)(theta), memory


@pytest.mark.parametrize("name", ROWS)
def test_in_float32_all_stays_float32(name):
    row = TABLE[name]
    with jax.enable_x64(True):  # where only theta says which precision is meant
        tasks = mg.Tasks(SUPPORT.astype(np.float32), QUERY.astype(np.float32))
        meta = row.make(polynomial_loss, tasks, 2)
        found = value_and_direction(meta, np.float32(THETA), np.float64(ALPHA))
    assert [x.dtype for x in found] == [np.float32, np.float32]
    exact = oracles_algorithms.derivatives(row.name, PAIRS, THETA, ALPHA, 2, **row.settings)
    close(found, exact[:2], np.float32)


@pytest.mark.parametrize("name", brief(["fomaml", "reptile", "moreau"], "fomaml", "reptile"))
def test_without_float64_the_jacobian_is_right_too(name):
    row = TABLE[name]
    _, (_, (jacobian, _)) = evaluated(row.make(polynomial_loss, TASKS, 2), THETA, ALPHA)
    assert jacobian.dtype == np.float32
    close(
        jacobian,
        oracles_algorithms.derivatives(row.name, PAIRS, THETA, ALPHA, 2, **row.settings).jacobian,
        np.float32,
        1024,
    )


@jax.jit
def _backwards(meta, theta, alpha):
    direction = jax.grad(meta)
    in_tasks = jax.grad(lambda meta: meta(theta, alpha))(meta).tasks
    return jax.grad(direction, (0, 1))(theta, alpha), in_tasks


@pytest.mark.parametrize("name", ROWS)
def test_derivatives_backwards_and_in_the_tasks_are_true(x64, name):
    row = TABLE[name]
    meta = row.make(polynomial_loss, TASKS, 2)
    slopes, in_tasks = _backwards(meta, THETA, ALPHA)
    exact = oracles_algorithms.derivatives(row.name, PAIRS, THETA, ALPHA, 2, **row.settings)
    close(slopes, [exact.jacobian, exact.direction_in_alpha], operations=4096)
    settings = {key: value for key, value in row.settings.items() if key != "num_last"}
    for part, task, power in ((0, 0, 3), (0, 1, 1), (1, 0, 2), (1, 1, 4)):
        true = oracles_algorithms.in_coefficient(
            lambda pairs: oracles_algorithms.value_of(row.name, pairs, mp_float(THETA), mp_float(ALPHA), 2, **settings),
            PAIRS, part, task, power,
        )  # fmt: skip
        close(in_tasks[part][task, power], true, operations=1024)


def mp_float(x):
    return oracles.mp.mpf(float(x))


@pytest.mark.parametrize("name", ["fomaml", "reptile"])
def test_the_derivative_of_a_direction_in_the_tasks_is_true(x64, name):
    row = TABLE[name]
    meta = row.make(polynomial_loss, TASKS, 2)
    in_tasks = jax.jit(jax.grad(lambda meta: jax.grad(meta)(THETA, ALPHA)))(meta).tasks
    for part, task, power in ((0, 0, 3), (0, 1, 2), (1, 0, 3)):
        true = oracles_algorithms.in_coefficient(
            lambda pairs: oracles_algorithms.direction_of(row.name, pairs, mp_float(THETA), mp_float(ALPHA), 2),
            PAIRS, part, task, power,
        )  # fmt: skip
        close(in_tasks[part][task, power], true)


@jax.jit
def _mapped(metas, thetas, alphas):
    """`[tasks, alphas, thetas]`."""
    over = jax.vmap(jax.value_and_grad(lambda t, a, m: m(t, a)), (0, None, None))
    return jax.vmap(jax.vmap(over, (None, 0, None)), (None, None, 0))(thetas, alphas, metas)


@pytest.mark.parametrize("name", ROWS)
def test_vmap_over_tasks_alpha_and_theta_is_a_loop(x64, name):
    row = TABLE[name]
    metas = [row.make(polynomial_loss, mg.Tasks(s, q), 2) for s, q in ((SUPPORT, QUERY), (QUERY, SUPPORT))]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(jnp.broadcast_arrays(*leaves)), *metas)
    found = _mapped(stacked, THETAS, ALPHAS)
    for i, meta in enumerate(metas):
        for j, alpha in enumerate(ALPHAS):
            for k, theta in enumerate(THETAS):
                close([x[i, j, k] for x in found], value_and_direction(meta, theta, alpha))


@pytest.mark.parametrize("name", brief(TABLE, "maml", "fomaml", "reptile", "imaml", "momentum"))
def test_the_second_call_does_not_compile(x64, compilations, name):
    make = TABLE[name].make
    first = make(polynomial_loss, TASKS, 2)
    value_and_direction(first, THETA, ALPHA)
    # Built again, with other numbers in it: the tasks, and the strength where there is one.
    more = {} if TABLE[name].has_steps else {"strength": 3.5}
    again = make(polynomial_loss, mg.Tasks(QUERY * 0.5, SUPPORT * 2), 2, **more)
    assert jax.tree.structure(again) == jax.tree.structure(first)
    compilations.reset()
    found = value_and_direction(again, 0.25, -0.125)
    assert compilations.count == 0
    assert np.isfinite(found).all()


def _separable(theta, coefficients):
    return sum(
        jax.vmap(polynomial_loss, (0, None))(leaf.ravel(), coefficients).sum() for leaf in jax.tree.leaves(theta)
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_pytree_of_parameters_that_do_not_meet_is_so_many_problems_of_one(x64, name):
    # The sum of the losses of the parts: every algorithm here works on each part as if the others were not there.
    theta = {"a": jnp.array(0.5), "b": (jnp.array([[-0.25, 0.75]]),)}
    make = TABLE[name].make
    value, direction = value_and_direction(make(_separable, TASKS, 2), theta, ALPHA)
    assert jax.tree.structure(direction) == jax.tree.structure(theta)
    alone = make(polynomial_loss, TASKS, 2)
    parts = [value_and_direction(alone, t, ALPHA) for t in (0.5, -0.25, 0.75)]
    close(value, sum(float(v) for v, _ in parts))
    close(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(direction)]), [float(d) for _, d in parts])


@pytest.mark.parametrize("name", STEPPING)
def test_without_a_step_there_is_nothing_to_adapt(x64, name):
    row = TABLE[name]
    value, direction = value_and_direction(row.make(polynomial_loss, TASKS, 0), THETA, ALPHA)
    joint = np.polynomial.Polynomial(QUERY.sum(0))
    close(value, joint(THETA))
    # Reptile goes where the adaptations go, and there are none.
    close(direction, 0 if row.name == "Reptile" else joint.deriv()(THETA))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maml", "fomaml", "reptile", "truncated", "momentum"])
def test_checkpoints_change_nothing(x64, name):
    # Seven steps: blocks of two and a rest, in a scan.
    plain, saved = (TABLE[name].make(polynomial_loss, TASKS, 7, checkpoint=c) for c in (False, True))
    for one, other in zip(
        jax.tree.leaves(evaluated(plain, THETA, 0.1)), jax.tree.leaves(evaluated(saved, THETA, 0.1)), strict=True
    ):
        close(one, other)


@pytest.mark.parametrize("name", ["fomaml", "reptile", "truncated"])
def test_the_value_is_that_of_maml(x64, name):
    # The algorithms differ in the direction; what they are judged by is one and the same.
    for num_steps in (0, 2):
        meta, maml = (TABLE[n].make(polynomial_loss, TASKS, num_steps) for n in (name, "maml"))
        assert float(meta(THETA, ALPHA)) == float(maml(THETA, ALPHA))


@pytest.mark.slow
def test_the_value_of_moreau_is_that_of_imaml_and_no_strength_is_one_over_alpha(x64):
    alone, swept = mg.moreau(polynomial_loss, TASKS, strength=1 / ALPHA), mg.imaml(polynomial_loss, TASKS)
    close(alone(THETA, 17.0), swept(THETA, ALPHA))
    close(swept(THETA, 0.0), np.polynomial.Polynomial(QUERY.sum(0))(THETA))


@pytest.mark.parametrize("name", ROWS)
def test_surfaces_and_outer_loops_take_it(x64, name):
    meta = TABLE[name].make(polynomial_loss, TASKS, 2)
    surface = mg.surface(meta, ALPHAS, THETAS)
    run = mg.outer_loop(meta, ALPHAS, 0.6875, optax.sgd(0.05), num_steps=2)
    for i, alpha in enumerate(ALPHAS):
        value, direction = value_and_direction(meta, THETAS[2], alpha)
        close([surface.values[i, 2], surface.grads[i, 2]], [value, direction])
        theta = 0.6875 - 0.05 * direction
        theta = theta - 0.05 * value_and_direction(meta, theta, alpha)[1]
        close(run.thetas[i], theta)


@pytest.mark.parametrize("name", brief(TABLE, "fomaml"))
def test_the_optimum_of_an_algorithm_is_an_attracting_zero_of_its_direction(x64, name):
    meta = TABLE[name].make(polynomial_loss, TASKS, 1)
    best = mg.optimal_theta(meta, np.array([0.0, 0.1]), (-2.0, 2.0))
    for theta, alpha, status in zip(best.thetas, best.alphas, best.status, strict=True):
        _, direction = value_and_direction(meta, theta, alpha)
        _, after = value_and_direction(meta, theta + 1e-4, alpha)
        assert mg.Status(int(status)) == mg.Status.OK
        close(direction, 0, operations=64)
        assert float(after) > 0


# --- a pair of one's own ---------------------------------------------------------------------------


@mg.rule
class SignDescent(mg.inner.InnerRule):
    """Steps of alpha tanh(sharpness slope)."""

    sharpness: float = 2.0

    def step(self, loss, state, rate):
        theta, memory = state
        return theta - rate * jnp.tanh(self.sharpness * jax.grad(loss)(theta)), memory


@mg.rule
class Halfway(mg.outer.OuterRule):
    """The mean of the gradients before and after the adaptation."""

    def value_and_direction(self, inner, support, query, theta, alpha):
        value, after = jax.value_and_grad(query)(inner(support, theta, alpha))
        return value, jax.tree.map(lambda g, h: (g + h) / 2, after, jax.grad(query)(theta))


def test_a_pair_written_in_ten_lines_is_an_algorithm(x64, compilations):
    def own(sharpness):
        return mg.meta_loss(polynomial_loss, TASKS, inner=SignDescent(sharpness, num_steps=2), outer=Halfway())

    def by_hand(theta, alpha, sharpness):
        value = direction = 0
        for support, query in zip(SUPPORT, QUERY, strict=True):
            first, last = np.polynomial.Polynomial(support), np.polynomial.Polynomial(query)
            adapted = theta
            for _ in range(2):
                adapted = adapted - alpha * np.tanh(sharpness * first.deriv()(adapted))
            value += last(adapted)
            direction += (last.deriv()(theta) + last.deriv()(adapted)) / 2
        return value, direction

    (value, direction), (_, (jacobian, in_alpha)) = evaluated(own(1.5), THETA, ALPHA)
    close([value, direction], by_hand(THETA, ALPHA, 1.5))
    # A complex step: to rounding, without differences.
    close(jacobian, by_hand(THETA + 1e-100j, ALPHA, 1.5)[1].imag / 1e-100)
    close(in_alpha, by_hand(THETA, ALPHA + 1e-100j, 1.5)[1].imag / 1e-100)
    compilations.reset()
    again = evaluated(own(0.5), THETA, ALPHA)
    assert compilations.count == 0
    close(again[0], by_hand(THETA, ALPHA, 0.5))
    over = jax.jit(jax.vmap(lambda s: jax.grad(own(s))(THETA, ALPHA)))(jnp.array([0.5, 1.5]))
    close(over, [by_hand(THETA, ALPHA, s)[1] for s in (0.5, 1.5)])
    close(jax.grad(lambda s: own(s)(THETA, ALPHA))(1.5), by_hand(THETA, ALPHA, 1.5 + 1e-100j)[0].imag / 1e-100)
    # The other new rule with rules that are there.
    mixed = mg.meta_loss(polynomial_loss, TASKS, inner=SignDescent(num_steps=2), outer=mg.outer.Displacement())
    assert np.isfinite(jax.grad(mixed)(THETA, ALPHA))
