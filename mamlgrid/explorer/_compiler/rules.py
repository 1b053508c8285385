"""The primitives of JAX as JavaScript, one line of mathematics each.

`{0}`, `{1}` are the arguments, numbers or booleans; a rule that needs a parameter of the primitive is a function of
them. What JavaScript's `Math` has not is in `special.js`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_INTEGER_ROUNDING = {0: "roundAway({0})", 1: "roundEven({0})"}


def integer_power(y: int) -> str:
    """`x ** y` by repeated squaring is a matter of the graph; this is the last resort for a large one."""
    return f"{{0}} ** {y}" if y >= 0 else f"1 / {{0}} ** {-y}"


# Of floating numbers, and of what else they hold for.
ELEMENTWISE: dict[str, str | Callable[..., str]] = {
    "abs": "Math.abs({0})",
    "acos": "Math.acos({0})",
    "acosh": "Math.acosh({0})",
    "add": "{0} + {1}",
    "add_any": "{0} + {1}",
    "asin": "Math.asin({0})",
    "asinh": "Math.asinh({0})",
    "atan": "Math.atan({0})",
    "atan2": "Math.atan2({0}, {1})",
    "atanh": "Math.atanh({0})",
    "cbrt": "Math.cbrt({0})",
    "ceil": "Math.ceil({0})",
    "clamp": "clamp({0}, {1}, {2})",
    "copy": "{0}",
    "copy_p": "{0}",
    "cos": "Math.cos({0})",
    "cosh": "Math.cosh({0})",
    "digamma": "digamma({0})",
    "div": "{0} / {1}",
    "eq": "{0} === {1}",
    "erf": "erf({0})",
    "erf_inv": "erfInv({0})",
    "erfc": "erfc({0})",
    "exp": "Math.exp({0})",
    "exp2": "2 ** {0}",
    "expm1": "Math.expm1({0})",
    "floor": "Math.floor({0})",
    "ge": "{0} >= {1}",
    "gt": "{0} > {1}",
    "is_finite": "Number.isFinite({0})",
    "le": "{0} <= {1}",
    "lgamma": "lgamma({0})",
    "log": "Math.log({0})",
    "log1p": "Math.log1p({0})",
    "logistic": "1 / (1 + Math.exp(-{0}))",
    "lt": "{0} < {1}",
    "max": "Math.max({0}, {1})",
    "min": "Math.min({0}, {1})",
    "mul": "{0} * {1}",
    "ne": "{0} !== {1}",
    "neg": "-{0}",
    "nextafter": "nextAfter({0}, {1})",
    "pow": "power({0}, {1})",
    "rem": "{0} % {1}",
    "round": lambda rounding_method: _INTEGER_ROUNDING[int(rounding_method)],
    "rsqrt": "1 / Math.sqrt({0})",
    "sign": "Math.sign({0})",
    "sin": "Math.sin({0})",
    "sinh": "Math.sinh({0})",
    "sqrt": "Math.sqrt({0})",
    "square": "{0} * {0}",
    "sub": "{0} - {1}",
    "tan": "Math.tan({0})",
    "tanh": "Math.tanh({0})",
}

# Where integers of 32 bits differ: they wrap, and their quotient is cut towards zero.
ON_INTEGERS: dict[str, str] = {
    "add": "({0} + {1}) | 0",
    "and": "{0} & {1}",
    "div": "Math.trunc({0} / {1}) | 0",
    "mul": "Math.imul({0}, {1})",
    "neg": "(-{0}) | 0",
    "not": "~{0}",
    "or": "{0} | {1}",
    "shift_left": "{1} < 32 ? {0} << {1} : 0",
    "shift_right_arithmetic": "{0} >> Math.min({1}, 31)",
    "square": "Math.imul({0}, {0})",
    "sub": "({0} - {1}) | 0",
    "xor": "{0} ^ {1}",
}

# Integers of 64 bits are exact as doubles up to 2**53; only their quotient differs from that of doubles.
ON_LONG_INTEGERS: dict[str, str] = {"div": "Math.trunc({0} / {1})"}

ON_BOOLEANS: dict[str, str] = {
    "and": "{0} && {1}",
    "or": "{0} || {1}",
    "not": "!{0}",
    "xor": "{0} !== {1}",
    "max": "{0} || {1}",
    "min": "{0} && {1}",
    "add": "{0} || {1}",
    "mul": "{0} && {1}",
}

# How two elements are put together, and what nothing at all is.
REDUCTIONS: dict[str, tuple[str, Any]] = {
    "reduce_sum": ("add", 0.0),
    "reduce_prod": ("mul", 1.0),
    "reduce_max": ("max", float("-inf")),
    "reduce_min": ("min", float("inf")),
    "reduce_and": ("and", True),
    "reduce_or": ("or", False),
}

CUMULATIVE: dict[str, str] = {"cumsum": "add", "cumprod": "mul", "cummax": "max", "cummin": "min"}

# These only move elements about. They are applied by JAX itself, to the places of the elements: no rule is needed.
MOVES = frozenset(
    {
        "broadcast_in_dim",
        "concatenate",
        "dynamic_slice",
        "dynamic_update_slice",
        "expand_dims",
        "gather",
        "pad",
        "reshape",
        "rev",
        "scatter",
        "slice",
        "split",
        "squeeze",
        "stack",
        "tile",
        "transpose",
        "unstack",
    }
)

# These change nothing here.
IDENTITIES = frozenset(
    {
        "copy",
        "copy_p",
        "optimization_barrier",
        "reduce_precision",
        "sharding_constraint",
        "device_put",
        "pvary",
        "stop_gradient",
    }
)

# Calls of a program by another: the name of the parameter that holds it.
CALLS: dict[str, str] = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
