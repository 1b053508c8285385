"""A bar for long calls: what does work says how much of it is done, and a call that was asked to shows it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .arguments import is_traced, said

if TYPE_CHECKING:
    from .types import PyTree

_COMPILING = "compiling (first call for these shapes)"

# What JAX reports when a program is about to be compiled, and when that is done.
_BEFORE, _AFTER = "/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration"

# A call whose work is one program is cut into so many, each run after the other.
_PIECES = 20


class _Bar:
    """A bar of tqdm, and how many seconds went into compiling."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.compiling = bar, 0.0

    def heard(self, event: str, seconds: float) -> None:
        """What JAX reports."""
        if event == _BEFORE:
            self.bar.set_description_str(_COMPILING)
        elif event == _AFTER:
            self.compiling += seconds
            self.bar.set_description_str("", refresh=False)
            self.bar.set_postfix_str(f"{self.compiling:.1f} s of it compiling")


# The bar of the call that runs now, if it shows one.
_shown: ContextVar[_Bar | None] = ContextVar("shown", default=None)


@contextmanager
def shown(progress: Any, unit: str, inputs: PyTree, total: int | None = None) -> Iterator[None]:
    """A bar for the work that is done meanwhile; none under a transformation, where nothing is done yet.

    Args:
        progress: whether to show it.
        unit: what is counted.
        inputs: of the call.
        total: how many there will be, where that is known.
    """
    if not isinstance(progress, bool):
        raise TypeError(f"progress must be True or False, got {said(progress)}")
    if not progress or any(map(is_traced, jax.tree.leaves(inputs))):
        yield
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'mamlgrid[progress]'") from error
    _listen()
    with tqdm(total=total, unit=f" {unit}", unit_scale=total is None) as bar:
        token = _shown.set(_Bar(bar))
        try:
            yield
        finally:
            _shown.reset(token)


def is_shown() -> bool:
    """Whether there is a bar, so that work should be cut into pieces."""
    return _shown.get() is not None


def done(number: int) -> None:
    """So many units of work are done."""
    if (bar := _shown.get()) is not None:
        bar.bar.update(number)


def in_pieces(call: Callable[[PyTree], PyTree], rows: PyTree) -> PyTree:
    """`call(rows)`; while a bar is shown for some of the rows at a time, as many each time, so that it is one program.

    Args:
        call: keeps the leading axis of the rows.
        rows: arrays with a leading axis.
    """
    if not is_shown():
        return call(rows)
    rows = jax.tree.map(np.asarray, rows)
    number = jax.tree.leaves(rows)[0].shape[0]
    length = -(-number // _PIECES)
    parts = []
    for start in range(0, number, length):
        first = min(start, number - length)  # the last piece begins early enough to be full
        part = jax.block_until_ready(call(jax.tree.map(lambda x, a=first: x[a : a + length], rows)))
        parts.append(jax.tree.map(lambda x, known=start - first: x[known:] if known else x, part))
        done(length - (start - first))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


@functools.cache
def _listen() -> None:
    """Have JAX report when it compiles, from now on."""

    def heard(event: str, duration_secs: float, **_: Any) -> None:
        if (bar := _shown.get()) is not None:
            bar.heard(event, duration_secs)

    jax.monitoring.register_event_duration_secs_listener(heard)
