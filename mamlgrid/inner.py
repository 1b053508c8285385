"""Inner rules: how the adapted parameters theta' come from theta.

`GradientDescent(num_steps)`, `optax(make_optimizer, num_steps)` and `Proximal(strength)` are given to
`mg.maml(..., inner=...)` and the others. For a rule of your own, subclass `Descent` and say what one step subtracts, or
subclass `InnerRule`, and decorate the class with `mg.rule`.
"""

from ._inner import Descent, GradientDescent, InnerRule, Optax, optax
from ._inner_optax import clip_by_global_norm
from ._proximal import Proximal

__all__ = ["Descent", "GradientDescent", "InnerRule", "Optax", "Proximal", "clip_by_global_norm", "optax"]
