"""Inner rules: how the adapted parameters theta' come from theta.

`GradientDescent(num_steps)`, `optax(make_optimizer, num_steps)` and `Proximal(strength)` are given to
`mg.maml(..., inner=...)` and the others. For a rule of your own, subclass `InnerRule`, say what one `step` does, and
decorate the class with `mg.rule`.
"""

from ._inner import GradientDescent, InnerRule, Optax, move, optax
from ._inner_optax import clip_by_global_norm
from ._proximal import Proximal

__all__ = ["GradientDescent", "InnerRule", "Optax", "Proximal", "clip_by_global_norm", "move", "optax"]
