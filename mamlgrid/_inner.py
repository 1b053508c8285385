"""Inner rules: how the adapted parameters come from theta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from ._types import Alpha, Loss, Theta

# A loop this short is written out, so that XLA fuses it with what surrounds it; a longer one is a scan, so that
# compile time does not grow with the number of steps.
_LONGEST_UNROLLED = 4


@dataclass(frozen=True)
class GradientDescent:
    """`num_steps` steps of gradient descent: `theta <- theta - alpha * grad(loss)(theta)`.

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, eq. (1).
    """

    num_steps: int = 1

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """Theta after `num_steps` steps on `loss`."""

        def step(theta: Theta, _: None) -> tuple[Theta, None]:
            slope = jax.grad(loss)(theta)
            # alpha takes the dtype of the leaf it moves, so that a float64 alpha keeps float32 parameters float32.
            return jax.tree.map(lambda p, g: p - jnp.asarray(alpha, p.dtype) * g, theta, slope), None

        # unroll=0 writes the loop out; unroll=True leaves a loop of one step where there is one step.
        unroll = 0 if self.num_steps <= _LONGEST_UNROLLED else 1
        return jax.lax.scan(step, theta, None, length=self.num_steps, unroll=unroll)[0]
