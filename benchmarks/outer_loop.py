"""How fast is the outer loop, beside numba, NumPy and PyTorch?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import peers
from ._question import Call, Entry, Question, Row, Target

_NUM_ALPHAS, _NUM_STEPS = 1024, 1000
_THETA0 = 2.0
_LANES = 64  # with 128 the fastest of 16, 64, 128 and 512
_FEW_ALPHAS, _FEW_STEPS = 4, 50  # for the scalar PyTorch loop: all of them would take a quarter of an hour
# Runs in float32 part from the exact one by rounding, most where the path passes the top between two basins.
_TOLERANCE = 1e-3


def question(quick: bool) -> Question:
    """The adam optimiser on case 2."""
    del quick  # small enough as it is
    ours, by_hand, abreast = "mamlgrid", "numba by hand", f"numba by hand, {_LANES} alphas abreast"
    path = ", whole trajectory"
    alphas = _alphas()

    def numba(**how: Any) -> Callable[[], Call]:
        def build() -> Call:
            loop = peers.numba_adam(**how)
            return lambda: loop(alphas, np.float32(_THETA0), _NUM_STEPS)

        return build

    def entry(
        name: str, build: Callable[[], Call], error: Callable[[Any], float] = _end_error, *requires: str
    ) -> Entry:
        return Entry(name, build, error, _TOLERANCE, _NUM_ALPHAS * _NUM_STEPS, requires)

    entries = (
        entry(ours, lambda: _mamlgrid(_NUM_STEPS), lambda run: _end_error(run.thetas)),
        entry(by_hand, numba(), _end_error, "numba"),
        entry(abreast, numba(lanes=_LANES), _end_error, "numba"),
        entry("NumPy by hand", lambda: lambda: peers.numpy_adam(alphas, _THETA0, _NUM_STEPS)),
        entry(
            "PyTorch autograd, all alphas in one tensor",
            lambda: lambda: peers.torch_adam(alphas, _THETA0, _NUM_STEPS),
            _end_error,
            "torch",
        ),
        Entry(
            "PyTorch autograd, one alpha at a time",
            _torch_one_by_one,
            _few_error,
            _TOLERANCE,
            _FEW_ALPHAS * _FEW_STEPS,
            ("torch",),
        ),
        entry(ours + path, lambda: _mamlgrid(1), lambda run: _path_error((run.trace.thetas, run.trace.values))),
        entry(by_hand + path, numba(trace=True), _path_error, "numba"),
        entry(
            "NumPy by hand" + path,
            lambda: lambda: peers.numpy_adam(alphas, _THETA0, _NUM_STEPS, trace=True),
            _path_error,
        ),
    )
    targets = (
        Target("times faster than numba by hand", ours, by_hand, at_least=1.0),
        Target("times faster than numba by hand, whole trajectory", ours + path, by_hand + path, at_least=1.0),
        Target(
            f"times faster than numba with {_LANES} alphas abreast",
            ours,
            abreast,
            at_least=1.0,
            reason=lambda rows: _time_per_step(rows[ours], rows[abreast]),
        ),
    )
    title = f"adam on case 2, {_NUM_ALPHAS} alphas x {_NUM_STEPS} steps in float32"
    return Question("outer_loop", title, entries, targets, unit="updates")


def _alphas() -> np.ndarray:
    return np.linspace(0, 1.2, _NUM_ALPHAS).astype(np.float32)


def _mamlgrid(record_every: int) -> Call:
    import jax
    import optax

    import mamlgrid as mg

    meta, alphas = mg.cases.quartic().meta(), jax.numpy.asarray(_alphas())
    optimizer = optax.adam(peers.LEARNING_RATE, peers.BETA1, peers.BETA2, peers.EPS)
    return lambda: jax.block_until_ready(
        mg.outer_loop(meta, alphas, _THETA0, optimizer, num_steps=_NUM_STEPS, record_every=record_every)
    )


def _torch_one_by_one() -> Call:
    return lambda: np.array([peers.torch_adam(alpha, _THETA0, _FEW_STEPS) for alpha in _few_alphas()])


def _few_alphas() -> list[np.ndarray]:
    return np.split(_alphas()[:: _NUM_ALPHAS // _FEW_ALPHAS], _FEW_ALPHAS)


def _end_error(thetas: Any) -> float:
    """Of the end points, beside the same recursion in float64."""
    return peers.largest_error(thetas, peers.numpy_adam(_alphas().astype(float), _THETA0, _NUM_STEPS))


def _path_error(path: Any) -> float:
    """Of thetas and values at every step; ours also holds the start."""
    exact = peers.numpy_adam(_alphas().astype(float), _THETA0, _NUM_STEPS, trace=True)
    return max(peers.largest_error(found[:, -_NUM_STEPS:], e) for found, e in zip(path, exact, strict=True))


def _few_error(thetas: Any) -> float:
    exact = [peers.numpy_adam(alpha.astype(float), _THETA0, _FEW_STEPS) for alpha in _few_alphas()]
    return peers.largest_error(thetas, np.array(exact))


def _time_per_step(ours: Row, peer: Row) -> str:
    per_step = [row["seconds"]["median"] / _NUM_STEPS * 1e6 for row in (ours, peer)]
    return f"a step of all alphas takes {per_step[0]:.3g} µs, numba {per_step[1]:.3g} µs"
