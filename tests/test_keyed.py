"""A loss is the key of its compiled programs by what it computes: what it reads may change, and it may be made anew."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid._meta.keyed import Keyed

CENTER = 1.0
TABLE = {"center": 1.0, "others": [np.array([0.5])]}
ALPHAS, THETAS = np.array([0.0]), np.array([3.0])


def _center():
    return CENTER


def reads_a_global(theta):
    return (theta - CENTER) ** 2


def calls_what_reads_a_global(theta):
    return (theta - _center()) ** 2


def reads_a_table(theta):
    return (theta - TABLE["center"]) ** 2


class Well:
    """A loss with a setting."""

    def __init__(self, center):
        self.center = center

    def __call__(self, theta):
        return jnp.sum((theta - self.center) ** 2)

    def method(self, theta):
        return self(theta)


@dataclasses.dataclass(frozen=True)
class Frozen:
    """One whose fields are compared when it is, which arrays cannot be."""

    centers: jax.Array

    def __call__(self, theta):
        return jnp.sum((theta - self.centers) ** 2)


def closed_over(center):
    return lambda theta: jnp.sum((theta - center) ** 2)


def _seen(loss):
    """What the compiled and what the plain program say."""
    meta = mg.maml([loss])
    return float(mg.surface(meta, ALPHAS, THETAS).values[0, 0]), float(meta(THETAS[0], ALPHAS[0]))


@pytest.mark.parametrize("loss", [reads_a_global, calls_what_reads_a_global, jax.named_call(reads_a_global)])
def test_a_global_that_changes_is_seen(loss, monkeypatch, x64):
    assert _seen(loss) == (4, 4)
    monkeypatch.setitem(globals(), "CENTER", 2.0)
    assert _seen(loss) == (1, 1)


@pytest.mark.parametrize("loss", [reads_a_global, calls_what_reads_a_global])
def test_one_object_has_one_answer_when_a_global_changes(loss, monkeypatch, x64):
    meta = mg.maml([loss, lambda theta: theta**2])
    before = mg.surface(meta, ALPHAS, THETAS).values
    monkeypatch.setitem(globals(), "CENTER", 2.0)
    assert float(mg.surface(meta, ALPHAS, THETAS).values[0, 0]) == float(meta(THETAS[0], 0.0)) == 10.0
    assert float(mg.optimal_theta(meta, ALPHAS, (-4.0, 4.0)).thetas[0]) == pytest.approx(1.0, abs=1e-12)
    monkeypatch.setitem(globals(), "CENTER", 1.0)
    np.testing.assert_array_equal(mg.surface(meta, ALPHAS, THETAS).values, before)


def test_what_a_global_holds_is_seen(monkeypatch, x64):
    assert _seen(reads_a_table) == (4, 4)
    monkeypatch.setitem(TABLE, "center", 2.0)
    assert _seen(reads_a_table) == (1, 1)


@pytest.mark.parametrize(
    "of", [lambda well: well, lambda well: well.method, lambda well: functools.partial(well.method)]
)
def test_an_attribute_that_changes_is_seen(of, x64):
    well = Well(1.0)
    loss = of(well)
    assert _seen(loss) == (4, 4)
    well.center = 2.0
    assert _seen(loss) == (1, 1)


def test_an_array_that_changes_is_seen(x64):
    center = np.array([1.0])
    loss = closed_over(center)
    assert _seen(loss) == (4, 4)
    center[0] = 2.0
    assert _seen(loss) == (1, 1)


def test_frozen_dataclasses_of_arrays_are_losses(x64):
    assert _seen(Frozen(jnp.array([1.0, 2.0]))) == (5, 5)
    assert _seen(Frozen(jnp.array([1.0, 1.0]))) == (8, 8)


CELL = """
def loss(theta):
    return jnp.sum((theta - center) ** 2)
"""


def test_a_cell_that_is_run_again_does_not_compile(compilations, x64):
    def run(center):
        names = {"jnp": jnp, "center": center}
        exec(compile(CELL, "cell", "exec"), names)
        return _seen(names["loss"])

    for made in (closed_over, functools.partial(functools.partial, jnp.power), Frozen, Well):
        first = made(np.array(2.0))
        assert Keyed(first) == Keyed(made(np.array(2.0))) != Keyed(made(np.array(3.0)))
    assert run(1.0) == (4, 4)
    compilations.reset()
    assert run(1.0) == (4, 4)
    assert compilations.count == 0
    assert run(2.0) == (1, 1)


def test_what_many_functions_read_is_read_once():
    # Each of forty helpers calls all that come before it: by paths that is 2^40.
    names: dict = {}
    for k in range(40):
        calls = " + ".join(f"f{j}(x)" for j in range(k)) or "x"
        exec(f"def f{k}(x):\n    return {calls}", names)
    assert Keyed(names["f39"]) == Keyed(names["f39"])
    before = Keyed(names["f39"])
    names["f0"] = lambda x: 2 * x
    assert Keyed(names["f39"]) != before


def test_losses_that_read_themselves_or_nothing_are_keys_too():
    def again(theta):
        return again(theta - 1) if theta.ndim else theta

    def unset(theta):
        return theta * later

    assert Keyed(again) == Keyed(again)
    assert Keyed(unset) == Keyed(unset)
    later = 2.0
    assert Keyed(again) != Keyed(jnp.cosh)
    assert len({Keyed(jnp.cosh), Keyed(jnp.cosh), Keyed(jnp.sinh)}) == 2
    assert unset(later) == 4
