"""How fast is a surface, beside NumPy, numba and the memory itself?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import peers
from ._question import Call, Entry, Question, Row, Target

_BARE = "the meta-loss in a plain jit, no status, donated"
_SIZE, _LARGE, _LARGE_QUICK = 2048, 8192, 4096
_TOLERANCE = 1e-5  # of float32 against the closed form in float64
_BYTES_PER_CELL = 4 + 4 + 1  # value and gradient in float32, status in int8


def question(quick: bool) -> Question:
    """Value and gradient of case 2."""
    large = _LARGE_QUICK if quick else _LARGE
    memory_row = f"mamlgrid, {large} x {large}"
    fresh, formula = "mamlgrid, fresh output", "NumPy on the formulas"
    products, bare = "NumPy, powers multiplied out", _BARE
    bytes_of_result = large * large * _BYTES_PER_CELL

    def by_hand(name: str, build: Callable[[], Call], *requires: str) -> Entry:
        return Entry(name, build, _error, _TOLERANCE, _SIZE**2, requires)

    entries = (
        by_hand(fresh, lambda: _mamlgrid(_SIZE)),
        by_hand("mamlgrid, out=previous", lambda: _mamlgrid(_SIZE, reuse=True)),
        by_hand(bare, _bare_in_place),
        by_hand(formula, lambda: lambda: peers.numpy_printed_surface(*axes(_SIZE))),
        by_hand(products, lambda: lambda: peers.numpy_surface(*axes(_SIZE))),
        by_hand("numba by hand, fresh output", _numba_fresh, "numba"),
        by_hand("numba by hand, in place", _numba_in_place, "numba"),
        Entry("fill, fresh output", lambda: _filled_fresh, _fill_error, 0.0, _SIZE**2),
        Entry("fill, in place", _filled_in_place, _fill_error, 0.0, _SIZE**2),
        Entry(memory_row, lambda: _mamlgrid(large, warm=True), _error, _TOLERANCE, large**2),
    )
    targets = (
        Target(
            "fresh output, time beside numba with fresh output",
            fresh,
            "numba by hand, fresh output",
            at_most=1.0,
            reason=_cost_of_faults,
        ),
        Target("fresh output, times faster than NumPy on the formulas", fresh, formula, at_least=20.0),
        Target(
            "fresh output, times faster than NumPy with powers multiplied out",
            fresh,
            products,
            at_least=20.0,
            reason=_cost_of_faults,
        ),
        Target(
            "out=previous, time beside numba in place",
            "mamlgrid, out=previous",
            "numba by hand, in place",
            at_most=1.2,
            reason=_cost_of_status,
        ),
        Target(
            f"peak memory of {large} x {large}, times the bytes of its result",
            memory_row,
            None,
            what="peak_bytes",
            scale=float(bytes_of_result),
            at_most=1.2,
        ),
    )
    title = f"Value and gradient of case 2 on {_SIZE} x {_SIZE} (alpha x theta) in float32"
    return Question("surface", title, entries, targets, unit="cells")


def axes(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Both axes, `[size]` each, float32."""
    return np.linspace(0, 1.2, size).astype(np.float32), np.linspace(-2, 2, size).astype(np.float32)


def _mamlgrid(size: int, *, reuse: bool = False, warm: bool = False) -> Call:
    import jax

    import mamlgrid as mg

    meta = _quartic()
    alphas, thetas = map(jax.numpy.asarray, axes(size))
    previous = None

    def call() -> Any:
        nonlocal previous
        surface = jax.block_until_ready(mg.surface(meta, alphas, thetas, out=previous))
        previous = surface if reuse else None
        return surface

    if warm:  # what the compiler takes is no part of the peak that is asked for
        mg.surface(meta, alphas[:2], thetas[:2])
    return call


def _bare_in_place() -> Call:
    """Value and gradient by jax alone, into donated memory: what is left of `mg.surface` without a status."""
    import jax

    meta = _quartic()
    alphas, thetas = map(jax.numpy.asarray, axes(_SIZE))

    def arrays(out: Any, alphas: Any, thetas: Any) -> Any:
        at = jax.value_and_grad(meta)
        return jax.vmap(lambda alpha: jax.vmap(lambda theta: at(theta, alpha))(thetas))(alphas)

    evaluate = jax.jit(arrays, donate_argnums=0, keep_unused=True)
    previous = (jax.numpy.asarray(_empty()), jax.numpy.asarray(_empty()))

    def call() -> Any:
        nonlocal previous
        previous = jax.block_until_ready(evaluate(previous, alphas, thetas))
        return previous

    return call


def _quartic() -> Any:
    """The meta-loss of case 2."""
    import mamlgrid as mg

    return mg.cases.quartic().meta()


def _numba_fresh() -> Call:
    kernel, (alphas, thetas) = peers.numba_surface(), axes(_SIZE)

    def call() -> peers.Arrays:
        values, grads = _empty(), _empty()
        kernel(alphas, thetas, values, grads)
        return values, grads

    return call


def _numba_in_place() -> Call:
    kernel, (alphas, thetas), values, grads = peers.numba_surface(), axes(_SIZE), _empty(), _empty()

    def call() -> peers.Arrays:
        kernel(alphas, thetas, values, grads)
        return values, grads

    return call


def _filled_fresh() -> peers.Arrays:
    values, grads = _empty(), _empty()
    values.fill(1)
    grads.fill(1)
    return values, grads


def _filled_in_place() -> Call:
    arrays = _empty(), _empty()

    def call() -> peers.Arrays:
        for array in arrays:
            array.fill(1)
        return arrays

    return call


def _empty() -> np.ndarray:
    return np.empty((_SIZE, _SIZE), np.float32)


def _error(result: Any) -> float:
    """The largest error of value and gradient beside the closed form in float64."""
    values, grads = (result.values, result.grads) if hasattr(result, "values") else result
    alphas, thetas = axes(len(values))
    worst = 0.0
    for i, alpha in enumerate(alphas.astype(np.float64)):  # row by row: the large one would not fit otherwise
        for found, exact in (
            (values[i], peers.meta_loss(thetas.astype(np.float64), alpha)),
            (grads[i], peers.meta_grad(thetas.astype(np.float64), alpha)),
        ):
            worst = max(worst, peers.largest_error(found, exact))
    return worst


def _fill_error(result: peers.Arrays) -> float:
    return max(peers.largest_error(array, 1.0) for array in result)


def _cost_of_faults(rows: dict[str, Row]) -> str:
    fresh, reused = rows["mamlgrid, fresh output"], rows["mamlgrid, out=previous"]
    extra = fresh["seconds"]["median"] - reused["seconds"]["median"]
    worst, of_peer = (
        rows[name]["page_faults"]["upper"] for name in ("mamlgrid, fresh output", "numba by hand, fresh output")
    )
    return (
        f"a quarter of the calls have {worst:,.0f} page faults or more (numba {of_peer:,.0f}): XLA gives its memory "
        f"back. Into a reused output the call takes {extra * 1e3:.3g} ms less; the rest: {_cost_of_status(rows)}"
    )


def _cost_of_status(rows: dict[str, Row]) -> str:
    ours, bare, peer = (
        rows[n]["seconds"]["median"] for n in ("mamlgrid, out=previous", _BARE, "numba by hand, in place")
    )
    return (
        f"a second pass over values and gradients for the status, and the checks at the door, take "
        f"{(ours - bare) * 1e3:.3g} ms; without them the program takes {bare * 1e3:.3g} ms, {bare / peer:.2g} x numba"
    )
