"""Meta-losses that jump or have kinks, without the package: relu networks along a line, closed forms, steps.

NumPy only, in float64, whole grids of theta at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

HIDDEN = 8

# --- a relu network along a line --------------------------------------------------------------------


class Network(NamedTuple):
    """Parameters of x -> relu(x w1 + b1) w2 + b2, each with any trailing axes (a grid of networks)."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray


class NetworkCase(NamedTuple):
    """Tasks `(x, y)` for support and query, `[tasks, points]` each, and a line through the parameters."""

    support: tuple[np.ndarray, np.ndarray]
    query: tuple[np.ndarray, np.ndarray]
    start: Network
    direction: Network


def network_case(seed: int, num_points: int = 10) -> NetworkCase:
    """Three sinusoids, a random network of eight hidden units and a random line through it."""
    rng = np.random.default_rng(seed)
    amplitudes, phases = rng.uniform(0.5, 3, (3, 1)), rng.uniform(0, np.pi, (3, 1))

    def data() -> tuple[np.ndarray, np.ndarray]:
        x = rng.uniform(-5, 5, (3, num_points))
        return x, amplitudes * np.sin(x + phases)

    def parameters() -> Network:
        w1, b1, w2 = rng.normal(size=(3, HIDDEN))
        return Network(w1, b1, w2 / math.sqrt(HIDDEN), rng.normal(size=()))

    return NetworkCase(data(), data(), parameters(), parameters())


def network_loss(network: Network, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Network]:
    """Mean squared error on `[points]` and its gradient by backpropagation, of a grid `[..., grid]` of networks."""
    before = x[:, None, None] * network.w1 + network.b1  # [points, hidden, grid]
    on = before > 0
    hidden = np.where(on, before, 0)
    error = np.einsum("phn,hn->pn", hidden, network.w2) + network.b2 - y[:, None]
    back = 2 * error / x.size
    through = np.where(on, back[:, None, :] * network.w2, 0)
    gradient = Network(
        np.einsum("phn,p->hn", through, x), through.sum(0), np.einsum("phn,pn->hn", hidden, back), back.sum(0)
    )
    return (error**2).mean(0), gradient


def along_the_line(case: NetworkCase, thetas: np.ndarray) -> Network:
    """The networks `start + theta direction`, the grid of thetas last."""
    return Network(*(s[..., None] + d[..., None] * thetas for s, d in zip(case.start, case.direction, strict=True)))


def network_values(case: NetworkCase, alpha: float, thetas: np.ndarray, num_steps: int = 1) -> np.ndarray:
    """The meta-loss of MAML at `start + theta direction`, `[thetas]`: the inner steps go through all parameters."""
    thetas = np.asarray(thetas, float)
    if thetas.size > 512:  # small enough for the cache
        parts = np.array_split(thetas, 1 + thetas.size // 512)
        return np.concatenate([network_values(case, alpha, part, num_steps) for part in parts])
    total = np.zeros(thetas.shape)
    for x, y, x_query, y_query in zip(*case.support, *case.query, strict=True):
        network = along_the_line(case, thetas)
        for _ in range(num_steps):
            gradient = network_loss(network, x, y)[1]
            network = Network(*(p - alpha * g for p, g in zip(network, gradient, strict=True)))
        total += network_loss(network, x_query, y_query)[0]
    return total


def dense_minimum(
    case: NetworkCase, alpha: float, bounds: tuple[float, float], num_steps: int = 1, size: int = 20_001
) -> tuple[float, float]:
    """The lowest value on a dense even grid, and where."""
    thetas = np.linspace(*bounds, size)
    values = network_values(case, alpha, thetas, num_steps)
    return float(values.min()), float(thetas[values.argmin()])


# --- closed forms ------------------------------------------------------------------------------------


class Infimum(NamedTuple):
    """The lowest value of a function on its bounds, and where it is reached or approached."""

    theta: float
    value: float
    attained: bool


def relu_pair(theta: np.ndarray, alpha: float) -> np.ndarray:
    """One step of MAML on `(relu(t) - 1)^2` and `(t + 1)^2`, with relu'(0) = 0."""
    theta = np.asarray(theta, float)
    first = np.where(theta > 0, theta - 2 * alpha * (theta - 1), theta)
    second = theta - 2 * alpha * (theta + 1)
    return (np.maximum(first, 0) - 1) ** 2 + (second + 1) ** 2


def relu_pair_infimum(alpha: float) -> Infimum:
    """On (-4, 4), for 0 <= alpha <= 1: 1 at -1, or `2 (1 - 2 alpha)^2` at 0 from the right."""
    right = 2 * (1 - 2 * alpha) ** 2
    return Infimum(0.0, right, False) if right < 1 else Infimum(-1.0, 1.0, True)


# Where the two are equal.
RELU_PAIR_JUMPS = ((1 - 1 / math.sqrt(2)) / 2, (1 + 1 / math.sqrt(2)) / 2)


def downward_step(theta: np.ndarray) -> np.ndarray:
    """`where(t < 0.3, -t, 5 - t)`: the infimum on (-1, 1) is -0.3, from the left of 0.3."""
    theta = np.asarray(theta, float)
    return np.where(theta < 0.3, -theta, 5 - theta)


class Plateau(NamedTuple):
    """An interval on which a piecewise constant function is lowest."""

    left: float
    right: float
    value: float


def lowest_plateaus(edges: Sequence[float], heights: Sequence[float], bounds: tuple[float, float]) -> list[Plateau]:
    """The lowest intervals of the function that is `heights[k]` between `edges[k - 1]` and `edges[k]`.

    Neighbours of the same height are one.
    """
    lows, highs = [bounds[0], *edges], [*edges, bounds[1]]
    pieces = [
        (max(a, bounds[0]), min(b, bounds[1]), h)
        for a, b, h in zip(lows, highs, heights, strict=True)
        if max(a, bounds[0]) < min(b, bounds[1])
    ]
    least = min(h for _, _, h in pieces)
    found: list[Plateau] = []
    for a, b, h in pieces:
        if h == least and found and found[-1].right == a:
            found[-1] = found[-1]._replace(right=b)
        elif h == least:
            found.append(Plateau(a, b, h))
    return found


def threshold_errors(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 0-1 error of "x > theta" as steps: edges at the sorted data, a height for each interval between them."""
    order = np.argsort(x)
    edges, labels = np.asarray(x)[order], np.asarray(labels)[order]
    heights = np.array([np.mean(np.concatenate([labels[:k] == 1, labels[k:] == 0])) for k in range(edges.size + 1)])
    return edges, heights


# --- a parabola with waves ----------------------------------------------------------------------------


def wave_jumps(frequency: float, alphas: tuple[float, float]) -> np.ndarray:
    """Jumps of `(theta - alpha)^2 / 2 + 1 - cos(frequency theta)`, by symmetry halfway between two wells."""
    ends = np.array(alphas) * frequency / np.pi
    k = np.arange(math.ceil((ends[0] - 1) / 2), math.floor((ends[1] - 1) / 2) + 1)
    return (2 * k + 1) * np.pi / frequency


def wave_offset(frequency: float) -> float:
    """How far the two equal minima are from a jump, on either side: `u + w sin(w u + pi) = 0`, by Newton."""
    u = frequency * np.pi / (1 + frequency**2)
    for _ in range(50):
        g = u - frequency * math.sin(frequency * u)
        u -= g / (1 - frequency**2 * math.cos(frequency * u))
    return u


def wave(theta: np.ndarray, alpha: float, frequency: float) -> np.ndarray:
    """The function itself."""
    return (theta - alpha) ** 2 / 2 + 1 - np.cos(frequency * theta)
