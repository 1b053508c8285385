"""Each measurement is the number that NumPy finds by its definition."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import measure

MATRICES = np.array([[[2.0, 0.5], [0.5, 1.0]], [[0.75, -0.25], [-0.25, 1.5]], [[1.0, 0.0], [0.0, 3.0]]])
CENTERS = np.array([[1.0, -0.5], [-0.25, 0.75], [0.5, 0.5]])
OTHERS = np.array([[0.0, 0.5], [1.0, 0.25], [-0.5, 0.0]])
# Adapted towards one center, judged at another.
TASKS = mg.Tasks((MATRICES, CENTERS), (2 * MATRICES, OTHERS))
THETA, ALPHA = np.array([0.5, 1.25]), 0.3


def quadratic(theta, data):
    return mg.cases.quadratic_loss(jnp.concatenate([theta["a"][None], theta["b"]]), data)


def as_tree(theta):
    return {"a": jnp.asarray(theta[0]), "b": jnp.asarray(theta[1:])}


SLOPES = np.einsum("nij,nj->ni", MATRICES, THETA - CENTERS)
ADAPTED = THETA - ALPHA * SLOPES
AFTER = 2 * np.einsum("nij,nj->ni", MATRICES, ADAPTED - OTHERS)
MAML = AFTER - ALPHA * np.einsum("nij,nj->ni", MATRICES, AFTER)
DIRECTIONS = {"maml": MAML, "fomaml": AFTER, "reptile": SLOPES}


def _cosines(rows):
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units @ units.T


def _half_square(matrices, offsets):
    return np.einsum("ni,nij,nj->n", offsets, matrices, offsets) / 2


def by_hand(name):
    directions = DIRECTIONS[name]
    moves = ADAPTED - THETA
    total, true = directions.sum(0), MAML.sum(0)
    support = [_half_square(MATRICES, x - CENTERS) for x in (THETA[None], ADAPTED)]
    return {
        "gradient_inner_products": directions @ directions.T,
        "gradient_cosines": _cosines(directions),
        "coherence": np.linalg.norm((moves / np.linalg.norm(moves, axis=1, keepdims=True)).mean(0)),
        "adaptation_distances": np.linalg.norm(moves, axis=1),
        "losses_before": _half_square(2 * MATRICES, THETA - OTHERS),
        "losses_after": _half_square(2 * MATRICES, ADAPTED - OTHERS),
        "curvatures_before": 2 * np.trace(MATRICES, axis1=1, axis2=2),
        "curvatures_after": 2 * np.trace(MATRICES, axis1=1, axis2=2),
        "angle": np.arctan2(abs(total[0] * true[1] - total[1] * true[0]), total @ true),
        "diverged_share": (support[1] > support[0]).mean(),
    }


@jax.jit
def measured(meta, theta, alpha):
    return {name: getattr(measure, name)(meta, theta, alpha) for name in by_hand("maml")}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_measurements_by_hand_over_a_pytree(x64, name):
    found = measured(getattr(mg, name)(quadratic, TASKS), as_tree(THETA), ALPHA)
    for measurement, exact in by_hand(name).items():
        np.testing.assert_allclose(found[measurement], exact, rtol=1e-12, atol=1e-13, err_msg=measurement)
    if name != "maml":
        assert found["angle"] > 0.01  # there would be nothing to measure


def test_measurements_over_a_curve_are_a_vmap(dtype):
    meta = mg.fomaml(mg.cases.quartic().losses)
    thetas = np.array([-1.2, 0.3, 0.75], dtype)
    alpha = np.array(0.4, dtype)
    mapped = jax.vmap(lambda t: measured(meta, t, alpha))(thetas)
    for i, theta in enumerate(thetas):
        for name, values in mapped.items():
            assert values.dtype == dtype, name
            alone = measured(meta, theta, alpha)[name]
            np.testing.assert_allclose(values[i], alone, rtol=64 * np.finfo(dtype).eps, atol=1e-6, err_msg=name)


def test_curvatures_are_taken_where_adaptation_ends(x64):
    theta, alpha = 1.2, 0.3
    meta = mg.cases.quartic().meta(2)
    adapted = theta
    for _ in range(2):
        adapted -= alpha * adapted**3
    np.testing.assert_allclose(measure.curvatures_before(meta, theta, alpha), [3 * theta**2, 1], rtol=1e-14)
    np.testing.assert_allclose(measure.curvatures_after(meta, theta, alpha), [3 * adapted**2, 1], rtol=1e-13)
    # They have derivatives like everything else.
    slope = jax.grad(lambda t: measure.curvatures_before(meta, t, alpha)[0])(theta)
    np.testing.assert_allclose(slope, 6 * theta, rtol=1e-14)


def test_the_first_order_direction_turns_around_beyond_one(x64):
    # Case 1: G = (1 - alpha) (2 theta - 1), the true gradient (1 - alpha)^2 (2 theta - 1).
    meta = mg.fomaml(mg.cases.quadratic().losses)
    np.testing.assert_allclose(measure.angle(meta, 0.75, 0.5), 0, atol=1e-15)
    np.testing.assert_allclose(measure.angle(meta, 0.75, 1.5), np.pi, rtol=1e-15)
    assert np.isnan(measure.angle(meta, 0.5, 0.5))  # both are zero there: no angle


def test_small_angles_keep_their_digits(x64):
    # Directions (1, 0) and (1, tiny): an arccosine would say 0 for both.
    tiny = 1e-9

    @mg.rule
    class Tilted(mg.outer.OuterRule):
        def value_and_direction(self, inner, support, query, theta, alpha):
            value, slope = jax.value_and_grad(query)(theta)
            return value, slope + tiny * jnp.array([0.0, 1.0])

    meta = mg.meta_loss([lambda t: t[0] + 0 * t[1]], inner=mg.inner.GradientDescent(0), outer=Tilted())
    np.testing.assert_allclose(measure.angle(meta, jnp.zeros(2), 0.0), tiny, rtol=1e-7)


def test_a_task_diverges_where_adaptation_makes_its_support_loss_worse(x64):
    # A step of alpha overshoots beyond 2 / a: curvatures 1, 2, 4, 8.
    a = np.array([1.0, 2.0, 4.0, 8.0])
    meta = mg.cases.quadratics(a, np.zeros(4)).meta(3)
    for alpha in (0.1, 0.3, 0.6, 1.5, 3.0, -0.1):
        assert float(measure.diverged_share(meta, 1.0, alpha)) == (np.abs(1 - alpha * a) > 1).mean()
    # One that stands at its optimum and stays has not diverged; one that overflows has.
    assert float(measure.diverged_share(meta, 0.0, 100.0)) == 0
    overflowing = mg.maml([lambda t: t**4, lambda t: t**2], num_steps=9)
    assert float(measure.diverged_share(overflowing, 3.0, 0.5)) == 0.5


def test_tasks_that_do_not_move_have_no_angles(x64):
    meta = mg.cases.quadratic().meta()
    assert np.isnan(measure.coherence(meta, 0.0, 0.5))  # the first task starts at its optimum
    cosines = measure.gradient_cosines(meta, 0.0, 0.5)
    assert np.isnan(cosines[0]).all()
    assert float(cosines[1, 1]) == 1.0
    assert measure.adaptation_distances(meta, 0.0, 0.5).tolist() == [0.0, 0.5]


def test_lengths_far_from_one_do_not_spoil_directions(dtype):
    scale = 1e-30 if dtype == np.float32 else 1e-200  # squares of these underflow
    meta = mg.cases.quadratics([1.0, 1.0], [0.0, 4 * scale]).meta()
    theta, alpha = np.array(scale, dtype), np.array(0.5, dtype)
    np.testing.assert_allclose(measure.gradient_cosines(meta, theta, alpha), [[1, -1], [-1, 1]], rtol=1e-6)
    assert float(measure.coherence(meta, theta, alpha)) == 0.0
