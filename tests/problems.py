"""Meta-losses shared by the tests: polynomial tasks whose coefficients are data: new ones never compile."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import mamlgrid as mg


def polynomial_loss(theta: Any, coefficients: Any) -> Any:
    """`sum_k coefficients[k] theta^k` by Horner's rule."""
    value = jnp.zeros_like(theta)
    for k in reversed(range(coefficients.shape[-1])):
        value = value * theta + coefficients[k]
    return value


def polynomials(coefficients: Any, num_steps: int = 1, reduce: str = "sum") -> mg.MetaLoss:
    """The meta-loss of polynomial tasks, coefficients `[num_tasks, degree + 1]`, lowest power first."""
    coefficients = jnp.asarray(np.asarray(coefficients, float))
    return mg.maml(polynomial_loss, mg.Tasks(coefficients), num_steps=num_steps, reduce=reduce)


@jax.jit
def value_and_slope(meta: mg.MetaLoss, theta: Any, alpha: Any) -> Any:
    """Value and gradient in theta; compiled once for all meta-losses of one shape."""
    return jax.value_and_grad(meta)(theta, alpha)


# Sixteenths: exact in float32, nothing near underflow, and they shrink to something readable.
sixteenths = st.integers(-32, 32).map(lambda i: i / 16)
rates = st.integers(-16, 32).map(lambda i: i / 16)


def tasks(num_tasks: int = 2, degree: int = 4) -> st.SearchStrategy[list[list[float]]]:
    """Coefficients of polynomial tasks, any signs."""
    return st.lists(
        st.lists(sixteenths, min_size=degree + 1, max_size=degree + 1), min_size=num_tasks, max_size=num_tasks
    )


def bounded_tasks(num_tasks: int = 2, degree: int = 4) -> st.SearchStrategy[list[list[float]]]:
    """Coefficients of polynomial tasks of even degree that go to plus infinity on both sides."""
    leading = st.integers(1, 16).map(lambda i: i / 16)
    one = st.tuples(st.lists(sixteenths, min_size=degree, max_size=degree), leading).map(lambda t: [*t[0], t[1]])
    return st.lists(one, min_size=num_tasks, max_size=num_tasks)
