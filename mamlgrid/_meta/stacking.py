"""The data of several tasks along a new leading axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from .._base.types import PyTree


def stacked(name: str, tasks: list[PyTree], pad: bool, *, filled_up: bool = False) -> PyTree:
    """One pytree of arrays `[num_tasks, ...]`; with `pad` beside a mask `[num_tasks, longest]`."""
    if not tasks:
        raise ValueError(f"{name} is empty; give at least one task")
    structures = [jax.tree.structure(task) for task in tasks]
    for i, structure in enumerate(structures):
        if structure != structures[0]:
            raise ValueError(f"{name}[{i}] has the structure {structure}, {name}[0] has {structures[0]}")
    tasks = [jax.tree.map(np.asarray, task) for task in tasks]
    if pad:
        lengths = [_length(name, i, task) for i, task in enumerate(tasks)]
        tasks = [_filled_up(task, max(lengths)) for task in tasks]
        masks = np.arange(max(lengths)) < np.array(lengths)[:, None]
        return stacked(name, tasks, False, filled_up=True), jnp.asarray(masks)
    for i, task in enumerate(tasks):
        for first, leaf in zip(jax.tree.leaves(tasks[0]), jax.tree.leaves(task), strict=True):
            if leaf.shape != first.shape:
                ragged = not filled_up and leaf.ndim == first.ndim and leaf.shape[1:] == first.shape[1:]
                remedy = "; for tasks with different numbers of data give pad=True" if ragged else ""
                raise ValueError(
                    f"{name}[{i}] has an array of shape {leaf.shape} where {name}[0] has {first.shape}{remedy}"
                )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *tasks)


def _length(name: str, i: int, task: PyTree) -> int:
    """How many data a task has."""
    lengths = {leaf.shape[0] if leaf.ndim else -1 for leaf in jax.tree.leaves(task)}
    if len(lengths) != 1 or lengths == {-1}:
        shapes = ", ".join(str(leaf.shape) for leaf in jax.tree.leaves(task))
        raise ValueError(f"with pad=True all arrays of a task need one first axis, {name}[{i}] has shapes {shapes}")
    return lengths.pop()


def _filled_up(task: PyTree, length: int) -> PyTree:
    return jax.tree.map(lambda x: np.pad(x, [(0, length - x.shape[0]), *[(0, 0)] * (x.ndim - 1)]), task)
