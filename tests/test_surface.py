"""The surface is the meta-loss, cell by cell, whatever the precision, the chunks or the memory reused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mamlgrid as mg
from mamlgrid import Status
from mamlgrid._points import memory

from . import oracles
from .problems import polynomials, tasks

CASES = {
    "case 1": (mg.cases.quadratic, oracles.case_1, oracles.case_1_size),
    "case 2": (mg.cases.quartic, oracles.case_2, oracles.case_2_size),
}
ALPHAS = np.linspace(-0.5, 1.5, 41)
THETAS = np.linspace(-2, 2, 81)
FIELDS = ("values", "grads", "curvatures")


@pytest.mark.parametrize("name", CASES)
def test_the_surface_is_the_closed_form(name, dtype):
    case, form, size = CASES[name]
    alphas, thetas = ALPHAS.astype(dtype), THETAS.astype(dtype)
    found = mg.surface(case().meta(), alphas, thetas, derivatives=2)
    grid = thetas.astype(float), alphas.astype(float)[:, None]
    assert (np.asarray(found.status) == Status.OK).all()
    for field, exact, magnitude in zip(FIELDS, form(*grid), size(*grid), strict=True):
        array = np.asarray(getattr(found, field))
        assert (array.shape, array.dtype) == ((41, 81), dtype)
        # Cell by cell, to a few roundings of the terms that cancel in the cell ...
        assert (np.abs(array - exact) <= 16 * np.finfo(dtype).eps * magnitude).all(), field
        # ... which over the surface is the accuracy promised.
        promised = 1e-12 if dtype == np.float64 else 1e-5
        assert np.abs(array - exact).max() <= promised * np.abs(exact).max(), field


@pytest.mark.parametrize("num_steps", [0, 1, 2, 6])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_surface_of_quadratics_is_a_parabola_for_each_alpha(num_steps, reduce, x64):
    a, c = np.array([0.5, 1.0, 1.5]), np.array([-1.0, 0.5, 0.25])
    found = mg.surface(mg.cases.quadratics(a, c).meta(num_steps, reduce), ALPHAS, THETAS, derivatives=2)
    for i, alpha in enumerate(ALPHAS):
        best = oracles.quadratics(a, c, alpha, num_steps)
        parts = 3 if reduce == "mean" else 1
        offset = THETAS - best.theta
        scale = (a * (1 + abs(alpha) * a) ** (2 * num_steps)).sum() * 16
        exact = best.value + best.curvature * offset**2 / 2, best.curvature * offset, best.curvature
        for field, number in zip(FIELDS, exact, strict=True):
            np.testing.assert_allclose(getattr(found, field)[i], number / parts, rtol=1e-12, atol=1e-14 * scale)


@settings(max_examples=15)
@given(tasks(num_tasks=2, degree=3), st.sampled_from([1, 2]))
def test_the_surface_of_polynomial_tasks_is_the_composed_polynomial(x64, coefficients, num_steps):
    alphas, thetas = np.array([-0.5, 0.0, 0.25, 1.0]), np.array([-1.5, -0.25, 0.0, 1.0, 1.75])
    found = mg.surface(polynomials(coefficients, num_steps), alphas, thetas)
    for i, alpha in enumerate(alphas):
        value, _ = oracles.meta_polynomial(coefficients, alpha, num_steps)
        slope = oracles.derivative(value)
        for j, theta in enumerate(thetas):
            exact = np.array([float(oracles.evaluate(p, oracles.Fraction(theta))) for p in (value, slope)])
            size = oracles.meta_size(coefficients, theta, alpha, num_steps)
            cell = np.array([found.values[i, j], found.grads[i, j]])
            assert (np.abs(cell - exact) <= 64 * np.finfo(float).eps * size).all()


def test_derivatives_not_asked_for_are_absent(x64):
    meta = mg.cases.quartic().meta()
    surfaces = [mg.surface(meta, ALPHAS, THETAS, derivatives=d) for d in (0, 1, 2)]
    for number, found in enumerate(surfaces):
        present = [getattr(found, field) is not None for field in FIELDS]
        assert present == [d <= number for d in range(3)]
    # A number does not depend on what was computed beside it, beyond rounding.
    size = np.array(oracles.case_2_size(THETAS, ALPHAS[:, None])[0])
    for other in surfaces[1:]:
        assert (np.abs(other.values - surfaces[0].values) <= 16 * np.finfo(float).eps * size).all()


def test_the_default_is_value_and_gradient():
    found = mg.surface(mg.cases.quartic().meta(), ALPHAS, THETAS)
    assert found.grads is not None
    assert found.curvatures is None


def test_axes_may_have_one_point_repeat_or_run_backwards(x64):
    meta = mg.cases.quartic().meta()
    whole = mg.surface(meta, ALPHAS, THETAS)
    one = mg.surface(meta, ALPHAS[3:4], THETAS[5:6])
    assert one.values.shape == (1, 1)
    np.testing.assert_allclose(one.values[0, 0], whole.values[3, 5], rtol=1e-14)
    back = mg.surface(meta, ALPHAS[::-1], THETAS[::-1])
    np.testing.assert_array_equal(back.values, whole.values[::-1, ::-1])
    np.testing.assert_array_equal(back.alphas, ALPHAS[::-1])
    twice = mg.surface(meta, np.array([0.3, 0.3]), THETAS)
    np.testing.assert_array_equal(twice.values[0], twice.values[1])


def test_axes_of_different_precision_meet_in_the_finer_one(x64):
    found = mg.surface(mg.cases.quartic().meta(), ALPHAS.astype(np.float32), THETAS)
    assert found.alphas.dtype == found.thetas.dtype == found.values.dtype == np.float64


# --- what overflows --------------------------------------------------------------------------------


def test_a_cell_that_overflows_keeps_its_number_and_says_so(dtype):
    largest = float(np.finfo(dtype).max)
    thetas = np.array([-(largest**0.3), 0.5, 1.0, largest**0.1, largest**0.3], dtype)
    found = mg.surface(mg.cases.quartic().meta(), np.array([0.0, 0.5], dtype), thetas, derivatives=2)
    values = np.asarray(found.values)
    # theta^3 is finite there, theta^4 is not: inf, and not the NaN that 0 * inf would be.
    assert values[0, 0] == values[0, 4] == values[1, 0] == values[1, 4] == np.inf
    finite = np.isfinite([found.values, found.grads, found.curvatures]).all(0)
    assert not finite[:, [0, 4]].any()
    assert finite[:, 1:3].all()
    np.testing.assert_array_equal(found.status, np.where(finite, Status.OK, Status.NONFINITE))
    # The neighbours are untouched.
    alone = mg.surface(mg.cases.quartic().meta(), np.array([0.0, 0.5], dtype), thetas[1:3], derivatives=2)
    for field in FIELDS:
        np.testing.assert_allclose(getattr(found, field)[:, 1:3], getattr(alone, field), rtol=8 * np.finfo(dtype).eps)


def test_a_value_may_be_finite_where_its_gradient_is_not(x64):
    # sqrt at 0: the value is 0, the slope infinite.
    found = mg.surface(mg.maml([jnp.sqrt], num_steps=0), np.array([0.0]), np.array([0.0, 1.0]))
    assert found.values.tolist() == [[0.0, 1.0]]
    assert found.grads.tolist() == [[np.inf, 0.5]]
    assert found.status.tolist() == [[Status.NONFINITE, Status.OK]]
    without = mg.surface(mg.maml([jnp.sqrt], num_steps=0), np.array([0.0]), np.array([0.0, 1.0]), derivatives=0)
    assert without.status.tolist() == [[Status.OK, Status.OK]]


def test_nan_is_kept(x64):
    found = mg.surface(mg.maml([jnp.log], num_steps=0), np.array([0.0]), np.array([-1.0, 1.0]), derivatives=0)
    assert np.isnan(found.values[0, 0])
    assert found.values[0, 1] == 0
    assert found.status.dtype == np.int8


# --- chunks, reused memory -------------------------------------------------------------------------


def _many_tasks():
    rng = np.random.default_rng(7)
    return polynomials(rng.integers(-16, 16, size=(12, 5)) / 16)


@pytest.mark.parametrize("memory_budget", [1, 5_000, 100_000, 1_000_000])
def test_chunks_change_nothing_beyond_rounding(memory_budget, x64):
    meta = _many_tasks()
    whole = mg.surface(meta, ALPHAS, THETAS, derivatives=2)
    chunked = mg.surface(meta, ALPHAS, THETAS, derivatives=2, memory_budget=memory_budget)
    size = oracles.meta_size(meta.tasks.support, THETAS, ALPHAS[:, None])
    # A few ulp of what is added up: the order of the sum over twelve tasks may differ.
    for found, same, magnitude in zip((chunked.values, chunked.grads), (whole.values, whole.grads), size, strict=True):
        assert (np.abs(found - same) <= 4 * np.finfo(float).eps * magnitude).all()
    np.testing.assert_array_equal(chunked.status, whole.status)


def _batches(monkeypatch):
    """The batch sizes of the loops over chunks that are traced from here on."""
    sizes, original = [], memory.in_batches

    def spy(function, points, number, batch):
        sizes.append(batch)
        return original(function, points, number, batch)

    monkeypatch.setattr(memory, "in_batches", spy)
    return sizes


@pytest.mark.parametrize("memory_budget", [1, 100_000, 300_000])
def test_in_chunks_of_one_shape_a_cell_does_not_depend_on_its_chunk(memory_budget, x64, monkeypatch):
    sizes, meta = _batches(monkeypatch), _many_tasks()
    mg.surface(meta, ALPHAS, THETAS, memory_budget=memory_budget)
    assert sizes, "nothing was cut"
    alphas = np.linspace(-0.5, 1.5, 4 * sizes[-1])  # four chunks of whole rows, all of one shape
    whole = mg.surface(meta, alphas, THETAS, memory_budget=memory_budget)
    moved = mg.surface(meta, np.roll(alphas, 1), THETAS, memory_budget=memory_budget)
    first = mg.surface(meta, alphas[: 2 * sizes[-1]], THETAS, memory_budget=memory_budget)
    for field in ("values", "grads", "status"):
        np.testing.assert_array_equal(getattr(moved, field), np.roll(getattr(whole, field), 1, axis=0))
        np.testing.assert_array_equal(getattr(first, field), getattr(whole, field)[: 2 * sizes[-1]])


@pytest.mark.slow
def test_a_budget_holds_down_the_memory_of_the_compiled_program(x64):
    def temporary_bytes(memory_budget):
        call = jax.jit(lambda meta, a, t: mg.surface(meta, a, t, memory_budget=memory_budget).values)
        compiled = call.lower(meta, jnp.linspace(0.0, 1.0, 100), jnp.linspace(-1.0, 1.0, 300)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    # A network keeps arrays that no fusion removes: 16 tasks x 20 x 32 numbers and more in each cell.
    theta, loss = mg.cases.network(jax.random.key(0), (1, 32, 32, 1), "tanh")
    along = mg.cases.sinusoid_tasks(jax.random.key(1), num_tasks=16, num_shots=20)
    meta = mg.maml(_ScaledNetwork(loss), mg.Tasks((along.support, jax.tree.map(lambda p: jnp.stack([p] * 16), theta))))
    budget = 50_000_000
    assert temporary_bytes(budget) <= budget
    assert temporary_bytes(2**40) > 4 * budget


def _kept(call, meta, memory_budget, shape=(400, 500)):
    """Bytes of the temporaries of the compiled program of a grid."""
    axes = jnp.linspace(0.0, 0.3, shape[0]), jnp.linspace(-1.0, 1.0, shape[1])
    compiled = (
        jax.jit(lambda *args: jax.tree.leaves(call(*args, memory_budget=memory_budget))).lower(meta, *axes).compile()
    )
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize(("call", "budget"), [(mg.surface, 5_000_000), (mg.task_losses, 1_000_000)])
def test_scalars_that_a_loop_carries_count_in_the_budget(call, budget, x64):
    # Twenty steps on a grid of single numbers carry a theta, and store its path, in every cell.
    meta = mg.maml(mg.cases.quartic().losses, num_steps=20)
    assert _kept(call, meta, budget) <= budget
    assert _kept(call, meta, 2**40) > budget


def test_task_losses_of_many_tasks_stay_in_the_budget(x64):
    meta = polynomials(np.ones((400, 5)))
    assert _kept(mg.task_losses, meta, 20_000_000, (40, 50)) <= 20_000_000
    whole = mg.task_losses(meta, ALPHAS, THETAS)
    np.testing.assert_array_equal(mg.task_losses(meta, ALPHAS, THETAS, memory_budget=100_000).values, whole.values)


class _ScaledNetwork:
    """A network's loss along the ray `scale * weights`, so that theta is one number."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, scale, data):
        examples, weights = data
        return self.loss(jax.tree.map(lambda p: scale * p, weights), examples)


def test_a_surface_written_over_another_is_the_same_to_the_bit(x64):
    meta = mg.cases.quartic().meta()
    fresh = mg.surface(meta, ALPHAS, THETAS, derivatives=2)
    old = mg.surface(meta, ALPHAS + 1, THETAS - 1, derivatives=2)
    reused = mg.surface(meta, ALPHAS, THETAS, derivatives=2, out=old)
    for field in (*FIELDS, "status", "alphas", "thetas"):
        np.testing.assert_array_equal(getattr(reused, field), getattr(fresh, field))
    # The old memory is gone, not silently wrong.
    assert all(getattr(old, field).is_deleted() for field in FIELDS)
    assert not any(getattr(fresh, field).is_deleted() for field in FIELDS)


def test_memory_is_written_over_again_and_again_in_place(x64):
    meta = mg.cases.quartic().meta()
    found = mg.surface(meta, ALPHAS, THETAS)
    places = {found.values.unsafe_buffer_pointer(), found.grads.unsafe_buffer_pointer()}
    for shift in (0.1, 0.2, 0.3):
        found = mg.surface(meta, ALPHAS + shift, THETAS, out=found)
    assert {found.values.unsafe_buffer_pointer(), found.grads.unsafe_buffer_pointer()} == places
    np.testing.assert_array_equal(found.values, mg.surface(meta, ALPHAS + 0.3, THETAS).values)


@pytest.mark.parametrize("derivatives", [0, 1, 2])
def test_memory_of_other_shapes_is_refused_and_left_alone(derivatives, x64):
    meta = mg.cases.quartic().meta()
    old = mg.surface(meta, ALPHAS, THETAS, derivatives=derivatives)
    with pytest.raises(ValueError, match=r"out must be a surface of shape \(41, 80\)"):
        mg.surface(meta, ALPHAS, THETAS[1:], derivatives=derivatives, out=old)
    with pytest.raises(ValueError, match="derivatives="):
        mg.surface(meta, ALPHAS, THETAS, derivatives=(derivatives + 1) % 3, out=old)
    with pytest.raises(ValueError, match="dtype float32"):
        mg.surface(meta, ALPHAS.astype(np.float32), THETAS.astype(np.float32), derivatives=derivatives, out=old)
    assert not old.values.is_deleted()


# --- compilation -----------------------------------------------------------------------------------


def test_the_second_call_does_not_compile(dtype, compilations):
    alphas, thetas = ALPHAS.astype(dtype), THETAS.astype(dtype)
    coefficients = np.array([[0.5, -1.0, 0.5], [0.25, 0.5, 1.0]], dtype)
    for derivatives in (0, 1, 2):
        previous = mg.surface(polynomials(coefficients), alphas, thetas, derivatives=derivatives)
        mg.surface(polynomials(coefficients), alphas, thetas, derivatives=derivatives, out=previous)
        mg.surface(mg.cases.quartic().meta(), alphas, thetas, derivatives=derivatives)
        compilations.reset()
        previous = mg.surface(polynomials(2 * coefficients), alphas + 1, 2 * thetas, derivatives=derivatives)
        mg.surface(polynomials(3 * coefficients), alphas - 1, thetas + 2, derivatives=derivatives, out=previous)
        mg.surface(mg.cases.quartic().meta(), -alphas, -thetas, derivatives=derivatives)
        assert compilations.count == 0


def test_lists_of_python_numbers_are_axes(x64):
    found = mg.surface(mg.cases.quartic().meta(), [0.0, 0.5], [0.0, 1.0, 2.0])
    assert found.values.shape == (2, 3)
    assert found.values[0].tolist() == [0.5, 0.25, 4.5]


# --- the terms -------------------------------------------------------------------------------------


def test_task_losses_are_the_terms_of_the_surface(dtype):
    meta = mg.cases.quartic().meta()
    alphas, thetas = ALPHAS.astype(dtype), THETAS.astype(dtype)
    terms = mg.task_losses(meta, alphas, thetas)
    assert terms.values.shape == terms.status.shape == (41, 81, 2)
    assert terms.values.dtype == dtype
    size = oracles.case_2_size(thetas.astype(float), alphas.astype(float)[:, None])[0]
    total = mg.surface(meta, alphas, thetas, derivatives=0).values
    assert (np.abs(np.asarray(terms.values.sum(-1), float) - total) <= 16 * np.finfo(dtype).eps * size).all()
    theta, alpha = thetas.astype(float), alphas.astype(float)[:, None]
    exact = (theta - alpha * theta**3) ** 4 / 4, (1 - alpha) ** 2 * (theta - 1) ** 2 / 2
    for i in range(2):
        assert (np.abs(terms.values[..., i] - exact[i]) <= 16 * np.finfo(dtype).eps * size).all()


def test_task_losses_at_alpha_zero_are_the_losses(x64):
    terms = mg.task_losses(mg.cases.quartic().meta(3), np.array([0.0]), np.array([-2.0, 0.5, 1.0]))
    assert terms.values[0].tolist() == [[4.0, 4.5], [0.015625, 0.125], [0.25, 0.0]]
    assert (np.asarray(terms.status) == Status.OK).all()


def test_a_term_that_overflows_does_not_spoil_the_others(x64):
    terms = mg.task_losses(mg.cases.quartic().meta(), np.array([0.0]), np.array([1e100, 1.0]))
    assert terms.status.tolist() == [[[Status.NONFINITE, Status.OK], [Status.OK, Status.OK]]]
    assert terms.values[0, 0, 0] == np.inf
    np.testing.assert_allclose(terms.values[0, 0, 1], 5e199, rtol=1e-14)


def test_task_losses_of_the_mean_are_not_divided(x64):
    alphas, thetas = np.array([0.3]), np.array([0.7])
    plain, mean = (mg.task_losses(mg.cases.quartic().meta(reduce=r), alphas, thetas) for r in ("sum", "mean"))
    np.testing.assert_array_equal(plain.values, mean.values)


def test_task_losses_do_not_compile_again(x64, compilations):
    mg.task_losses(mg.cases.quartic().meta(), ALPHAS, THETAS)
    compilations.reset()
    mg.task_losses(mg.cases.quartic().meta(), ALPHAS + 1, THETAS + 1)
    assert compilations.count == 0


def test_a_surface_can_be_taken_inside_jit_and_differentiated_in_its_tasks(x64):
    a, c = np.array([0.5, 1.0]), np.array([-1.0, 0.5])

    @jax.jit
    def total(meta):
        return mg.surface(meta, ALPHAS, THETAS, derivatives=0).values.sum()

    slope = jax.grad(total)(mg.cases.quadratics(a, c).meta()).tasks.support[1]
    weights = a * (1 - ALPHAS[:, None] * a) ** 2
    exact = -(weights[:, None] * (THETAS[None, :, None] - c)).sum((0, 1))
    np.testing.assert_allclose(slope, exact, rtol=1e-12)
