"""A jaxpr read equation by equation into a graph: arrays become their numbers, scans become loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from . import rules
from .arrays import RULES, elementwise, evaluated
from .graph import Choice, Loop, Node, Region
from .numbers import Numbers, check_kind, constant, has_rule
from .refused import NotCompiledError, blamed

# An array is taken apart into its numbers; one of more than these is no picture that moves under a finger.
MOST_ELEMENTS = 10_000


class Stack(NamedTuple):
    """What the passes of a loop wrote: buffers of `length` numbers, one for each number of an element."""

    buffers: np.ndarray
    length: int
    boolean: bool


Value = Any  # np.ndarray of objects (nodes and numbers), or a Stack


class Reader(Numbers):
    """Adds what a jaxpr computes to a graph."""

    def run(self, closed: ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        """The outputs of a program at arguments."""
        return self._run(closed.jaxpr, [constant(c) for c in closed.consts], arguments)

    def _run(self, jaxpr: Jaxpr, constants: Sequence[Value], arguments: Sequence[Value]) -> list[Value]:
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, constants, strict=True))
        known |= dict(zip(jaxpr.invars, arguments, strict=True))

        def value(atom: Any) -> Value:
            if not isinstance(atom, Literal):
                return known[atom]
            dtype: Any = getattr(atom.aval, "dtype", None)
            return constant(np.asarray(atom.val, dtype))

        for equation in jaxpr.eqns:
            with blamed(equation):
                results = self._equation(equation, [value(atom) for atom in equation.invars])
            known |= dict(zip(equation.outvars, results, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, inputs: list[Value]) -> list[Value]:
        name, params = equation.primitive.name, equation.params
        if not equation.outvars:  # what is printed while it computes
            return []
        largest = max(math.prod(v.aval.shape) for v in equation.outvars)
        if largest > MOST_ELEMENTS:
            raise NotCompiledError(
                f"makes an array of {largest:,} numbers, more than {MOST_ELEMENTS:,}: take smaller data for each task"
            )
        if name in rules.CALLS:
            called = params[rules.CALLS[name]]
            return self.run(called if isinstance(called, ClosedJaxpr) else ClosedJaxpr(called, ()), inputs)
        if name == "scan":
            return self._scan(equation, inputs)
        arrays = [self.spread(x) for x in inputs]
        if name == "while":
            return self._while(params, arrays)
        if name == "cond":
            return self._choice(params, arrays)
        if name == "custom_linear_solve":
            return self._solved(params, arrays)
        if name in rules.IDENTITIES:
            return arrays
        made = self._computed(equation, arrays)
        return made if isinstance(made, list) else [made]

    def _computed(self, equation: Any, inputs: list[np.ndarray]) -> Any:
        name = equation.primitive.name
        for v in (*equation.invars, *equation.outvars):
            check_kind(v.aval.dtype)
        if all(not isinstance(atom, Node) for x in inputs for atom in x.flat):
            return evaluated(equation, inputs)
        if name not in RULES and not has_rule(name, equation.invars[0].aval.dtype):
            raise NotCompiledError("has no rule")
        return RULES.get(name, elementwise)(self, equation, *inputs)

    # --- calls, loops and choices -----------------------------------------------------------

    def _solved(self, params: Any, inputs: list[np.ndarray]) -> list[Value]:
        """A linear system by the solver it brings; that its derivatives are solves too has been made use of by now."""
        lengths, solve = params["const_lengths"], params["jaxprs"].solve
        before = lengths.matvec + lengths.vecmat
        constants = inputs[before : before + lengths.solve]
        return self.run(solve, [*constants, *inputs[sum(lengths) :]])

    def _scan(self, equation: Any, inputs: list[Value]) -> list[Value]:
        params = equation.params
        length, num_consts, num_carry = params["length"], params["num_consts"], params["num_carry"]
        body = params["jaxpr"]
        consts = [self.spread(x) for x in inputs[:num_consts]]
        starts = [self.spread(x) for x in inputs[num_consts : num_consts + num_carry]]
        xs, kinds = inputs[num_consts + num_carry :], body.in_avals[num_consts + num_carry :]
        loop = self.graph.loop(length, params["reverse"])
        carried = [self.each(lambda a: self.graph.carry(loop, a), start) for start in starts]
        tables = [
            x if isinstance(x, Stack) else self._stacked(x, kind.dtype == np.bool_)
            for x, kind in zip(xs, kinds, strict=True)
        ]
        with self.graph.inside(loop.body):
            index = self.graph.index(loop)
            elements = [self._loaded(stack, index) for stack in tables]
            outputs = [self.spread(x) for x in self.run(body, [*consts, *carried, *elements])]
        for before, after in zip(carried, outputs[:num_carry], strict=True):
            for node, following in zip(before.flat, after.flat, strict=True):
                node.origin.following = following
        written = [
            Stack(self.each(lambda a: self.graph.write(loop, length, a), y), length, aval.dtype == np.bool_)
            for y, aval in zip(outputs[num_carry:], body.out_avals[num_carry:], strict=True)
        ]
        self.graph.add(loop)
        return [*(self._ended(loop, x) for x in carried), *written]

    def _while(self, params: Any, inputs: list[np.ndarray]) -> list[Value]:
        split = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        cond_consts, body_consts, starts = inputs[: split[0]], inputs[split[0] : split[1]], inputs[split[1] :]
        loop = self.graph.loop()
        carried = [self.each(lambda a: self.graph.carry(loop, a), start) for start in starts]
        with self.graph.inside(loop.body):
            (goes_on,) = self.run(params["cond_jaxpr"], [*cond_consts, *carried])
            loop.goes_on = self.total("or", np.bool_, list(goes_on.flat), False)
            loop.checked_after = len(loop.body.items)
            outputs = [self.spread(x) for x in self.run(params["body_jaxpr"], [*body_consts, *carried])]
            if goes_on.ndim:  # loops side by side: one that has ended keeps what it has while others go on
                outputs = [self._chosen(goes_on, x, before) for x, before in zip(outputs, carried, strict=True)]
        for before, after in zip(carried, outputs, strict=True):
            for node, following in zip(before.flat, after.flat, strict=True):
                node.origin.following = following
        self.graph.add(loop)
        return [self._ended(loop, x) for x in carried]

    def _chosen(self, condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        leading = condition.reshape(*condition.shape, *[1] * (x.ndim - condition.ndim))
        return self.each(self.where, leading, x, y)

    def _ended(self, loop: Loop, carried: np.ndarray) -> np.ndarray:
        return self.each(lambda node: self.graph.after(node.origin), carried)

    def _choice(self, params: Any, inputs: list[np.ndarray]) -> list[Value]:
        index, operands = inputs[0].item(), inputs[1:]
        branches = params["branches"]
        if not isinstance(index, Node):
            return self.run(branches[min(max(int(index), 0), len(branches) - 1)], operands)
        choice = Choice(index, [Region(self.graph.here, is_case=True) for _ in branches])
        shapes: list[tuple[int, ...]] = []
        for case, branch in zip(choice.cases, branches, strict=True):
            with self.graph.inside(case):
                outputs = [self.spread(x) for x in self.run(branch, operands)]
            shapes = [x.shape for x in outputs]
            choice.outputs.append([a for x in outputs for a in x.flat])
        self.graph.add(choice)
        choice.results = [Node(self.graph.here, origin=choice, place=k) for k in range(len(choice.outputs[0]))]
        results = iter(choice.results)
        made = []
        for shape in shapes:
            array = np.empty(shape, object)
            for place in np.ndindex(shape):
                array[place] = next(results)
            made.append(array)
        return made

    # --- arrays and buffers ---------------------------------------------------------------

    def spread(self, value: Value) -> np.ndarray:
        """A value as its numbers, one by one."""
        if not isinstance(value, Stack):
            return value
        made = np.empty((value.length, *value.buffers.shape), object)
        for k in range(value.length):
            made[k, ...] = self._loaded(value, k)
        return made

    def _loaded(self, stack: Stack, index: Node | int) -> np.ndarray:
        form = "{0}[{1}] !== 0" if stack.boolean else "{0}[{1}]"
        return self.each(lambda buffer: self.graph.node(form, buffer, index), stack.buffers)

    def _stacked(self, array: np.ndarray, boolean: bool) -> Stack:
        """Numbers as a table, for a loop to read."""
        buffers = np.empty(array.shape[1:], object)
        for place in np.ndindex(buffers.shape):
            buffers[place] = self.graph.table([array[(k, *place)] for k in range(len(array))])
        return Stack(buffers, len(array), boolean)
