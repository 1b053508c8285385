"""How much memory does a meta-gradient through many inner steps take, with and without `checkpoint=`?"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from . import network_peers as peers
from ._question import Call, Entry, Question, Target

_STEPS, _STEPS_QUICK = (50, 200), (100,)
# Of the largest entry of the gradient. With relu a path of 200 steps in float32 passes some kinks on the other side
# than the exact one. With checkpoint= the same steps are fused differently: their rounding, some 1e-7, grows over 200
# steps by a few hundred times.
_TOLERANCE, _SAME = 0.05, 1e-3


def question(quick: bool) -> Question:
    """One meta-gradient of the network."""
    counts = _STEPS_QUICK if quick else _STEPS
    few, many = counts[0], counts[-1]
    cases = [(num_steps, checkpoint) for num_steps in counts for checkpoint in (False, True)]
    entries = tuple(
        Entry(_row(*case), partial(_gradient, *case), partial(_error, *case), _SAME if case[1] else _TOLERANCE)
        for case in cases
    )
    targets = (
        Target(
            f"K = {many}: peak memory without checkpoint=, times that with it",
            _row(many, True),
            _row(many, False),
            what="peak_bytes",
            at_least=3.0,
        ),
        Target(
            f"checkpoint=True: peak memory of K = {many} beside K = {few}, {many // few} times the steps",
            _row(many, True),
            _row(few, True),
            what="peak_bytes",
            at_most=2.0,
        ),
        Target(
            f"K = {many}: time with checkpoint=True beside without",
            _row(many, True),
            _row(many, False),
            at_most=2.0,
        ),
    )
    if few == many:
        targets = tuple(t for t in targets if t.entry != t.peer)
    title = (
        f"One meta-gradient of the 2 x 40 network on {peers.NUM_TASKS} sinusoids through K inner steps in float32, "
        "peak memory without the compiler's; the error without checkpoint= is beside float64, with it beside without"
    )
    return Question("memory", title, entries, targets)


def _row(num_steps: int, checkpoint: bool) -> str:
    return f"K = {num_steps}" + ", checkpoint=True" * checkpoint


def _gradient(num_steps: int, checkpoint: bool) -> Call:
    import jax

    # What the first run of any program brings into memory is no part of what is asked for.
    (compiled, point), (small, _) = _compiled(num_steps, checkpoint), _compiled(8, checkpoint)
    jax.block_until_ready(small(*point))
    return lambda: jax.block_until_ready(compiled(*point))


def _compiled(num_steps: int, checkpoint: bool) -> tuple[Any, tuple[Any, Any]]:
    """The gradient, compiled before the first call, so that its peak is that of the numbers alone."""
    import jax

    import mamlgrid as mg

    _, loss = mg.cases.network(jax.random.key(0))
    start, (support, query) = jax.tree.map(jax.numpy.asarray, (peers.start(), peers.tasks()))
    theta = [{"weight": weight, "bias": bias} for weight, bias in start]
    meta = mg.maml(loss, mg.Tasks(support, query), num_steps=num_steps, reduce="mean", checkpoint=checkpoint)
    point = theta, jax.numpy.asarray(peers.ALPHAS[0])
    return jax.jit(jax.grad(meta)).lower(*point).compile(), point


def _error(num_steps: int, checkpoint: bool, found: Any) -> float:
    """The largest distance from the plain gradient, or of that from the one in float64, over the largest entry."""
    if checkpoint:
        compiled, point = _compiled(num_steps, checkpoint=False)
        exact = _leaves(compiled(*point))
    else:
        exact = [leaf for layer in peers.jax_exact_gradient(float(peers.ALPHAS[0]), num_steps) for leaf in layer]
    distance = max(np.abs(f - e).max() for f, e in zip(_leaves(found), exact, strict=True))
    return float(distance / max(np.abs(e).max() for e in exact))


def _leaves(theta: Any) -> list[np.ndarray]:
    return [np.asarray(layer[name], float) for layer in theta for name in ("weight", "bias")]
