"""A loss is the key of its compiled programs by what it computes: what it reads may change, and it may be made anew."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import sys
import types

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


# Ways to change what a loss reads: a program that makes `loss`, and one that changes something.
WAYS = {
    "a global": ("c = 1.0\ndef loss(t): return t - c", "c = 2.0"),
    "a global that a method reads": ("c = 1.0\nclass L:\n def __call__(self, t): return t - c\nloss = L()", "c = 2.0"),
    "a default": ("def loss(t, c=1.0): return t - c", "loss.__defaults__ = (2.0,)"),
    "a named default": ("def loss(t, *, c=1.0): return t - c", "loss.__kwdefaults__['c'] = 2.0"),
    "the code": ("def loss(t): return t", "loss.__code__ = (lambda t: -t).__code__"),
    "an attribute of a function": ("def loss(t): return t - loss.c\nloss.c = 1.0", "loss.c = 2.0"),
    "an attribute of a class": ("class C: c = 1.0\ndef loss(t): return t - C.c", "C.c = 2.0"),
    "that of a base": ("class B: c = 1.0\nclass C(B): pass\ndef loss(t): return t - C.c", "B.c = 2.0"),
    "that of a nested class": ("class C:\n class D: c = 1.0\ndef loss(t): return t - C.D.c", "C.D.c = 2.0"),
    "a class behind an object": ("class C: c = 1.0\no = C()\ndef loss(t): return t - o.c", "C.c = 2.0"),
    "a method": ("class C:\n def f(self): return 1\no = C()\ndef loss(t): return t - o.f()", "C.f = lambda self: 2"),
    "a static method": (
        "class C:\n @staticmethod\n def f(): return 1\ndef loss(t): return t - C.f()",
        "C.f = staticmethod(lambda: 2)",
    ),
    "a class method": (
        "class C:\n @classmethod\n def f(cls): return 1\ndef loss(t): return t - C.f()",
        "C.f = classmethod(lambda cls: 2)",
    ),
    "a property": (
        "class C:\n @property\n def c(self): return 1\no = C()\ndef loss(t): return t - o.c",
        "C.c = property(lambda self: 2)",
    ),
    "what a property reads": (
        "h = 1.0\nclass C:\n @property\n def c(self): return h\no = C()\ndef loss(t): return t - o.c",
        "h = 2.0",
    ),
    "a slot": ("class C: __slots__ = ('c',)\no = C()\no.c = 1.0\ndef loss(t): return t - o.c", "o.c = 2.0"),
    "an attribute of a dataclass": (
        "@dataclasses.dataclass\nclass C:\n c: float\no = C(1.0)\ndef loss(t): return t - o.c",
        "o.c = 2.0",
    ),
    "a namespace": ("o = types.SimpleNamespace(c=1.0)\ndef loss(t): return t - o.c", "o.c = 2.0"),
    "arguments": ("o = argparse.Namespace(c=1.0)\ndef loss(t): return t - o.c", "o.c = 2.0"),
    "an attribute of a module": ("def loss(t): return t - settings.center", "settings.center = 2.0"),
    "a function of a module": ("def loss(t): return t - settings.made()", "settings.made = lambda: 2"),
    "a module of a module": ("def loss(t): return t - settings.inner.center", "settings.inner.center = 2.0"),
    "a module imported inside": (
        "def loss(t):\n import settings\n return t - settings.center",
        "settings.center = 2.0",
    ),
    "a name imported inside": (
        "def loss(t):\n from settings import center\n return t - center",
        "settings.center = 2.0",
    ),
    "a set": ("s = {1, 2}\ndef loss(t): return t - sum(s)", "s.add(3)"),
    "a deque": ("s = collections.deque([1, 2])\ndef loss(t): return t - sum(s)", "s.append(3)"),
    "bytes": ("s = bytearray(b'ab')\ndef loss(t): return t - s[0]", "s[0] = 1"),
    "a dictionary": ("s = {'a': 1}\ndef loss(t): return t - s['a']", "s['a'] = 2"),
    "its view": ("s = {'a': 1}\nv = types.MappingProxyType(s)\ndef loss(t): return t - v['a']", "s['a'] = 2"),
    "a long list": ("s = [0.0] * 50_000\ndef loss(t): return t - s[40_000]", "s[40_000] = 1.0"),
    "a long dictionary": ("s = dict.fromkeys(range(50_000), 0.0)\ndef loss(t): return t - s[7]", "s[7] = 1.0"),
    "a long list of objects": ("s = [np.zeros(1) for _ in range(11_000)]\ndef loss(t): return t - s[9]", "s[9][0] = 1"),
    "an array": ("s = np.zeros(3)\ndef loss(t): return t - s[0]", "s[0] = 1"),
    "an array of truths": ("s = np.zeros(3, bool)\ndef loss(t): return t * s[0]", "s[0] = True"),
    "an array of objects": ("s = np.array([1, None], object)\ndef loss(t): return t * s[0]", "s[0] = 2"),
    "a large array": ("s = np.zeros((1000, 300))\ndef loss(t): return t - s[0, 0]", "s[-1, -1] = 1"),
    "every second of a large array": (
        "s = np.zeros((1000, 600))[:, ::2]\ndef loss(t): return t - s[0, 0]",
        "s[-1, -1] = 1",
    ),
    "a custom derivative": (
        "@jax.custom_jvp\ndef loss(t): return t\nloss.defjvp(lambda p, d: (p[0], d[0]))",
        "loss.defjvp(lambda p, d: (p[0], 2 * d[0]))",
    ),
    "a backward rule": (
        "@jax.custom_vjp\ndef loss(t): return t\nloss.defvjp(lambda t: (t, None), lambda _, d: (d,))",
        "loss.defvjp(lambda t: (t, None), lambda _, d: (2 * d,))",
    ),
    "what a compiled function reads": ("c = 1.0\n@jax.jit\ndef loss(t): return t - c", "c = 2.0"),
    "what a bound method reads": ("s = [1.0]\nloss = s.index", "s.append(2.0)"),
    "one of several by type": (
        "@functools.singledispatch\ndef loss(t): return t\n@loss.register\ndef _(t: float): return t",
        "loss.register(float)(lambda t: -t)",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_a_loss_reads_is_part_of_its_key(way, monkeypatch):
    settings, inner = types.ModuleType("settings"), types.ModuleType("settings.inner")
    vars(settings).update(center=1.0, made=lambda: 1, inner=inner)
    vars(inner).update(center=1.0)
    monkeypatch.setitem(sys.modules, "settings", settings)
    names = {"__name__": "__main__", "settings": settings, "np": np, "jax": jax}
    names |= {m.__name__: m for m in (argparse, collections, dataclasses, functools, types)}
    make, change = WAYS[way]
    exec(make, names)
    before = Keyed(names["loss"])
    assert Keyed(names["loss"]) == before
    assert hash(Keyed(names["loss"])) == hash(before)
    exec(change, names)
    assert Keyed(names["loss"]) != before


def test_what_an_object_keeps_of_what_it_computed_is_no_change():
    class Kept:
        center = 1.0

        @functools.cached_property
        def twice(self):
            return 2 * self.center

    kept = Kept()
    before = Keyed(lambda theta: theta - kept.twice)
    assert kept.twice == 2.0
    assert Keyed(before.value) == before


def test_a_class_that_is_defined_again_is_the_same():
    def made(center):
        class Loss:
            def __init__(self, center):
                self.center = center

            def __call__(self, theta):
                return theta - self.center

        return Loss(center)

    assert Keyed(made(1.0)) == Keyed(made(1.0)) != Keyed(made(2.0))


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
