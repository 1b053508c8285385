"""Rules for primitives that see an array as a whole: moves, reductions, products, choices, orders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from . import rules
from .graph import Node
from .indexing import INDEXING
from .numbers import Numbers, check_kind, constant, known

Rule = Callable[..., Any]  # (numbers, equation, *inputs) -> an array, or a list of them


def evaluated(equation: Any, inputs: list[np.ndarray]) -> Any:
    """What depends on nothing is computed by JAX."""
    arrays = [known(x, v.aval.dtype) for x, v in zip(inputs, equation.invars, strict=True)]
    made = equation.primitive.bind(*arrays, **equation.params)
    return [constant(x) for x in made] if equation.primitive.multiple_results else constant(made)


def moved(numbers: Numbers, equation: Any, *inputs: np.ndarray) -> Any:
    """What only moves elements: JAX moves their places, and the elements follow."""
    atoms = [atom for x in inputs for atom in x.flat]
    ends = np.cumsum([x.size for x in inputs])
    operands = [jnp.arange(end - x.size, end).reshape(x.shape) for x, end in zip(inputs, ends, strict=True)]
    made = equation.primitive.bind(*operands, **equation.params)

    def placed(places: Any) -> np.ndarray:
        places = np.asarray(places)
        arrived = np.empty(places.shape, object)
        for place in np.ndindex(places.shape):
            arrived[place] = atoms[places[place]]
        return arrived

    return [placed(x) for x in made] if equation.primitive.multiple_results else placed(made)


def _reduced(name: str, nothing: Any) -> Rule:
    def rule(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
        axes, dtype = equation.params["axes"], equation.invars[0].aval.dtype
        kept = [k for k in range(x.ndim) if k not in axes]
        length = math.prod(x.shape[k] for k in axes)
        lines = np.transpose(x, (*kept, *axes)).reshape(*(x.shape[k] for k in kept), length)
        made = np.empty(lines.shape[:-1], object)
        for place in np.ndindex(made.shape):
            made[place] = numbers.total(name, dtype, lines[place], nothing)
        return made

    return rule


def _accumulated(name: str) -> Rule:
    def rule(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
        axis, dtype = equation.params["axis"], equation.invars[0].aval.dtype
        turn = slice(None, None, -1 if equation.params["reverse"] else 1)
        lines = np.moveaxis(x, axis, 0)[turn]
        made = np.empty(lines.shape, object)
        for k in range(len(lines)):
            before, line = made[k - 1 : k], lines[k : k + 1]
            made[k : k + 1] = numbers.each(lambda a, b: numbers.apply(name, dtype, a, b), before, line) if k else line
        return np.moveaxis(made[turn], 0, axis)

    return rule


def _convert(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
    before, after = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
    check_kind(after)
    if after == before or (before != np.bool_ and jnp.issubdtype(after, np.floating)):
        return x
    if after == np.bool_:
        form = "{0} !== 0"
    elif before == np.bool_:
        form = "+{0}"
    elif jnp.issubdtype(before, np.floating):  # what is too large becomes the largest there is, and NaN zero
        limits = np.iinfo(after)
        form = f"Math.min(Math.max(Math.trunc({{0}}), {limits.min}), {limits.max}) || 0"
    else:
        form = rules.WRAPPED[np.dtype(after).name].format("{0}")
    return numbers.each(lambda a: numbers.graph.node(form, a), x)


def _integer_pow(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
    y, dtype = equation.params["y"], equation.invars[0].aval.dtype

    def power(a: Any) -> Any:
        made, square, rest = None, a, abs(y)
        while rest:
            if rest & 1:
                made = square if made is None else numbers.apply("mul", dtype, made, square)
            rest >>= 1
            square = numbers.apply("mul", dtype, square, square) if rest else square
        if made is None:
            return 1.0
        return made if y > 0 else numbers.apply("div", dtype, 1.0, made)

    return numbers.each(power, x)


def _round(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
    name = "round_to_even" if int(equation.params["rounding_method"]) else "round"
    return numbers.each(lambda a: numbers.apply(name, np.float64, a), x)


def _select_n(numbers: Numbers, equation: Any, which: np.ndarray, *cases: np.ndarray) -> np.ndarray:
    boolean = equation.invars[0].aval.dtype == np.bool_

    def selected(index: Any, *options: Any) -> Any:
        if not isinstance(index, Node):
            return options[int(index)]
        if boolean:
            return numbers.where(index, options[1], options[0])
        chosen = options[-1]
        for k in range(len(options) - 2, -1, -1):
            chosen = numbers.where(numbers.graph.node("{0} <= {1}", index, k), options[k], chosen)
        return chosen

    return numbers.each(selected, which, *cases)


def _dot_general(numbers: Numbers, equation: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (contract_a, contract_b), (batch_a, batch_b) = equation.params["dimension_numbers"]
    free_a = [k for k in range(a.ndim) if k not in (*contract_a, *batch_a)]
    free_b = [k for k in range(b.ndim) if k not in (*contract_b, *batch_b)]

    def size(x: np.ndarray, axes: Any) -> int:
        return math.prod(x.shape[k] for k in axes)

    terms = size(a, contract_a)
    left = np.transpose(a, (*batch_a, *free_a, *contract_a)).reshape(size(a, batch_a), size(a, free_a), terms)
    right = np.transpose(b, (*batch_b, *free_b, *contract_b)).reshape(size(b, batch_b), size(b, free_b), terms)
    dtype = equation.outvars[0].aval.dtype
    made = np.empty((left.shape[0], left.shape[1], right.shape[1]), object)
    for n, i, j in np.ndindex(made.shape):
        products = [numbers.apply("mul", dtype, x, y) for x, y in zip(left[n, i], right[n, j], strict=True)]
        made[n, i, j] = numbers.total("add", dtype, products, 0.0)
    shape = [*(a.shape[k] for k in (*batch_a, *free_a)), *(b.shape[k] for k in free_b)]
    return made.reshape(shape)


def _first(better: str) -> Rule:
    """The place of the best, and of equals the first."""

    def rule(numbers: Numbers, equation: Any, x: np.ndarray) -> np.ndarray:
        lines = np.moveaxis(x, equation.params["axes"][0], -1)
        made = np.empty(lines.shape[:-1], object)
        for place in np.ndindex(made.shape):
            best, made[place] = lines[place][0], 0
            for k, atom in enumerate(lines[place][1:], 1):
                wins = numbers.graph.node(better, atom, best)
                best, made[place] = numbers.where(wins, atom, best), numbers.where(wins, k, made[place])
        return made

    return rule


def _sort(numbers: Numbers, equation: Any, *operands: np.ndarray) -> list[np.ndarray]:
    """Exchange of neighbours until all is in order, NaN last: fine for the few numbers that a page has."""
    axis, num_keys = equation.params["dimension"], equation.params["num_keys"]
    lines = [np.moveaxis(np.array(x, object), axis, -1) for x in operands]
    after, same = rules.ELEMENTWISE["lt_to"], rules.ELEMENTWISE["eq_to"]

    def swapped(pairs: list[np.ndarray]) -> Any:
        (a, b), *rest = pairs
        swap = numbers.graph.node(after, b, a)
        if not rest:
            return swap
        return numbers.graph.node("{0} || ({1} && {2})", swap, numbers.graph.node(same, a, b), swapped(rest))

    length = lines[0].shape[-1]
    for place in np.ndindex(lines[0].shape[:-1]):
        for last in range(length - 1, 0, -1):
            for k in range(last):
                swap = swapped([x[place][k : k + 2] for x in lines[:num_keys]])
                for x in lines:
                    a, b = x[place][k : k + 2]
                    x[place][k], x[place][k + 1] = numbers.where(swap, b, a), numbers.where(swap, a, b)
    return [np.moveaxis(x, -1, axis) for x in lines]


def elementwise(numbers: Numbers, equation: Any, *inputs: np.ndarray) -> np.ndarray:
    """One number at a time."""
    name, dtype = equation.primitive.name, equation.invars[0].aval.dtype
    return numbers.each(lambda *atoms: numbers.apply(name, dtype, *atoms), *inputs)


RULES: dict[str, Rule] = {
    **dict.fromkeys(rules.MOVES, moved),
    **{name: _reduced(*how) for name, how in rules.REDUCTIONS.items()},
    **{name: _accumulated(how) for name, how in rules.CUMULATIVE.items()},
    **{name: _first(how) for name, how in rules.BETTER.items()},
    **INDEXING,
    "convert_element_type": _convert,
    "dot_general": _dot_general,
    "integer_pow": _integer_pow,
    "round": _round,
    "select_n": _select_n,
    "sort": _sort,
}
