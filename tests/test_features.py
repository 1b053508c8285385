"""Stationary points, folds and jumps by themselves: refined from a guess, and differentiated."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

from .plane import meta_with_direction

META = mg.cases.quartic().meta()

# Case 2: the first fold of the small loop, and the jump, from 40-digit arithmetic.
FOLD = (0.3040379695905699, 1.2230614619851914)
JUMP = (0.3266070476997144, 0.7843337952158818, 1.2818232300617431)


def _loss(theta: Any, data: tuple[Any, Any, Any]) -> Any:
    quartic, quadratic, centre = data
    return quartic * theta**4 / 4 + quadratic * (theta - centre) ** 2 / 2


def tasks(shift: Any) -> mg.MetaLoss:
    """Case 2 with the optimum of its second task moved by `shift`."""
    return mg.maml(_loss, mg.Tasks((jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), jnp.stack([0 * shift, 1 + shift]))))


@jax.jit
def features(shift: Any) -> dict[str, Any]:
    """Everything that moves with the tasks."""
    meta = tasks(shift)
    fold, jump = mg.fold(meta, near=FOLD), mg.jump(meta, near=JUMP)
    return {
        "stationary theta": mg.stationary_point(meta, 0.5, near=1.2).theta,
        "fold alpha": fold.alpha,
        "fold theta": fold.theta,
        "fold value": fold.value,
        "jump alpha": jump.alpha,
        "jump theta": jump.theta_after,
        "jump value": jump.value,
    }


def test_stationary_point_is_a_zero_with_its_rate(dtype: np.dtype) -> None:
    eps = float(np.finfo(dtype).eps)
    point = mg.stationary_point(META, dtype.type(0.5), near=dtype.type(1.2))
    assert point.theta.dtype == dtype
    assert abs(jax.grad(META)(point.theta, dtype.type(0.5))) < 16 * eps
    assert int(point.status) == mg.Status.OK
    rate = jax.grad(lambda a: mg.stationary_point(META, a, near=dtype.type(1.2)).theta)(dtype.type(0.5))
    assert rate == pytest.approx(float(point.rate), rel=64 * eps)


@pytest.mark.usefixtures("x64")
def test_fold_and_jump_to_rounding() -> None:
    fold = mg.fold(META, near=(0.3, 1.2))
    assert (float(fold.alpha), float(fold.theta)) == pytest.approx(FOLD, abs=1e-13)
    assert bool(fold.births)
    jump = mg.jump(META, near=(0.32, 0.8, 1.3))
    assert float(jump.alpha) == pytest.approx(JUMP[0], abs=1e-13)
    assert float(jump.theta_before) == pytest.approx(JUMP[1], abs=1e-5)
    assert float(jump.theta_after) == pytest.approx(JUMP[2], abs=1e-10)


@pytest.mark.usefixtures("x64")
def test_a_diagram_starts_them_where_they_are() -> None:
    found = mg.bifurcation_diagram(META, np.linspace(0, 0.9, 65), (-2.0, 2.0))
    refined = jax.vmap(lambda a, t: mg.fold(META, near=(a, t)))(found.folds.alphas, found.folds.thetas)
    assert np.allclose(refined.alpha, found.folds.alphas, atol=1e-14)
    assert np.array_equal(refined.births, found.folds.births)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_derivatives_with_respect_to_the_tasks_are_those_of_solving_again() -> None:
    step = 1e-5
    after, before = features(step), features(-step)
    forwards, backwards = jax.jacfwd(features)(0.0), jax.jacrev(features)(0.0)
    for name, slope in forwards.items():
        assert slope == pytest.approx(float(after[name] - before[name]) / (2 * step), rel=1e-6), name
        assert backwards[name] == pytest.approx(float(slope), rel=1e-12), name


@pytest.mark.usefixtures("x64")
def test_they_go_through_jit_and_vmap() -> None:
    shifts = jnp.linspace(-0.01, 0.01, 3)
    together = jax.vmap(features)(shifts)
    for row, shift in enumerate(shifts):
        for name, value in features(shift).items():
            assert value == pytest.approx(float(together[name][row]), abs=1e-13), name


def _line(theta: Any) -> Any:
    return theta


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "lost",
    [
        lambda: mg.stationary_point(mg.maml([_line]), 0.1, near=0.3),
        lambda: mg.fold(mg.cases.quadratic().meta(), near=(0.3, 0.4)),
        lambda: mg.fold(META, near=(jnp.nan, 1.0)),
        lambda: mg.jump(mg.cases.quadratic().meta(), near=(0.3, 0.4, 0.6)),
        lambda: mg.jump(META, near=(JUMP[0], JUMP[1], JUMP[1])),
    ],
    ids=["no zero", "no fold", "nan", "one minimum", "twice the same minimum"],
)
def test_a_guess_that_leads_nowhere_has_no_numbers(lost: Any) -> None:
    found = lost()
    assert int(found.status) == mg.Status.NOT_CONVERGED
    numbers = [x for name, x in found._asdict().items() if name not in ("status", "births")]
    assert np.isnan(numbers).all()


@pytest.mark.usefixtures("x64")
def test_a_branch_point_is_no_fold() -> None:
    pitchfork = meta_with_direction({(3, 0): 1, (1, 1): -1}, (0.13, 0.0712))
    assert int(mg.fold(pitchfork, near=(0.07, 0.2)).status) == mg.Status.NOT_CONVERGED


@pytest.mark.usefixtures("x64")
def test_one_that_is_lost_does_not_spoil_the_derivatives_of_others() -> None:
    def total(shift: Any) -> Any:
        starts = jnp.array([1.2, jnp.nan])
        points = jax.vmap(lambda t: mg.stationary_point(tasks(shift), 0.5, near=t))(starts)
        return jnp.where(points.status == 0, points.theta, 0).sum()

    slope = jax.grad(total)(0.0)
    assert np.isfinite(slope)
    assert slope != 0


def test_near_must_be_numbers() -> None:
    with pytest.raises(ValueError, match=r"use jax\.vmap"):
        mg.fold(META, near=(jnp.zeros(3), 1.0))
    for lost in (0.3, (0.3,), jnp.asarray(0.3), (0.3, 1.2, 1.0)):
        with pytest.raises(ValueError, match=r"near must be the 2 numbers \(alpha, theta\), got"):
            mg.fold(META, near=lost)


@jax.custom_vjp
def _fourth_power(x):
    return x**4 / 4


_fourth_power.defvjp(lambda x: (x**4 / 4, x), lambda x, cotangent: (cotangent * x**3,))


def _backwards_only(theta, data):
    center, quartic = data
    return quartic * _fourth_power(theta - center) + (1 - quartic) * (theta - center) ** 2 / 2


def _with_a_condition(theta, data):
    center, quartic = data
    return jax.lax.cond(quartic > 0.5, lambda x: x**4 / 4, lambda x: x**2 / 2, theta - center)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [_backwards_only, _with_a_condition])
def test_features_of_a_loss_without_forward_mode_have_their_derivatives(loss, x64):
    def in_centers(feature, of):
        return jax.grad(lambda centers: feature(mg.maml(of, mg.Tasks((centers, np.array([1.0, 0.0]))))))(
            np.array([0.0, 1.0])
        )

    def plain(theta, data):
        center, quartic = data
        return quartic * (theta - center) ** 4 / 4 + (1 - quartic) * (theta - center) ** 2 / 2

    for feature in (
        lambda meta: mg.stationary_point(meta, 0.1, near=0.7).theta,
        lambda meta: mg.jump(meta, near=(0.3266, 0.78, 1.28)).alpha,
        lambda meta: mg.fold(meta, near=(0.3479, 0.87)).alpha,
        lambda meta: mg.optimal_theta(meta, np.array([0.1, 0.5]), (-3.0, 3.0)).thetas.sum(),
    ):
        np.testing.assert_allclose(in_centers(feature, loss), in_centers(feature, plain), rtol=1e-9)
