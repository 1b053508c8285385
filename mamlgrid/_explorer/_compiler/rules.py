"""The primitives of JAX as JavaScript, one line of mathematics each.

`{0}`, `{1}` are the arguments, numbers or booleans. What JavaScript's `Math` has not is in `special.js`.
"""

from __future__ import annotations

from typing import Any

# Of floating numbers, and of what else they hold for.
ELEMENTWISE: dict[str, str] = {
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
    "clamp": "Math.min(Math.max({1}, {0}), {2})",
    "cos": "Math.cos({0})",
    "cosh": "Math.cosh({0})",
    "digamma": "digamma({0})",
    "div": "{0} / {1}",
    "eq": "{0} === {1}",
    "eq_to": "{0} === {1} || ({0} !== {0} && {1} !== {1})",
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
    "le_to": "{0} <= {1} || {1} !== {1}",
    "lgamma": "lgamma({0})",
    "log": "Math.log({0})",
    "log1p": "Math.log1p({0})",
    "logistic": "1 / (1 + Math.exp(-{0}))",
    "logaddexp": "logAddExp({0}, {1})",
    "lt": "{0} < {1}",
    "lt_to": "{0} < {1} || ({0} === {0} && {1} !== {1})",
    "max": "Math.max({0}, {1})",
    "min": "Math.min({0}, {1})",
    "mul": "{0} * {1}",
    "ne": "{0} !== {1}",
    "neg": "-{0}",
    "nextafter": "nextAfter({0}, {1})",
    "polygamma": "polygamma({0}, {1})",
    "pow": "power({0}, {1})",
    "rem": "{0} % {1}",
    "round": "roundAway({0})",
    "round_to_even": "roundEven({0})",
    "rsqrt": "1 / Math.sqrt({0})",
    "sign": "Math.sign({0})",
    "sin": "Math.sin({0})",
    "sinh": "Math.sinh({0})",
    "sqrt": "Math.sqrt({0})",
    "square": "{0} * {0}",
    "sub": "{0} - {1}",
    "tan": "Math.tan({0})",
    "tanh": "Math.tanh({0})",
    "zeta": "zeta({0}, {1})",
}

# Where whole numbers differ, before they are wrapped. Whatever is divided by zero is -1.
ON_INTEGERS: dict[str, str] = {
    "abs": "Math.abs({0})",
    "add": "{0} + {1}",
    "add_any": "{0} + {1}",
    "and": "{0} & {1}",
    "div": "Math.trunc({1} === 0 ? -1 : {0} / {1})",
    "mul": "Math.imul({0}, {1})",
    "neg": "-{0}",
    "not": "~{0}",
    "or": "{0} | {1}",
    "rem": "{1} === 0 ? {0} : {0} % {1}",
    "shift_left": "{1} >>> 0 < 32 ? {0} << {1} : 0",
    "shift_right_arithmetic": "{0} >> Math.min({1} >>> 0, 31)",
    "shift_right_logical": "{1} >>> 0 < 32 ? {0} >>> {1} : 0",
    "square": "Math.imul({0}, {0})",
    "sub": "{0} - {1}",
    "xor": "{0} ^ {1}",
}

# Those of 64 bits are doubles, and exact up to 2**53.
ON_LONG_INTEGERS: dict[str, str] = {
    "and": "long((a, b) => a & b, {0}, {1})",
    "mul": "{0} * {1}",
    "not": "-1 - {0}",
    "or": "long((a, b) => a | b, {0}, {1})",
    "shift_left": "long((a, b) => (b < 0n || b > 63n ? 0n : a << b), {0}, {1})",
    "shift_right_arithmetic": "long((a, b) => a >> (b < 0n || b > 63n ? 63n : b), {0}, {1})",
    "shift_right_logical": "long((a, b) => (b < 0n || b > 63n ? 0n : BigInt.asUintN(64, a) >> b), {0}, {1})",
    "square": "{0} * {0}",
    "xor": "long((a, b) => a ^ b, {0}, {1})",
}

# The whole numbers that there are, and how each kind wraps; there is no -0 among them.
WRAPPED: dict[str, str] = {
    "int8": "({}) << 24 >> 24",
    "int16": "({}) << 16 >> 16",
    "int32": "({}) | 0",
    "int64": "({}) + 0",
    "uint8": "({}) & 255",
    "uint16": "({}) & 65535",
    "uint32": "({}) >>> 0",
}

ON_BOOLEANS: dict[str, str] = {
    "add": "{0} || {1}",
    "and": "{0} && {1}",
    "max": "{0} || {1}",
    "min": "{0} && {1}",
    "mul": "{0} && {1}",
    "not": "!{0}",
    "or": "{0} || {1}",
    "xor": "{0} !== {1}",
}

# How two elements are put together, and what nothing at all is.
REDUCTIONS: dict[str, tuple[str, Any]] = {
    "reduce_and": ("and", True),
    "reduce_max": ("max", float("-inf")),
    "reduce_min": ("min", float("inf")),
    "reduce_or": ("or", False),
    "reduce_prod": ("mul", 1.0),
    "reduce_sum": ("add", 0.0),
    "reduce_xor": ("xor", False),
}

CUMULATIVE: dict[str, str] = {
    "cumlogsumexp": "logaddexp",
    "cummax": "max",
    "cummin": "min",
    "cumprod": "mul",
    "cumsum": "add",
}

# How an update meets what is there; None takes its place.
SCATTERED: dict[str, str | None] = {
    "scatter": None,
    "scatter-add": "add",
    "scatter-sub": "sub",
    "scatter-max": "max",
    "scatter-min": "min",
    "scatter-mul": "mul",
}

# Whether the first of two wins, also where a NaN stands among numbers: it goes before all, or after all.
BETTER: dict[str, str] = {
    "argmax": "{0} > {1} || ({0} !== {0} && {1} === {1})",
    "argmin": "{0} < {1} || ({0} !== {0} && {1} === {1})",
}

# These only move elements about. They are applied by JAX itself, to the places of the elements: no rule is needed.
MOVES = frozenset(
    {
        "broadcast_in_dim",
        "concatenate",
        "expand_dims",
        "pad",
        "reshape",
        "rev",
        "slice",
        "split",
        "squeeze",
        "stack",
        "tile",
        "transpose",
        "unstack",
    }
)

# These change nothing here: all floating numbers are doubles.
IDENTITIES = frozenset(
    {
        "copy",
        "copy_p",
        "device_put",
        "optimization_barrier",
        "pvary",
        "reduce_precision",
        "sharding_constraint",
        "stop_gradient",
    }
)

# Calls of a program by another: the name of the parameter that holds it.
CALLS: dict[str, str] = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}
