"""With noise and few examples the best training rate is negative (Bernacchia 2021): a simulation.

The noiseless toys of this package cannot show it: for convex tasks without noise every task is served best by the
exact minimiser, and a negative rate, which amplifies what is far from it, never helps.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

ALPHAS = np.linspace(-0.8, 0.8, 17)
AT_ZERO = 8
TEST_ALPHA = 0.2
REPLICATES = 800


def _meta(key):
    return mg.maml(mg.cases.regression_loss, mg.cases.regression_tasks(key), reduce="mean")


@jax.jit
def _trained(meta, alpha):
    """The minimiser of a quadratic meta-loss: one Newton step from zero."""
    start = jnp.zeros(5)
    slope = jax.grad(meta)
    return jnp.linalg.solve(jax.jacfwd(slope)(start, alpha), -slope(start, alpha))


@jax.jit
def _excess(keys):
    """Test loss above its minimum, `[replicates, alphas]`: theta trained on few tasks, tested with one rate."""
    many = mg.cases.regression_tasks(jax.random.key(10_000), num_tasks=4000)
    test = mg.maml(mg.cases.regression_loss, many, reduce="mean")
    hessian = jax.jacfwd(jax.grad(test))(jnp.zeros(5), TEST_ALPHA)
    thetas = jax.vmap(lambda key: jax.vmap(lambda alpha: _trained(_meta(key), alpha))(ALPHAS))(keys)
    # The tasks are centred at zero, so that is where the expected test loss is least.
    return jnp.einsum("rai,ij,raj->ra", thetas, hessian, thetas) / 2


@pytest.mark.slow
def test_the_best_training_rate_is_negative_when_examples_are_few_and_noisy(x64):
    excess = np.asarray(_excess(jax.random.split(jax.random.key(0), REPLICATES)))
    # One half of the replicates chooses the rate, the other half judges it.
    choosing, judging = np.split(excess, 2)
    mean, best = judging.mean(0), int(choosing.mean(0).argmin())
    assert ALPHAS[best] < 0
    # Paired over replicates: the gain over alpha = 0 with its 99.9% interval, which excludes zero.
    gain = judging[:, AT_ZERO] - judging[:, best]
    error = 3.29 * gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"best training rate {ALPHAS[best]:.2f}: excess {mean[best]:.4f}, at 0 {mean[AT_ZERO]:.4f}, ")
    print(f"gain {gain.mean():.5f} +- {error:.5f} (seed 0, {len(gain)} replicates)")
    assert gain.mean() > error
    # And the curve rises to both sides of it, so that the minimum is no accident of a flat curve.
    assert mean[0] > mean[best]
    assert mean[-1] > 2 * mean[best]
