"""Losses that differ in their numbers alone, taken together as one loss with data.

A sequence of losses is a sequence of programs, and to trace and compile each takes the time of one: minutes for a
hundred. Those whose jaxprs are equal but for floating constants become one program with the constants as its data.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var, jaxpr_as_fun

from .._base.arguments import is_traced

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._base.types import Array, Loss, Theta

# Fewer are written out: a grid of them is then one fused loop, and compiling them costs less than telling them apart.
FEWEST = 5


class Alike(NamedTuple):
    """Losses as one loss `(theta, data) -> scalar`.

    Attributes:
        places: which of the losses given.
        loss: the program they share.
        data: arrays `[size, ...]`, the constants in which they differ.
    """

    places: list[int]
    loss: Callable[[Theta, list[Array]], Array]
    data: list[Array]

    @property
    def size(self) -> int:
        """How many losses these are."""
        return len(self.places)


def alike(losses: Sequence[Loss], theta: Theta) -> list[Alike]:
    """The groups of `FEWEST` losses or more that are one program at parameters like theta; others are in none."""
    if len(losses) < FEWEST:
        return []
    groups: dict[Hashable, list[tuple[int, _Program]]] = {}
    for place, loss in enumerate(losses):
        program = _program(loss, theta)
        if program is not None:
            groups.setdefault(program.form, []).append((place, program))
    return [_together(members, theta) for members in groups.values() if len(members) >= FEWEST]


class _Program(NamedTuple):
    """A loss as a jaxpr of `(*constants, *leaves of theta)`, flat, and what is equal where two are the same program."""

    jaxpr: Jaxpr
    constants: list[Any]
    form: Hashable


def _program(loss: Loss, theta: Theta) -> _Program | None:
    """The program of a loss; None where it cannot be told apart, or traced, or has effects."""
    try:
        traced = jax.make_jaxpr(loss)(theta)
    except Exception:  # whatever a loss raises: it is called again as it is, where its own error is seen
        return None
    if traced.effects:
        return None
    jaxpr, constants = _lifted(traced)
    form = _form(jaxpr)
    try:
        hash(form)
    except TypeError:
        return None
    return _Program(jaxpr, constants, form)


def _lifted(closed: ClosedJaxpr) -> tuple[Jaxpr, list[Any]]:
    """The jaxpr with calls of jitted functions written out, and its floats and arrays made its first arguments."""
    variables, constants, equations = [], [], []

    def lift(value: Any, aval: Any) -> Var:
        variables.append(Var(aval))
        constants.append(value)
        return variables[-1]

    def write_out(jaxpr: Jaxpr, values: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        names = dict(zip(jaxpr.invars, arguments, strict=True))
        names |= {v: lift(value, v.aval) for v, value in zip(jaxpr.constvars, values, strict=True)}

        def named(atom: Any) -> Any:
            if not isinstance(atom, Literal):
                return names[atom]
            aval: Any = atom.aval
            floating = jnp.issubdtype(aval.dtype, jnp.floating)
            return lift(np.asarray(atom.val, aval.dtype), aval) if floating else atom

        for equation in jaxpr.eqns:
            inputs = [named(atom) for atom in equation.invars]
            if equation.primitive.name == "jit":
                called = equation.params["jaxpr"]
                names |= zip(equation.outvars, write_out(called.jaxpr, called.consts, inputs), strict=True)
            else:
                outputs = [Var(v.aval) for v in equation.outvars]
                equations.append(equation.replace(invars=inputs, outvars=outputs))
                names |= zip(equation.outvars, outputs, strict=True)
        return [named(atom) for atom in jaxpr.outvars]

    leaves = [Var(v.aval) for v in closed.jaxpr.invars]
    results = write_out(closed.jaxpr, closed.consts, leaves)
    unnamed = closed.jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    return Jaxpr([], [*variables, *leaves], results, equations, debug_info=unnamed), constants


def _form(x: Any) -> Any:
    """What must be equal for two jaxprs, or two parameters of an equation, to be the same; functions are themselves."""
    if isinstance(x, ClosedJaxpr):
        return _form(x.jaxpr), tuple(map(id, x.consts))
    if isinstance(x, tuple | list):
        return tuple(map(_form, x))
    if isinstance(x, dict):
        return tuple((name, _form(x[name])) for name in sorted(x))
    if not isinstance(x, Jaxpr):
        return x
    variables = [*x.constvars, *x.invars]
    numbers: dict[Any, Any] = {variable: number for number, variable in enumerate(variables)}

    def named(atom: Any) -> Any:
        if isinstance(atom, Literal):
            return str(atom.aval), np.asarray(atom.val).tobytes()
        return numbers[atom]

    lines = []
    for equation in x.eqns:
        lines.append((equation.primitive, _form(equation.params), tuple(map(named, equation.invars))))
        for variable in equation.outvars:
            numbers[variable] = len(numbers)
    return tuple(str(v.aval) for v in variables), tuple(lines), tuple(map(named, x.outvars))


def _together(members: list[tuple[int, _Program]], theta: Theta) -> Alike:
    """One loss for all, whose data are the constants that are not the same in all."""
    places, programs = zip(*members, strict=True)
    evaluate = jaxpr_as_fun(ClosedJaxpr(programs[0].jaxpr, []))
    columns = list(zip(*(p.constants for p in programs), strict=True))
    differing = [i for i, column in enumerate(columns) if not all(_same(column[0], other) for other in column[1:])]
    structure = jax.tree.structure(theta)
    avals = [(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in jax.tree.leaves(theta)]

    def loss(theta: Theta, data: list[Array]) -> Array:
        leaves, given = jax.tree.flatten(theta)
        if given != structure or [jnp.shape(leaf) for leaf in leaves] != [shape for shape, _ in avals]:
            raise ValueError(
                f"losses are taken of parameters like theta, {structure} of shapes {[s for s, _ in avals]}; got "
                f"{given} of shapes {[jnp.shape(leaf) for leaf in leaves]}"
            )
        leaves = [jnp.asarray(leaf, dtype) for leaf, (_, dtype) in zip(leaves, avals, strict=True)]
        constants = list(programs[0].constants)
        for i, value in zip(differing, data, strict=True):
            constants[i] = value
        return evaluate(*constants, *leaves)[0]

    return Alike(list(places), loss, [_stacked(columns[i]) for i in differing])


def _same(one: Any, other: Any) -> bool:
    """Whether two constants are one array, or equal numbers: bit by bit, for -0.0 and NaN."""
    if one is other:
        return True
    plain = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return plain and one.ndim == 0 and one.tobytes() == other.tobytes()


def _stacked(column: Sequence[Any]) -> Any:
    """On the host, where all are known: a hundred arrays stacked under a trace are a program of their own."""
    known = not any(is_traced(value) or jnp.issubdtype(value.dtype, jax.dtypes.extended) for value in column)
    return np.stack([np.asarray(value) for value in column]) if known else jnp.stack(column)
