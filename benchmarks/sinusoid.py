"""How fast is second-order MAML of a network, beside torch.func, TorchOpt, higher and jax by hand?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from . import network_peers as peers
from ._question import Call, Entry, Question, Row, Target

_NUM_ALPHAS = 32
# A call takes about half a second each, so that the slow ones take few steps.
_STEPS, _STEPS_ABREAST = 200, 40
_TORCH_STEPS, _TORCH_STEPS_ABREAST, _TASK_BY_TASK_STEPS = 40, 8, 6
# Of the farthest that a parameter went. Runs in float32 part from the exact one by rounding, since adam divides by
# the size of a gradient however small it is; a run of first-order MAML is off by 0.9 and more.
_TOLERANCE = 0.05


def question(quick: bool) -> Question:
    """The network of the MAML paper."""
    ours, by_hand, func = "mamlgrid", "jax by hand", "torch.func"
    abreast = f", {_NUM_ALPHAS} alphas at once"

    def one(name: str, run: Any, num_steps: int, *requires: str) -> Entry:
        return _entry(name, run, peers.ALPHAS[:1], num_steps, requires)

    def many(name: str, run: Any, num_steps: int, *requires: str) -> Entry:
        return _entry(name + abreast, run, peers.ALPHAS[:_NUM_ALPHAS], num_steps, requires)

    entries = (
        one(ours, _mamlgrid, _STEPS),
        one(by_hand, peers.jax_run, _STEPS),
        one(func, peers.torch_func_run, _TORCH_STEPS, "torch"),
        one("TorchOpt", peers.torchopt_run, _TASK_BY_TASK_STEPS, "torch", "torchopt"),
        one("higher", peers.higher_run, _TASK_BY_TASK_STEPS, "torch", "higher"),
        many(ours, _mamlgrid, _STEPS_ABREAST),
        many(by_hand, peers.jax_run, _STEPS_ABREAST),
        many(func, peers.torch_func_run, _TORCH_STEPS_ABREAST, "torch"),
    )
    targets = (
        Target(
            "times faster than torch.func",
            ours,
            func,
            at_least=6.0,
            reason=lambda rows: _microseconds(rows, ours, by_hand, func),
        ),
        Target(
            f"{_NUM_ALPHAS} alphas at once, times the model-steps / s of torch.func with one",
            ours + abreast,
            func,
            at_least=10.0,
            reason=lambda rows: _microseconds(rows, ours + abreast, by_hand + abreast, ours, func),
        ),
        Target(
            f"{_NUM_ALPHAS} alphas at once, times faster than torch.func with as many at once",
            ours + abreast,
            func + abreast,
            at_least=1.0,
        ),
        Target(
            "time beside jax by hand",
            ours,
            by_hand,
            at_most=1.2,
            reason=lambda rows: _microseconds(rows, ours, by_hand),
        ),
    )
    if quick:  # the peers to be beaten, and no others: starting processes and compiling is what takes the time
        kept = (ours, ours + abreast, func)
        entries = tuple(e for e in entries if e.name in kept)
        targets = tuple(t for t in targets if t.peer in kept)
    title = (
        f"Second-order MAML of a 2 x 40 network on {peers.NUM_TASKS} sinusoids, {peers.NUM_SHOTS} examples, one inner "
        "step, adam, the same tasks at each outer step, in float32"
    )
    return Question("sinusoid", title, entries, targets, unit="model-steps")


def _entry(name: str, run: Any, alphas: np.ndarray, num_steps: int, requires: Sequence[str]) -> Entry:
    """`run(alphas, num_steps)` prepares a call that returns the parameters after the steps."""
    build: Callable[[], Call] = partial(run, alphas, num_steps)
    error = partial(_error, alphas, num_steps)
    return Entry(name, build, error, _TOLERANCE, alphas.size * num_steps, tuple(requires))


def _mamlgrid(alphas: np.ndarray, num_steps: int) -> Call:
    import jax
    import optax

    import mamlgrid as mg

    _, loss = mg.cases.network(jax.random.key(0))
    start, (support, query) = jax.tree.map(jax.numpy.asarray, (peers.start(), peers.tasks()))
    theta0 = [{"weight": weight, "bias": bias} for weight, bias in start]
    meta = mg.maml(loss, mg.Tasks(support, query), reduce="mean")
    optimizer = optax.adam(peers.LEARNING_RATE)
    how = {"num_steps": num_steps, "record_every": num_steps}
    run = partial(mg.outer_loop, meta, jax.numpy.asarray(alphas), theta0, optimizer, **how)

    def call() -> peers.Network:
        thetas = jax.block_until_ready(run()).thetas
        return [(layer["weight"], layer["bias"]) for layer in thetas]

    return call


def _error(alphas: np.ndarray, num_steps: int, found: peers.Network) -> float:
    """The largest distance from the run in float64, over the largest distance that this run went."""
    exact = _exact(alphas.tobytes(), num_steps)
    gone = max(np.abs(e - s).max() for e, s in zip(_leaves(exact), _leaves(peers.start()), strict=True))
    pairs = zip(_leaves(found), _leaves(exact), strict=True)
    return max(float(np.abs(np.asarray(f, float) - e).max()) for f, e in pairs) / float(gone)


@cache
def _exact(alphas: bytes, num_steps: int) -> peers.Network:
    import jax

    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, peers.jax_run(np.frombuffer(alphas, "f").astype(float), num_steps)())


def _leaves(network: peers.Network) -> list[Any]:
    return [array for layer in network for array in layer]


def _microseconds(rows: dict[str, Row], *names: str) -> str:
    parts = [
        f"{name} {rows[name]['seconds']['median'] / rows[name]['work'] * 1e6:,.0f} µs"
        for name in names
        if name in rows and not rows[name]["skipped"]
    ]
    return f"a model-step takes {', '.join(parts)}"
