"""Whether the outputs of a function are proportional to its first argument, told from its jaxpr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

import jax
import numpy as np
from jax.extend import core


class Power(IntEnum):
    """How a number depends on the rate: not at all, as a factor, or in some other way. Zero is any multiple of it."""

    ZERO = 0
    FREE = 1
    FACTOR = 2
    OTHER = 3


# What keeps a factor of its only operand a factor, and zero zero.
_UNARY = {
    *("neg", "convert_element_type", "reshape", "broadcast_in_dim", "transpose", "squeeze", "copy", "copy_p"),
    *("reduce_sum", "slice", "rev", "reduce_precision", "cumsum"),
}
_SUMS = {"add", "sub", "add_any", "concatenate"}
_PRODUCTS = {"mul", "dot_general"}

# The names under which primitives that call a jaxpr on their operands hold it.
_CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def powers(function: Callable[..., Any], *args: Any) -> list[Power]:
    """How each output of `function(rate, ...)` depends on the rate, from its structure alone.

    A product of the rate and of what does not depend on it has it as a factor; so have sums and choices of such.
    OTHER where that cannot be told.

    >>> [power.name for power in powers(lambda r, x: (r * x, x, r * x + 1), 1.0, 2.0)]
    ['FACTOR', 'FREE', 'OTHER']
    """
    closed = jax.make_jaxpr(function)(*args)
    return _of_jaxpr(closed.jaxpr, [Power.FACTOR] + [Power.FREE] * (len(closed.jaxpr.invars) - 1))


def constants(function: Callable[..., Any], *args: Any) -> set[float]:
    """The sizes of the floating numbers that stand in a function: where it has a threshold, it is one of them."""
    closed = jax.make_jaxpr(function)(*args)
    arrays = [np.asarray(x) for x in (*closed.consts, *_literals(closed.jaxpr))]
    return {float(x) for array in arrays if array.dtype.kind == "f" for x in np.abs(array).flat if 0 < x < np.inf}


def _literals(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield from (x.val for x in equation.invars if isinstance(x, core.Literal))
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from getattr(inner, "consts", ())
                yield from _literals(getattr(inner, "jaxpr", inner))


def _is_jaxpr(x: Any) -> bool:
    return isinstance(x, core.Jaxpr | core.ClosedJaxpr)


def _of_jaxpr(jaxpr: Any, given: list[Power]) -> list[Power]:
    known: dict[Any, Power] = dict.fromkeys(jaxpr.constvars, Power.FREE) | dict(zip(jaxpr.invars, given, strict=True))

    def read(x: Any) -> Power:
        if isinstance(x, core.Literal):
            return Power.FREE if np.any(np.asarray(x.val) != 0) else Power.ZERO
        return known[x]

    for equation in jaxpr.eqns:
        outputs = _of_equation(equation, [read(x) for x in equation.invars])
        known.update(zip(equation.outvars, outputs, strict=True))
    return [read(x) for x in jaxpr.outvars]


def _of_equation(equation: Any, operands: list[Power]) -> list[Power]:
    name = equation.primitive.name
    called = next((equation.params[key] for key in _CALLED if key in equation.params), None)
    called = getattr(called, "jaxpr", called)
    if name in _UNARY:
        result = operands[0]
    elif max(operands, default=Power.FREE) <= Power.FREE:
        result = Power.FREE
    elif name in _PRODUCTS:
        result = max(operands) if min(operands) <= Power.FREE else Power.OTHER
    elif name == "div":
        result = operands[0] if operands[1] <= Power.FREE else Power.OTHER
    elif name in _SUMS:
        result = Power.OTHER if Power.FREE in operands else max(operands)
    elif name == "select_n" and operands[0] <= Power.FREE:
        result = Power.OTHER if Power.FREE in operands[1:] else max(operands[1:])
    elif called is not None and len(called.invars) == len(operands):
        return _of_jaxpr(called, operands)
    else:
        result = Power.OTHER
    return [result] * len(equation.outvars)
