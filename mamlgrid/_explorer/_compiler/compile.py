"""Functions of JAX as one JavaScript program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .graph import Graph
from .text import Printer, Shared
from .trace import Reader


class Program(NamedTuple):
    """The text of an expression `(n) => ({name: function, ...})`, and the lengths of its loops, which are its `n`."""

    text: str
    lengths: list[int]


class Outputs(NamedTuple):
    """One function of a program: `head`, as JavaScript writes it, gives the numbers that `of` makes of the arguments.

    Functions that share an `of` are taken from one trace: each is what `pick` takes of its outputs.
    """

    head: str
    of: Callable[..., Any]
    pick: Callable[[Any], Any] = lambda outputs: outputs


def compiled(
    functions: Sequence[Outputs],
    bound: Callable[[Callable[..., Any]], Callable[..., Any]],
    arguments: Mapping[str, Any],
    dtypes: Mapping[str, Any] | None = None,
) -> Program:
    """The functions as JavaScript.

    Args:
        functions: what to compute.
        bound: makes of their `of` a function of positional arguments like those of `arguments`.
        arguments: what each is called in JavaScript: a text for a number, or an array of texts.
        dtypes: of those that are not floating.
    """
    shared, texts, read = Shared(), [], {}
    places = [np.array(x, object) for x in arguments.values()]
    numbers = [np.zeros(x.shape, (dtypes or {}).get(name, float)) for name, x in zip(arguments, places, strict=True)]
    for function in functions:
        if function.of not in read:
            read[function.of] = _read(bound(function.of), places, numbers)
        graph, outputs = read[function.of]
        picked = [atom for array in jax.tree.leaves(function.pick(outputs)) for atom in array.flat]
        texts.append(Printer(graph, shared).function(function.head, picked))
    names = ", ".join(function.head.split("(")[0] for function in functions)
    lines = [*shared.arrays, *texts, f"return {{ {names} }};"]
    return Program("(n) => {\n" + "\n".join(lines) + "\n}", shared.lengths)


def _read(
    function: Callable[..., Any], places: Sequence[np.ndarray], numbers: Sequence[np.ndarray]
) -> tuple[Graph, Any]:
    """The graph of a function, and its outputs there."""
    graph = Graph()
    with jax.enable_x64(True):
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*numbers)
        reader = Reader(graph)
        arguments = [reader.each(graph.node, x) for x in places]
        outputs = reader.run(closed, arguments)
    return graph, jax.tree.unflatten(jax.tree.structure(shapes), [reader.spread(x) for x in outputs])
