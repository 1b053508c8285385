"""Problems with known answers: the two cases of the post, quadratics, noisy linear regression, sinusoid regression.

The post is "Visualizing MAML with simple losses" (2021); the sinusoids are those of Finn, Abbeel, Levine (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp

from ._base.names import listed
from ._meta.algorithms import maml
from ._meta.meta_loss import MetaLoss
from ._meta.tasks import Tasks

if TYPE_CHECKING:
    from ._base.types import Array, ArrayLike, Float, Loss, PyTree

__all__ = [
    "Case",
    "Quadratics",
    "network",
    "polynomial_loss",
    "quadratic",
    "quadratic_loss",
    "quadratics",
    "quartic",
    "regression_loss",
    "regression_tasks",
    "sinusoid_tasks",
]

__dir__ = listed(__name__)

Number = Any


@dataclass(frozen=True)
class Case:
    """Losses of one parameter with the closed forms of MAML's single inner step.

    Attributes:
        name: "quadratic" or "quartic".
        losses: the task losses, `theta -> scalar`.
        labels: a formula for each loss, for legends.
        adapted: `(theta, alpha) -> [num_tasks, ...]`, theta' of each task.
        meta_loss: `(theta, alpha) -> L_M`, elementwise.
        meta_grad: `(theta, alpha) -> dL_M / dtheta`, elementwise.
        numbers: for each loss what `polynomial_loss` makes it of: (center, quadratic, quartic).
    """

    name: str
    losses: tuple[Loss, ...]
    labels: tuple[str, ...]
    adapted: Callable[[Number, Number], Number]
    meta_loss: Callable[[Number, Number], Number]
    meta_grad: Callable[[Number, Number], Number]
    numbers: tuple[tuple[float, float, float], ...]

    def tasks(self) -> Tasks:
        """The losses as data of `polynomial_loss`: numbers that can be changed, swept or differentiated.

        >>> case = quartic()
        >>> meta = maml(polynomial_loss, case.tasks())
        >>> float(meta(1.2, 0.3)) == float(case.meta()(1.2, 0.3))
        True
        """
        columns = jnp.asarray(self.numbers, float).T
        return Tasks(dict(zip(("center", "quadratic", "quartic"), columns, strict=True)))

    def meta(self, num_steps: int = 1, reduce: str = "sum") -> MetaLoss:
        """The meta-loss of MAML on these losses; the closed forms hold for one step and the sum."""
        return maml(self.losses, num_steps=num_steps, reduce=reduce)


def half_square(theta: Number) -> Number:
    """`theta^2 / 2`."""
    return theta**2 / 2


def half_square_at_one(theta: Number) -> Number:
    """`(theta - 1)^2 / 2`."""
    return (theta - 1) ** 2 / 2


def quarter_fourth_power(theta: Number) -> Number:
    """`theta^4 / 4`."""
    return theta**4 / 4


def quadratic() -> Case:
    """Case 1 of the post: `L_0 = theta^2 / 2`, `L_1 = (theta - 1)^2 / 2`.

    `L_M = (1 - alpha)^2 {(theta - 1/2)^2 + 1/4}`: the optimum is 1/2 for every alpha but 1, where all is flat.

    >>> case = quadratic()
    >>> case.meta_loss(0.5, 0.5), float(case.meta()(0.5, 0.5))
    (0.0625, 0.0625)
    """
    return Case(
        "quadratic",
        (half_square, half_square_at_one),
        ("θ²/2", "(θ − 1)²/2"),
        lambda theta, alpha: jnp.stack([(1 - alpha) * theta, (1 - alpha) * theta + alpha]),
        lambda theta, alpha: (1 - alpha) ** 2 * ((theta - 0.5) ** 2 + 0.25),
        lambda theta, alpha: (1 - alpha) ** 2 * (2 * theta - 1),
        ((0.0, 1.0, 0.0), (1.0, 1.0, 0.0)),
    )


def quartic() -> Case:
    """Case 2 of the post: `L_0 = theta^4 / 4`, `L_1 = (theta - 1)^2 / 2`.

    `L_M = (theta - alpha theta^3)^4 / 4 + (1 - alpha)^2 (theta - 1)^2 / 2`: the global optimum jumps near
    alpha = 0.33, and at alpha = 1 the points -1, 0 and 1 are all optimal.

    >>> case = quartic()
    >>> case.meta_loss(-1.0, 1.0), case.meta_loss(0.0, 1.0), case.meta_loss(1.0, 1.0)
    (0.0, 0.0, 0.0)
    """
    return Case(
        "quartic",
        (quarter_fourth_power, half_square_at_one),
        ("θ⁴/4", "(θ − 1)²/2"),
        lambda theta, alpha: jnp.stack([theta - alpha * theta**3, (1 - alpha) * theta + alpha]),
        lambda theta, alpha: (theta - alpha * theta**3) ** 4 / 4 + (1 - alpha) ** 2 * (theta - 1) ** 2 / 2,
        lambda theta, alpha: (
            (theta - alpha * theta**3) ** 3 * (1 - 3 * alpha * theta**2) + (1 - alpha) ** 2 * (theta - 1)
        ),
        ((0.0, 0.0, 1.0), (1.0, 1.0, 0.0)),
    )


@dataclass(frozen=True)
class Quadratics:
    """Tasks `L_i(theta) = (theta - c_i)^T A_i (theta - c_i) / 2`, in one dimension or several.

    With K inner steps each task counts with the weight `W_i = A_i (I - alpha A_i)^(2K)`: the meta-loss is
    `sum_i (theta - c_i)^T W_i (theta - c_i) / 2`, its minimiser `(sum_i W_i)^-1 sum_i W_i c_i`.

    Attributes:
        curvatures: `[num_tasks]`, or symmetric matrices `[num_tasks, dim, dim]`.
        centers: `[num_tasks]`, or `[num_tasks, dim]`.
    """

    curvatures: Float[Array, "num_tasks ..."]
    centers: Float[Array, "num_tasks ..."]

    def meta(self, num_steps: int = 1, reduce: str = "sum") -> MetaLoss:
        """The meta-loss of MAML on these tasks."""
        return maml(quadratic_loss, Tasks((self.curvatures, self.centers)), num_steps=num_steps, reduce=reduce)

    def weights(self, alpha: ArrayLike, num_steps: int = 1) -> Float[Array, "num_tasks ..."]:
        """`W_i = A_i (I - alpha A_i)^(2K)` for each task."""
        if self.curvatures.ndim == 1:
            return self.curvatures * (1 - alpha * self.curvatures) ** (2 * num_steps)
        shrink = jnp.eye(self.curvatures.shape[-1], dtype=self.curvatures.dtype) - alpha * self.curvatures
        return self.curvatures @ jnp.linalg.matrix_power(shrink, 2 * num_steps)

    def optimal_theta(self, alpha: ArrayLike, num_steps: int = 1) -> Float[Array, "..."]:
        """The stationary point of the meta-loss: its minimiser where `sum_i W_i` is positive (definite)."""
        weights = self.weights(alpha, num_steps)
        if weights.ndim == 1:
            return jnp.sum(weights * self.centers) / jnp.sum(weights)
        return jnp.linalg.solve(weights.sum(0), jnp.einsum("nij,nj->i", weights, self.centers))


def quadratics(curvatures: ArrayLike, centers: ArrayLike) -> Quadratics:
    """The family of quadratics with these curvatures and optima.

    Args:
        curvatures: `[num_tasks]`, or symmetric matrices `[num_tasks, dim, dim]`.
        centers: `[num_tasks]`, or `[num_tasks, dim]`.

    >>> tasks = quadratics([1.0, 3.0], [0.0, 1.0])
    >>> round(float(tasks.optimal_theta(0.0)), 6), round(float(jax.grad(tasks.meta())(0.75, 0.0)), 6)
    (0.75, 0.0)
    """
    curvatures, centers = jnp.asarray(curvatures, float), jnp.asarray(centers, float)
    if centers.ndim not in (1, 2) or curvatures.shape != centers.shape + centers.shape[1:]:
        raise ValueError(
            "curvatures and centers must be [num_tasks] and [num_tasks], or [num_tasks, dim, dim] and "
            f"[num_tasks, dim]; got {curvatures.shape} and {centers.shape}"
        )
    return Quadratics(curvatures, centers)


def quadratic_loss(theta: Float[Array, "..."], data: tuple[Array, Array]) -> Float[Array, ""]:
    """`(theta - c)^T A (theta - c) / 2` for `data = (A, c)`."""
    curvature, center = data
    offset = theta - center
    return jnp.vdot(offset, curvature * offset if curvature.ndim == 0 else curvature @ offset) / 2


def polynomial_loss(theta: ArrayLike, data: dict[str, ArrayLike]) -> Float[Array, ""]:
    """`quadratic (theta - center)^2 / 2 + quartic (theta - center)^4 / 4` for data with these names.

    The losses of both cases of the post are of this kind, see `Case.tasks`.

    >>> float(polynomial_loss(2.0, {"center": 1.0, "quadratic": 1.0, "quartic": 2.0}))
    1.0
    """
    center, quadratic, quartic = (jnp.asarray(data[name]) for name in ("center", "quadratic", "quartic"))
    offset = theta - center
    return quadratic * offset**2 / 2 + quartic * offset**4 / 4


def regression_tasks(
    key: Array,
    num_tasks: int = 20,
    num_shots: int = 5,
    num_queries: int = 10,
    *,
    dim: int = 5,
    spread: float = 0.5,
    noise: float = 1.0,
) -> Tasks:
    """Mixed linear regression: `y = x . w_i + noise e`, `w_i = spread / sqrt(dim) N(0, I)`, x and e standard normal.

    Here noise and finite samples decide, which the noiseless toys do not have: with the test rate fixed, the best
    training rate is negative (`alpha < 0` lets the support data count as more data), while for noiseless convex tasks
    a negative rate never helps.

    Args:
        key: a PRNG key.
        num_tasks: tasks in the batch.
        num_shots: examples in each support set.
        num_queries: examples in each query set.
        dim: length of w.
        spread: how far the tasks are apart.
        noise: standard deviation of y around its line.

    Returns:
        `Tasks` whose support and query are pairs `(x, y)`: `[num_tasks, examples, dim]` and `[num_tasks, examples]`.

    >>> regression_tasks(jax.random.key(0), num_tasks=3).query[0].shape
    (3, 10, 5)

    Source: Bernacchia (2021), Meta-Learning with Negative Learning Rates, section 3.
    """
    for name, value in (("num_tasks", num_tasks), ("num_shots", num_shots), ("num_queries", num_queries), ("dim", dim)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    w_key, x_key, e_key = jax.random.split(key, 3)
    w = spread / math.sqrt(dim) * jax.random.normal(w_key, (num_tasks, dim))
    x = jax.random.normal(x_key, (num_tasks, num_shots + num_queries, dim))
    y = jnp.einsum("ned,nd->ne", x, w) + noise * jax.random.normal(e_key, x.shape[:2])
    return Tasks((x[:, :num_shots], y[:, :num_shots]), (x[:, num_shots:], y[:, num_shots:]))


def regression_loss(theta: Float[Array, "dim"], data: tuple[Array, Array]) -> Float[Array, ""]:
    """`mean (x . theta - y)^2 / 2` for `data = (x, y)`."""
    x, y = data
    return jnp.mean((x @ theta - y) ** 2) / 2


# The root mean square of x from U[-5, 5].
_SINUSOID_INPUTS = 5 / math.sqrt(3)


def sinusoid_tasks(key: Array, num_tasks: int = 25, num_shots: int = 10, num_queries: int | None = None) -> Tasks:
    """Sinusoid regression: `y = A sin(x - phase)`, A from U[0.1, 5], phase from U[0, pi], x from U[-5, 5].

    Args:
        key: a PRNG key; `resample=lambda key: sinusoid_tasks(key, ...)` gives `mg.outer_loop` fresh tasks.
        num_tasks: tasks in the batch.
        num_shots: examples in each support set.
        num_queries: examples in each query set; as many as `num_shots` when None.

    Returns:
        `Tasks` whose support and query are pairs `(x, y)` of shape `[num_tasks, examples, 1]`.

    >>> sinusoid_tasks(jax.random.key(0), num_tasks=3, num_shots=5).support[0].shape
    (3, 5, 1)

    Source: Finn, Abbeel, Levine (2017), section 5.1.
    """
    num_queries = num_shots if num_queries is None else num_queries
    for name, value in (("num_tasks", num_tasks), ("num_shots", num_shots), ("num_queries", num_queries)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    amplitude_key, phase_key, x_key = jax.random.split(key, 3)
    amplitude = jax.random.uniform(amplitude_key, (num_tasks, 1, 1), minval=0.1, maxval=5.0)
    phase = jax.random.uniform(phase_key, (num_tasks, 1, 1), minval=0.0, maxval=jnp.pi)
    x = jax.random.uniform(x_key, (num_tasks, num_shots + num_queries, 1), minval=-5.0, maxval=5.0)
    y = amplitude * jnp.sin(x - phase)
    return Tasks((x[:, :num_shots], y[:, :num_shots]), (x[:, num_shots:], y[:, num_shots:]))


def network(
    key: Array,
    widths: tuple[int, ...] = (1, 40, 40, 1),
    activation: Literal["relu", "tanh"] = "relu",
    *,
    input_scale: float = _SINUSOID_INPUTS,
) -> tuple[PyTree, Callable[[PyTree, tuple[Array, Array]], Array]]:
    """Initial parameters of a fully connected network and its mean squared error, a loss for `mg.maml`.

    Args:
        key: a PRNG key for the weights: normal with variance 1 / fan-in (LeCun et al. 1998), those of the first layer
            over `input_scale` besides; biases zero. With larger weights an inner step of 0.01 overshoots: of sinusoids
            as they come, variance 2 / fan-in makes a meta-loss of 21 before adaptation and of 1,100 after it.
        widths: units of each layer, input and output included; two hidden layers of 40 as in the paper.
        activation: "relu" as in the paper, or "tanh" where second derivatives should be smooth.
        input_scale: the root mean square of the inputs; that of `sinusoid_tasks` unless said otherwise.

    Returns:
        `(theta, loss)`: theta a list of `{"weight", "bias"}`, `loss(theta, (x, y))` the mean of squared errors.

    >>> theta, loss = network(jax.random.key(0))
    >>> meta = maml(loss, sinusoid_tasks(jax.random.key(1)), reduce="mean")
    >>> meta(theta, 0.01).shape
    ()

    Source: Finn, Abbeel, Levine (2017), section 5.1.
    """
    if activation not in ("relu", "tanh"):
        raise ValueError(f"activation must be 'relu' or 'tanh', got {activation!r}")
    if not input_scale > 0:
        raise ValueError(f"input_scale must be positive, got {input_scale}")
    keys = jax.random.split(key, len(widths) - 1)
    scales = [1 / input_scale, *[1.0] * (len(widths) - 2)]
    theta = [
        {"weight": jax.random.normal(k, (n, m)) * scale / jnp.sqrt(n), "bias": jnp.zeros(m)}
        for k, scale, n, m in zip(keys, scales, widths, widths[1:], strict=False)
    ]
    return theta, _RELU_ERROR if activation == "relu" else _TANH_ERROR


@dataclass(frozen=True)
class _SquaredError:
    """A loss that compares equal to itself built again, so that jit does not retrace."""

    activation: Callable[[Array], Array]

    def __call__(self, theta: PyTree, data: tuple[Array, Array]) -> Array:
        x, y = data
        for layer in theta[:-1]:
            x = self.activation(x @ layer["weight"] + layer["bias"][None])  # also where ranks must agree
        return jnp.mean((x @ theta[-1]["weight"] + theta[-1]["bias"][None] - y) ** 2)


_RELU_ERROR = _SquaredError(jax.nn.relu)
_TANH_ERROR = _SquaredError(jnp.tanh)
