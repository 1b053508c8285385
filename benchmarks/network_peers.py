"""The peers that train the network on sinusoids, each as its own documentation shows. Nothing here knows mamlgrid.

Parameters go in and come out as a list of `(weight, bias)`, weight `[inputs, outputs]`; what comes out has a leading
axis of alphas. Every run is adam from the same start on the same tasks; jax and PyTorch are imported where used.

TorchOpt and higher differentiate one task after another, which is all they offer. TorchOpt 0.7.3 and higher 0.2.1 run
with PyTorch 2.13; neither declares it, so `pip install --no-deps torchopt higher optree graphviz`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

Network = list[tuple[Any, Any]]
Data = tuple[np.ndarray, np.ndarray]
Run = Callable[[], Network]

NUM_TASKS, NUM_SHOTS = 25, 10
LEARNING_RATE = 1e-3
WIDTHS = (1, 40, 40, 1)
ALPHAS = np.linspace(0.01, 0.02, 32).astype(np.float32)  # the first is that of the paper


def start() -> Network:
    """Weights of variance 2 / fan-in, biases zero."""
    random = np.random.default_rng(0)
    return [((random.normal(size=s) * np.sqrt(2 / s[0])).astype("f"), np.zeros(s[1], "f")) for s in pairwise(WIDTHS)]


def tasks() -> tuple[Data, Data]:
    """Support and query `(x, y)`, `[tasks, shots, 1]` each: `y = A sin(x - phase)` as in the MAML paper."""
    random = np.random.default_rng(1)
    amplitude = random.uniform(0.1, 5, (NUM_TASKS, 1, 1))
    phase = random.uniform(0, np.pi, (NUM_TASKS, 1, 1))
    x = random.uniform(-5, 5, (NUM_TASKS, 2 * NUM_SHOTS, 1))
    x, y = x.astype("f"), (amplitude * np.sin(x - phase)).astype("f")
    return (x[:, :NUM_SHOTS], y[:, :NUM_SHOTS]), (x[:, NUM_SHOTS:], y[:, NUM_SHOTS:])


def jax_run(alphas: np.ndarray, num_steps: int) -> Run:
    """A jitted scan of optax's adam, in the dtype of `alphas`; the alphas under vmap."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.adam(LEARNING_RATE)

    def train(network: Any, alpha: Any, support: Any, query: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            network, state = carry
            updates, state = optimizer.update(jax.grad(_jax_meta)(network, alpha, support, query), state)
            return (optax.apply_updates(network, updates), state), None

        return jax.lax.scan(step, (network, optimizer.init(network)), None, num_steps)[0][0]

    if alphas.size > 1:
        compiled = jax.jit(jax.vmap(train, (None, 0, None, None)))
    else:
        compiled = jax.jit(lambda n, a, s, q: jax.tree.map(lambda x: x[None], train(n, a[0], s, q)))
    inputs = jax.tree.map(lambda x: jnp.asarray(x, alphas.dtype), (start(), alphas, *tasks()))
    return lambda: jax.block_until_ready(compiled(*inputs))


def jax_exact_gradient(alpha: float, num_steps: int) -> Network:
    """The meta-gradient at the start through `num_steps` inner steps, in float64."""
    import jax

    with jax.enable_x64(True):
        network, support, query = jax.tree.map(lambda x: jax.numpy.asarray(x, float), (start(), *tasks()))
        gradient = jax.jit(jax.grad(_jax_meta), static_argnums=4)
        return jax.tree.map(np.asarray, gradient(network, alpha, support, query, num_steps))


def _jax_meta(network: Any, alpha: Any, support: Any, query: Any, num_steps: int = 1) -> Any:
    import jax
    import jax.numpy as jnp

    def loss(network: Any, x: Any, y: Any) -> Any:
        for weight, bias in network[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return jnp.mean((x @ network[-1][0] + network[-1][1] - y) ** 2)

    def task(support: Any, query: Any) -> Any:
        def descend(network: Any) -> Any:
            return jax.tree.map(lambda p, g: p - alpha * g, network, jax.grad(loss)(network, *support))

        if num_steps == 1:
            return loss(descend(network), *query)
        adapted = jax.lax.scan(lambda n, _: (descend(n), None), network, None, num_steps)[0]
        return loss(adapted, *query)

    return jnp.mean(jax.vmap(task)(support, query))


def torch_func_run(alphas: np.ndarray, num_steps: int) -> Run:
    """`torch.func`: `functional_call`, the inner step by `grad`, tasks (and alphas) under `vmap`."""
    torch = import_module("torch")
    func, mse = torch.func, torch.nn.functional.mse_loss
    module = _torch_module()
    support, query, rates = *_torch_tasks(), torch.from_numpy(alphas)

    def loss(network: Any, x: Any, y: Any) -> Any:
        return mse(func.functional_call(module, network, (x,)), y)

    def task(network: Any, alpha: Any, support: Any, query: Any) -> Any:
        slope = func.grad(loss)(network, *support)
        return loss({name: p - alpha * slope[name] for name, p in network.items()}, *query)

    each = func.vmap(task, (None, None, 0, 0))
    if alphas.size > 1:
        each = func.vmap(each, (0, 0, None, None))

    def begin() -> Callable[[], Any]:
        first = {name: p.detach() for name, p in _torch_module().named_parameters()}
        if alphas.size > 1:
            first = {name: p.expand(alphas.size, *p.shape).clone() for name, p in first.items()}
        network = {name: p.requires_grad_() for name, p in first.items()}
        optimizer = torch.optim.Adam(network.values(), lr=LEARNING_RATE)
        rate = rates if alphas.size > 1 else rates[0]

        def step() -> Any:
            optimizer.zero_grad()
            each(network, rate, support, query).mean(-1).sum().backward()
            optimizer.step()
            return network

        return step

    return _torch_call(begin, num_steps)


def torchopt_run(alphas: np.ndarray, num_steps: int) -> Run:
    """TorchOpt: `MetaSGD`, the network put back to its start before each task."""
    torch, torchopt = import_module("torch"), import_module("torchopt")
    mse, tasks = torch.nn.functional.mse_loss, list(_each_task())

    def begin() -> Callable[[], Any]:
        module = _torch_module()
        optimizer = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
        inner = torchopt.MetaSGD(module, lr=float(alphas[0]))

        def step() -> Any:
            optimizer.zero_grad()
            begun = [torchopt.extract_state_dict(part, by="reference", detach_buffers=True) for part in (module, inner)]
            for x, y, query_x, query_y in tasks:
                inner.step(mse(module(x), y))
                (mse(module(query_x), query_y) / NUM_TASKS).backward()
                torchopt.recover_state_dict(module, begun[0])
                torchopt.recover_state_dict(inner, begun[1])
            optimizer.step()
            return dict(module.named_parameters())

        return step

    return _torch_call(begin, num_steps)


def higher_run(alphas: np.ndarray, num_steps: int) -> Run:
    """higher: an `innerloop_ctx` for each task."""
    torch, higher = import_module("torch"), import_module("higher")
    mse, tasks = torch.nn.functional.mse_loss, list(_each_task())

    def begin() -> Callable[[], Any]:
        module = _torch_module()
        optimizer = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
        inner = torch.optim.SGD(module.parameters(), lr=float(alphas[0]))

        def step() -> Any:
            optimizer.zero_grad()
            for x, y, query_x, query_y in tasks:
                with higher.innerloop_ctx(module, inner, copy_initial_weights=False) as (adapted, descent):
                    descent.step(mse(adapted(x), y))
                    (mse(adapted(query_x), query_y) / NUM_TASKS).backward()
            optimizer.step()
            return dict(module.named_parameters())

        return step

    return _torch_call(begin, num_steps)


def _torch_call(begin: Callable[[], Callable[[], Any]], num_steps: int) -> Run:
    """A call that makes `num_steps` steps from the start, with as many threads as proved fastest here."""
    torch = import_module("torch")

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        step = begin()
        step()
        clock = perf_counter()
        step()
        return perf_counter() - clock

    torch.set_num_threads(min((1, torch.get_num_threads()), key=seconds))

    def call() -> Network:
        step, network = begin(), {}
        for _ in range(num_steps):
            network = step()
        weights, biases = ([p.detach() for n, p in network.items() if n.endswith(e)] for e in ("weight", "bias"))
        pairs = zip(weights, biases, strict=True)
        # A leading axis of alphas is there already where the weights have three.
        return [
            (w.transpose(-1, -2).reshape(-1, *w.shape[-2:][::-1]).numpy(), b.reshape(-1, b.shape[-1]).numpy())
            for w, b in pairs
        ]

    return call


def _torch_module() -> Any:
    """The network at its start."""
    torch = import_module("torch")
    layers: list[Any] = []
    for weight, bias in start():
        layer = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _torch_tasks() -> Any:
    torch = import_module("torch")
    return tuple(tuple(torch.from_numpy(array.copy()) for array in part) for part in tasks())


def _each_task() -> Any:
    support, query = _torch_tasks()
    return zip(*support, *query, strict=True)
