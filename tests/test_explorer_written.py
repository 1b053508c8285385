"""The code of a meta-loss that a page gives its reader makes that meta-loss again."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid._explorer.programs import programs
from mamlgrid._explorer.written import Numbers, TasksOf, Written, written


def bowl(theta: Any) -> Any:
    return theta**2 / 2


class Losses:
    """Where a loss has a name with a dot."""

    @staticmethod
    def cosine(theta: Any) -> Any:
        return jnp.cos(theta)


def weighted(theta: Any, data: Any) -> Any:
    center, (weight, counted) = data
    return jnp.sum(weight * (theta - center) ** 2 * counted)


@mg.rule
class Halved(mg.inner.GradientDescent):
    """A rule of the reader."""

    share: float = 0.5

    def rates(self, theta: Any, alpha: Any) -> Any:
        return self.share * super().rates(theta, alpha)


TASKS = mg.Tasks(
    (np.array([0.0, 1.5]), [np.array([[1.0, 2.0], [np.inf, 3.0]]), np.array([True, False])]),
    (np.array([0.1, 1.0]), [np.ones((2, 2)), np.array([True, True])]),
)
PAIR = [bowl, Losses.cosine]
MADE = {
    "maml": lambda: mg.maml(PAIR, num_steps=3, reduce="mean"),
    "fomaml on data": lambda: mg.fomaml(weighted, TASKS, num_steps=2),
    "reptile": lambda: mg.reptile(PAIR, inner=mg.inner.optax(optax.rmsprop, 2)),
    "imaml": lambda: mg.imaml(PAIR, strength=2.5, max_steps=40),
    "moreau": lambda: mg.moreau(PAIR),
    "truncated": lambda: mg.meta_loss(PAIR, inner=mg.inner.GradientDescent(3), outer=mg.outer.Truncated(1)),
    "a rule": lambda: mg.maml(PAIR, inner=Halved(2, share=0.25)),
    "weights of steps": lambda: mg.maml(PAIR, num_steps=2, step_weights=[0.25, 0.75]),
    "scaled": lambda: mg.scale_rates(mg.maml(PAIR, num_steps=2), 0.5),
    "case": lambda: mg.cases.quartic().meta(),
}


def code_of(made: Written, numbers: list[float], steps: int) -> str:
    """What the page does with the pieces."""

    def text(piece: Any) -> str:
        if isinstance(piece, TasksOf):
            return "".join(map(text, piece.tasks))
        if isinstance(piece, Numbers):
            count = int(np.prod(piece.shape))
            values = np.reshape(numbers[piece.first : piece.first + count], piece.shape).astype(
                {"f": float, "b": bool, "i": int}[piece.kind]
            )
            return f"np.array({values.tolist()!r})".replace("inf", "np.inf") if piece.shape else repr(values.item())
        return str(steps) if piece is None else piece

    return "".join(map(text, made.pieces))


@pytest.mark.parametrize("name", MADE)
def test_the_code_makes_the_meta_loss_again(name: str, x64: Any) -> None:
    meta = MADE[name]()
    parameters = programs({name: meta}, (-2.0, 2.0), [1]).parameters if "data" in name or "imaml" in name else []
    (made,) = written({name: meta}, parameters)
    assert made.own == {}
    names: dict[str, Any] = {"np": np, "mg": mg}
    for module, taken in made.imports.items():
        assert "<" not in module
        exec(f"from {module} import {', '.join(taken)}", names)
    again = eval(code_of(made, [parameter.value for parameter in parameters], meta.inner.num_steps), names)
    assert jax.tree.structure(again) == jax.tree.structure(meta)
    jax.tree.map(np.testing.assert_array_equal, again, meta)


def test_what_no_import_finds_is_named_and_told_of(x64: Any) -> None:
    def local(theta: Any) -> Any:
        return theta**4

    metas = {
        "one": mg.maml([local, lambda theta: theta**2, functools.partial(jnp.multiply, 2.0)]),
        "other": mg.maml([local, bowl]),
    }
    one, other = written(metas, [])
    assert list(one.own) == ["local", "loss", "loss_2"]
    assert "local" in one.own["local"]
    assert one.own["loss"].startswith("a lambda of ")
    assert list(other.own) == ["local"]  # the same function has the same name
    assert code_of(one, [], 1) == "mg.maml([local, loss, loss_2], num_steps=1)"


def test_two_functions_of_one_name_have_two(x64: Any) -> None:
    def bowl(theta: Any) -> Any:
        return theta**4

    (made,) = written({"both": mg.maml([globals()["bowl"], bowl, mg.cases.quartic().losses[0]])}, [])
    assert code_of(made, [], 1) == "mg.maml([bowl, bowl_2, quarter_fourth_power], num_steps=1)"
    assert list(made.own) == ["bowl_2"]
    assert made.imports[__name__] == ["bowl"]


def test_what_cannot_be_written_is_the_readers(x64: Any) -> None:
    class Odd:
        """A container that JAX knows, and this package does not."""

        def __init__(self, center: Any) -> None:
            self.center = center

    jax.tree_util.register_pytree_node(Odd, lambda odd: ((odd.center,), None), lambda _, parts: Odd(*parts))
    meta = mg.maml(lambda theta, odd: (theta - odd.center) ** 2, mg.Tasks(Odd(np.zeros(2))))
    (made,) = written({"my MAML": meta}, [])
    assert made.own == {"my_maml": "the meta-loss 'my MAML', whose tasks.support cannot be written here"}
    assert made.pieces == ["my_maml"]
