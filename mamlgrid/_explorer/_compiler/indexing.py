"""Rules for what reads and writes arrays at indices, known ones and ones that are only known in the page.

An element is told by its place: its number in the array laid out flat. A place that is known moves an element while the
program is made; one that is not is looked up in a table, or compared with all places there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.lax import GatherScatterMode

from . import rules
from .graph import Node
from .numbers import Numbers


class Windows(NamedTuple):
    """How slices of an array lie in another, which has one for each row of indices.

    Attributes:
        shape: of the array that is read from or written to.
        axes: of the array of slices, those that run along a slice.
        dropped: axes of the array on which slices are one long, and which they do not have.
        starts: axes of the array that the numbers of a row of indices are for.
        beside: axes of the array that run along with the rows.
        beside_rows: the axes of the rows that they run with.
    """

    shape: Sequence[int]
    axes: Sequence[int]
    dropped: Sequence[int]
    starts: Sequence[int]
    beside: Sequence[int]
    beside_rows: Sequence[int]

    def places(self, numbers: Numbers, sliced: Sequence[int], indices: np.ndarray, clipped: bool) -> Any:
        """Of each element of the slices its place in the array, and whether its slice lies inside the array."""
        rows = [k for k in range(len(sliced)) if k not in self.axes]
        along = [k for k in range(len(self.shape)) if k not in self.dropped and k not in self.beside]
        sizes = np.ones(len(self.shape), int)
        sizes[along] = [sliced[k] for k in self.axes]
        strides = [int(np.prod(self.shape[k + 1 :], dtype=int)) for k in range(len(self.shape))]
        places, inside = np.empty(sliced, object), np.empty(sliced, object)
        for element in np.ndindex(*sliced):
            row = tuple(element[k] for k in rows)
            known = sum(strides[a] * element[k] for a, k in zip(along, self.axes, strict=True))
            known += sum(strides[a] * row[k] for a, k in zip(self.beside, self.beside_rows, strict=True))
            place, fits = known, True
            for axis, start in zip(self.starts, indices[row], strict=True):
                most = self.shape[axis] - int(sizes[axis])
                fits = _both(numbers, fits, _between(numbers, start, most))
                begins = _clamped(numbers, start, most) if clipped else start
                place = _moved_on(numbers, place, begins, strides[axis])
            places[element], inside[element] = place, True if clipped else fits
        return places, inside


def _between(numbers: Numbers, start: Any, most: int) -> Any:
    if isinstance(start, Node):
        return numbers.graph.node("{0} >= 0 && {0} <= {1}", start, most)
    return 0 <= start <= most


def _both(numbers: Numbers, a: Any, b: Any) -> Any:
    if isinstance(a, Node) and isinstance(b, Node):
        return numbers.graph.node("{0} && {1}", a, b)
    return b if a is True else a if b is True else False


def _clamped(numbers: Numbers, start: Any, most: int) -> Any:
    if isinstance(start, Node):
        return numbers.graph.node("Math.min(Math.max({0}, 0), {1})", start, most)
    return min(max(start, 0), most)


def _moved_on(numbers: Numbers, place: Any, start: Any, stride: int) -> Any:
    if isinstance(place, Node) or isinstance(start, Node):
        return numbers.graph.node("{0} + {1} * {2}", place, stride, start)
    return place + stride * start


def _read(numbers: Numbers, array: np.ndarray, boolean: bool, places: np.ndarray) -> np.ndarray:
    atoms = list(array.flat)
    form = "{0}[{1}] !== 0" if boolean else "{0}[{1}]"

    def at(place: Any) -> Any:
        if not isinstance(place, Node):
            return atoms[place] if 0 <= place < len(atoms) else None
        return numbers.graph.node(form, numbers.graph.table(atoms), place)

    return numbers.each(at, places)


def _written(
    numbers: Numbers, how: str | None, dtype: Any, array: np.ndarray, updates: np.ndarray, places: Any, inside: Any
) -> np.ndarray:
    atoms = list(array.flat)
    for element in np.ndindex(updates.shape):
        place, fits, update = places[element], inside[element], updates[element]
        if fits is False:
            continue
        for k in range(len(atoms)) if isinstance(place, Node) else (place,):
            here = numbers.graph.node("{0} === {1}", place, k) if isinstance(place, Node) else True
            met = update if how is None else numbers.apply(how, dtype, atoms[k], update)
            atoms[k] = numbers.where(_both(numbers, fits, here), met, atoms[k])
    made = np.empty(array.size, object)
    made[:] = atoms
    return made.reshape(array.shape)


def _gather(numbers: Numbers, equation: Any, array: np.ndarray, indices: np.ndarray) -> np.ndarray:
    how, aval = equation.params["dimension_numbers"], equation.outvars[0].aval
    windows = Windows(
        array.shape,
        how.offset_dims,
        how.collapsed_slice_dims,
        how.start_index_map,
        how.operand_batching_dims,
        how.start_indices_batching_dims,
    )
    filling = equation.params["mode"] == GatherScatterMode.FILL_OR_DROP
    places, inside = windows.places(numbers, aval.shape, indices, clipped=not filling)
    found = _read(numbers, array, aval.dtype == np.bool_, places)
    fill = equation.params["fill_value"]
    fill = _default_fill(aval.dtype) if fill is None else fill
    return numbers.each(lambda fits, x: numbers.where(fits, x, fill), inside, found)


def _default_fill(dtype: Any) -> Any:
    if dtype == np.bool_:
        return True
    if jnp.issubdtype(dtype, np.floating):
        return float("nan")
    limits = np.iinfo(dtype)
    return int(limits.min or limits.max)


def _scatter(
    numbers: Numbers, equation: Any, array: np.ndarray, indices: np.ndarray, updates: np.ndarray
) -> np.ndarray:
    how = equation.params["dimension_numbers"]
    windows = Windows(
        array.shape,
        how.update_window_dims,
        how.inserted_window_dims,
        how.scatter_dims_to_operand_dims,
        how.operand_batching_dims,
        how.scatter_indices_batching_dims,
    )
    clipped = equation.params["mode"] == GatherScatterMode.CLIP
    places, inside = windows.places(numbers, updates.shape, indices, clipped)
    name, dtype = equation.primitive.name, equation.invars[0].aval.dtype
    return _written(numbers, rules.SCATTERED[name], dtype, array, updates, places, inside)


def _whole(array: np.ndarray) -> Windows:
    """One slice with all axes, at an index for each."""
    axes = range(array.ndim)
    return Windows(array.shape, axes, (), axes, (), ())


def _row(starts: Sequence[np.ndarray]) -> np.ndarray:
    made = np.empty(len(starts), object)
    made[:] = [start[()] for start in starts]
    return made


def _dynamic_slice(numbers: Numbers, equation: Any, array: np.ndarray, *starts: np.ndarray) -> np.ndarray:
    aval = equation.outvars[0].aval
    places, _ = _whole(array).places(numbers, aval.shape, _row(starts), clipped=True)
    return _read(numbers, array, aval.dtype == np.bool_, places)


def _dynamic_update_slice(
    numbers: Numbers, equation: Any, array: np.ndarray, update: np.ndarray, *starts: np.ndarray
) -> np.ndarray:
    places, inside = _whole(array).places(numbers, update.shape, _row(starts), clipped=True)
    return _written(numbers, None, equation.invars[0].aval.dtype, array, update, places, inside)


INDEXING = {
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "gather": _gather,
    **dict.fromkeys(rules.SCATTERED, _scatter),
}
