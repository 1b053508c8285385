"""Other coordinates for a meta-loss: what its `theta` and `alpha` stand for."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .._base.arguments import numbers
from .._base.rule import rule
from .meta_loss import MetaLoss, checked_meta

if TYPE_CHECKING:
    from .._base.types import Alpha, Array, PyTree, Theta


def learn_alpha(meta: MetaLoss) -> MetaLoss:
    """A meta-loss over the pair `(theta, rates)`, so that the outer loop learns the inner rates too (Meta-SGD).

    `learned((theta, rates), alpha) = meta(theta, alpha * rates)`: its alpha scales the learned rates, and is usually 1.

    The direction in theta is that of the algorithm, the one in the rates the true derivative of the value, also where
    the algorithm is first-order.

    Args:
        meta: the meta-loss; `rates` is then any alpha it takes: a scalar, one for each layer or parameter, or with
            `per_step` one for each step.

    Returns:
        A `MetaLoss`; start its outer loop from `theta0 = (theta, rates)`.

    Raises:
        TypeError: no meta-loss. ValueError: one whose coordinates are others already.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> learned = mg.learn_alpha(mg.cases.quadratic().meta())
    >>> run = mg.outer_loop(learned, np.array([1.0]), (0.2, 0.1), optax.adam(0.02), num_steps=1000)
    >>> round(float(run.thetas[1][0]), 2)                     # one step of rate 1 solves both tasks from anywhere
    1.0

    Source: Li, Zhou, Chen, Li (2017), Meta-SGD: Learning to Learn Quickly for Few-Shot Learning, Algorithm 1.
    """
    return _in_coordinates(meta, LearnedRates())


def scale_rates(meta: MetaLoss, rates: PyTree) -> MetaLoss:
    """A meta-loss whose scalar alpha scales given rates: `scaled(theta, alpha) = meta(theta, alpha * rates)`.

    It puts per-layer, per-parameter and per-step rates on an alpha axis. A rate of zero freezes: with zeros for all
    layers but the last, it is ANIL.

    Args:
        meta: the meta-loss.
        rates: any alpha that `meta` takes, traced.

    Returns:
        A `MetaLoss`.

    Raises:
        TypeError: no meta-loss. ValueError: one whose coordinates are others already.

    >>> import jax.numpy as jnp, mamlgrid as mg
    >>> meta = mg.maml([lambda t: (t["body"] - t["head"]) ** 2 / 2])
    >>> anil = mg.scale_rates(meta, {"body": 0.0, "head": 1.0})
    >>> {name: float(leaf[0]) for name, leaf in anil.adapt({"body": 1.0, "head": 0.0}, 0.5).items()}
    {'body': 1.0, 'head': 0.5}

    Source: Raghu, Raghu, Bengio, Vinyals (2020), Rapid Learning or Feature Reuse?, section 4.
    """
    return _in_coordinates(meta, ScaledRates(jax.tree.map(partial(numbers, "rates"), rates)))


@rule
class LearnedRates:
    """`((theta, rates), alpha) -> (theta, alpha * rates)`."""

    def __call__(self, theta: tuple[Theta, PyTree], alpha: Alpha) -> tuple[Theta, Alpha]:
        """Parameters and rates."""
        if not (isinstance(theta, tuple) and len(theta) == 2):
            raise TypeError(f"a meta-loss that learns alpha takes theta = (parameters, rates), got {theta!r}")
        parameters, rates = theta
        return parameters, _scaled(rates, alpha)


@rule
class ScaledRates:
    """`(theta, alpha) -> (theta, alpha * rates)`."""

    rates: PyTree

    def __call__(self, theta: Theta, alpha: Alpha) -> tuple[Theta, Alpha]:
        """Parameters and rates."""
        return theta, _scaled(self.rates, alpha)


def _scaled(rates: PyTree, alpha: Alpha) -> PyTree:
    if jnp.ndim(alpha):
        raise ValueError(f"here alpha is a number that scales the rates; got shape {jnp.shape(alpha)}")

    def scaled(rate: Array) -> Array:
        rate = jnp.asarray(rate)
        rate = rate.astype(float) if jnp.issubdtype(rate.dtype, jnp.integer) else rate
        return rate * jnp.asarray(alpha, rate.dtype)

    return jax.tree.map(scaled, rates)


def _in_coordinates(meta: Any, coordinates: LearnedRates | ScaledRates) -> MetaLoss:
    if checked_meta(meta).coordinates is not None:
        raise ValueError(f"the meta-loss has coordinates already ({meta.coordinates}); start from the one without")
    return dataclasses.replace(meta, coordinates=coordinates)
