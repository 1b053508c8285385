"""Axes, bounds and counts, checked at the door."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from .types import Array, Float


_P = ParamSpec("_P")
_R = TypeVar("_R")

# Points of the even grid that is searched unless the caller says otherwise. A basin, or a pair of fixed points,
# narrower than a cell of it (1/512 of the bounds: 0.016 of [-4, 4]) may be missed.
NUM_THETAS = 513

# Names of one axis that the other one may not have.
_OTHER_AXES = {"alphas": ("theta", "θ"), "thetas": ("alpha", "α")}

# Letters of a value in a message.
_LONGEST = 200


@contextmanager
def numpys_rules() -> Iterator[None]:
    """Ranks and dtypes are promoted as NumPy does it, whatever the user wants for programs of their own."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


def nan_is_an_answer(door: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator of a function that says NaN, or has a status, where there is no number: `jax_debug_nans` is off."""

    @functools.wraps(door)
    def answering(*args: _P.args, **settings: _P.kwargs) -> _R:
        with jax.debug_nans(False):
            return door(*args, **settings)

    return answering


def is_traced(x: object) -> bool:
    """Whether a transformation is at work, so that the value of `x` is not known."""
    from jax.core import Tracer

    return isinstance(x, Tracer)


def as_float(x: Any) -> Array:
    """`x` as an array: Python numbers become the default float, what has a dtype keeps it."""
    return jnp.asarray(x) if hasattr(x, "dtype") or isinstance(x, bool) else jnp.asarray(x, float)


def said(value: Any) -> str:
    """A value in a message: in one line that is not too long.

    >>> said(np.zeros((2, 2)))
    'array([[0., 0.], [0., 0.]])'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def numbers(name: str, given: Any) -> Array:
    """`given` as an array of numbers; Python's own have no precision yet."""
    try:
        return jnp.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers, got {said(given)}") from error


@partial(jax.jit, static_argnames="num_thetas")
def even(low: Array, high: Array, num_thetas: int = NUM_THETAS) -> Float[Array, "thetas"]:
    """An even grid from one bound to the other."""
    return low + (high - low) * jnp.linspace(0, 1, num_thetas, dtype=low.dtype)


def axis(name: str, points: Any, *, increasing: bool = False) -> Float[Array, "points"]:
    """`points` as a one-dimensional, non-empty, finite floating axis.

    Under a transformation the values are not known, so only shape and dtype are checked.

    Args:
        name: the argument's name, for the message.
        points: the axis.
        increasing: also ask for strictly increasing values.
    """
    named = getattr(points, "name", None)  # of xarray and pandas
    if isinstance(named, str) and named.rstrip("s") in _OTHER_AXES.get(name, ()):
        raise ValueError(f"{name} are named {named!r}: alphas come first, then thetas")
    try:
        given = points if isinstance(points, jax.Array) else np.asarray(points)
    except ValueError as error:
        raise ValueError(f"{name} must be numbers in one row, got {said(points)}") from error
    if given.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {given.shape}; flatten it with .ravel()")
    if given.size == 0:
        raise ValueError(f"{name} is empty; give at least one point")
    if not jnp.issubdtype(given.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating, got dtype {given.dtype}; convert it with .astype(float)")
    with np.errstate(over="ignore"):  # a number too large for the precision becomes inf, which is refused below
        checked = jnp.asarray(given)
    if not is_traced(checked):
        # What is checked is the array that will be used: 1e300 becomes inf in float32.
        values = np.asarray(checked)
        if not np.isfinite(values).all():
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(
                f"{name}[{at}] is {np.asarray(given)[at]}, which is not finite in {checked.dtype}; remove it"
            )
        if increasing and (np.diff(values) <= 0).any():
            at = int(np.flatnonzero(np.diff(values) <= 0)[0])
            raise ValueError(
                f"{name} must increase strictly in {checked.dtype}, but {name}[{at}] = {values[at]} is followed by "
                f"{values[at + 1]}; sort it and drop repeats with np.unique"
            )
    return checked


def checked_bits(alphas: Array) -> Array:
    """Alphas that are fine enough for roots to be refined: 16 bits tell two of them apart to three digits."""
    if alphas.dtype.itemsize < 4:
        raise TypeError(f"alphas must have 32 or 64 bits here, got {alphas.dtype}: give alphas.astype('float32')")
    return alphas


def checked_bounds(bounds: Any, dtype: Any) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """`(low, high)` of a search interval: finite, in order, distinct, in the precision that will be used."""
    pair = isinstance(bounds, tuple | list | np.ndarray | jax.Array) and len(bounds) == 2
    if not pair or any(not _is_real_number(bound) for bound in bounds):
        many = isinstance(bounds, np.ndarray | jax.Array) and bounds.ndim == 1 and bounds.size > 2
        hint = "; alphas come before bounds" if many else ""
        raise ValueError(f"bounds must be a pair of real numbers (low, high), got {said(bounds)}{hint}")
    with np.errstate(over="ignore"):
        low, high = (jnp.asarray(bound, dtype) for bound in bounds)
    if is_traced(low) or is_traced(high):
        return low, high
    given = tuple(float(bound) for bound in bounds)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"bounds must be finite, got {given} in {low.dtype}; choose the interval to search")
    ends = float(low), float(high)  # compared on the host: each comparison of JAX arrays is a program to compile
    if ends[0] == ends[1]:
        raise ValueError(f"bounds are equal {given} in {low.dtype}: there is nothing to search; widen them")
    if ends[0] > ends[1]:
        raise ValueError(f"bounds are reversed, got {given}; give {given[::-1]}")
    return low, high


def _is_real_number(x: Any) -> bool:
    if isinstance(x, np.generic | np.ndarray | jax.Array):
        return x.ndim == 0 and (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer))
    return isinstance(x, int | float) and not isinstance(x, bool)


def checked_count(what: str, number: Any) -> int:
    """`number` as a static, non-negative int."""
    if is_traced(number):
        raise TypeError(
            f"{what} is traced, but it sets the shape of the program: pass a Python int, or mark it static in jit"
        )
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"{what} must be an int, got {said(number)}")
    steps = int(number.__index__())
    if steps < 0:
        raise ValueError(f"{what} must be 0 or more, got {steps}")
    return steps
