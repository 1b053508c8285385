"""Losses that differ in their numbers alone: they give what each gives by itself, and compile as one."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params

import mamlgrid as mg
from mamlgrid._meta import alike
from mamlgrid._points.rounding import probe

from .lanes import brief

NUMBERS = np.linspace(-1.25, 1.5, 7)


def _power(theta, center, scale=4):
    return (theta - center) ** 4 / scale


FORMS = {
    "Python floats": [lambda t, c=float(c): (t - c) ** 4 / 4 for c in NUMBERS],
    "integers": [lambda t, c=c: (t - c) ** 2 / 8 for c in range(7)],
    "numpy scalars": [lambda t, c=c: c * jnp.cos(t - c) for c in NUMBERS],
    "jnp scalars": [lambda t, c=c: jnp.exp(c * t) for c in map(jnp.asarray, NUMBERS)],
    "arrays": [lambda t, c=c: jnp.sum((t - c) ** 4) for c in jnp.asarray(np.add.outer(NUMBERS, [0.0, 0.5]))],
    "partials": [functools.partial(_power, center=c) for c in NUMBERS],
    "jitted": [jax.jit(functools.partial(_power, center=c, scale=3)) for c in NUMBERS],
    "through jnp.where": [lambda t, c=c: jnp.where(t > c, (t - c) ** 2, 0.5 * (c - t) ** 3) for c in NUMBERS],
    "a loop inside": [lambda t, c=c: jax.lax.fori_loop(0, 3, lambda _, x: x * c, t) for c in map(jnp.asarray, NUMBERS)],
    "every second another": [
        (lambda t, c=c: (t - c) ** 4 / 4) if i % 2 else (lambda t, c=c: jnp.sin(t * c))
        for i, c in enumerate([*NUMBERS] * 2)
    ],
    "two strangers": [jnp.cosh, *(lambda t, c=c: (t - c) ** 2 / 2 for c in NUMBERS), jnp.tanh],
    "the same": [jnp.cosh] * 6,
}
ALGORITHMS = {
    "maml": mg.maml,
    "three steps": functools.partial(mg.maml, num_steps=3),
    "weighted": functools.partial(mg.maml, num_steps=3, step_weights=np.array([0.5, 0.25, 1.0])),
    "fomaml": functools.partial(mg.fomaml, num_steps=6),
    "reptile": functools.partial(mg.reptile, num_steps=2, reduce="mean"),
    "momentum": functools.partial(mg.maml, inner=mg.inner.optax(lambda r: optax.sgd(r, momentum=0.5), 2)),
    "imaml": functools.partial(mg.imaml, strength=30.0),
    "moreau": functools.partial(mg.moreau, strength=30.0),
}


def _everything(meta, theta, alpha):
    """What a meta-loss says at a point."""
    value, direction = jax.value_and_grad(meta)(theta, alpha)
    return {
        "value": value,
        "direction": direction,
        "in alpha": jax.grad(meta, 1)(theta, alpha),
        "jacobian": jax.jvp(lambda t: jax.grad(meta)(t, alpha), (theta,), (jax.tree.map(jnp.ones_like, theta),))[1],
        "terms": meta.per_task(theta, alpha),
        "directions": meta.directions(theta, alpha),
        "adapted": meta.adapt(theta, alpha),
        "status": meta.inner_status(theta, alpha),
    }


def _same_as_written_out(monkeypatch, make, theta, dtype, ulps):
    def compiled():  # anew: the meta-loss is the same in both
        return jax.jit(lambda theta, alpha: _everything(make(), theta, alpha))(theta, np.asarray(0.03, dtype))

    together = compiled()
    monkeypatch.setattr(alike, "FEWEST", 1000)
    alone = compiled()
    for name, exact in alone.items():
        for a, b in zip(jax.tree.leaves(together[name]), jax.tree.leaves(exact), strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            scale = np.abs(b).max()
            np.testing.assert_allclose(a, b, rtol=0, atol=ulps * jnp.finfo(dtype).eps * scale, err_msg=name)


@pytest.mark.parametrize("dtype", brief(["float32", "float64"], "float64"), indirect=True)
@pytest.mark.parametrize("form", brief(FORMS, "Python floats", "arrays", "two strangers", "the same"))
def test_losses_taken_together_give_what_each_gives(monkeypatch, dtype, form):
    losses = FORMS[form]
    groups = alike.alike(losses, jnp.asarray(0.4, dtype))
    assert [group.places for group in groups] == {
        "every second another": [[*range(0, 14, 2)], [*range(1, 14, 2)]],
        "two strangers": [[*range(1, 8)]],
        "the same": [[*range(6)]],
    }.get(form, [[*range(7)]])
    _same_as_written_out(monkeypatch, lambda: mg.maml(losses), np.asarray(0.4, dtype), dtype, ulps=32)


@pytest.mark.parametrize(
    "algorithm",
    brief(ALGORITHMS, "three steps"),
)
def test_every_algorithm_takes_them_together(monkeypatch, x64, algorithm):
    losses = FORMS["two strangers"]
    _same_as_written_out(monkeypatch, lambda: ALGORITHMS[algorithm](losses), np.asarray(0.4), np.float64, ulps=256)


def _bowl(theta, center):
    return jnp.sum((theta["a"] - center) ** 4) + jnp.sum(theta["b"] ** 2) * center


@pytest.mark.parametrize(
    "algorithm",
    brief([mg.maml, mg.fomaml, mg.reptile, ALGORITHMS["imaml"]], mg.maml),
)
def test_parameters_may_be_any_pytree(monkeypatch, x64, algorithm):
    theta = {"a": np.array([0.5, -0.25]), "b": np.array([[0.75]])}
    losses = [functools.partial(_bowl, center=c) for c in NUMBERS]
    _same_as_written_out(monkeypatch, lambda: algorithm(losses), theta, np.float64, ulps=256)


@pytest.mark.slow
def test_rounding_and_coordinates_see_no_difference(monkeypatch, x64):
    def both():
        meta = mg.maml(FORMS["partials"])
        learned = jax.grad(mg.learn_alpha(meta))((jnp.asarray(0.4), jnp.asarray(0.5)), 0.1)
        return *probe(meta, jnp.asarray(0.4), jnp.asarray(0.1)), *learned

    together = both()
    monkeypatch.setattr(alike, "FEWEST", 1000)
    jax.clear_caches()
    np.testing.assert_allclose(together, both(), rtol=1e-2)


def _closed(function):
    return [lambda t, c=c: function(t, c) for c in NUMBERS]


@jax.custom_jvp
def _cube(theta):
    return theta**3


_cube.defjvp(lambda primals, tangents: (primals[0] ** 3, 3 * primals[0] ** 2 * tangents[0]))


@pytest.mark.parametrize(
    "losses",
    [
        [functools.partial(lambda t, k: t**k / k, k=k) for k in range(2, 8)],
        _closed(lambda t, c: _cube(t - c)),
        _closed(lambda t, c: jax.lax.fori_loop(0, 3, lambda _, x: x * float(c), t)),
        _closed(lambda t, c: t if t > c else 2 * t),
    ],
    ids=["static powers", "custom rules", "numbers inside a loop", "what cannot be traced"],
)
def test_what_is_not_the_same_program_is_written_out(losses):
    assert alike.alike(losses, jnp.asarray(0.5)) == []


def test_a_few_are_written_out():
    assert alike.alike(FORMS["partials"][: alike.FEWEST - 1], jnp.asarray(0.5)) == []
    assert len(alike.alike(FORMS["partials"][: alike.FEWEST], jnp.asarray(0.5))) == 1


def test_constants_that_are_equal_in_all_stay_constants():
    shared = jnp.arange(3.0)
    (group,) = alike.alike([lambda t, c=c: jnp.sum((t - shared) ** 2) * c / 7 for c in NUMBERS], jnp.asarray(0.5))
    (numbers,) = group.data
    np.testing.assert_array_equal(numbers, NUMBERS.astype(np.float32))
    # Signs of zeros are seen.
    zeros = [0.0, -0.0, 0.0, -0.0, 0.0]
    (group,) = alike.alike([lambda t, z=z: t * z for z in zeros], jnp.asarray(0.5))
    np.testing.assert_array_equal(np.signbit(group.data[0]), np.signbit(zeros))


def test_a_closure_is_read_anew_at_every_call():
    centers = [*NUMBERS]
    meta = mg.maml([lambda t, i=i: (t - centers[i]) ** 2 / 2 for i in range(7)])
    before = meta(0.5, 0.1)
    centers[0] = 100.0
    assert float(meta(0.5, 0.1)) > float(before) + 1000


def test_losses_may_close_over_what_is_differentiated(x64):
    def value(centers):
        return mg.fomaml([lambda t, c=c: (t - c) ** 2 / 2 for c in centers])(0.5, 0.25)

    centers = jnp.asarray(NUMBERS)
    np.testing.assert_allclose(jax.jit(jax.grad(value))(centers), -(0.75**2) * (0.5 - NUMBERS), rtol=1e-14)


@mg.rule
class _AtTwoPlaces(mg.outer.OuterRule):
    def value_and_direction(self, inner, support, query, theta, alpha):
        return query(jnp.stack([theta, theta])), theta


def test_errors_name_the_loss_that_is_wrong():
    losses = [lambda t, c=c: jnp.stack([t, t]) * c for c in NUMBERS]
    with pytest.raises(TypeError, match=r"<lambda> returned an array of shape \(2,\); it must return a scalar"):
        mg.maml([*FORMS["partials"], *losses])(0.5, 0.1)
    sums = [lambda t, c=c: jnp.sum(t) * c for c in NUMBERS]
    with pytest.raises(
        ValueError, match=r"are taken of parameters like theta, .* of shapes \[\(\)\]; got .* \[\(2,\)\]"
    ):
        mg.meta_loss(sums, inner=mg.inner.GradientDescent(), outer=_AtTwoPlaces())(0.5, 0.1)


def _by_hand(centers, theta, alpha, num_steps):
    """The MAML value and direction of `(t - c)^4 / 4`, by the chain rule: a step takes u = t - c to u - alpha u^3."""
    offset, slope = theta - centers, np.ones_like(centers)
    for _ in range(num_steps):
        offset, slope = offset - alpha * offset**3, slope * (1 - 3 * alpha * offset**2)
    return np.sum(offset**4) / 4, np.sum(offset**3 * slope)


def _size(jaxpr):
    """The number of equations, those of loops and calls included."""
    inner = [sub for equation in jaxpr.eqns for sub in jaxprs_in_params(equation.params)]
    return len(jaxpr.eqns) + sum(map(_size, inner))


@pytest.mark.parametrize("num_steps", [1, 5])
def test_a_long_list_is_traced_once_and_is_one_program(x64, num_steps):
    calls, sizes = [], []
    alphas, thetas = np.array([0.0, 0.004, 0.02]), np.array([0.25, 1.5])
    for number in (20, 100):
        centers = np.arange(number) / (number / 4)

        def quartic(theta, center):
            calls.append(center)
            return (theta - center) ** 4 / 4

        meta = mg.maml([functools.partial(quartic, center=c) for c in centers], num_steps=num_steps)
        calls.clear()
        sizes.append(_size(jax.make_jaxpr(jax.value_and_grad(meta))(0.3, 0.01).jaxpr))
        assert calls == [*centers]
        calls.clear()
        found = mg.surface(meta, alphas, thetas)
        assert calls == [*centers]
        exact = [[_by_hand(centers, theta, alpha, num_steps) for theta in thetas] for alpha in alphas]
        np.testing.assert_allclose(np.stack([found.values, found.grads], axis=-1), exact, rtol=1e-12)
    assert sizes[0] == sizes[1] < 400
