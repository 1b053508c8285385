"""What users bring: JAX's own switches, losses without a forward derivative, None in a pytree, losses of no number."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.experimental.ode import odeint

import mamlgrid as mg

from .lanes import brief

ALPHAS = np.linspace(0, 0.9, 7)
THETAS = np.linspace(-3, 3, 9)
BOUNDS = (-4.0, 4.0)
CASE_2 = mg.cases.quartic()


@jax.custom_vjp
def square(x):
    """Without a derivative forwards."""
    return x**2


square.defvjp(lambda x: (x**2, x), lambda x, g: (2 * x * g,))


# --- JAX's switches ------------------------------------------------------------------------------------

SWITCHES = {
    "debug_nans": lambda: jax.debug_nans(True),
    "rank_promotion": lambda: jax.numpy_rank_promotion("raise"),
    "dtype_promotion": lambda: jax.numpy_dtype_promotion("strict"),
}
FUNCTIONS = {
    "surface": lambda meta: mg.surface(meta, ALPHAS, THETAS, derivatives=2),
    "task losses": lambda meta: mg.task_losses(meta, ALPHAS, THETAS),
    "optimum": lambda meta: mg.optimal_theta(meta, ALPHAS, BOUNDS),
    "optimum in a program": lambda meta: jax.jit(lambda a: mg.optimal_theta(meta, a, BOUNDS).thetas)(ALPHAS),
    "comparison": lambda meta: mg.compare({"MAML": meta, "FOMAML": mg.fomaml(CASE_2.losses)}, ALPHAS, BOUNDS),
    "diagram": lambda meta: mg.bifurcation_diagram(meta, ALPHAS, BOUNDS),
    "outer loop": lambda meta: mg.outer_loop(meta, ALPHAS, 0.5, optax.adam(0.1), num_steps=3),
    "features": lambda meta: (
        mg.stationary_point(meta, 0.3, near=0.5),
        mg.fold(meta, near=(0.35, 0.9)),
        mg.jump(meta, near=(0.33, 0.8, 1.6)),
    ),
    "learned rates": lambda meta: jax.grad(mg.learn_alpha(meta))((jnp.asarray(0.4), jnp.asarray(0.2)), 0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_switches_of_jax_change_no_number(name, switch, x64):
    plain = FUNCTIONS[name](CASE_2.meta())
    with SWITCHES[switch]():
        switched = FUNCTIONS[name](CASE_2.meta())
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(switched), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_optimisers_inside_run_by_numpys_rules(x64):
    meta = mg.maml(CASE_2.losses, inner=mg.inner.optax(lambda rate: optax.adam(rate, eps_root=1e-8), 2))
    plain = meta(0.3, 0.1)
    with jax.numpy_dtype_promotion("strict"):
        strict = mg.maml(CASE_2.losses, inner=mg.inner.optax(lambda rate: optax.adam(rate, eps_root=1e-8), 2))
        np.testing.assert_array_equal(strict(jnp.asarray(0.3), jnp.asarray(0.1)), plain)


def test_nan_as_an_answer_is_no_error():
    meta = mg.cases.quadratic().meta()
    with jax.debug_nans(True):
        with pytest.raises(ValueError, match="is not finite at the gradient"):
            mg.inner.optax(optax.adam, 2)
        assert np.isnan(mg.measure.coherence(meta, 0.0, 0.1))  # task 1 is at its minimum
        assert np.isnan(mg.measure.gradient_cosines(meta, 0.0, 0.0)).any()
        lost = mg.outer_loop(CASE_2.meta(), np.array([-3.0]), 1.9, optax.sgd(2.0), num_steps=30)
        assert lost.status.tolist() == [mg.Status.NONFINITE]


# --- losses ------------------------------------------------------------------------------------------------


EVALUATED = {
    "value": lambda meta: meta(0.3, 0.1),
    "gradient": lambda meta: jax.grad(meta)(0.3, 0.1),
    "per_task": lambda meta: meta.per_task(0.3, 0.1),
    "adapt": lambda meta: meta.adapt(0.3, 0.1),
    "outer_loop": lambda meta: mg.outer_loop(meta, ALPHAS, 0.3, optax.sgd(0.1), num_steps=1),
    "surface": lambda meta: mg.surface(meta, ALPHAS, THETAS),
    "optimum": lambda meta: mg.optimal_theta(meta, ALPHAS, BOUNDS),
}


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("many", [1, 7])
def test_a_loss_in_numpy_is_named_everywhere(name, many):
    words = r"^loss _with_numpy hands its arguments to NumPy.*np\.sin\(theta\).*test_edges\.py.*use jax\.numpy"
    with pytest.raises(TypeError, match=words):
        EVALUATED[name](mg.maml([_with_numpy] * many))


def test_a_meta_loss_is_no_loss():
    with pytest.raises(TypeError, match=r"losses must be losses of theta, got MetaLoss.*give its \.loss"):
        mg.maml(CASE_2.meta())


def test_where_a_loss_overflows_nothing_is_hidden(x64):
    """L = exp(s t^2) - 1, inf on nine tenths of the bounds; theta' = (1 - 2 alpha s exp(s t^2)) t vanishes at three."""
    s, alphas = 1e4, np.array([0.0, 1e-6, 1e-5])
    found = mg.optimal_theta(mg.maml([lambda t: jnp.exp(s * t**2) - 1]), alphas, (-1.5, 2.0))
    outer = np.sqrt(np.log(1 / (2 * s * alphas[1:])) / s)
    np.testing.assert_allclose(found.ties[1:], np.stack([-outer, 0 * outer, outer], axis=1), atol=1e-12)
    assert found.status.tolist() == [mg.Status.OK, mg.Status.TIED, mg.Status.TIED]
    assert (np.asarray(found.accuracies) < 1e-14).all()


@pytest.mark.slow
def test_a_diagram_of_what_rounding_hides_comes_to_an_end(x64):
    """(100 (t - 0.3))^60 is below the least float on a tenth of the bounds: no branch in it can be told."""
    found = mg.bifurcation_diagram(mg.maml([lambda t: (100 * (t - 0.3)) ** 60]), np.linspace(0, 0.1, 5), (-1.5, 2.0))
    assert found.unresolved.starts.size


def test_a_loss_without_a_forward_derivative_is_one_like_any_other(x64):
    def of(squared):
        return mg.maml([lambda t: squared(t - 1) ** 2, lambda t: squared(t + 2)])

    plain, custom = of(jnp.square), of(square)
    for look in (FUNCTIONS["surface"], FUNCTIONS["optimum"]):
        for a, b in zip(*(jax.tree.leaves(look(meta)) for meta in (plain, custom)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def _integrated(theta):
    """The end of dy/dt = -y from theta, by a solver without a derivative forwards."""
    return odeint(lambda y, t: -y, theta, jnp.array([0.0, 1.0]))[-1] ** 2


@pytest.mark.slow
def test_what_needs_a_forward_derivative_that_there_is_not_says_so(x64):
    meta = mg.maml([_integrated])
    # L(theta) = q theta^2 with q = exp(-2), theta' = (1 - 2 alpha q) theta
    q = np.exp(-2.0)
    found = mg.surface(meta, np.array([0.3]), np.array([1.0]), derivatives=1)
    np.testing.assert_allclose(
        [found.values[0, 0], found.grads[0, 0]], q * (1 - 0.6 * q) ** 2 * np.array([1, 2]), rtol=1e-6
    )
    for name in ("optimum", "comparison"):
        with pytest.raises(TypeError, match=r"forwards over backwards.*jax\.custom_jvp.*derivatives=1 do without"):
            DOORS[name](meta)


# Ways to write t^2.
SQUARES = {
    "custom_vjp": square,
    "custom_jvp": jax.custom_jvp(lambda t: t**2),
    "scan": lambda t: jax.lax.scan(lambda total, _: (total + t**2 / 4, None), 0 * t, None, length=4)[0],
    "cond": lambda t: jax.lax.cond(t > 0, lambda x: x**2, lambda x: (-x) ** 2, t),
    "while_loop": lambda t: jax.lax.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, s[1] + t**2 / 4), (0, 0 * t))[
        1
    ],
    "odeint": lambda t: odeint(lambda y, _: y / 2, t**2, jnp.array([0.0, 2.0]))[-1] / np.e,
}
SQUARES["custom_jvp"].defjvp(lambda primals, tangents: (primals[0] ** 2, 2 * primals[0] * tangents[0]))
LOOKS = FUNCTIONS | {
    "gradients": lambda meta: mg.surface(meta, ALPHAS, THETAS),
}
PLAIN: dict = {}


@pytest.mark.parametrize(
    ("look", "name"),
    brief(
        [(look, name) for look in LOOKS for name in SQUARES],
        *[
            ("gradients", "while_loop"),
            ("outer loop", "while_loop"),
            ("gradients", "cond"),
        ],
    ),
)
def test_however_a_loss_is_written_its_numbers_are_the_same_or_it_is_said_why_not(look, name, x64):
    def of(squared):
        return mg.maml([lambda t: squared(t - 1) * (t - 1) ** 2, lambda t: squared(t + 2)])

    def found():
        return jax.tree.leaves(LOOKS[look](of(SQUARES[name])))

    if name == "while_loop":
        with pytest.raises((TypeError, ValueError), match=r"Reverse-mode differentiation[^\n]*lax\.scan"):
            found()
        return
    if name == "odeint" and look not in ("gradients", "task losses", "outer loop", "learned rates"):
        with pytest.raises(TypeError, match=r"forwards over backwards.*odeint a scheme with jax\.lax\.scan"):
            found()
        return
    plain = PLAIN.setdefault(look, jax.tree.leaves(LOOKS[look](of(jnp.square))))
    for a, b in zip(found(), plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if name == "odeint" else 1e-9, atol=1e-7)


DOORS = {name: FUNCTIONS[name] for name in ("surface", "task losses", "optimum", "diagram")} | {
    "comparison": lambda meta: mg.compare({"MAML": meta}, ALPHAS, BOUNDS),
    "stationary point": lambda meta: mg.stationary_point(meta, 0.3, near=0.5),
    "fold": lambda meta: mg.fold(meta, near=(0.3, 0.5)),
    "jump": lambda meta: mg.jump(meta, near=(0.33, 0.8, 1.6)),
}


def _of_a_network(theta):
    return jnp.sum(theta["w"] ** 2)


def _of_a_vector(theta):
    return theta[0] ** 2 + theta[1] ** 2


def _with_numpy(theta):
    return np.sin(theta) ** 2


def _with_math(theta):
    return math.exp(theta)


def _with_if(theta):
    return theta**2 if theta > 0 else -theta


def _of_many(theta):
    return theta * jnp.ones(2)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (_of_a_network, r"theta must be a scalar here.*jnp\.sum\(theta\[\"w\"\].*test_edges\.py.*draw a line"),
        (_of_a_vector, "theta must be a scalar here.*draw a line"),
        (_with_numpy, r"np\.sin\(theta\).*test_edges\.py, line \d+\): use jax\.numpy in its place"),
    ],
)
def test_a_loss_of_no_number_is_told_where_theta_must_be_one(name, loss, message):
    with pytest.raises(TypeError, match=message):
        DOORS[name](mg.maml([loss]))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (_with_math, r"the number that theta is.*math\.exp\(theta\).*test_edges\.py.*use jax\.numpy in place of math"),
        (_with_if, r"the number that theta is.*if theta > 0 else.*jnp\.where or jax\.lax\.cond in place of if"),
        (
            _of_many,
            r"^surface evaluates at numbers: loss _of_many returned an array.*it must return a scalar",
        ),
    ],
)
def test_a_loss_that_cannot_be_traced_or_summed_is_told_so(loss, message):
    with pytest.raises(TypeError, match=message):
        DOORS["surface"](mg.maml([loss]))


def test_the_network_keeps_its_ranks():
    with jax.numpy_rank_promotion("raise"):
        theta, loss = mg.cases.network(jax.random.key(0))
        meta = mg.maml(loss, mg.cases.sinusoid_tasks(jax.random.key(1), num_tasks=2))
        assert mg.measure.losses_before(meta, theta, 0.01).shape == (2,)


# --- None in a pytree -----------------------------------------------------------------------------------


def test_none_in_parameters_is_no_parameter(x64, tmp_path):
    theta, rates = {"w": np.array([0.5, -0.5]), "f": None}, {"w": 0.1, "f": None}
    meta = mg.maml([_of_a_network])
    # theta' = (1 - 2 alpha) theta
    value = 0.8**2 * 0.5
    assert float(meta(theta, rates)) == pytest.approx(value)
    assert float(mg.scale_rates(meta, rates)(theta, 1.0)) == pytest.approx(value)
    assert float(mg.learn_alpha(meta)((theta, rates), 1.0)) == pytest.approx(value)
    run = mg.outer_loop(meta, np.array([0.1]), theta, optax.adam(0.1), num_steps=2)
    again = mg.load(run.save(tmp_path / "run.npz"))
    assert jax.tree.structure(again.thetas) == jax.tree.structure(run.thetas)
    with pytest.raises(TypeError, match="alpha must be a number"):
        meta(theta, None)
    for rest, words in ((jnp.tanh, "must hold arrays or numbers"), (jax.random.key_data(jax.random.key(0)), "uint32")):
        with pytest.raises(TypeError, match=rf"{words}.*eqx\.partition\(model.*nnx\.split\(model, nnx\.Param"):
            meta({"w": np.ones(2), "f": rest}, 0.1)
    with pytest.raises(ValueError, match="no prefix of theta"):
        meta(theta, {"w": None, "f": 0.1})


@jax.tree_util.register_pytree_node_class
class Module:
    """What other packages put parameters in."""

    def __init__(self, w):
        self.w = w

    def tree_flatten(self):
        """Its arrays."""
        return (self.w,), None

    @classmethod
    def tree_unflatten(cls, _, parts):
        """From its arrays."""
        return cls(*parts)


def test_a_run_of_a_foreign_container_says_how_it_can_be_saved(tmp_path):
    run = mg.outer_loop(
        mg.maml([lambda m: jnp.sum(m.w**2)]), np.array([0.1]), Module(np.ones(2)), optax.sgd(0.1), num_steps=1
    )
    with pytest.raises(TypeError, match=r"cannot save a Module.*jax\.tree\.leaves\(theta0\)"):
        run.save(tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", ["optimum", "comparison", "diagram"])
def test_alphas_of_16_bits_are_refused_where_jumps_are_looked_for(name, dtype):
    looks = {"optimum": mg.optimal_theta, "diagram": mg.bifurcation_diagram}
    meta = {"MAML": CASE_2.meta()} if name == "comparison" else CASE_2.meta()
    with pytest.raises(TypeError, match=r"alphas must have 32 or 64 bits here, got b?float16.*astype"):
        looks.get(name, mg.compare)(meta, jnp.asarray(ALPHAS, dtype), BOUNDS)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("find", [mg.stationary_point, mg.fold, mg.jump])
def test_single_features_have_more_than_16_bits(find, dtype):
    near = jnp.asarray([0.3, 0.5, 0.9], dtype)
    given = {"alpha": near[0], "near": near[1]} if find is mg.stationary_point else {}
    given = given or {"near": tuple(near[:2] if find is mg.fold else near)}
    with pytest.raises(TypeError, match=r"must have 32 or 64 bits, got b?float16: give them as float32"):
        find(CASE_2.meta(), **given)


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (-4.0, 4.0), (-0.02, 0.03)])
def test_where_a_loss_overflows_a_number_is_finite_unless_its_status_says_otherwise(bounds, dtype):
    found = mg.compare({"MAML": mg.maml([lambda t: (100 * t) ** 160])}, np.linspace(0, 0.5, 3, dtype=dtype), bounds)
    unknown = (mg.Status.ABSENT, mg.Status.NONFINITE)
    for part, thetas in ((found, found.fixed_points), (found.optimum, found.optimum.thetas)):
        known = ~np.isin(np.asarray(part.status), unknown)
        assert known.any()
        assert np.isfinite(np.asarray(part.values)[known]).all()
        assert np.isfinite(np.asarray(thetas)[known]).all()
