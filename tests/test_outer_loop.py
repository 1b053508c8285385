"""The outer loop is the optimiser's own iteration, once for every alpha, and can be stopped and continued."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid import Status

from . import oracles
from .lanes import brief, float64_first
from .problems import polynomials

ALPHAS = np.array([-0.3, 0.0, 0.2, 0.5, 0.9])
QUARTIC = mg.cases.quartic().meta()
BUILT = {
    "sgd": lambda: optax.sgd(0.05),
    "momentum": lambda: optax.sgd(0.02, momentum=0.8),
    "adam": lambda: optax.adam(0.1),
    "schedule": lambda: optax.sgd(optax.exponential_decay(0.1, 10, 0.5)),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.05)),
    "plateau": lambda: optax.chain(optax.sgd(0.05), optax.contrib.reduce_on_plateau(factor=0.5, patience=3)),
    "lbfgs": lambda: optax.lbfgs(memory_size=3),
}
OPTIMIZERS = {name: build() for name, build in BUILT.items()}
# The loops of lbfgs take the longest to compile.
BRIEF = brief(OPTIMIZERS, "adam")


def equal(tree, other):
    """The same bits in every leaf."""
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for pair in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        keys = jnp.issubdtype(pair[0].dtype, jax.dtypes.prng_key)
        np.testing.assert_array_equal(*(map(jax.random.key_data, pair) if keys else pair))


# --- against loops written by hand ----------------------------------------------------------------


BY_HAND = {
    "sgd": lambda gradient, start: oracles.gradient_descent(gradient, start, 0.05, 60),
    "momentum": lambda gradient, start: oracles.gradient_descent(gradient, start, 0.02, 60, momentum=0.8),
    "adam": lambda gradient, start: oracles.adam(gradient, start, 0.1, 60),
}


@float64_first
@pytest.mark.parametrize("name", BY_HAND)
def test_the_path_is_that_of_the_loop_written_by_hand(name, dtype):
    run = mg.outer_loop(QUARTIC, ALPHAS.astype(dtype), np.array(1.1, dtype), OPTIMIZERS[name], num_steps=60)
    assert run.trace.thetas.shape == run.trace.values.shape == (5, 61)
    assert run.thetas.dtype == run.values.dtype == run.trace.thetas.dtype == run.trace.values.dtype == dtype
    np.testing.assert_array_equal(run.trace.steps, np.arange(61))
    for i, alpha in enumerate(ALPHAS.astype(dtype).astype(float)):
        path = BY_HAND[name](lambda theta, alpha=alpha: oracles.case_2(theta, alpha)[1], float(np.array(1.1, dtype)))
        # Each of 60 steps adds a few roundings; the descent of these losses contracts, so they do not grow.
        tolerance = 60 * 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(run.trace.thetas[i], path, rtol=0, atol=tolerance)
        values = [oracles.case_2(theta, alpha)[0] for theta in path]
        np.testing.assert_allclose(run.trace.values[i], values, rtol=0, atol=4 * tolerance)


def test_the_end_is_the_last_record(x64):
    run = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=30)
    np.testing.assert_array_equal(run.thetas, run.trace.thetas[:, -1])
    np.testing.assert_array_equal(run.values, run.trace.values[:, -1])
    np.testing.assert_array_equal(run.thetas, run.state.thetas)
    np.testing.assert_allclose(run.values, oracles.case_2(np.array(run.thetas), ALPHAS)[0], rtol=1e-12)


def test_no_step_leaves_the_start(x64):
    run = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=0)
    assert run.trace.steps.tolist() == [0]
    assert run.thetas.tolist() == [1.1] * 5
    np.testing.assert_allclose(run.trace.values[:, 0], oracles.case_2(1.1, ALPHAS)[0], rtol=1e-13)


@pytest.mark.slow
def test_a_network_descends_the_hand_unrolled_meta_gradient(x64):
    rng = np.random.default_rng(8)
    layers = [(rng.normal(size=s), rng.normal(size=s[1])) for s in ((1, 4), (4, 1))]
    x, y = rng.uniform(-2, 2, size=(2, 2, 5, 1)), rng.normal(size=(2, 2, 5, 1))
    pairs = [((x[0, i], y[0, i]), (x[1, i], y[1, i])) for i in range(2)]
    theta, loss = mg.cases.network(jax.random.key(0), (1, 4, 1), "tanh")
    theta = [{"weight": w, "bias": b} for w, b in layers]
    meta = mg.maml(loss, mg.Tasks((x[0], y[0]), (x[1], y[1])))
    run = mg.outer_loop(meta, np.array([0.05, 0.1]), theta, optax.sgd(0.02), num_steps=4)
    for i, alpha in enumerate((0.05, 0.1)):
        by_hand = layers
        for step in range(5):
            found = [(layer["weight"][i, step], layer["bias"][i, step]) for layer in run.trace.thetas]
            for (w, b), (exact_w, exact_b) in zip(found, by_hand, strict=True):
                np.testing.assert_allclose(w, exact_w, rtol=1e-11, atol=1e-12)
                np.testing.assert_allclose(b, exact_b, rtol=1e-11, atol=1e-12)
            slope = oracles.network_meta_gradient(by_hand, pairs, alpha, 1, "tanh")
            by_hand = [(w - 0.02 * dw, b - 0.02 * db) for (w, b), (dw, db) in zip(by_hand, slope, strict=True)]
    shapes = jax.tree.map(jnp.shape, run.thetas)
    assert shapes == [{"weight": (2, 1, 4), "bias": (2, 4)}, {"weight": (2, 4, 1), "bias": (2, 1)}]


# --- rows, pieces ----------------------------------------------------------------


@pytest.mark.parametrize("name", BRIEF)
def test_a_row_is_the_run_of_that_alpha_alone(name, x64):
    together = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS[name], num_steps=25)
    for i in range(len(ALPHAS)):
        alone = mg.outer_loop(QUARTIC, ALPHAS[i : i + 1], 1.1, OPTIMIZERS[name], num_steps=25)
        # One lane or five of a vector unit round alike, up to fused multiply-adds: a few ulp, contracted on the way.
        # lbfgs divides by differences of gradients, which magnifies them.
        scale = 1e4 if name == "lbfgs" else 64
        tolerance = scale * np.finfo(float).eps
        np.testing.assert_allclose(together.trace.thetas[i], alone.trace.thetas[0], rtol=0, atol=tolerance)
        np.testing.assert_allclose(together.trace.values[i], alone.trace.values[0], rtol=0, atol=tolerance)
        assert together.status[i] == alone.status[0]


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        *(pytest.param(*name.values, (7, 13), marks=name.marks) for name in BRIEF),
        ("adam", (20, 0)),
        ("adam", (0, 20)),
    ],
)
def test_k_steps_and_then_m_are_k_plus_m(name, pieces, x64):
    def go(start, num_steps):
        return mg.outer_loop(QUARTIC, ALPHAS, start, OPTIMIZERS[name], num_steps=num_steps)

    whole, first = go(1.1, 20), go(1.1, pieces[0])
    second = go(first.state, pieces[1])
    for field in ("thetas", "values", "state", "status", "event_steps"):
        equal(getattr(second, field), getattr(whole, field))
    # The traces join: the last record of the first piece is the first of the second.
    np.testing.assert_array_equal(second.trace.steps, np.arange(pieces[0], 21))
    for field in ("thetas", "values"):
        parts = getattr(first.trace, field)[:, :-1], getattr(second.trace, field)
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), getattr(whole.trace, field))


def test_a_run_continues_after_being_saved(x64, tmp_path):
    first = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=7)
    again = mg.OuterRun.load(first.save(tmp_path / "run.npz"))
    whole = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=20)
    second = mg.outer_loop(QUARTIC, ALPHAS, again.state, OPTIMIZERS["adam"], num_steps=13)
    equal((second.thetas, second.values, second.state), (whole.thetas, whole.values, whole.state))


@pytest.mark.parametrize("record_every", [1, 3, 7, 20, 50])
def test_records_are_a_selection_of_the_whole_path(record_every, x64):
    every = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=20)
    some = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=20, record_every=record_every)
    steps = sorted({*range(0, 21, record_every), 20})
    assert some.trace.steps.tolist() == steps
    tolerance = 64 * np.finfo(float).eps
    np.testing.assert_allclose(some.trace.thetas, every.trace.thetas[:, steps], rtol=0, atol=tolerance)
    np.testing.assert_allclose(some.trace.values, every.trace.values[:, steps], rtol=0, atol=tolerance)
    np.testing.assert_allclose(some.thetas, every.thetas, rtol=0, atol=tolerance)


@pytest.mark.parametrize("record", ["values", "nothing"])
def test_what_is_recorded_changes_no_other_number(record, x64):
    def go(start, num_steps, record):
        return mg.outer_loop(
            QUARTIC, ALPHAS, start, OPTIMIZERS["adam"], num_steps=num_steps, record=record, record_every=3
        )

    whole, first = go(1.1, 20, "thetas"), go(1.1, 7, record)
    second = go(first.state, 13, record)
    for run in (second, go(1.1, 20, record)):
        for field in ("thetas", "values", "state", "status", "event_steps"):
            equal(getattr(run, field), getattr(whole, field))
        assert run.trace.thetas is None
    traces = first.trace, second.trace
    if record == "nothing":
        assert [(t.steps.shape, t.values.shape) for t in traces] == [((0,), (5, 0))] * 2
    else:
        assert [t.steps.tolist() for t in traces] == [[0, 3, 6, 7], [7, 10, 13, 16, 19, 20]]
        np.testing.assert_array_equal(go(1.1, 20, record).trace.values, whole.trace.values)


@pytest.mark.parametrize("record", ["values", "nothing"])
def test_a_run_without_its_way_is_kept_judged_and_drawn_where_it_can_be(record, x64, tmp_path, no_window):
    run = mg.outer_loop(QUARTIC, ALPHAS, 1.1, OPTIMIZERS["adam"], num_steps=20, record=record, record_every=3)
    equal(jax.tree.leaves(mg.load(run.save(tmp_path / "run.npz"))), jax.tree.leaves(run))
    np.testing.assert_array_equal(mg.evaluate(QUARTIC, run).values, run.values)
    assert run.to_xarray().sizes["step"] == len(run.trace.steps)
    assert mg.plot.outer_loop(run).lines  # where it ends
    if record == "values":
        np.testing.assert_array_equal(mg.plot.learning_curves(run).lines[0].get_ydata(), run.trace.values[0])
    else:
        with pytest.raises(ValueError, match=r"recorded no values: make it with .*record=\"values\""):
            mg.plot.learning_curves(run)


def test_every_alpha_may_have_its_own_start(x64):
    starts = np.array([1.1, -0.5, 0.3, 2.0, 0.9])
    own = mg.outer_loop(QUARTIC, ALPHAS, starts, OPTIMIZERS["sgd"], num_steps=10)
    np.testing.assert_array_equal(own.trace.thetas[:, 0], starts)
    for i, start in enumerate(starts):
        shared = mg.outer_loop(QUARTIC, ALPHAS, start, OPTIMIZERS["sgd"], num_steps=10)
        np.testing.assert_allclose(own.thetas[i], shared.thetas[i], rtol=1e-14)


def _sum_of_squares(theta, center):
    return jnp.sum((theta["a"] - center) ** 2) / 2 + theta["b"] ** 2 / 2


@pytest.mark.slow
def test_pytrees_may_be_shared_or_one_for_each_alpha(x64):
    meta = mg.maml(_sum_of_squares, mg.Tasks(np.array([0.0, 1.0])))
    shared = {"a": np.ones(3), "b": np.array(2.0)}
    own = {"a": np.arange(15.0).reshape(5, 3), "b": np.arange(5.0)}
    one = mg.outer_loop(meta, ALPHAS, shared, OPTIMIZERS["sgd"], num_steps=3)
    each = mg.outer_loop(meta, ALPHAS, own, OPTIMIZERS["sgd"], num_steps=3)
    for run in (one, each):
        assert jax.tree.map(jnp.shape, run.thetas) == {"a": (5, 3), "b": (5,)}
        assert jax.tree.map(jnp.shape, run.trace.thetas) == {"a": (5, 4, 3), "b": (5, 4)}
    # The meta-loss is (1 - alpha)^2 times the joint loss, whose slopes are 2 a - 1 and 2 b.
    shrink = 0.05 * (1 - ALPHAS) ** 2
    a, b = own["a"], own["b"]
    for _ in range(3):
        a, b = a - shrink[:, None] * (2 * a - 1), b - shrink * 2 * b
    np.testing.assert_allclose(each.thetas["a"], a, rtol=1e-14)
    np.testing.assert_allclose(each.thetas["b"], b, rtol=1e-14)


def test_a_start_that_can_be_read_both_ways_must_be_said(x64):
    meta = mg.maml(lambda t, c: jnp.sum((t - c) ** 2), mg.Tasks(np.array([0.0, 1.0])))
    start = np.arange(5.0)
    with pytest.raises(ValueError, match="per_alpha=False or per_alpha=True"):
        mg.outer_loop(meta, ALPHAS, start, OPTIMIZERS["sgd"], num_steps=1)
    shared = mg.outer_loop(meta, ALPHAS, start, OPTIMIZERS["sgd"], num_steps=1, per_alpha=False)
    own = mg.outer_loop(meta, ALPHAS, start, OPTIMIZERS["sgd"], num_steps=1, per_alpha=True)
    assert (shared.thetas.shape, own.thetas.shape) == ((5, 5), (5,))


# --- fresh tasks ----------------------------------------------------------------


def _resample(key):
    return mg.Tasks(jax.random.uniform(key, (4, 3)) / 2 + jnp.array([-0.25, -0.25, 0.25]))


def _stochastic(alphas, start, optimizer, num_steps, key=0):
    meta = polynomials(np.zeros((4, 3)))
    return mg.outer_loop(
        meta, alphas, start, optimizer, num_steps=num_steps, resample=_resample, key=jax.random.key(key)
    )


@pytest.mark.slow
def test_every_step_has_fresh_tasks_the_same_for_every_alpha(x64):
    run = _stochastic(ALPHAS, 0.7, OPTIMIZERS["sgd"], 12)
    # Tasks c0 + c1 t + c2 t^2, in NumPy: theta' = t - alpha (c1 + 2 c2 t).
    thetas = np.full(5, 0.7)
    draws = []
    for step in range(13):
        np.testing.assert_allclose(run.trace.thetas[:, step], thetas, rtol=1e-12)
        draws.append(np.asarray(_resample(jax.random.fold_in(jax.random.key(0), step)).support))
        c0, c1, c2 = draws[-1].T[:, :, None]
        adapted = thetas - ALPHAS * (c1 + 2 * c2 * thetas)
        np.testing.assert_allclose(run.trace.values[:, step], (c0 + c1 * adapted + c2 * adapted**2).sum(0), rtol=1e-12)
        thetas = thetas - 0.05 * ((c1 + 2 * c2 * adapted) * (1 - 2 * ALPHAS * c2)).sum(0)
    assert len({d.tobytes() for d in draws}) == 13


def test_the_key_decides_the_tasks(x64):
    one, same, other = (_stochastic(ALPHAS, 0.7, OPTIMIZERS["sgd"], 5, key) for key in (0, 0, 1))
    np.testing.assert_array_equal(one.trace.thetas, same.trace.thetas)
    assert (one.thetas != other.thetas).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", brief(["sgd", "adam", "lbfgs"], "sgd"))
def test_a_stochastic_run_continues_exactly(name, x64):
    whole, first = (_stochastic(ALPHAS, 0.7, OPTIMIZERS[name], n) for n in (12, 5))
    second = _stochastic(ALPHAS, first.state, OPTIMIZERS[name], 7, key=99)  # the state has its own key
    for field in ("thetas", "values", "state", "status"):
        equal(getattr(second, field), getattr(whole, field))
    np.testing.assert_array_equal(second.trace.values, whole.trace.values[:, 5:])


def test_a_stochastic_run_is_not_judged_by_its_last_direction(x64):
    run = _stochastic(ALPHAS, 0.7, OPTIMIZERS["sgd"], 12)
    assert (np.asarray(run.status) == Status.OK).all()
    assert (np.asarray(run.event_steps) == -1).all()


# --- how it went ----------------------------------------------------------------


def test_one_call_yields_every_status_of_a_run(x64):
    # sgd on c (1 - 2 alpha c)^2 theta^2: theta shrinks or grows by the factor 1 - 2 c (1 - 2 alpha c)^2 a step.
    meta = polynomials([[0.0, 0.0, 1.0]])
    factors = {Status.OK: 0.2, Status.NOT_CONVERGED: 0.99, Status.DIVERGED: -2.0, Status.NONFINITE: -1e8}
    # 1 - 0.5 * 2 (1 - 2 alpha)^2 = factor
    alphas = {s: (1 + np.sqrt(1 - f)) / 2 for s, f in factors.items()}
    run = mg.outer_loop(meta, np.array(list(alphas.values())), 1.0, optax.sgd(0.5), num_steps=50)
    assert run.status.tolist() == list(factors)
    assert run.status.dtype == np.int8
    ok, slow, gone, broken = run.event_steps.tolist()
    assert ok == slow == -1
    # Gone: |theta| = 2^n exceeds 1e6 (1 + 1) after the 21st step, number 20 counted from 0.
    assert np.abs(run.trace.thetas[2, gone]) <= 2e6 < np.abs(run.trace.thetas[2, gone + 1])
    assert gone == 20
    # Broken: theta = 1e8^n, so the value ~ theta'^2 is the first to overflow.
    met = np.isfinite(run.trace.values[3]) & np.isfinite(run.trace.thetas[3])
    first = int(np.argmin(met))
    assert not met[first]
    assert met[:first].all()
    assert broken in (first, first - 1)
    assert not np.isfinite(run.values[3])
    # The others are untouched by their neighbour.
    np.testing.assert_allclose(run.thetas[:2], [0.2**50, 0.99**50], rtol=1e-11)


def test_an_event_is_remembered_over_pieces(x64):
    meta = polynomials([[0.0, 0.0, 1.0]])
    alphas = np.array([(1 + np.sqrt(3.0)) / 2])
    optimizer = optax.sgd(0.5)
    first = mg.outer_loop(meta, alphas, 1.0, optimizer, num_steps=30)
    second = mg.outer_loop(meta, alphas, first.state, optimizer, num_steps=5)
    assert first.event_steps.tolist() == second.event_steps.tolist() == [20]


def test_a_run_that_comes_back_has_not_diverged(x64):
    # The criterion is where the parameters are at the end, not where they have been.
    meta = polynomials([[0.0, 0.0, 1.0]])
    there_and_back = optax.sgd(lambda count: jnp.where(count == 0, -1e7, 0.25))
    run = mg.outer_loop(meta, np.array([0.0]), 1.0, there_and_back, num_steps=80)
    assert np.abs(run.trace.thetas).max() > 1e6 * 2
    assert run.status.tolist() == [Status.OK]
    assert run.event_steps.tolist() == [-1]


def test_converged_is_measured_by_the_direction_and_the_tolerance(x64):
    def status(tolerance):
        return mg.outer_loop(
            QUARTIC, np.array([0.2]), 1.1, OPTIMIZERS["sgd"], num_steps=40, tolerance=tolerance
        ).status.tolist()

    run = mg.outer_loop(QUARTIC, np.array([0.2]), 1.1, OPTIMIZERS["sgd"], num_steps=40)
    slope = abs(oracles.case_2(float(run.thetas[0]), 0.2)[1])
    assert status(slope * 1.01) == [Status.OK]
    assert status(slope * 0.99) == [Status.NOT_CONVERGED]


@pytest.mark.slow
def test_the_outer_loop_reaches_the_global_optimum_from_its_basin(x64):
    best = [oracles.minima(oracles.CASE_2, alpha, (-4.0, 4.0))[0] for alpha in ALPHAS]
    thetas, curvatures = (np.array([float(getattr(m, f)) for m in best]) for f in ("theta", "curvature"))
    run = mg.outer_loop(QUARTIC, ALPHAS, thetas + 0.05, OPTIMIZERS["lbfgs"], num_steps=60)
    assert (np.asarray(run.status) == Status.OK).all()
    # |theta - theta*| = |slope| / curvature at most, and the slope is below the tolerance.
    np.testing.assert_array_less(np.abs(run.thetas - thetas), 2e-5 / curvatures)


# --- the rest ----------------------------------------------------------------


@float64_first
@pytest.mark.parametrize("name", BRIEF)
def test_the_second_call_does_not_compile(name, dtype, compilations):
    def go(alphas, start, coefficients):
        meta = polynomials(np.array(coefficients, dtype))
        return mg.outer_loop(meta, alphas.astype(dtype), np.array(start, dtype), OPTIMIZERS[name], num_steps=6)

    first = go(ALPHAS, 1.1, [[0.0, 1.0, 1.0], [1.0, 0.0, 2.0]])
    mg.outer_loop(QUARTIC, ALPHAS.astype(dtype), first.state, OPTIMIZERS[name], num_steps=6)
    compilations.reset()
    second = go(ALPHAS + 0.1, -0.4, [[1.0, 1.0, 0.5], [0.0, 1.0, 3.0]])
    mg.outer_loop(QUARTIC, ALPHAS.astype(dtype), second.state, OPTIMIZERS[name], num_steps=6)
    assert compilations.count == 0
    assert second.thetas.dtype == dtype


@pytest.mark.parametrize("name", brief(BUILT, "sgd"))
def test_an_equal_optimiser_built_anew_does_not_compile_and_another_does(name, x64, compilations):
    def go(optimizer):
        meta = polynomials(np.zeros((4, 3)))
        settings = {"resample": lambda key: _resample(key)._replace(query=None), "key": jax.random.key(0)}
        return mg.outer_loop(meta, ALPHAS, 1.1, optimizer, num_steps=6, **settings)

    first = go(BUILT[name]())
    compilations.reset()
    equal(go(BUILT[name]()).thetas, first.thetas)
    assert compilations.count == 0
    other = go(optax.chain(BUILT[name](), optax.scale(0.5)))
    assert not np.array_equal(other.thetas, first.thetas)


def test_low_precision_parameters_stay_so_beside_high_precision_alphas(x64):
    run = mg.outer_loop(QUARTIC, ALPHAS, np.float32(1.1), OPTIMIZERS["adam"], num_steps=3)
    assert run.thetas.dtype == np.float32
    assert run.trace.values.dtype == np.float32


def test_an_outer_run_inside_jit_can_be_differentiated(x64):
    # theta_1 = theta_0 - lr dL/dtheta: its derivative in theta_0 is 1 - lr d2L/dtheta2.
    def end(start):
        return mg.outer_loop(QUARTIC, np.array([0.3]), start, OPTIMIZERS["sgd"], num_steps=1).thetas[0]

    found = jax.jit(jax.grad(end))(0.8)
    np.testing.assert_allclose(found, 1 - 0.05 * oracles.case_2(0.8, 0.3)[2], rtol=1e-13)


def test_a_direction_that_is_not_finite_is_no_success(x64):
    # sqrt(t^2) has a finite value at 0 and, for jax, no finite gradient.
    meta = mg.maml([lambda t: jnp.sqrt(t**2)], num_steps=0)
    run = mg.outer_loop(meta, np.zeros(1), 1.0, optax.sgd(1.0), num_steps=1)
    assert Status(int(run.status[0])) == Status.NONFINITE
    assert int(run.event_steps[0]) == 1


@pytest.mark.parametrize(("tolerance", "error"), [(np.nan, ValueError), (-1.0, ValueError), ("a", TypeError)])
def test_a_tolerance_is_a_number(tolerance, error):
    with pytest.raises(error, match="tolerance must be"):
        mg.outer_loop(QUARTIC, ALPHAS, 0.0, OPTIMIZERS["lbfgs"], num_steps=1, tolerance=tolerance)
