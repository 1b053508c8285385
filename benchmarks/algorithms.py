"""What does each algorithm cost, and how does it grow with the inner steps?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from . import peers
from ._question import Call, Entry, Question, Row, Target

_SIZE, _SIZE_QUICK = 1024, 128
_STEPS, _STEPS_QUICK = (1, 5, 20), (5, 20)
_MANY, _MANY_ROWS = 200, 64  # so many steps are there for their compile time, on a part of the rows
_MOMENTUM = 0.5
# alpha theta^2 stays at most 1, where no step passes the optimum of its task: beyond, paths become chaotic and then
# overflow, and what rounding makes of them would decide whether an answer counts as right.
_LARGEST_ALPHA, _LARGEST_THETA = 0.25, 2.0
_TOLERANCE = 1e-4  # of float32 against the recursions in float64, relative where these exceed one


@dataclass(frozen=True)
class _Algorithm:
    """One algorithm.

    Attributes:
        name: in the table.
        meta: `(mamlgrid, num_steps) -> meta-loss`.
        exact: `(theta, alpha, num_steps) -> (value, direction)` in float64.
    """

    name: str
    meta: Callable[[Any, int], Any]
    exact: Callable[..., peers.Arrays]


def question(quick: bool) -> Question:
    """Value and direction of every algorithm on case 2."""
    size, counts = (_SIZE_QUICK, _STEPS_QUICK) if quick else (_SIZE, _STEPS)
    maml, fomaml, reptile, momentum = descents = (
        _Algorithm("MAML", _maml, peers.maml),
        _Algorithm("FOMAML", _fomaml, peers.fomaml),
        _Algorithm("Reptile", _reptile, peers.reptile),
        _Algorithm("MAML, momentum inside", _with_momentum, partial(peers.maml, momentum=_MOMENTUM)),
    )
    proximal = (
        _Algorithm("iMAML", _imaml, peers.imaml),
        _Algorithm("Moreau envelopes", _moreau, peers.moreau),
    )
    compiled = (maml,) if quick else descents
    entries = (
        *(_entry(a, k, size, size) for k in counts for a in descents if not quick or a is not momentum),
        *(_entry(a, None, size, size) for a in proximal if not quick),  # they take seconds to compile
        *(_entry(a, _MANY, min(_MANY_ROWS, size), size) for a in compiled),
    )
    more, fewer = counts[-1], counts[-2]
    targets = (
        *(
            # Five in a hundred are the difference between two runs of one program.
            Target(f"{_row(a, k)}: time beside MAML", _row(a, k), _row(maml, k), at_most=1.05)
            for a in (fomaml, reptile)
            for k in counts
        ),
        *(
            Target(
                f"{a.name}: time of K = {more} beside K = {fewer}, a quarter more than {more // fewer} times",
                _row(a, more),
                _row(a, fewer),
                at_most=1.25 * more / fewer,
            )
            for a in descents
            if not quick or a is not momentum
        ),
        *(
            Target(
                f"{a.name}: first call more of K = {_MANY} beside K = {more}",
                _row(a, _MANY),
                _row(a, more),
                what="first_more",
                at_most=2.0,
                reason=partial(_first_calls, names=(_row(a, _MANY), _row(a, more))),
            )
            for a in compiled
        ),
    )
    title = (
        f"Value and direction of case 2 on {size} x {size} (alpha x theta) in float32, K inner steps; K = {_MANY} on "
        f"{min(_MANY_ROWS, size)} x {size}"
    )
    return Question("algorithms", title, entries, targets, unit="cells")


def _row(algorithm: _Algorithm, num_steps: int | None) -> str:
    return algorithm.name if num_steps is None else f"{algorithm.name}, K = {num_steps}"


def _entry(algorithm: _Algorithm, num_steps: int | None, num_alphas: int, num_thetas: int) -> Entry:
    def build() -> Call:
        import jax

        import mamlgrid as mg

        meta = algorithm.meta(mg, num_steps or 0)
        alphas, thetas = map(jax.numpy.asarray, _axes(num_alphas, num_thetas))
        return lambda: jax.block_until_ready(mg.surface(meta, alphas, thetas))

    def error(surface: Any) -> float:
        alphas, thetas = (axis.astype(float) for axis in _axes(num_alphas, num_thetas))
        exact = algorithm.exact(thetas, alphas[:, None], num_steps or 0)
        return max(peers.largest_error(f, e) for f, e in zip((surface.values, surface.grads), exact, strict=True))

    return Entry(_row(algorithm, num_steps), build, error, _TOLERANCE, num_alphas * num_thetas)


def _axes(num_alphas: int, num_thetas: int) -> tuple[np.ndarray, np.ndarray]:
    thetas = np.linspace(-_LARGEST_THETA, _LARGEST_THETA, num_thetas)
    return np.linspace(0, _LARGEST_ALPHA, num_alphas).astype("f"), thetas.astype("f")


def _maml(mg: Any, num_steps: int) -> Any:
    return mg.maml(mg.cases.quartic().losses, num_steps=num_steps)


def _fomaml(mg: Any, num_steps: int) -> Any:
    return mg.fomaml(mg.cases.quartic().losses, num_steps=num_steps)


def _reptile(mg: Any, num_steps: int) -> Any:
    return mg.reptile(mg.cases.quartic().losses, num_steps=num_steps)


def _with_momentum(mg: Any, num_steps: int) -> Any:
    import optax

    inner = mg.inner.optax(lambda rate: optax.sgd(rate, momentum=_MOMENTUM), num_steps)
    return mg.maml(mg.cases.quartic().losses, inner=inner)


def _imaml(mg: Any, num_steps: int) -> Any:
    return mg.imaml(mg.cases.quartic().losses)


def _moreau(mg: Any, num_steps: int) -> Any:
    return mg.moreau(mg.cases.quartic().losses)


def _first_calls(rows: dict[str, Row], names: tuple[str, str]) -> str:
    parts = [f"{name}: {rows[name]['first_seconds'] - rows[name]['seconds']['median']:.3g} s" for name in names]
    return f"first call more, {'; '.join(parts)}"
