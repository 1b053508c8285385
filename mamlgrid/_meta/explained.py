"""What JAX says from deep inside, said in the terms of who called: the doors at which theta is a number."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp

from .._base.arguments import nan_is_an_answer
from .._base.blame import is_installed, is_own, line_of
from .meta_loss import MetaLoss

_P = ParamSpec("_P")
_R = TypeVar("_R")

# What a loss that does not take a number raises, in JAX, in NumPy and in Python.
_RAISED = (TypeError, ValueError, IndexError, KeyError, AttributeError, NotImplementedError)


def theta_is_a_number(door: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator of a function of a meta-loss (or of a mapping of them), for which theta must be a scalar.

    Where it fails because a loss cannot be evaluated at a number, or not be differentiated as it has to be, the error
    says so. Nothing is asked as long as all goes well. What is not finite has a status there, and places that hold
    nothing are NaN.
    """
    answering = nan_is_an_answer(door)

    @functools.wraps(door)
    def explained(*args: _P.args, **settings: _P.kwargs) -> _R:
        try:
            return answering(*args, **settings)
        except _RAISED as error:
            for meta in _metas([*args, *settings.values()]):
                if reason := _why(meta, door.__name__):
                    raise TypeError(reason) from error
            raise

    return explained


def _metas(given: list[Any]) -> Iterator[MetaLoss]:
    """The meta-losses among arguments, and in mappings of them."""
    for value in given:
        parts = value.values() if isinstance(value, Mapping) else [value]
        yield from (part for part in parts if isinstance(part, MetaLoss))


def _why(meta: MetaLoss, door: str) -> str:
    """Why a meta-loss cannot be looked at on numbers; empty when it can."""
    number = jax.ShapeDtypeStruct((), jnp.result_type(float))
    try:
        with _whole_tracebacks():
            jax.eval_shape(meta, number, number)
    except _RAISED as error:
        if "Reverse-mode differentiation" in str(error):
            return f"a loss has no derivative, at {line_of(error)}: {str(error).splitlines()[0]}"
        if isinstance(error, jax.errors.ConcretizationTypeError):
            return (
                f"a loss asks for the number that theta is, which is not known while it is traced ({line_of(error)}): "
                "use jax.numpy in place of math and float, jnp.where or jax.lax.cond in place of if"
            )
        raised = traceback.extract_tb(error.__traceback__)[-1].filename
        if is_own(raised):
            return str(error) if error.__cause__ else f"{door} evaluates at numbers: {error}"
        if not is_installed(raised):
            return ""  # an error that the loss raises itself
        return (
            f"{door} needs losses of a number, theta must be a scalar here, but there {line_of(error)} raises "
            f"{type(error).__name__}: {str(error).splitlines()[0]}. Of more parameters draw a line: losses of a number "
            "x, lambda x: loss(origin + x * direction)"
        )
    try:
        jax.eval_shape(jax.grad(meta), number, number)
    except _RAISED as error:
        return f"the direction of the meta-loss cannot be taken at a number: {line_of(error)}: {error}"
    try:
        # Some of JAX's errors come when the program is lowered, no sooner.
        jax.jit(lambda t, a: jax.jvp(jax.value_and_grad(meta), (t, a), (t, a))).lower(number, number)
    except _RAISED as error:
        return (
            f"{door} needs the derivative of the outer direction, forwards over backwards, but a loss cannot be "
            f"differentiated so ({str(error).splitlines()[0]}). A loss with jax.custom_vjp has no forward derivative: "
            "give it jax.custom_jvp in its place, and odeint a scheme with jax.lax.scan. mg.outer_loop, mg.task_losses "
            "and mg.surface with derivatives=1 do without"
        )
    return ""


@contextmanager
def _whole_tracebacks() -> Iterator[None]:
    """With the frames inside JAX, which it leaves out otherwise."""
    before = jax.config.values["jax_traceback_filtering"]
    jax.config.update("jax_traceback_filtering", "off")
    try:
        yield
    finally:
        jax.config.update("jax_traceback_filtering", before)
