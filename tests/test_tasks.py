"""Tasks: pytrees of data with a leading task axis."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg


def _weighted_square(theta, data):
    return data["weight"] * (theta - data["center"][0]) ** 2 / 2


def _data(n, seed=0):
    rng = np.random.default_rng(seed)
    return {"weight": rng.uniform(0.5, 2, n), "center": (rng.normal(size=n),)}


def test_data_may_be_any_pytree(x64):
    data = _data(3)
    a, c = data["weight"], data["center"][0]
    meta = mg.maml(_weighted_square, mg.Tasks(data))
    np.testing.assert_allclose(meta.adapt(0.3, 0.2), 0.3 - 0.2 * a * (0.3 - c), rtol=1e-14)
    np.testing.assert_allclose(meta.per_task(0.3, 0.2), a * (1 - 0.2 * a) ** 2 * (0.3 - c) ** 2 / 2, rtol=1e-13)


def test_without_a_query_the_support_data_judge(x64):
    data = _data(4)
    alone, twice = (mg.maml(_weighted_square, t) for t in (mg.Tasks(data), mg.Tasks(data, data)))
    assert float(alone(0.3, 0.2)) == float(twice(0.3, 0.2))
    assert float(jax.grad(alone)(0.3, 0.2)) == float(jax.grad(twice)(0.3, 0.2))


def test_query_data_may_have_another_structure_only_if_the_loss_reads_it(x64):
    # Support and query of different lengths, as in few-shot learning: one shot to adapt on, five to judge on.
    support, query = np.array([[1.0], [2.0]]), np.array([[0.0, 1, 2, 3, 4], [5.0, 6, 7, 8, 9]])
    meta = mg.maml(lambda t, x: jnp.mean((t - x) ** 2) / 2, mg.Tasks(support, query))
    adapted = 0.5 - 0.25 * (0.5 - support)
    np.testing.assert_allclose(meta.per_task(0.5, 0.25), ((adapted - query) ** 2).mean(1) / 2, rtol=1e-14)


def test_integer_data_are_data(x64):
    # Class labels are integers; only theta must be floating.
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]])
    meta = mg.maml(lambda t, d: -jax.nn.log_softmax(t * d[0])[d[1]], mg.Tasks((logits, np.array([2, 0]))))
    assert meta.num_tasks == 2
    probabilities = np.exp(0.7 * logits) / np.exp(0.7 * logits).sum(1, keepdims=True)
    np.testing.assert_allclose(meta.per_task(0.7, 0.0), -np.log(probabilities[[0, 1], [2, 0]]), rtol=1e-14)
    assert np.isfinite(jax.grad(meta)(0.7, 0.5))


def test_one_task_is_a_batch_of_one(x64):
    meta = mg.maml(lambda t, c: (t - c) ** 2 / 2, mg.Tasks(np.array([3.0])))
    assert meta.num_tasks == 1
    assert meta.per_task(1.0, 0.5).shape == meta.adapt(1.0, 0.5).shape == (1,)
    assert float(meta(1.0, 0.5)) == 0.5


def test_tasks_keep_their_precision(x64):
    meta = mg.maml(lambda t, c: (t - c) ** 2 / 2, mg.Tasks(np.array([0.0, 1.0], np.float32)))
    assert meta.tasks.support.dtype == jnp.float32
    assert meta(jnp.float32(0.5), 0.25).dtype == jnp.float32


def test_tasks_can_be_made_inside_jit(x64):
    @jax.jit
    def value(centers):
        return mg.maml(lambda t, c: (t - c) ** 2 / 2, mg.Tasks(centers))(0.5, 0.25)

    assert float(value(np.array([0.0, 1.0]))) == 2 * 0.375**2 / 2


@pytest.mark.slow
def test_tasks_of_a_network_keep_their_axis(x64):
    tasks = mg.cases.sinusoid_tasks(jax.random.key(0), num_tasks=6, num_shots=3, num_queries=8)
    theta, loss = mg.cases.network(jax.random.key(1), (1, 7, 1))
    meta = mg.maml(loss, tasks)
    shapes = jax.tree.map(jnp.shape, meta.adapt(theta, 0.01))
    assert shapes == jax.tree.map(lambda p: (6, *p.shape), theta)
    assert meta.per_task(theta, 0.01).shape == (6,)


@pytest.mark.parametrize(
    ("support", "query", "message"),
    [
        ({"x": np.ones((3, 2)), "y": np.ones((2, 2))}, None, r"disagree.*\['x'\]: 3.*\['y'\]: 2"),
        (np.ones((3, 2)), np.ones((4, 2)), r"disagree.*support: 3.*query: 4"),
        (np.ones((0, 2)), None, "empty"),
        ({}, None, "no arrays"),
        (None, np.ones(3), "no arrays"),
        ({"x": np.ones(3), "y": np.float64(1.0)}, None, r"\['y'\] is a scalar"),
        (np.float64(1.0), None, "is a scalar"),
    ],
)
def test_tasks_without_a_common_task_axis_are_refused(support, query, message):
    with pytest.raises(ValueError, match=message):
        mg.maml(lambda t, d: t**2, mg.Tasks(support, query))


@pytest.mark.parametrize("tasks", [np.ones(3), (np.ones(3), np.ones(3)), [1.0], "tasks"])
def test_what_is_not_tasks_is_refused(tasks):
    with pytest.raises(TypeError, match=r"mg\.Tasks\(support, query\)"):
        mg.maml(lambda t, d: t**2, tasks)


# --- from the data of each task -----------------------------------------------------------------------------


def _mean_square(theta, data):
    (x, y), mask = data
    return jnp.sum(jnp.where(mask, (theta * x - y) ** 2, 0)) / mask.sum()


def test_tasks_are_stacked_from_the_data_of_each(x64):
    data = [(np.arange(3.0) + i, np.ones(3)) for i in range(4)]
    tasks = mg.Tasks.stack(data, data[::-1])
    assert tasks.num_tasks == 4
    for k in range(4):
        for leaf, exact in zip(jax.tree.leaves((tasks.support, tasks.query)), [*data[k], *data[3 - k]], strict=True):
            np.testing.assert_array_equal(leaf[k], exact)


def test_ragged_tasks_are_padded_with_masks(x64):
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=n), rng.normal(size=n)) for n in (2, 5, 3)]
    tasks = mg.Tasks.stack(data, pad=True)
    meta = mg.maml(_mean_square, tasks, num_steps=2)
    alone = [mg.maml([lambda t, d=d: jnp.mean((t * d[0] - d[1]) ** 2)], num_steps=2) for d in data]
    assert float(meta(0.5, 0.1)) == pytest.approx(sum(float(one(0.5, 0.1)) for one in alone), rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "support is empty"),
        (([np.ones(2), np.ones(3)],), r"support\[1\] has an array of shape \(3,\) where .*pad=True"),
        (([np.ones(2), (np.ones(2),)],), r"support\[1\] has the structure"),
        (([np.ones(2)], [np.ones(2)] * 2), "support has 1 tasks and query 2"),
    ],
)
def test_what_cannot_be_stacked_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        mg.Tasks.stack(*arguments)
    with pytest.raises(ValueError, match=r"support\[0\] has shapes \(2,\), \(3,\)"):
        mg.Tasks.stack([(np.ones(2), np.ones(3))], pad=True)


def test_tasks_are_no_data_of_a_task():
    with pytest.raises(TypeError, match="takes the data of each task, not Tasks"):
        mg.Tasks.stack([mg.Tasks(np.ones(2))] * 2)


def test_a_list_of_data_is_doubted():
    with pytest.warns(UserWarning, match=r"tasks\.support is a list of 4 parts.*mg\.Tasks\.stack"):
        mg.maml(lambda t, d: jnp.sum(t * d[0]), mg.Tasks([np.ones(3)] * 4))
