"""Bad input is refused at the door: the right kind of error, the value received, and what to do about it."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg

QUARTIC = mg.cases.quartic().meta()
ALPHAS, THETAS, BOUNDS = np.array([0.0, 0.5]), np.linspace(-1, 1, 3), (-1.0, 1.0)
SGD, ADAM = optax.sgd(0.1), optax.adam(0.1)
TASKS = mg.Tasks(np.array([0.0, 1.0]))


def square(theta):
    return theta**2


def data_square(theta, center):
    return (theta - center) ** 2


# --- losses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), ValueError, "no losses.*at least one callable"),
        (((),), ValueError, "no losses"),
        (([square, 3.0],), TypeError, "loss 1 is not callable: got 3.0"),
        (([None],), TypeError, "loss 0 is not callable: got None"),
        ((3.0,), TypeError, "sequence of callables.*got 3.0"),
        ((None,), TypeError, "sequence of callables.*got None"),
        (("losses",), TypeError, "sequence of callables.*got 'losses'"),
        (({"a": square},), TypeError, "sequence of callables"),
        ((square,), ValueError, r"one loss needs tasks.*mg\.Tasks\(support, query\)"),
        (([square], TASKS), TypeError, "one callable loss.*got list"),
        ((data_square, np.zeros(2)), TypeError, r"mg\.Tasks\(support, query\), got ndarray"),
    ],
)
def test_losses_that_are_none(arguments, error, message):
    with pytest.raises(error, match=message):
        mg.maml(*arguments)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_steps": -1}, ValueError, "num_steps must be 0 or more, got -1"),
        ({"num_steps": 1.0}, TypeError, "num_steps must be an int, got 1.0"),
        ({"num_steps": True}, TypeError, "num_steps must be an int, got True"),
        ({"num_steps": "2"}, TypeError, "num_steps must be an int, got '2'"),
        ({"num_steps": None}, TypeError, "num_steps must be an int, got None"),
        ({"reduce": "max"}, ValueError, "'sum' or 'mean', got 'max'"),
        ({"reduce": None}, ValueError, "'sum' or 'mean', got None"),
    ],
)
def test_settings_of_the_meta_loss(settings, error, message):
    with pytest.raises(error, match=message):
        mg.maml([square], **settings)


def test_a_traced_number_of_steps_is_refused():
    with pytest.raises(TypeError, match=r"num_steps is traced.*Python int"):
        jax.jit(lambda k: mg.maml([square], num_steps=k)(1.0, 0.5))(2)


def test_whole_numbers_of_numpy_are_numbers_of_steps():
    assert float(mg.maml([square], num_steps=np.int64(2))(1.0, 0.25)) == 0.0625**1


RETURNS = {
    "a vector": (lambda t: jnp.stack([t, t]), r"shape \(2,\).*sum or average"),
    "one number in a vector": (lambda t: jnp.reshape(t, (1,)), r"shape \(1,\)"),
    "a pair": (lambda t: (t, t), "tuple.*one real scalar|shape"),
    "a dict": (lambda t: {"loss": t}, "dict.*one real scalar"),
    "nothing": (lambda t: None, "NoneType.*one real scalar"),
    "text": (lambda t: "low", "str|dtype"),
    "an int": (lambda t: 1, "int.*real"),
    "an int array": (lambda t: jnp.round(t).astype(int), "int.*real"),
    "a bool": (lambda t: t > 0, "bool.*real"),
    "a complex number": (lambda t: t + 1j, "complex.*real"),
}


@pytest.mark.parametrize("name", RETURNS)
def test_losses_must_return_one_real_scalar(name):
    loss, message = RETURNS[name]
    calls = [
        lambda: mg.maml([square, loss])(0.5, 0.1),
        lambda: mg.maml([loss]).adapt(0.5, 0.1),
        lambda: mg.surface(mg.maml([loss]), ALPHAS, THETAS),
        lambda: mg.surface(mg.maml([loss], num_steps=0), ALPHAS, THETAS, derivatives=0),
        lambda: mg.optimal_theta(mg.maml([loss]), ALPHAS, BOUNDS),
        lambda: mg.outer_loop(mg.maml([loss]), ALPHAS, 1.0, SGD, num_steps=2),
        lambda: mg.maml(lambda t, _: loss(t), TASKS)(0.5, 0.1),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=message):
            call()


def test_an_error_inside_a_loss_is_its_own():
    def loss(theta):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.surface(mg.maml([loss]), ALPHAS, THETAS)


# --- theta and alpha --------------------------------------------------------------


@pytest.mark.parametrize(
    ("theta", "alpha", "error", "message"),
    [
        (1.0, np.zeros(2), ValueError, r"alpha must be a scalar or fit.*got shape \(2,\).*vmap"),
        (1.0, np.zeros((1, 1)), ValueError, r"alpha must be a scalar or fit.*got shape \(1, 1\)"),
        (1.0, 1j, TypeError, "alpha must be a real.*complex"),
        (np.array(1), 0.1, TypeError, r"theta must hold floating.*int.*astype\(float\)"),
        (np.array(True), 0.1, TypeError, "theta must hold floating.*bool"),
        (1j, 0.1, TypeError, "theta must hold floating.*complex"),
        ({}, 0.1, ValueError, "theta has no parameters: got {}"),
        (None, 0.1, ValueError, "theta has no parameters: got None"),
    ],
)
def test_parameters_and_rates(theta, alpha, error, message):
    for call in (QUARTIC, QUARTIC.per_task, QUARTIC.adapt):
        with pytest.raises(error, match=message):
            call(theta, alpha)


# --- axes -------------------------------------------------------------------------

AXES = {
    "empty": (np.array([]), ValueError, "is empty; give at least one point"),
    "empty list": ([], ValueError, "is empty"),
    "two dimensions": (np.zeros((2, 3)), ValueError, r"one-dimensional, got shape \(2, 3\).*ravel"),
    "a number": (0.5, ValueError, r"one-dimensional, got shape \(\)"),
    "nan": (np.array([0.0, np.nan]), ValueError, r"\[1\] is nan, which is not finite"),
    "inf": (np.array([0.0, 1.0, -np.inf]), ValueError, r"\[2\] is -inf"),
    "too large for the precision": (np.array([0.0, 1e300]), ValueError, r"\[1\] is 1e\+300.*float32"),
    "ints": (np.arange(3), TypeError, r"must be floating, got dtype int.*astype\(float\)"),
    "a list of ints": ([0, 1, 2], TypeError, "must be floating, got dtype int"),
    "complex": (np.array([0j, 1j]), TypeError, "must be floating, got dtype complex"),
    "bools": (np.array([False, True]), TypeError, "must be floating, got dtype bool"),
    "text": (np.array(["a"]), TypeError, "must be floating"),
    "objects": (np.array([None]), TypeError, "must be floating"),
}


@pytest.mark.parametrize("name", AXES)
def test_axes(name):
    points, error, message = AXES[name]
    calls = [
        ("alphas", lambda: mg.surface(QUARTIC, points, THETAS)),
        ("thetas", lambda: mg.surface(QUARTIC, ALPHAS, points)),
        ("alphas", lambda: mg.task_losses(QUARTIC, points, THETAS)),
        ("thetas", lambda: mg.task_losses(QUARTIC, ALPHAS, points)),
        ("alphas", lambda: mg.optimal_theta(QUARTIC, points, BOUNDS)),
        ("alphas", lambda: mg.outer_loop(QUARTIC, points, 1.0, SGD, num_steps=1)),
    ]
    for which, call in calls:
        with pytest.raises(error, match=f"{which}.*{message}|{which}{message}"):
            call()


def test_ragged_axes_are_refused():
    with pytest.raises(ValueError, match=r"alphas must be numbers in one row, got \[\[0.0\], \[0.0, 1.0\]\]"):
        mg.surface(QUARTIC, [[0.0], [0.0, 1.0]], THETAS)


@pytest.mark.parametrize(
    ("alphas", "message"),
    [
        ([0.5, 0.0], r"alphas\[0\] = 0.5 is followed by 0.0.*np.unique"),
        ([0.0, 0.5, 0.5], r"alphas\[1\] = 0.5 is followed by 0.5"),
        ([0.5, 0.5 + 1e-12], "increase strictly in float32"),
    ],
)
def test_alphas_of_an_optimum_increase(alphas, message):
    with pytest.raises(ValueError, match=message):
        mg.optimal_theta(QUARTIC, np.array(alphas), BOUNDS)


# --- settings of each function ----------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"derivatives": 3}, "derivatives must be 0, 1 or 2, got 3"),
        ({"derivatives": -1}, "got -1"),
        ({"derivatives": "all"}, "got 'all'"),
        ({"memory_budget": 0}, "memory_budget must be a positive number of bytes, got 0"),
        ({"memory_budget": -5}, "got -5"),
        ({"memory_budget": "1GB"}, "got '1GB'"),
    ],
)
def test_settings_of_a_surface(settings, message):
    with pytest.raises(ValueError, match=message):
        mg.surface(QUARTIC, ALPHAS, THETAS, **settings)


@pytest.mark.parametrize("out", [np.zeros((2, 3)), "surface", (1, 2)])
def test_memory_to_write_over_must_be_a_surface(out):
    with pytest.raises((TypeError, ValueError), match="out must be a"):
        mg.surface(QUARTIC, ALPHAS, THETAS, out=out)


def test_memory_already_written_over_is_refused():
    old = mg.surface(QUARTIC, ALPHAS, THETAS)
    mg.surface(QUARTIC, ALPHAS, THETAS, out=old)
    with pytest.raises(ValueError, match=r"given away before.*pass the newest"):
        mg.surface(QUARTIC, ALPHAS, THETAS, out=old)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((1.0, -1.0), r"reversed, got \(1.0, -1.0\); give \(-1.0, 1.0\)"),
        ((1.0, 1.0), r"equal \(1.0, 1.0\)"),
        ((-np.inf, 1.0), r"finite, got \(-inf, 1.0\)"),
        ((0.0, np.inf), "finite"),
        ((np.nan, 1.0), "finite"),
        ((0.0, 1e300), "finite"),  # infinite in float32
        ((1.0, 1.0 + 1e-12), "equal"),  # the same in float32
        ((0.0,), r"pair of real numbers \(low, high\), got \(0.0,\)"),
        ((0.0, 1.0, 2.0), "pair"),
        (1.0, "pair.*got 1.0"),
        (None, "pair.*got None"),
        ("ab", "pair.*got 'ab'"),
        (("a", "b"), r"pair of real numbers.*got \('a', 'b'\)"),
        ((1j, 2.0), "pair of real numbers"),
    ],
)
def test_bounds(bounds, message):
    with pytest.raises((ValueError, TypeError), match=message):
        mg.optimal_theta(QUARTIC, ALPHAS, bounds)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_thetas": 2}, ValueError, "num_thetas must be 3 or more, got 2"),
        ({"num_thetas": -3}, ValueError, "num_thetas must be 0 or more, got -3|3 or more, got -3"),
        ({"num_thetas": 10.0}, TypeError, "num_thetas must be an int, got 10.0"),
        ({"memory_budget": 0}, ValueError, "memory_budget must be a positive"),
    ],
)
def test_settings_of_an_optimum(settings, error, message):
    with pytest.raises(error, match=message):
        mg.optimal_theta(QUARTIC, ALPHAS, BOUNDS, **settings)


class Named(np.ndarray):
    """An axis that says what it is, as those of xarray and pandas do."""


@pytest.mark.parametrize(("name", "place"), [("theta", 0), ("thetas", 0), ("θ", 0), ("alpha", 1)])
def test_axes_in_the_wrong_order_are_told_by_their_names(name, place):
    axes = [ALPHAS, THETAS]
    axes[place] = axes[place].view(Named)
    axes[place].name = name
    with pytest.raises(ValueError, match=rf"s are named '{name}': alphas come first, then thetas"):
        mg.surface(QUARTIC, *axes)


# --- the outer loop ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (optax.adam, r"optax.GradientTransformation.*adam.*call it first, e\.g\. adam\(1e-2\)"),
        (optax.GradientTransformation, "optax.GradientTransformation"),
        (ADAM.init(jnp.asarray(1.0)), "optax.GradientTransformation.*got"),
        (ADAM.update, "optax.GradientTransformation"),
        (lambda gradient: gradient, "optax.GradientTransformation"),
        ("adam", "got 'adam'"),
        (0.1, "got 0.1"),
        (None, "got None"),
    ],
)
def test_optimizers(optimizer, message):
    with pytest.raises(TypeError, match=message):
        mg.outer_loop(QUARTIC, ALPHAS, 1.0, optimizer, num_steps=1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_steps": -1}, ValueError, "num_steps must be 0 or more, got -1"),
        ({"num_steps": 1.5}, TypeError, "num_steps must be an int, got 1.5"),
        ({"num_steps": 1, "record_every": 0}, ValueError, "record_every must be 1 or more, got 0"),
        (
            {"num_steps": 1, "record": "all"},
            ValueError,
            "record must be one of 'thetas', 'values', 'nothing', got 'all'",
        ),
        ({"num_steps": 1, "record": None}, ValueError, "record must be one of .*, got None"),
        ({"num_steps": 1, "record_every": -2}, ValueError, "record_every must be .* or more, got -2"),
        ({"num_steps": 1, "record_every": 0.5}, TypeError, "record_every must be an int, got 0.5"),
        ({"num_steps": 1, "resample": TASKS, "key": jax.random.key(0)}, TypeError, "function key -> mg.Tasks"),
        ({"num_steps": 1, "resample": lambda key: TASKS, "key": jax.random.key(0)}, ValueError, "meta-loss of tasks"),
    ],
)
def test_settings_of_the_outer_loop(settings, error, message):
    with pytest.raises(error, match=message):
        mg.outer_loop(QUARTIC, ALPHAS, 1.0, SGD, **settings)


def test_fresh_tasks_need_a_key_and_must_be_tasks():
    meta = mg.maml(data_square, TASKS)
    with pytest.raises(ValueError, match=r"resample needs a key, e\.g\. key=jax\.random\.key\(0\)"):
        mg.outer_loop(meta, ALPHAS, 1.0, SGD, num_steps=1, resample=lambda key: TASKS)
    with pytest.raises(TypeError, match=r"mg\.Tasks\(support, query\)"):
        mg.outer_loop(meta, ALPHAS, 1.0, SGD, num_steps=1, resample=lambda key: np.zeros(2), key=jax.random.key(0))


def _scaled(theta, data):
    return jnp.einsum("ij,j->i", theta["w"], data).sum() ** 2


@pytest.mark.parametrize(
    ("theta0", "message"),
    [
        ({"w": np.ones((4, 3))}, r"\(4, 3\).*fits neither"),
        ({"w": np.ones((5, 2, 3))}, "fits neither"),
        ({"w": np.ones(5)}, "fits neither"),
        ({"v": np.ones((2, 5))}, "fits neither|'w'"),  # the loss's own KeyError says it as well
        (np.ones((2, 5)), "fits neither"),
    ],
)
def test_a_start_that_fits_neither_way(theta0, message):
    meta = mg.maml(_scaled, mg.Tasks(np.ones((3, 5))))  # w is [2, 5], or [2 alphas, 2, 5]
    mg.outer_loop(meta, ALPHAS, {"w": np.ones((2, 5))}, SGD, num_steps=1)
    mg.outer_loop(meta, ALPHAS, {"w": np.ones((2, 2, 5))}, SGD, num_steps=1)
    with pytest.raises((ValueError, TypeError, KeyError), match=message):
        mg.outer_loop(meta, ALPHAS, theta0, SGD, num_steps=1)


@pytest.mark.parametrize("theta0", [np.zeros(3), np.zeros((2, 2)), 1j, {}, None, "start"])
def test_a_start_for_scalar_losses(theta0):
    with pytest.raises(
        (ValueError, TypeError), match=r"theta0|theta has no parameters|theta must hold|not a valid JAX array"
    ):
        mg.outer_loop(QUARTIC, ALPHAS, theta0, SGD, num_steps=1)


def test_a_state_continues_only_its_own_run():
    run = mg.outer_loop(QUARTIC, ALPHAS, 1.0, ADAM, num_steps=2)
    with pytest.raises(ValueError, match="a run over 2 alphas, got 3"):
        mg.outer_loop(QUARTIC, np.array([0.0, 0.5, 0.7]), run.state, ADAM, num_steps=1)
    with pytest.raises(ValueError, match="another optimi"):
        mg.outer_loop(QUARTIC, ALPHAS, run.state, optax.sgd(0.1, momentum=0.9), num_steps=1)


# --- wrong kinds of arguments -----------------------------------------------------

RIGHT = {
    "surface": {"meta": QUARTIC, "alphas": ALPHAS, "thetas": THETAS, "derivatives": 1, "progress": False},
    "task_losses": {"meta": QUARTIC, "alphas": ALPHAS, "thetas": THETAS, "memory_budget": 2**20},
    "optimal_theta": {"meta": QUARTIC, "alphas": ALPHAS, "bounds": BOUNDS, "num_thetas": 9},
    "bifurcation_diagram": {"meta": QUARTIC, "alphas": ALPHAS, "bounds": BOUNDS, "num_thetas": 9, "max_points": 4},
    "compare": {"metas": {"a": QUARTIC}, "alphas": ALPHAS, "bounds": BOUNDS, "reference": "a"},
    "outer_loop": {
        **{"meta": QUARTIC, "alphas": ALPHAS, "theta0": 1.0, "optimizer": SGD, "num_steps": 1, "record": "thetas"},
        **{"record_every": 1, "tolerance": 1e-5, "resample": None},
    },
    "evaluate": {"meta_test": QUARTIC, "result": None, "alphas_test": None},
    "stationary_point": {"meta": QUARTIC, "alpha": 0.3, "near": 0.5},
    "fold": {"meta": QUARTIC, "near": (0.3, 1.2)},
    "jump": {"meta": QUARTIC, "near": (0.32, 0.8, 1.3)},
    "maml": {"loss": [square], "tasks": None, "num_steps": 1, "reduce": "sum", "inner": None, "step_weights": None},
    "meta_loss": {"loss": [square], "inner": mg.inner.GradientDescent(1), "outer": mg.outer.ThroughAdaptation()},
    "imaml": {"loss": [square], "strength": 1.0, "max_steps": 50, "reduce": "sum"},
    "learn_alpha": {"meta": QUARTIC},
    "scale_rates": {"meta": QUARTIC, "rates": 0.5},
    "raise_for_status": {"result": None},
    **{f"measure.{name}": {"meta": QUARTIC, "theta": 0.5, "alpha": 0.1} for name in dir(mg.measure)},
}
WRONG = {
    "a function": square,
    "a text": "text",
    "an object": object(),
    "a ragged list": [[1.0], [2.0, 3.0]],
    "a class": int,
    "an array": np.zeros((2, 2, 2)),
}
# What is right after all, or is told by the loss, since theta may be any pytree.
FITTING = {
    *{("scale_rates", "rates", kind) for kind in ("a ragged list", "an array")},
    *{(name, "theta", "a ragged list") for name in RIGHT if name.startswith("measure.")},
    *{(name, "theta", "an array") for name in RIGHT if name.startswith("measure.")},
    ("outer_loop", "resample", "a function"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_wrong_kind_of_argument_is_told_in_one_line(name):
    function = functools.reduce(getattr, name.split("."), mg)
    for argument, (kind, value) in itertools.product(RIGHT[name], WRONG.items()):
        if (name, argument, kind) in FITTING:
            continue
        with pytest.raises((TypeError, ValueError), match=r"^[^\n]{10,700}$") as error:
            function(**RIGHT[name] | {argument: value})
        frames = [frame.path for frame in error.traceback]
        assert "mamlgrid" in str(frames[-1]), (argument, kind, error.value)


def test_a_loss_in_place_of_a_meta_loss_and_alphas_in_place_of_bounds():
    with pytest.raises(TypeError, match=r"got <function square.*if it is a loss .* make one with mg\.maml\(\[loss\]\)"):
        mg.surface(square, ALPHAS, THETAS)
    with pytest.raises(ValueError, match=r"bounds must be a pair .*; alphas come before bounds"):
        mg.optimal_theta(QUARTIC, np.array(BOUNDS), np.linspace(0, 0.9, 10))


# --- what is not a meta-loss ------------------------------------------------------


@pytest.mark.parametrize("meta", [square, [square], None, mg.maml, mg.cases.quartic()])
def test_what_is_not_a_meta_loss_is_refused(meta):
    calls = [
        lambda: mg.surface(meta, ALPHAS, THETAS),
        lambda: mg.task_losses(meta, ALPHAS, THETAS),
        lambda: mg.optimal_theta(meta, ALPHAS, BOUNDS),
        lambda: mg.outer_loop(meta, ALPHAS, 1.0, SGD, num_steps=1),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"MetaLoss|mg\.maml"):
            call()
