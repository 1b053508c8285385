"""A jaxpr read equation by equation into a graph: arrays become their numbers, scans become loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from . import rules
from .graph import Choice, Graph, Loop, Node, Region, TooLargeError

# An array is taken apart into its numbers; one of more than these is no picture that moves under a finger.
MOST_ELEMENTS = 10_000


class NotCompiledError(ValueError):
    """A meta-loss that cannot become JavaScript: which primitive, and where in the loss."""


class Stack(NamedTuple):
    """What the passes of a loop wrote: buffers of `length` numbers, one for each number of an element."""

    buffers: np.ndarray
    length: int
    boolean: bool


Value = Any  # np.ndarray of objects (nodes and numbers), or a Stack


class Reader:
    """Adds what a jaxpr computes to a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(self, closed: ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        """The outputs of a program at arguments."""
        return self._run(closed.jaxpr, [self._constant(c) for c in closed.consts], arguments)

    def _run(self, jaxpr: Jaxpr, constants: Sequence[Value], arguments: Sequence[Value]) -> list[Value]:
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, constants, strict=True))
        known |= dict(zip(jaxpr.invars, arguments, strict=True))

        def value(atom: Any) -> Value:
            if not isinstance(atom, Literal):
                return known[atom]
            aval: Any = atom.aval
            return self._constant(np.asarray(atom.val, aval.dtype))

        for equation in jaxpr.eqns:
            try:
                results = self._equation(equation, [value(atom) for atom in equation.invars])
            except TooLargeError as error:
                raise _refused(equation, f"is part of a program of {error}; take fewer tasks or smaller data") from None
            known |= dict(zip(equation.outvars, results, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _constant(self, array: Any) -> Value:
        array = np.asarray(array)
        kinds = {"b": bool, "i": int, "u": int, "f": float}
        if array.dtype.kind not in kinds and not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(f"an array of {array.dtype}")
        kind = kinds.get(array.dtype.kind, float)
        made = np.empty(array.shape, object)
        for place in np.ndindex(array.shape):
            made[place] = kind(array[place])
        return made

    # --- equations ----------------------------------------------------------------

    def _equation(self, equation: Any, inputs: list[Value]) -> list[Value]:
        name, params = equation.primitive.name, equation.params
        largest = max((math.prod(v.aval.shape) for v in equation.outvars), default=0)
        if largest > MOST_ELEMENTS:
            raise _refused(equation, f"makes an array of {largest:,} numbers, more than {MOST_ELEMENTS:,}")
        if name in rules.CALLS:
            called = params[rules.CALLS[name]]
            return self.run(called if isinstance(called, ClosedJaxpr) else ClosedJaxpr(called, ()), inputs)
        if name == "scan":
            return self._scan(equation, inputs)
        if name == "while":
            return self._while(params, [self.spread(x) for x in inputs])
        arrays = [self.spread(x) for x in inputs]
        if name == "cond":
            return self._choice(params, arrays)
        if name in rules.IDENTITIES:
            return arrays
        for dtype in (v.aval.dtype for v in (*equation.invars, *equation.outvars)):
            if not any(jnp.issubdtype(dtype, kind) for kind in (np.floating, np.integer, np.bool_)):
                raise _refused(equation, f"works on {dtype}, and the page has real numbers only")
        made = self._computed(equation, arrays)
        return made if isinstance(made, list) else [made]

    def _computed(self, equation: Any, inputs: list[np.ndarray]) -> Any:
        name, params, dtype = (
            equation.primitive.name,
            equation.params,
            equation.invars[0].aval.dtype if equation.invars else None,
        )
        if not equation.invars or all(not isinstance(a, Node) for x in inputs for a in x.flat):
            return self._evaluated(equation, inputs)
        if name in rules.MOVES:
            return self._moved(equation, inputs)
        if name in rules.REDUCTIONS:
            return self._reduced(*rules.REDUCTIONS[name], inputs[0], params["axes"], dtype)
        if name in rules.CUMULATIVE:
            return self._accumulated(rules.CUMULATIVE[name], inputs[0], params["axis"], params["reverse"], dtype)
        special = getattr(self, f"_{name.replace('-', '_')}_rule", None)
        if special is not None:
            return special(equation, *inputs)
        return self._elementwise(equation, inputs)

    def _elementwise(self, equation: Any, inputs: list[np.ndarray]) -> np.ndarray:
        dtype = equation.invars[0].aval.dtype
        if _form(equation.primitive.name, dtype) is None:
            raise _refused(equation, "has no rule")
        settings = {k: equation.params[k] for k in ("rounding_method",) if k in equation.params}
        return self.each(lambda *atoms: self.apply(equation.primitive.name, dtype, *atoms, **settings), *inputs)

    def each(self, function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
        """`function` of the numbers at each place."""
        shaped = np.broadcast_arrays(*arrays)
        made = np.empty(shaped[0].shape, object)
        for place in np.ndindex(made.shape):
            made[place] = function(*(x[place] for x in shaped))
        return made

    def apply(self, name: str, dtype: Any, *atoms: Any, **settings: Any) -> Any:
        """One number of an elementwise primitive."""
        if jnp.issubdtype(dtype, np.floating):
            simple = _simplified(name, *atoms)
            if simple is not None:
                return simple
        form = _form(name, dtype)
        assert form is not None, (name, dtype)
        return self.graph.node(form if isinstance(form, str) else form(**settings), *atoms)

    # --- everything at once ---------------------------------------------------------

    def _evaluated(self, equation: Any, inputs: list[np.ndarray]) -> Any:
        """What depends on nothing is computed by JAX."""
        arrays = [jnp.asarray(x.tolist(), v.aval.dtype) for x, v in zip(inputs, equation.invars, strict=True)]
        made = equation.primitive.bind(*arrays, **equation.params)
        return [self._constant(x) for x in made] if equation.primitive.multiple_results else self._constant(made)

    def _moved(self, equation: Any, inputs: list[np.ndarray]) -> Any:
        """What only moves elements: JAX moves their places, and the elements follow."""
        name = equation.primitive.name
        number = {"gather": 1, "dynamic_slice": 1, "dynamic_update_slice": 2, "scatter": 1}.get(name, len(inputs))
        positions = range(number) if name != "scatter" else (0, 2)
        atoms = [atom for k in positions for atom in inputs[k].flat]
        if any(isinstance(a, Node) for k, x in enumerate(inputs) if k not in positions for a in x.flat):
            return self._picked(equation, inputs)
        offset, operands = 0, []
        for k, (x, v) in enumerate(zip(inputs, equation.invars, strict=True)):
            if k in positions:
                operands.append(jnp.arange(offset, offset + x.size, dtype=int).reshape(x.shape))
                offset += x.size
            else:
                operands.append(jnp.asarray(x.tolist(), v.aval.dtype))
        params = dict(equation.params)
        if name == "gather":
            params["fill_value"] = -1
        made = equation.primitive.bind(*operands, **params)
        boolean = equation.outvars[0].aval.dtype == np.bool_

        def placed(places: Any) -> np.ndarray:
            places = np.asarray(places)
            moved = np.empty(places.shape, object)
            for place in np.ndindex(places.shape):
                k = int(places[place])
                moved[place] = atoms[k] if k >= 0 else (False if boolean else math.nan)
            return moved

        return [placed(x) for x in made] if equation.primitive.multiple_results else placed(made)

    def _picked(self, equation: Any, inputs: list[np.ndarray]) -> np.ndarray:
        """A dynamic slice at an index that is only known in the page: read from a table."""
        if equation.primitive.name != "dynamic_slice":
            raise _refused(equation, "takes an index that depends on theta or alpha")
        array, *starts = inputs
        sizes = equation.params["slice_sizes"]
        table = self.graph.table(list(array.flat))
        flat: Any = 0
        for start, size, whole in zip(starts, sizes, array.shape, strict=True):
            first = self.graph.node("clamp(0, {0}, {1})", start.item(), whole - size)
            flat = self.graph.node("{0} * {1} + {2}", flat, whole, first)
        offsets = np.arange(array.size).reshape(array.shape)[tuple(slice(0, s) for s in sizes)]
        form = "{0}[{1} + {2}] !== 0" if equation.outvars[0].aval.dtype == np.bool_ else "{0}[{1} + {2}]"
        return self.each(lambda offset: self.graph.node(form, table, flat, int(offset)), offsets.astype(object))

    def _reduced(self, name: str, nothing: Any, x: np.ndarray, axes: Sequence[int], dtype: Any) -> np.ndarray:
        kept = [k for k in range(x.ndim) if k not in axes]
        shaped = np.transpose(x, (*kept, *axes)).reshape(*(x.shape[k] for k in kept), -1)
        made = np.empty(shaped.shape[:-1], object)
        for place in np.ndindex(made.shape):
            atoms = list(shaped[place])
            made[place] = reduce(lambda a, b: self.apply(name, dtype, a, b), atoms) if atoms else nothing
        return made

    def _accumulated(self, name: str, x: np.ndarray, axis: int, backwards: bool, dtype: Any) -> np.ndarray:
        lines = np.moveaxis(x, axis, 0)[:: -1 if backwards else 1]
        made = np.empty(lines.shape, object)
        for k in range(len(lines)):
            before, line = made[k - 1 : k], lines[k : k + 1]
            made[k : k + 1] = self.each(lambda a, b: self.apply(name, dtype, a, b), before, line) if k else line
        return np.moveaxis(made[:: -1 if backwards else 1], 0, axis)

    # --- primitives with rules of their own -------------------------------------------

    def _convert_element_type_rule(self, equation: Any, x: np.ndarray) -> np.ndarray:
        before, after = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
        if after == before or (before != np.bool_ and jnp.issubdtype(after, np.floating)):
            return x
        if after == np.bool_:
            form = "{0} !== 0"
        elif before == np.bool_:
            form = "+{0}"
        elif jnp.issubdtype(before, np.floating):
            form = "Math.trunc({0})"
        else:
            return x
        return self.each(lambda a: self.graph.node(form, a), x)

    def _integer_pow_rule(self, equation: Any, x: np.ndarray) -> np.ndarray:
        y, dtype = equation.params["y"], equation.invars[0].aval.dtype

        def power(a: Any) -> Any:
            made, square, rest = None, a, abs(y)
            while rest:
                if rest & 1:
                    made = square if made is None else self.apply("mul", dtype, made, square)
                rest >>= 1
                square = self.apply("mul", dtype, square, square) if rest else square
            if made is None:
                return 1.0
            return made if y > 0 else self.graph.node("1 / {0}", made)

        return self.each(power, x)

    def _select_n_rule(self, equation: Any, which: np.ndarray, *cases: np.ndarray) -> np.ndarray:
        boolean = equation.invars[0].aval.dtype == np.bool_

        def selected(index: Any, *options: Any) -> Any:
            if not isinstance(index, Node):
                return options[int(index)]
            if boolean:
                return self.graph.node("{0} ? {2} : {1}", index, *options)
            chosen = options[-1]
            for k in range(len(options) - 2, -1, -1):
                chosen = self.graph.node("{0} <= {1} ? {2} : {3}", index, k, options[k], chosen)
            return chosen

        return self.each(selected, which, *cases)

    def _iota_rule(self, equation: Any) -> np.ndarray:
        return self._evaluated(equation, [])

    def _dot_general_rule(self, equation: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        (contract_a, contract_b), (batch_a, batch_b) = equation.params["dimension_numbers"]
        free_a = [k for k in range(a.ndim) if k not in (*contract_a, *batch_a)]
        free_b = [k for k in range(b.ndim) if k not in (*contract_b, *batch_b)]
        shape = [*(a.shape[k] for k in batch_a), *(a.shape[k] for k in free_a), *(b.shape[k] for k in free_b)]
        terms = math.prod(a.shape[k] for k in contract_a)
        left = np.transpose(a, (*batch_a, *free_a, *contract_a)).reshape(_size(a, batch_a), _size(a, free_a), terms)
        right = np.transpose(b, (*batch_b, *free_b, *contract_b)).reshape(_size(b, batch_b), _size(b, free_b), terms)
        dtype = equation.outvars[0].aval.dtype
        made = np.empty((left.shape[0], left.shape[1], right.shape[1]), object)
        for n, i, j in np.ndindex(made.shape):
            products = [self.apply("mul", dtype, x, y) for x, y in zip(left[n, i], right[n, j], strict=True)]
            made[n, i, j] = reduce(lambda x, y: self.apply("add", dtype, x, y), products) if products else 0.0
        return made.reshape(shape)

    def _scatter_add_rule(self, equation: Any, x: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
        """Where each update goes is told by JAX: what it makes of a one in its place."""
        if any(isinstance(a, Node) for a in indices.flat):
            raise _refused(equation, "takes an index that depends on theta or alpha")
        dtype = equation.outvars[0].aval.dtype
        at = jnp.asarray(indices.tolist(), equation.invars[1].aval.dtype).reshape(indices.shape)
        made = np.array(x, object)
        for place in np.ndindex(updates.shape):
            one = jnp.zeros(updates.shape, dtype).at[place].set(1)
            lands = np.asarray(equation.primitive.bind(jnp.zeros(x.shape, dtype), at, one, **equation.params))
            for target in zip(*np.nonzero(lands), strict=True):
                made[target] = self.apply("add", dtype, made[target], updates[place])
        return made

    def _argmax_rule(self, equation: Any, x: np.ndarray) -> np.ndarray:
        return self._arg("{0} > {1} || {0} !== {0}", x, equation.params["axes"][0])

    def _argmin_rule(self, equation: Any, x: np.ndarray) -> np.ndarray:
        return self._arg("{0} < {1} || {0} !== {0}", x, equation.params["axes"][0])

    def _arg(self, better: str, x: np.ndarray, axis: int) -> np.ndarray:
        lines = np.moveaxis(x, axis, -1)
        made = np.empty(lines.shape[:-1], object)
        for place in np.ndindex(made.shape):
            best, index = lines[place][0], 0
            for k, atom in enumerate(lines[place][1:], 1):
                # The first of equals, and a NaN before all numbers.
                wins = self.graph.node(f"({better}) && {{1}} === {{1}}", atom, best)
                best = self.graph.node("{0} ? {1} : {2}", wins, atom, best)
                index = self.graph.node("{0} ? {1} : {2}", wins, k, index)
            made[place] = index
        return made

    def _sort_rule(self, equation: Any, *operands: np.ndarray) -> list[np.ndarray]:
        """Exchange of neighbours until all is in order: fine for the few numbers that a page has."""
        axis, keys = equation.params["dimension"], equation.params["num_keys"]
        if keys != 1:
            raise _refused(equation, "sorts by more than one key")
        lines = [np.moveaxis(np.array(x, object), axis, -1) for x in operands]
        length = lines[0].shape[-1]
        for place in np.ndindex(lines[0].shape[:-1]):
            for last in range(length - 1, 0, -1):
                for k in range(last):
                    swap = self.graph.node("{0} > {1} || ({0} !== {0} && {1} === {1})", *lines[0][place][k : k + 2])
                    for x in lines:
                        a, b = x[place][k : k + 2]
                        x[place][k] = self.graph.node("{0} ? {2} : {1}", swap, a, b)
                        x[place][k + 1] = self.graph.node("{0} ? {1} : {2}", swap, a, b)
        return [np.moveaxis(x, -1, axis) for x in lines]

    # --- loops and choices --------------------------------------------------------------

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
            loop.goes_on = reduce(lambda a, b: self.graph.node("{0} || {1}", a, b), goes_on.flat)
            loop.checked_after = len(loop.body.items)
            outputs = [self.spread(x) for x in self.run(params["body_jaxpr"], [*body_consts, *carried])]
            if goes_on.ndim:  # loops side by side: one that has ended keeps what it has while others go on
                outputs = [self._where(goes_on, x, before) for x, before in zip(outputs, carried, strict=True)]
        for before, after in zip(carried, outputs, strict=True):
            for node, following in zip(before.flat, after.flat, strict=True):
                node.origin.following = following
        self.graph.add(loop)
        return [self._ended(loop, x) for x in carried]

    def _where(self, condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        leading = condition.reshape(*condition.shape, *[1] * (x.ndim - condition.ndim))
        return self.each(lambda c, a, b: self.graph.node("{0} ? {1} : {2}", c, a, b), leading, x, y)

    def _ended(self, loop: Loop, carried: np.ndarray) -> np.ndarray:
        return self.each(lambda node: self.graph.after(node.origin), carried)

    def _choice(self, params: Any, inputs: list[np.ndarray]) -> list[Value]:
        index, *operands = inputs
        branches = params["branches"]
        if not isinstance(index[()], Node):
            return self.run(branches[min(max(int(index[()]), 0), len(branches) - 1)], operands)
        choice = Choice(index.item(), [Region(self.graph.here, is_case=True) for _ in branches])
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


def _form(name: str, dtype: Any) -> Any:
    if dtype == np.bool_ and name in rules.ON_BOOLEANS:
        return rules.ON_BOOLEANS[name]
    if jnp.issubdtype(dtype, np.integer):
        if np.dtype(dtype).itemsize > 4:
            return rules.ON_LONG_INTEGERS.get(name, rules.ELEMENTWISE.get(name))
        return rules.ON_INTEGERS.get(name, rules.ELEMENTWISE.get(name))
    return rules.ELEMENTWISE.get(name)


def _size(x: np.ndarray, axes: Sequence[int]) -> int:
    return math.prod(x.shape[k] for k in axes)


def _simplified(name: str, *atoms: Any) -> Any:
    """What is known without computing: constants, and the neutral elements, which hold for NaN and infinities too."""
    constant = [not isinstance(a, Node) for a in atoms]
    if name in ("add", "add_any", "sub", "mul") and all(constant):
        with np.errstate(all="ignore"):
            a, b = map(np.float64, atoms)
            return float(a * b if name == "mul" else a - b if name == "sub" else a + b)
    if name == "mul" and constant[0] and atoms[0] == 1:
        return atoms[1]
    if name in ("mul", "div") and constant[1] and atoms[1] == 1:
        return atoms[0]
    if name in ("add", "add_any") and constant[0] and atoms[0] == 0:
        return atoms[1]
    if name in ("add", "add_any", "sub") and constant[1] and atoms[1] == 0:
        return atoms[0]
    return None


_OURS = (str(Path(__file__).parents[2]), str(Path(jax.__file__).parent))


def _refused(equation: Any, why: str) -> NotCompiledError:
    """The refusal of an equation: its primitive, and the line of the loss that made it."""
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback is not None else []
    theirs = next((f for f in frames if not f.file_name.startswith((*_OURS, "<frozen"))), None)
    where = f" ({theirs.file_name}:{theirs.line_num}, in {theirs.function_name})" if theirs else ""
    return NotCompiledError(
        f"the explorer cannot compile this loss to JavaScript: {equation.primitive.name} {why}{where}"
    )
