"""Arrays of a program: NumPy arrays of objects, each a number that is known or a node of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np

from . import rules
from .graph import Graph, Node
from .refused import NotCompiledError


class Numbers:
    """Elementwise mathematics on arrays of numbers and nodes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def each(self, function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
        """`function` of the numbers at each place."""
        shaped = np.broadcast_arrays(*arrays)
        made = np.empty(shaped[0].shape, object)
        for place in np.ndindex(made.shape):
            made[place] = function(*(x[place] for x in shaped))
        return made

    def apply(self, name: str, dtype: Any, *atoms: Any) -> Any:
        """One number of an elementwise primitive on numbers of this kind."""
        if jnp.issubdtype(dtype, np.floating):
            simple = _simplified(name, *atoms)
            if simple is not None:
                return simple
        return self.graph.node(_form(name, dtype), *atoms)

    def total(self, name: str, dtype: Any, atoms: Sequence[Any] | np.ndarray, nothing: Any) -> Any:
        """All of them put together, two by two and from the first to the last."""
        return reduce(lambda a, b: self.apply(name, dtype, a, b), atoms) if len(atoms) else nothing

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """One of two numbers."""
        if not isinstance(condition, Node):
            return yes if condition else no
        return yes if yes is no else self.graph.node("{0} ? {1} : {2}", condition, yes, no)


def constant(array: Any) -> np.ndarray:
    """What is known, number by number."""
    dtype = np.asarray(array).dtype if not hasattr(array, "dtype") else array.dtype
    if jnp.issubdtype(dtype, np.floating):
        kind: type = float
    elif dtype.kind in "biu":
        kind = bool if dtype.kind == "b" else int
    else:
        raise NotCompiledError(f"takes numbers of the kind {dtype}, and the page has real ones only{remedy(dtype)}")
    array = np.asarray(array)
    made = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        made[place] = kind(array[place])
    return made


def known(array: np.ndarray, dtype: Any) -> Any:
    """An array without nodes as JAX has it."""
    return jnp.asarray(array.tolist(), dtype).reshape(array.shape)


def check_kind(dtype: Any) -> None:
    """Refuse what the page has no numbers for."""
    if not (jnp.issubdtype(dtype, np.floating) or dtype == np.bool_ or getattr(dtype, "name", "") in rules.WRAPPED):
        kinds = ", ".join(rules.WRAPPED)
        raise NotCompiledError(f"works on {dtype}, and the page has float64, {kinds} and bool{remedy(dtype)}")


def has_rule(name: str, dtype: Any) -> bool:
    """Whether it is elementwise and known; a shift to the right is that of 32 bits, which short numbers have not."""
    if name.startswith("shift_right") and np.dtype(dtype).itemsize < 4:
        return False
    return any(name in table for table in _tables(dtype))


def _tables(dtype: Any) -> list[dict[str, str]]:
    if dtype == np.bool_:
        return [rules.ON_BOOLEANS, rules.ELEMENTWISE]
    if jnp.issubdtype(dtype, np.integer):
        size = np.dtype(dtype).itemsize
        return [*([rules.ON_LONG_INTEGERS] if size > 4 else []), rules.ON_INTEGERS, rules.ELEMENTWISE]
    return [rules.ELEMENTWISE]


def _form(name: str, dtype: Any) -> str:
    table = next(table for table in _tables(dtype) if name in table)
    if table in (rules.ON_INTEGERS, rules.ON_LONG_INTEGERS):
        return rules.WRAPPED[np.dtype(dtype).name].format(table[name])
    return table[name]


def remedy(dtype: Any) -> str:
    """What to do about numbers of a kind that a page has not, where there is something to be done."""
    drawn = str(dtype).startswith("key<")
    return ": draw random numbers outside of the loss, and give them as data of the tasks" if drawn else ""


def _simplified(name: str, *atoms: Any) -> Any:
    """What is known without computing: constants, and the neutral elements, which hold for NaN and infinities too."""
    is_known = [not isinstance(a, Node) for a in atoms]
    if name in ("add", "add_any", "sub", "mul") and all(is_known):
        with np.errstate(all="ignore"):
            a, b = map(np.float64, atoms)
            return float(a * b if name == "mul" else a - b if name == "sub" else a + b)
    if name == "mul" and is_known[0] and atoms[0] == 1:
        return atoms[1]
    if name in ("mul", "div") and is_known[1] and atoms[1] == 1:
        return atoms[0]
    if name in ("add", "add_any") and is_known[0] and atoms[0] == 0:
        return atoms[1]
    if name in ("add", "add_any", "sub") and is_known[1] and atoms[1] == 0:
        return atoms[0]
    return None
