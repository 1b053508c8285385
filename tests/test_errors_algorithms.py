"""Bad input to the algorithms, their rules and their comparison is refused at the door."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg

from .test_errors import ADAM, ALPHAS, BOUNDS, QUARTIC, SGD, THETAS, data_square, square

# --- algorithms -------------------------------------------------------------------

PROXIMAL = {
    "zero": (0.0, ValueError, "strength must be positive and finite, got 0.0"),
    "negative": (-1.0, ValueError, "strength must be positive and finite, got -1.0"),
    "nan": (np.nan, ValueError, "strength must be positive and finite, got nan"),
    "infinite": (np.inf, ValueError, "strength must be positive and finite, got inf"),
    "many": (np.ones(2), TypeError, "strength must be a real number, got array"),
    "text": ("strong", TypeError, "strength must be a real number, got 'strong'"),
    "complex": (1j, TypeError, "strength must be a real number, got 1j"),
}


@pytest.mark.parametrize("name", PROXIMAL)
def test_strengths(name):
    strength, error, message = PROXIMAL[name]
    for algorithm in (mg.imaml, mg.moreau):
        with pytest.raises(error, match=message):
            algorithm([square], strength=strength)


@pytest.mark.parametrize("algorithm", [mg.imaml, mg.moreau])
def test_settings_of_proximal_algorithms(algorithm):
    with pytest.raises(ValueError, match="max_steps must be 0 or more, got -1"):
        algorithm([square], max_steps=-1)
    with pytest.raises(TypeError, match=r"max_steps must be an int, got 2\.5"):
        algorithm([square], max_steps=2.5)
    with pytest.raises(ValueError, match="one alpha for all parameters"):
        algorithm([lambda t: jnp.sum(t**2)])(np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="num_steps"):
        algorithm([square], num_steps=2)


SOLVER = mg.imaml([square], strength=1.0).inner
PAIR = {"inner": mg.inner.GradientDescent(2), "outer": mg.outer.ThroughAdaptation()}


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"inner": 3}, TypeError, r"inner must be an inner rule such as mg\.inner\.GradientDescent\(1\), got 3"),
        ({"inner": mg.inner.GradientDescent}, TypeError, "inner must be an inner rule.*got <class"),
        ({"inner": optax.sgd(0.1)}, TypeError, "inner must be an inner rule.*got GradientTransformation"),
        ({"outer": "maml"}, TypeError, r"outer must be an outer rule such as mg\.outer\..*got 'maml'"),
        ({"outer": mg.outer.Truncated}, TypeError, "outer must be an outer rule.*got <class"),
        ({"reduce": "max"}, ValueError, "reduce must be 'sum' or 'mean', got 'max'"),
        ({"step_weights": np.ones(3)}, ValueError, r"one for each of the 2 steps, got shape \(3,\)"),
        ({"step_weights": 1.0}, ValueError, r"one for each of the 2 steps, got shape \(\)"),
        ({"step_weights": np.array([1.0, np.nan])}, ValueError, "step_weights must be finite"),
        ({"inner": mg.inner.GradientDescent(0), "step_weights": np.ones(0)}, ValueError, "makes none; leave them out"),
    ],
)
def test_pairs_of_rules(settings, error, message):
    with pytest.raises(error, match=message):
        mg.meta_loss([square], **(PAIR | settings))


@pytest.mark.parametrize("algorithm", [mg.fomaml, mg.reptile, mg.imaml, mg.moreau])
def test_every_algorithm_checks_what_maml_checks(algorithm):
    with pytest.raises(ValueError, match="reduce must be 'sum' or 'mean', got 'median'"):
        algorithm([square], reduce="median")
    with pytest.raises(ValueError, match="no losses"):
        algorithm([])
    with pytest.raises(TypeError, match=r"mg\.Tasks\(support, query\), got ndarray"):
        algorithm(data_square, np.zeros(2))


@pytest.mark.parametrize("settings", [{"num_steps": 2}, {"per_step": True}, {"checkpoint": True}])
@pytest.mark.parametrize("algorithm", [mg.maml, mg.fomaml, mg.reptile])
def test_settings_of_the_inner_rule_are_given_to_it(algorithm, settings):
    with pytest.raises(ValueError, match=r"belong to the inner rule: give them to it, not beside inner=GradientD"):
        algorithm([square], inner=mg.inner.GradientDescent(1), **settings)


def test_reptile_has_no_step_weights():
    with pytest.raises(TypeError, match="step_weights"):
        mg.reptile([square], step_weights=np.ones(1))


def _two(theta):
    return jnp.sum(theta["a"] ** 2) + jnp.sum(theta["b"] ** 2)


TWO = {"a": np.ones(2), "b": np.ones((3, 2))}
RATES = {
    "another key": ({"a": 0.1, "c": 0.1}, False, "is no prefix of theta"),
    "a key too few": ({"a": 0.1}, False, "is no prefix of theta"),
    "a deeper tree": ({"a": {"x": 0.1}, "b": 0.1}, False, "is no prefix of theta.*one rate for all"),
    "a list": ([0.1, 0.1], False, "is no prefix of theta"),
    "another shape": ({"a": np.ones(3), "b": 0.1}, False, r"got shape \(3,\) for parameters of shape \(2,\)"),
    "more axes": ({"a": np.ones((1, 2)), "b": 0.1}, False, r"got shape \(1, 2\) for parameters of shape \(2,\)"),
    "one for all that fits one": (np.ones((3, 2)), False, r"got shape \(3, 2\) for parameters of shape \(2,\)"),
    "no step axis": (0.1, True, r"leading axis of 3 steps, got shape \(\)"),
    "too few steps": (np.ones(2), True, r"leading axis of 3 steps, got shape \(2,\)"),
    "too many steps": ({"a": np.ones(3), "b": np.ones(4)}, True, r"leading axis of 3 steps, got shape \(4,\)"),
    "steps last": ({"a": np.ones((2, 3)), "b": np.ones(3)}, True, r"leading axis of 3 steps, got shape \(2, 3\)"),
    "steps and another shape": ({"a": np.ones((3, 3)), "b": np.ones(3)}, True, r"got shape \(3,\) for parameters"),
}


@pytest.mark.parametrize("name", RATES)
def test_rates(name):
    rates, per_step, message = RATES[name]
    meta = mg.maml([_two], num_steps=3, per_step=per_step)
    learned, scaled = mg.learn_alpha(meta), mg.scale_rates(meta, rates)
    for call in (
        lambda: meta(TWO, rates),
        lambda: meta.adapt(TWO, rates),
        lambda: jax.grad(mg.fomaml([_two], num_steps=3, per_step=per_step))(TWO, rates),
        lambda: learned((TWO, rates), 1.0),
        lambda: scaled(TWO, 1.0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_coordinates():
    meta = mg.maml([square])
    for function in (mg.learn_alpha, lambda m: mg.scale_rates(m, 1.0)):
        with pytest.raises(ValueError, match="has coordinates already"):
            function(mg.learn_alpha(meta))
        with pytest.raises(TypeError, match=r"must be a MetaLoss.*mg\.maml"):
            function(square)
    with pytest.raises(TypeError, match=r"theta = \(parameters, rates\), got 1.0"):
        mg.learn_alpha(meta)(1.0, 1.0)
    with pytest.raises(ValueError, match=r"scales the rates; got shape \(2,\)"):
        mg.scale_rates(meta, 1.0)(1.0, np.ones(2))


# --- inner optimisers -------------------------------------------------------------


def _not_proportional(rate):
    return optax.chain(optax.scale(-rate), optax.clip(0.1))


OPTIMIZERS = {
    "one already made": (ADAM, TypeError, r"function from a learning rate to an optimiser.*optax\.adam"),
    "none": (None, TypeError, "function from a learning rate.*got None"),
    "no optimiser comes back": (lambda rate: rate, TypeError, r"make_optimizer\(1\.0\) must return an optax"),
    "adam without eps_root": (optax.adam, ValueError, r"not finite.*eps_root=1e-8"),
    "adamw without eps_root": (optax.adamw, ValueError, "eps_root"),
    "polyak": (optax.polyak_sgd, TypeError, "cannot take steps.*no value and no extra arguments"),
    "lbfgs": (optax.lbfgs, TypeError, "cannot take steps.*no value and no extra arguments"),
    "clipped after the rate": (_not_proportional, ValueError, "proportional to the learning rate.*at rate 0.5"),
    "a fixed rate": (lambda rate: optax.sgd(0.1), ValueError, "proportional to the learning rate"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_inner_optimizers(name):
    make, error, message = OPTIMIZERS[name]
    with pytest.raises(error, match=message):
        mg.inner.optax(make, 2)


@pytest.mark.parametrize("num_steps", [-1, 1.5, True])
def test_the_number_of_steps_of_an_inner_rule(num_steps):
    with pytest.raises((ValueError, TypeError), match="num_steps must be"):
        mg.maml([square], inner=mg.inner.optax(optax.sgd, num_steps))(1.0, 0.1)


# --- rules of one's own -----------------------------------------------------------


@mg.rule
class _Bare(mg.inner.InnerRule):
    def step(self, loss, state, rate):
        return state


@mg.rule
class _LosesMemory(mg.inner.InnerRule):
    def step(self, loss, state, rate):
        return state[0]


@mg.rule
class _AnotherShape(mg.inner.InnerRule):
    def step(self, loss, state, rate):
        theta, memory = state
        return jnp.stack([theta, theta]), memory


@mg.rule
class _Lookahead(mg.inner.InnerRule):
    def step(self, loss, state, rate):
        theta, memory = state
        return theta - rate * jax.grad(loss)(theta - rate * jax.grad(loss)(theta)), memory


@mg.rule
class _Wrong(mg.outer.OuterRule):
    def value_and_direction(self, inner, support, query, theta, alpha):
        return query(theta), jnp.ones(3)


@pytest.mark.parametrize(
    ("inner", "outer", "error", "message"),
    [
        (
            _Lookahead(),
            mg.outer.Displacement(),
            TypeError,
            "_Lookahead.*not linear in its rate: for Reptile define step_a",
        ),
        (_LosesMemory(), mg.outer.Truncated(1), TypeError, r"_LosesMemory must return states \(theta, memory\), got"),
        (_LosesMemory(), mg.outer.Displacement(), TypeError, r"_LosesMemory must return states \(theta, memory\), got"),
        (_AnotherShape(), mg.outer.ThroughAdaptation(), ValueError, r"of parameters of shapes \(\) some of \(2,\)"),
        (_AnotherShape(), mg.outer.Displacement(), ValueError, r"of parameters of shapes \(\) some of \(2,\)"),
        (mg.inner.InnerRule(), mg.outer.Truncated(1), NotImplementedError, "InnerRule must define step"),
        (mg.inner.InnerRule(), mg.outer.Displacement(), NotImplementedError, "InnerRule must define step"),
        (_Bare(), mg.outer.OuterRule(), NotImplementedError, "OuterRule must define value_and_direction"),
        (_Bare(), _Wrong(), ValueError, r"direction of shapes \(3,\); it must have those of theta, \(\)"),
    ],
)
def test_rules_that_lack_something(inner, outer, error, message):
    meta = mg.meta_loss([square], inner=inner, outer=outer)
    with pytest.raises(error, match=message):
        jax.grad(meta)(1.0, 0.1)


def test_a_bare_rule_is_enough_for_every_algorithm():
    for outer, direction in (
        (mg.outer.ThroughAdaptation(), 2.0),
        (mg.outer.Truncated(0), 2.0),
        (mg.outer.Truncated(2), 2.0),
        (mg.outer.Displacement(), 0.0),
    ):
        assert float(jax.grad(mg.meta_loss([square], inner=_Bare(num_steps=3), outer=outer))(1.0, 0.1)) == direction


# --- comparisons ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metas", "settings", "error", "message"),
    [
        ({}, {}, ValueError, "metas must map labels to meta-losses.*got {}"),
        ([QUARTIC], {}, ValueError, "metas must map labels"),
        (QUARTIC, {}, ValueError, "metas must map labels"),
        ({"MAML": square}, {}, TypeError, r"metas\['MAML'\] must be a MetaLoss"),
        ({"MAML": QUARTIC}, {"reference": "FOMAML"}, ValueError, "one of 'MAML', got 'FOMAML'"),
        ({"MAML": QUARTIC}, {"bounds": (1.0, -1.0)}, ValueError, "reversed"),
        ({"MAML": QUARTIC}, {"bounds": np.array([0.0, 0.5, 0.25])}, ValueError, "must increase strictly"),
        ({"MAML": QUARTIC}, {"bounds": np.array([0.5])}, ValueError, "three or more points, got 1"),
        ({"MAML": QUARTIC}, {"alphas": np.array([0.5, 0.0])}, ValueError, "alphas must increase strictly"),
        ({"MAML": QUARTIC}, {"alphas": np.array([])}, ValueError, "alphas is empty"),
        ({"MAML": QUARTIC}, {"memory_budget": 0}, ValueError, "memory_budget must be a positive"),
        ({"MAML": QUARTIC}, {"max_points": -1}, ValueError, "max_points must be 0 or more, got -1"),
        ({"MAML": QUARTIC}, {"max_points": 1.5}, TypeError, "max_points must be an int, got 1.5"),
    ],
)
def test_comparisons(metas, settings, error, message):
    with pytest.raises(error, match=message):
        mg.compare(metas, **({"alphas": ALPHAS, "bounds": BOUNDS} | settings))


def test_what_cannot_be_evaluated():
    run = mg.outer_loop(QUARTIC, ALPHAS, 0.5, SGD, num_steps=1)
    with pytest.raises(TypeError, match="meta_test must be a MetaLoss"):
        mg.evaluate(run, run)
    for result in (1.0, mg.surface(QUARTIC, ALPHAS, THETAS)):
        with pytest.raises(TypeError, match=r"must come from mg\.optimal_theta or mg\.outer_loop, got"):
            mg.evaluate(QUARTIC, result)
    with pytest.raises(ValueError, match=r"alphas_test.*is nan"):
        mg.evaluate(QUARTIC, run, np.array([np.nan]))
    with pytest.raises(TypeError, match="alphas_test must be floating"):
        mg.evaluate(QUARTIC, run, np.arange(2))
